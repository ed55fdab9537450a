/**
 * A thread that hashes and compresses one file at a time. It streams, so a huge
 * file takes no more memory than a small one, and it reports what it really used:
 * the main thread compares that with what was claimed.
 */
import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { type Transform, Writable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { parentPort } from "node:worker_threads"
import { constants, createBrotliCompress, createGzip } from "node:zlib"
import { causeOf } from "./errors.ts"
import { chunkBytes, type Job, type Outcome, type Reply, type Request } from "./job.ts"

const compressor = ({ codec, level, windowBits }: Job): Transform =>
  codec === "gzip"
    ? createGzip({ level, chunkSize: chunkBytes })
    : createBrotliCompress({
        chunkSize: chunkBytes,
        params: { [constants.BROTLI_PARAM_QUALITY]: level, [constants.BROTLI_PARAM_LGWIN]: windowBits }
      })

const run = async (job: Job, signal: AbortSignal): Promise<Outcome> => {
  const hash = createHash("sha256")
  let bytesIn = 0
  let bytesOut = 0
  let openFiles = 0
  let openFilesPeak = 0
  let bufferBytesPeak = 0
  const source = createReadStream(job.path, { highWaterMark: chunkBytes })
  source.once("open", () => {
    openFilesPeak = Math.max(openFilesPeak, ++openFiles)
  })
  const compress = compressor(job)
  const closed = new Promise<void>((resolve) => source.once("close", resolve))
  const observe = (chunk: Buffer) => {
    const buffered = chunk.length + source.readableLength + compress.writableLength + compress.readableLength
    bufferBytesPeak = Math.max(bufferBytesPeak, buffered)
  }
  const read = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      hash.update(chunk)
      bytesIn += chunk.length
      observe(chunk)
      yield chunk
    }
  }
  const count = new Writable({
    highWaterMark: chunkBytes,
    write: (chunk: Buffer, _encoding, done) => {
      bytesOut += chunk.length
      observe(chunk)
      done()
    }
  })
  try {
    await pipeline(source, read, compress, count, { signal })
  } finally {
    // The handle is given back only once the file is really closed.
    await closed
  }
  return { sha256: hash.digest("hex"), bytesIn, bytesOut, openFilesPeak, bufferBytesPeak }
}

const running = new Map<number, AbortController>()

const answer = async (job: Job, abort: AbortController): Promise<Reply> => {
  try {
    return { _tag: "Done", id: job.id, outcome: await run(job, abort.signal) }
  } catch (thrown) {
    return abort.signal.aborted ? { _tag: "Cancelled", id: job.id } : { _tag: "Failed", id: job.id, ...causeOf(thrown) }
  } finally {
    running.delete(job.id)
  }
}

if (parentPort === null) throw new Error("worker.ts is a worker thread's module: run main.ts")
const port = parentPort

port.on("message", (request: Request) => {
  if (request._tag === "Cancel") {
    running.get(request.id)?.abort()
    return
  }
  const abort = new AbortController()
  running.set(request.job.id, abort)
  void answer(request.job, abort).then((reply) => port.postMessage(reply))
})
