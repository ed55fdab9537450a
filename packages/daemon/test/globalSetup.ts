/** Runs once before the tests of this package: hundreds of processes run the same few programs. */
import { build } from "esbuild"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { programsVariable, sources } from "./programs.ts"

export default async (): Promise<() => void> => {
  const folder = mkdtempSync(join(tmpdir(), "rm-programs-"))
  await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: sources,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node22",
    logLevel: "warning"
  })
  process.env[programsVariable] = folder
  return () => rmSync(folder, { recursive: true, force: true })
}
