/** Finds the files to work on. Symbolic links are counted and not followed, so a loop of them is no trouble. */
import { isUtf8 } from "node:buffer"
import { type Stats } from "node:fs"
import { lstat, readdir, stat } from "node:fs/promises"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { causeOf, InvalidDirectory } from "./errors.ts"

export interface SourceFile {
  /** Relative to the directory, with `/`. */
  readonly path: string
  readonly absolute: string
  /** When it was found; it may have changed since. */
  readonly bytes: number
}

export interface Unreadable {
  readonly path: string
  readonly reason: string
}

export interface Scan {
  readonly files: ReadonlyArray<SourceFile>
  readonly unreadable: ReadonlyArray<Unreadable>
  readonly symlinks: number
  /** Sockets, pipes and devices: to open one may block for ever. */
  readonly special: number
}

/** What a build or a package manager can make again. */
const skipped: ReadonlySet<string> = new Set(["node_modules", ".git", "dist"])

/** Names as bytes: as text, one that is not UTF-8 would become the name of nothing. */
const entries = (directory: string) =>
  Effect.tryPromise({ try: () => readdir(directory, { withFileTypes: true, encoding: "buffer" }), catch: causeOf })

const sizeOf = (path: string) => Effect.tryPromise({ try: (): Promise<Stats> => lstat(path), catch: causeOf })

const open = (directory: string) =>
  Effect.gen(function* () {
    const found = yield* Effect.tryPromise({ try: () => stat(directory), catch: causeOf })
    if (!found.isDirectory()) return yield* Effect.fail({ code: "ENOTDIR", message: "it is not a directory" })
    return yield* entries(directory)
  }).pipe(Effect.mapError(({ message }) => new InvalidDirectory({ directory, message: `${directory}: ${message}` })))

/** Every regular file below a directory, in the order of their paths. */
export const scan = Effect.fnUntraced(function* (directory: string) {
  const files: Array<SourceFile> = []
  const unreadable: Array<Unreadable> = []
  let symlinks = 0
  let special = 0
  const pending = [{ path: "", entries: yield* open(directory) }]
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const entry of at.entries) {
      const name = entry.name.toString()
      const path = at.path === "" ? name : `${at.path}/${name}`
      const absolute = join(directory, path)
      if (entry.isSymbolicLink()) symlinks++
      else if (!entry.isDirectory() && !entry.isFile()) special++
      else if (!isUtf8(entry.name)) unreadable.push({ path, reason: "name is not UTF-8" })
      else if (entry.isDirectory()) {
        if (skipped.has(name)) continue
        yield* Effect.match(entries(absolute), {
          onFailure: ({ message }) => void unreadable.push({ path, reason: message }),
          onSuccess: (below) => void pending.push({ path, entries: below })
        })
      } else {
        yield* Effect.match(sizeOf(absolute), {
          onFailure: ({ message }) => void unreadable.push({ path, reason: message }),
          onSuccess: ({ size }) => void files.push({ path, absolute, bytes: size })
        })
      }
    }
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1))
  return { files, unreadable, symlinks, special } satisfies Scan
})
