/** The list of digests, as sha256sum writes and checks it. */
import { access, constants, open, stat, unlink, writeFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { causeOf, ManifestUnwritable } from "./errors.ts"
import type { Entry } from "./registry.ts"

/** A line of sha256sum, which escapes what would break the line. */
const manifestLine = ({ path, sha256 }: Entry): string => {
  const escaped = path.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r")
  return `${escaped === path ? "" : "\\"}${sha256}  ${escaped}\n`
}

const attempt = (path: string, body: () => Promise<void>) =>
  Effect.tryPromise({
    try: body,
    catch: (thrown) => new ManifestUnwritable({ path, message: `${path}: ${causeOf(thrown).message}` })
  })

/** What is there keeps its content, and what is not is made and removed: the scan must not find it. */
const probe = async (path: string): Promise<void> => {
  const found = await stat(path).catch((thrown: unknown) => {
    if (causeOf(thrown).code === "ENOENT") return undefined
    throw thrown
  })
  if (found === undefined) {
    await (await open(path, "wx")).close()
    return unlink(path)
  }
  // A directory may be writable, and is no file.
  if (found.isDirectory()) throw Object.assign(new Error("it is a directory"), { code: "EISDIR" })
  await access(path, constants.W_OK)
}

/** Whether the manifest could be written now, asked before the work that it would list. */
export const checkManifest = (path: string) => attempt(path, () => probe(path))

export const writeManifest = (path: string, entries: ReadonlyMap<string, Entry>) => {
  const sorted = [...entries.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1))
  return attempt(path, () => writeFile(path, sorted.map(manifestLine).join("")))
}
