/** The whole of a replay: read, drive, sum up, write the report. */
import { writeFile } from "node:fs/promises"
import * as Effect from "effect/Effect"
import { printable } from "../printable.ts"
import { isSameFile } from "./bytes.ts"
import { InvalidOption, ReportUnwritable, RulesBroken, WorkloadUnreadable } from "./errors.ts"
import { type Format, type Loaded, loadWorkload } from "./load.ts"
import { readPools } from "./pools.ts"
import { describeWriteError } from "./problems.ts"
import { type PolicyFlags, readPolicy } from "./policy.ts"
import { makeProgress, type Progress } from "./progress.ts"
import { type Outcome, Simulation } from "./simulation.ts"
import { type JobFigures, jobFiguresOf, summarize, type Summary } from "./summary.ts"
import { renderText } from "./text.ts"
import type { Malformed } from "./workload.ts"

export interface ReplayOptions extends PolicyFlags {
  readonly file: string
  readonly capacity: number | undefined
  readonly pool: ReadonlyArray<string>
  readonly rate: ReadonlyArray<string>
  readonly from: number
  readonly jobs: number | undefined
  readonly out: string | undefined
  readonly format: Format | undefined
  readonly csvColumns: string | undefined
  readonly csvDelimiter: string
}

export interface Replayed {
  readonly summary: Summary
  readonly text: string
  /** What a person should know beside the figures, for standard error. */
  readonly notes: ReadonlyArray<string>
  /** Fails where a rule was broken: after the figures were printed. */
  readonly verdict: Effect.Effect<void, RulesBroken>
}

/** Events between two looks at signals and the clock: a few milliseconds. */
const eventsPerTurn = 8192

const malformedNoted = 10

const drive = Effect.fnUntraced(function* (simulation: Simulation, jobs: number, progress: Progress) {
  while (simulation.step(eventsPerTurn)) {
    progress.show("replaying", simulation.done / jobs)
    // Lets a signal in: the Ledger itself never waits.
    yield* Effect.yieldNow
  }
  return simulation.finish()
})

const notesOf = (file: string, malformed: Malformed, summary: Summary): ReadonlyArray<string> => {
  const notes = malformed.lines.slice(0, malformedNoted).map(({ line, problem }) => `${file}:${line}: ${problem}`)
  if (malformed.total > notes.length) notes.push(`${file}: ${malformed.total - notes.length} more malformed lines`)
  const { from, requested, rows } = summary.window
  if (requested !== null && rows < requested) {
    notes.push(`${file}: the file ends ${requested - rows} rows before the window does: it has ${from + rows} rows`)
  }
  if (summary.jobs === 0) notes.push(`${file}: every row of the window was skipped`)
  return notes
}

export const replay = Effect.fnUntraced(function* (
  options: ReplayOptions
): Effect.fn.Return<Replayed, InvalidOption | ReportUnwritable | WorkloadUnreadable> {
  const { file, from, jobs, out } = options
  if (out !== undefined && !/\.(?:html?|svg)$/i.test(out)) {
    return yield* new InvalidOption({ option: "--out", value: out, allowed: "a name that ends in .html or .svg" })
  }
  if (out !== undefined && (yield* Effect.promise(() => isSameFile(file, out)))) {
    return yield* new InvalidOption({ option: "--out", value: out, allowed: "another file than the workload" })
  }
  const pools = yield* Effect.fromResult(
    readPools({ capacity: options.capacity, pools: options.pool, rates: options.rate })
  )
  const policy = yield* Effect.fromResult(readPolicy(options))
  const progress = makeProgress(process.stderr, () => performance.now())
  const replayed = Effect.gen(function* () {
    const onProgress = (fraction: number) => progress.show("reading", fraction)
    const loaded = yield* loadWorkload({ ...options, pools, window: { from, jobs }, onProgress })
    const { workload } = loaded
    const began = performance.now()
    const simulation = new Simulation(workload, loaded.pools, {
      timeline: out !== undefined,
      policy
    })
    const outcome = yield* drive(simulation, Math.max(1, workload.size), progress)
    if (simulation.overflowed) {
      return yield* new WorkloadUnreadable({ file, problem: "its jobs take more than 285 years one after the other" })
    }
    return { loaded, outcome, milliseconds: performance.now() - began }
  })
  const { loaded, milliseconds, outcome } = yield* Effect.ensuring(
    replayed,
    Effect.sync(() => progress.clear())
  )
  const { workload } = loaded
  const figures = jobFiguresOf(workload, outcome.startedAt)
  const input = { ...options, ...loaded, policy, requested: jobs, outcome, milliseconds }
  const summary = summarize(input, figures)
  if (out !== undefined) yield* writeReport(out, loaded, outcome, figures, summary)
  return {
    summary,
    text: renderText(summary),
    notes: notesOf(file, workload.malformed, summary).map(printable),
    verdict:
      outcome.audit.total === 0
        ? Effect.void
        : Effect.fail(new RulesBroken({ violations: outcome.audit.total, examples: outcome.audit.examples }))
  }
})

const writeReport = Effect.fnUntraced(function* (
  out: string,
  loaded: Loaded,
  outcome: Outcome,
  figures: JobFigures,
  summary: Summary
) {
  const { renderPicture, renderReport } = yield* Effect.promise(() => import("./report.ts"))
  const render = /\.svg$/i.test(out) ? renderPicture : renderReport
  const text = render({ pools: loaded.pools, timeline: outcome.timeline, figures, summary })
  yield* Effect.tryPromise({
    try: () => writeFile(out, text),
    catch: (error) => new ReportUnwritable({ file: out, problem: describeWriteError(error) })
  })
})
