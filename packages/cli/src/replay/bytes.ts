/**
 * The bytes of a file, chunk by chunk, gunzipped where they begin like gzip (the
 * name does not matter). Pipes and process substitutions work too: nothing is
 * read twice.
 */
import { createReadStream } from "node:fs"
import { stat } from "node:fs/promises"
import { pipeline, Readable } from "node:stream"
import { createGunzip } from "node:zlib"

const chunkBytes = 1 << 18

export interface ByteSource {
  /** Size on disk, or 0 where that is not known. */
  readonly size: number
  /** Bytes read from disk so far. */
  read: number
  readonly chunks: AsyncIterable<Uint8Array>
}

/** The same file under whatever names: links are followed. What is not there is no other file either. */
export const isSameFile = async (a: string, b: string): Promise<boolean> => {
  const look = (file: string) => stat(file, { bigint: true })
  const [first, second] = await Promise.allSettled([look(a), look(b)])
  // What cannot be looked at is reported where it is opened.
  if (first.status === "rejected" || second.status === "rejected") return false
  return first.value.dev === second.value.dev && first.value.ino === second.value.ino
}

const isGzip = (chunk: Uint8Array): boolean => chunk[0] === 0x1f && chunk[1] === 0x8b

async function* startingWith(
  first: Uint8Array,
  rest: AsyncIterator<Uint8Array>
): AsyncGenerator<Uint8Array, void, undefined> {
  yield first
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value
}

async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const gunzip = createGunzip({ chunkSize: chunkBytes })
  // The reader sees errors of either stream through `gunzip`, which the pipeline destroys with them.
  pipeline(Readable.from(source), gunzip, () => undefined)
  yield* gunzip
}

/** Fails (as the promise and the iteration do) with the errors of node:fs and node:zlib: see `describeReadError`. */
export const openBytes = async (file: string): Promise<ByteSource> => {
  const info = await stat(file)
  if (info.isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" })
  const raw = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of createReadStream(file, { highWaterMark: chunkBytes })) {
      if (!(chunk instanceof Uint8Array)) continue
      source.read += chunk.length
      yield chunk
    }
  }
  const decoded = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    const chunks = raw()
    const first = await chunks.next()
    if (first.done === true) return
    const all = startingWith(first.value, chunks)
    try {
      yield* isGzip(first.value) ? gunzipped(all) : all
    } finally {
      // Reached early where the reader has its window: the file is closed then.
      await chunks.return()
    }
  }
  const source: ByteSource = { size: info.isFile() ? info.size : 0, read: 0, chunks: decoded() }
  return source
}

const codeOf = (error: unknown): string | undefined =>
  typeof error === "object" && error !== null && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined

const readProblems = new Map([
  ["ENOENT", "there is no such file"],
  ["EISDIR", "is a directory, not a workload file"],
  ["ENOTDIR", "a part of the path is not a directory"],
  ["EACCES", "may not be read by this user"],
  ["Z_BUF_ERROR", "the gzip data ends too early: the file is truncated"],
  ["Z_DATA_ERROR", "the gzip data is damaged"]
])

const writeProblems = new Map([
  ["ENOENT", "there is no such directory"],
  ["EISDIR", "is a directory"],
  ["ENOTDIR", "a part of the path is not a directory"],
  ["EACCES", "may not be written by this user"],
  ["ENOSPC", "there is no space left"]
])

const describe = (problems: ReadonlyMap<string, string>, error: unknown): string => {
  const code = codeOf(error)
  return (
    (code === undefined ? undefined : problems.get(code)) ?? (error instanceof Error ? error.message : String(error))
  )
}

export const describeReadError = (error: unknown): string => describe(readProblems, error)

export const describeWriteError = (error: unknown): string => describe(writeProblems, error)
