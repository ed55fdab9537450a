/** Runs once before the tests of this package. */
import { rmSync } from "node:fs"
import { dirname } from "node:path"
import { binaryVariable, bundledBinary } from "./binary.ts"

export default async (): Promise<() => void> => {
  const binary = await bundledBinary()
  process.env[binaryVariable] = binary
  return () => rmSync(dirname(dirname(binary)), { recursive: true, force: true })
}
