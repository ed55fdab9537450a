/** From a file to a workload: opens it, picks the format, reads until the window is complete. */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type ByteSource, openBytes } from "./bytes.ts"
import { type InvalidOption, WorkloadUnreadable } from "./errors.ts"
import type { PoolSpec } from "./pools.ts"
import { describeReadError } from "./problems.ts"
import type { RowReader } from "./reader.ts"
import { SwfReader } from "./swf.ts"
import type { Window, Workload } from "./workload.ts"

export type Format = "swf" | "csv"

export interface LoadOptions {
  readonly file: string
  /** By the file's name where undefined. */
  readonly format: Format | undefined
  readonly pools: ReadonlyArray<PoolSpec> | undefined
  readonly window: Window
  readonly csvColumns: string | undefined
  readonly csvDelimiter: string
  /** Told after each chunk how much of the file was read, from 0 to 1. */
  readonly onProgress: (fraction: number) => void
}

export interface Loaded {
  readonly format: Format
  readonly pools: ReadonlyArray<PoolSpec>
  readonly workload: Workload
}

const formatOf = (file: string): Format => (/\.(?:csv|tsv)(?:\.gz)?$/i.test(file) ? "csv" : "swf")

const unreadable = (file: string, error: unknown): WorkloadUnreadable =>
  error instanceof WorkloadUnreadable ? error : new WorkloadUnreadable({ file, problem: describeReadError(error) })

const openReader = (format: Format, options: LoadOptions): Effect.Effect<RowReader> =>
  format === "swf"
    ? Effect.succeed(new SwfReader(options))
    : // Loaded when needed: most workloads are SWF.
      Effect.promise(() => import("./csv.ts")).pipe(
        Effect.map(
          ({ CsvReader }) => new CsvReader({ ...options, columns: options.csvColumns, delimiter: options.csvDelimiter })
        )
      )

const readAll = async (source: ByteSource, reader: RowReader, options: LoadOptions, signal: AbortSignal) => {
  for await (const chunk of source.chunks) {
    reader.push(chunk)
    if (signal.aborted || reader.done) return
    if (source.size > 0) options.onProgress(Math.min(1, source.read / source.size))
  }
  reader.end()
}

const verdictOf = ({ failure }: RowReader): Effect.Effect<void, InvalidOption | WorkloadUnreadable> =>
  failure === undefined ? Effect.void : Effect.fail(failure)

export const loadWorkload = Effect.fnUntraced(function* (
  options: LoadOptions
): Effect.fn.Return<Loaded, InvalidOption | WorkloadUnreadable> {
  const { file } = options
  const format = options.format ?? formatOf(file)
  const reader = yield* openReader(format, options)
  yield* verdictOf(reader)
  yield* Effect.tryPromise({
    try: async (signal) => readAll(await openBytes(file), reader, options, signal),
    catch: (error) => unreadable(file, error)
  })
  // Told before what follows from it: the whole file is one line then.
  if (reader.returnsOnly) {
    const problem = "its lines end in carriage returns alone; make them newlines, as `tr '\\r' '\\n'` does"
    return yield* new WorkloadUnreadable({ file, problem })
  }
  yield* verdictOf(reader)
  const builder = reader.builder
  const problem = Option.fromUndefinedOr(nothingToReplay(builder, options.window, format))
  if (builder === undefined || Option.isSome(problem)) {
    return yield* new WorkloadUnreadable({ file, problem: Option.getOrElse(problem, () => "has no jobs") })
  }
  return { format, pools: builder.pools, workload: builder.build() }
})

const nothingToReplay = (builder: RowReader["builder"], window: Window, format: Format): string | undefined => {
  if (builder === undefined || builder.rows === 0) {
    if (format === "swf") return "has no jobs: the file is empty or holds comments only"
    return builder === undefined ? "has no jobs: the file is empty" : "has no jobs: there is only a header"
  }
  const { malformed, rows } = builder
  if (malformed.total === rows) {
    const first = malformed.lines[0]
    const where = first === undefined ? "" : ` Line ${first.line}: ${first.problem}.`
    return `none of its ${rows} lines is a job; is it really ${format.toUpperCase()}?${where}`
  }
  if (rows <= window.from) return `has ${rows} rows, so --from can be at most ${rows - 1}, not ${window.from}`
  return undefined
}
