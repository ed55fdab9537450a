import { existsSync, globSync, readFileSync } from "node:fs"
import { availableParallelism } from "node:os"
import { dirname, join } from "node:path"
import { defineConfig } from "vitest/config"

// One project per workspace package, found rather than listed, so that a new package's tests cannot be left out.
// A project is called what its package is, without the scope: `--project core`.
const packages = globSync(["packages/*/package.json", "packages/plugins/*/package.json", "apps/*/package.json"], {
  cwd: import.meta.dirname
}).toSorted()

// The workers, and the hundreds of processes that tests start, load the same modules again and again.
process.env["NODE_COMPILE_CACHE"] ??= join(import.meta.dirname, "node_modules/.cache/node-compile-cache")

export default defineConfig({
  test: {
    // By default one processor is left free, which is half of a machine that has two. Tests of processes wait for most
    // of their time, so that there is work for one worker more than there are processors.
    maxWorkers: availableParallelism() + 1,
    projects: packages.map((path) => {
      const manifest: { readonly name: string } = JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"))
      const root = join(import.meta.dirname, dirname(path))
      const globalSetup = join(root, "test/globalSetup.ts")
      return {
        test: {
          name: manifest.name.replace("@resource-manager/", ""),
          root,
          include: ["test/**/*.test.ts"],
          ...(existsSync(globalSetup) ? { globalSetup } : {}),
          // Against a test that hangs. What a machine that is busy with other things needs is no failure.
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      }
    })
  }
})
