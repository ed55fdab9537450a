/** The binary as it is published: bundled once for a file of tests. It starts in a third of the time of the sources. */
import { copyFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { bundle } from "../scripts/bundle.ts"
import { temporaryFile } from "./support.ts"

/** Where Node finds it. */
export const bundledBinary = async (): Promise<string> => {
  const root = temporaryFile("installed")
  mkdirSync(root, { recursive: true })
  copyFileSync(join(import.meta.dirname, "../package.json"), join(root, "package.json"))
  await bundle(join(root, "dist"))
  return join(root, "dist/bin.js")
}
