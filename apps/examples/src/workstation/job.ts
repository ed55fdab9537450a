/** What a thread is asked to do with one file, and what it answers: plain data, because it crosses threads. */
export type Codec = "brotli" | "gzip"

export interface Job {
  readonly id: number
  readonly path: string
  readonly codec: Codec
  readonly level: number
  /** Logarithm of the window that brotli compresses in. */
  readonly windowBits: number
}

export type Request = { readonly _tag: "Run"; readonly job: Job } | { readonly _tag: "Cancel"; readonly id: number }

/** What was really used, as the thread saw it. */
export interface Used {
  readonly openFilesPeak: number
  readonly bufferBytesPeak: number
}

export interface Outcome extends Used {
  readonly sha256: string
  readonly bytesIn: number
  readonly bytesOut: number
}

export type Reply =
  | { readonly _tag: "Done"; readonly id: number; readonly outcome: Outcome }
  | { readonly _tag: "Failed"; readonly id: number; readonly code: string; readonly message: string }
  | { readonly _tag: "Cancelled"; readonly id: number }

/** The most that a read or a compressor passes on at once. */
export const chunkBytes = 64 * 1024

/** Files from here on are compressed by gzip: brotli is an order of magnitude slower at its higher levels. */
const brotliBytesMax = 1024 ** 2

export const planJob = (id: number, path: string, bytes: number, level: number): Job => ({
  id,
  path,
  codec: bytes <= brotliBytesMax ? "brotli" : "gzip",
  level: bytes <= brotliBytesMax ? level : Math.min(level, 9),
  // No window wider than the file: its tables are what brotli needs memory for.
  windowBits: Math.min(20, Math.max(10, Math.ceil(Math.log2(bytes + 1))))
})

/** Bytes that a job may take, whatever the size of its file: it streams. */
export const memoryOf = (job: Job): number => {
  // A chunk read, one passed on to be compressed, one compressed, one being counted, with as much again in reserve.
  const buffers = 8 * chunkBytes
  // Brotli keeps a ring buffer and, at its highest levels, a tree of two words for each byte of the window.
  const tables = job.codec === "brotli" ? 12 * 2 ** job.windowBits : 512 * 1024
  return buffers + tables
}
