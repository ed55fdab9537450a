/**
 * The bytes of a file, chunk by chunk, gunzipped where they begin like gzip (the
 * name does not matter). Pipes and process substitutions work too: nothing is
 * read twice.
 */
import { createReadStream, fstatSync } from "node:fs"
import { stat } from "node:fs/promises"
import { pipeline, Readable } from "node:stream"
import { createGunzip } from "node:zlib"

const chunkBytes = 1 << 18

/** The name that stands for standard input. */
const standardInput = "-"

const look = async (file: string) =>
  file === standardInput ? fstatSync(0, { bigint: true }) : stat(file, { bigint: true })

const openRaw = (file: string): AsyncIterable<unknown> =>
  file === standardInput ? process.stdin : createReadStream(file, { highWaterMark: chunkBytes })

export interface ByteSource {
  /** Size on disk, or 0 where that is not known. */
  readonly size: number
  /** Bytes read from disk so far. */
  read: number
  readonly chunks: AsyncIterable<Uint8Array>
}

/** The same file under whatever names: links are followed. What is not there is no other file either. */
export const isSameFile = async (a: string, b: string): Promise<boolean> => {
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

/** Fails (as the promise and the iteration do) with the errors of node:fs and node:zlib: see problems.ts. */
export const openBytes = async (file: string): Promise<ByteSource> => {
  const info = await look(file)
  if (info.isDirectory()) throw Object.assign(new Error("is a directory"), { code: "EISDIR" })
  const raw = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of openRaw(file)) {
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
  const source: ByteSource = { size: info.isFile() ? Number(info.size) : 0, read: 0, chunks: decoded() }
  return source
}
