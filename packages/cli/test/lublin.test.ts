/** A published table (RLScheduler, SC'20), on data that is not part of this project. */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { plainPolicy } from "../src/replay/policy.ts"
import { Simulation } from "../src/replay/simulation.ts"
import { distributionOf } from "../src/replay/statistics.ts"
import { jobFiguresOf, summarize } from "../src/replay/summary.ts"
import { processors, readSwf } from "./support.ts"

/** A file that is named but not there fails the test. */
const file = process.env["RESOURCE_MANAGER_LUBLIN"] ?? ""

const windows = [1981, 2756, 4299, 8850, 3316, 2714, 5228, 7762, 4022, 7085]

const replay = (text: string, from: number) => {
  const pools = processors(256)
  const workload = readSwf(text, { capacity: 256, window: { from, jobs: 1024 } })
  const simulation = new Simulation(workload, pools, { timeline: false })
  while (simulation.step(10_000)) {
    // The next events.
  }
  const outcome = simulation.finish()
  const figures = jobFiguresOf(workload, outcome.startedAt)
  const input = { file, format: "swf", policy: plainPolicy, from, requested: 1024, pools, workload, outcome } as const
  return summarize({ ...input, milliseconds: 0 }, figures)
}

describe.skipIf(file === "")("lublin_256.swf (skipped unless RESOURCE_MANAGER_LUBLIN names the file)", () => {
  it("gives the published figures of first come, first served", () => {
    const text = readFileSync(file, "utf8")
    const results = windows.map((from) => replay(text, from))
    const mean = (values: ReadonlyArray<number | null>) =>
      distributionOf(Float64Array.from(values, (value) => value ?? Number.NaN)).mean ?? Number.NaN
    assert.strictEqual(mean(results.map(({ boundedSlowdown }) => boundedSlowdown.mean)).toFixed(2), "7273.77")
    assert.strictEqual(mean(results.map(({ utilizationToLastStart }) => utilizationToLastStart)).toFixed(3), "0.657")
    assert.deepStrictEqual(
      results.map(({ jobs, violations }) => [jobs, violations]),
      windows.map(() => [1024, 0])
    )
  })
})
