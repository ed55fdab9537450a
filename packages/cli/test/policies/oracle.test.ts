/** The real Ledger, driven by `simulate`, against the oracle on random workloads: every start is the same. */
import { assert, describe, it } from "@effect/vitest"
import { plainPolicy } from "../../src/replay/policy.ts"
import { Simulation } from "../../src/replay/simulation.ts"
import { intFrom, processors, randomFrom, readSwf, type SwfJob, swfText } from "../support.ts"
import { type OracleBackfill, type OracleOrder, oracleStarts } from "./oracle.ts"

const capacity = 24

/** Few different sizes and times, so that much happens at one instant. */
const jobsOf = (seed: number, count: number): ReadonlyArray<SwfJob> => {
  const random = randomFrom(seed)
  const exact = seed % 2 === 0
  let submit = intFrom(random, 0, 5)
  return Array.from({ length: count }, () => {
    submit += intFrom(random, 0, 3) * intFrom(random, 0, 3)
    const run = intFrom(random, 0, 6) * intFrom(random, 0, 8)
    // Mostly too much, as people do; now and then too little.
    const estimate = exact ? -1 : random() < 0.8 ? run + intFrom(random, 0, 20) : Math.max(1, intFrom(random, 0, run))
    return { submit, run, allocated: intFrom(random, 1, random() < 0.2 ? capacity : 8), estimate }
  })
}

const startsOf = (jobs: ReadonlyArray<SwfJob>, order: OracleOrder, backfill: OracleBackfill) => {
  const workload = readSwf(swfText(jobs), { capacity, window: { from: 0, jobs: undefined } })
  const simulation = new Simulation(workload, processors(capacity), {
    timeline: false,
    policy: { ...plainPolicy, order, backfill }
  })
  while (simulation.step(10_000)) {
    // The next events.
  }
  const first = Number(jobs[0]?.submit)
  return Array.from(simulation.finish().startedAt, (at) => at + 1e6 * first)
}

const orders: ReadonlyArray<OracleOrder> = ["fcfs", "sjf", "f1"]
const backfills: ReadonlyArray<OracleBackfill> = ["none", "easy", "shadow", "conservative"]

describe("order and backfill, against brute force", () => {
  for (const order of orders) {
    for (const backfill of backfills) {
      // Brute force takes its time where the machine is busy.
      it(`${order} with backfill ${backfill}`, { timeout: 120_000 }, () => {
        for (let seed = 1; seed <= (backfill === "conservative" ? 12 : 40); seed++) {
          const jobs = jobsOf(seed, 80)
          const expected = oracleStarts(
            jobs.map(({ allocated, estimate, run, submit }) => ({
              submit: Number(submit),
              run: Number(run),
              estimate: estimate === undefined || estimate === -1 ? Number(run) : estimate,
              processors: Number(allocated)
            })),
            capacity,
            { order, backfill }
          )
          assert.deepStrictEqual(startsOf(jobs, order, backfill), expected, `seed ${seed}`)
        }
      })
    }
  }
})
