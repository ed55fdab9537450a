/** The binary as it is published: it starts in a third of the time of the sources. */
import { copyFileSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { bundle } from "../scripts/bundle.ts"
import { temporaryFile } from "./support.ts"

/** Told to all files of tests by `globalSetup.ts`, which bundles it once for them. */
export const binaryVariable = "RESOURCE_MANAGER_TEST_BINARY"

/** Where Node finds it. */
export const bundledBinary = async (): Promise<string> => {
  const made = process.env[binaryVariable]
  if (made !== undefined) return made
  const root = temporaryFile("installed")
  mkdirSync(root, { recursive: true })
  copyFileSync(join(import.meta.dirname, "../package.json"), join(root, "package.json"))
  await bundle(join(root, "dist"))
  return join(root, "dist/bin.js")
}
