/** The published figures of orders and of backfill, on data that is not part of this project: by the oracle, and by the Ledger. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import type { Policy } from "../../src/replay/policy.ts"
import { Simulation } from "../../src/replay/simulation.ts"
import { jobFiguresOf, summarize } from "../../src/replay/summary.ts"
import { processors, readSwf } from "../support.ts"
import { figuresOf, type OracleBackfill, type OracleJob, type OracleOrder, oracleStarts } from "./oracle.ts"

/** A file that is named but not there fails the test. */
const file = process.env["RESOURCE_MANAGER_LUBLIN"] ?? ""

const windows = [1981, 2756, 4299, 8850, 3316, 2714, 5228, 7762, 4022, 7085]
const capacity = 256

/** Read in the plainest way: every line of this file is a job. */
const jobsOf = (text: string): ReadonlyArray<OracleJob> =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith(";"))
    .map((line) => line.trim().split(/\s+/).map(Number))
    .map((field) => ({ submit: field[1]!, run: field[3]!, estimate: field[3]!, processors: field[4]! }))

interface Published {
  readonly order: OracleOrder
  readonly backfill: OracleBackfill
  readonly boundedSlowdown: string
  readonly utilization?: string
}

/** RLScheduler, SC'20, but for `easy`, which is the textbook's. */
const published: ReadonlyArray<Published> = [
  { order: "fcfs", backfill: "none", boundedSlowdown: "7273.77", utilization: "0.657" },
  { order: "sjf", backfill: "none", boundedSlowdown: "277.35", utilization: "0.762" },
  { order: "f1", backfill: "none", boundedSlowdown: "258.37", utilization: "0.816" },
  { order: "fcfs", backfill: "shadow", boundedSlowdown: "235.82" },
  { order: "sjf", backfill: "shadow", boundedSlowdown: "73.31" },
  { order: "fcfs", backfill: "easy", boundedSlowdown: "272.08" },
  { order: "sjf", backfill: "easy", boundedSlowdown: "85.96" }
]

const mean = (values: ReadonlyArray<number>) => values.reduce((sum, value) => sum + value, 0) / values.length

const replay = (text: string, from: number, order: OracleOrder, backfill: OracleBackfill) => {
  const pools = processors(capacity)
  const policy: Policy = { order, backfill, depth: 1000, committedHead: true }
  const workload = readSwf(text, { capacity, window: { from, jobs: 1024 } })
  const simulation = new Simulation(workload, pools, { timeline: false, policy })
  while (simulation.step(10_000)) {
    // The next events.
  }
  const outcome = simulation.finish()
  const input = {
    file,
    format: "swf",
    policy,
    from,
    requested: 1024,
    pools,
    workload,
    outcome,
    milliseconds: 0
  } as const
  return summarize(input, jobFiguresOf(workload, outcome.startedAt))
}

describe.skipIf(file === "")("lublin_256.swf (skipped unless RESOURCE_MANAGER_LUBLIN names the file)", () => {
  for (const { backfill, boundedSlowdown, order, utilization } of published) {
    it(`${order} with backfill ${backfill}: the Ledger gives ${boundedSlowdown}`, { timeout: 120_000 }, () => {
      const text = readFileSync(file, "utf8")
      const results = windows.map((from) => replay(text, from, order, backfill))
      assert.strictEqual(
        mean(results.map((each) => each.boundedSlowdown.mean ?? Number.NaN)).toFixed(2),
        boundedSlowdown
      )
      if (utilization !== undefined) {
        const reached = mean(results.map((each) => each.utilizationToLastStart ?? Number.NaN))
        assert.strictEqual(reached.toFixed(3), utilization)
      }
      assert.deepStrictEqual(
        results.map(({ jobs, violations }) => [jobs, violations]),
        windows.map(() => [1024, 0])
      )
    })

    it(`${order} with backfill ${backfill}: the oracle gives ${boundedSlowdown}`, { timeout: 120_000 }, () => {
      const jobs = jobsOf(readFileSync(file, "utf8"))
      const figures = windows.map((from) => {
        const window = jobs.slice(from, from + 1024)
        return figuresOf(window, oracleStarts(window, capacity, { order, backfill }), capacity)
      })
      assert.strictEqual(mean(figures.map((each) => each.boundedSlowdown)).toFixed(2), boundedSlowdown)
      if (utilization !== undefined) {
        assert.strictEqual(mean(figures.map((each) => each.utilization)).toFixed(3), utilization)
      }
    })
  }
})
