import { globSync, readFileSync } from "node:fs"
import { dirname, join } from "node:path"
import { defineConfig } from "vitest/config"

// One project per workspace package, found rather than listed, so that a new package's tests cannot be left out.
// A project is called what its package is, without the scope: `--project core`.
const packages = globSync(["packages/*/package.json", "packages/plugins/*/package.json", "apps/*/package.json"], {
  cwd: import.meta.dirname
}).toSorted()

export default defineConfig({
  test: {
    projects: packages.map((path) => {
      const manifest: { readonly name: string } = JSON.parse(readFileSync(join(import.meta.dirname, path), "utf8"))
      return {
        test: {
          name: manifest.name.replace("@resource-manager/", ""),
          root: join(import.meta.dirname, dirname(path)),
          include: ["test/**/*.test.ts"],
          // Against a test that hangs. What a machine that is busy with other things needs is no failure.
          testTimeout: 120_000,
          hookTimeout: 120_000
        }
      }
    })
  }
})
