import { assert, describe, it } from "@effect/vitest"
import type { PoolSpec } from "../src/replay/pools.ts"
import { type Outcome, Simulation } from "../src/replay/simulation.ts"
import type { Row, Workload } from "../src/replay/workload.ts"
import { intFrom, processors, randomFrom, workloadOf } from "./support.ts"

const simulate = (workload: Workload, pools: ReadonlyArray<PoolSpec>, eventsPerStep = 1000): Outcome => {
  const simulation = new Simulation(workload, pools, { timeline: true })
  while (simulation.step(eventsPerStep)) {
    // The next events.
  }
  return simulation.finish()
}

const startsOf = (outcome: Outcome): ReadonlyArray<number> => Array.from(outcome.startedAt)

const job = (submit: number, run: number, ...amounts: Array<number>): Row => ({
  submit,
  run,
  estimate: run,
  agent: "a",
  amounts
})

/**
 * First come, first served by brute force: at every instant at which anything
 * happens, walks all that wait, in order. In each pool what an earlier one needs is
 * set aside first; where one is short, nothing is left for later ones.
 */
const naiveStarts = (workload: Workload, capacities: ReadonlyArray<number>): ReadonlyArray<number> => {
  const starts = Array.from({ length: workload.size }, () => Number.NaN)
  const amount = (pool: number, job: number) => workload.amounts[pool]?.[job] ?? 0
  const endOf = (job: number) => (starts[job] ?? Number.NaN) + (workload.run[job] ?? 0)
  const jobs = starts.map((_, index) => index)
  let now = -1
  for (;;) {
    const instants = jobs.flatMap((job) => [workload.submit[job] ?? 0, endOf(job)]).filter((at) => at > now)
    if (instants.length === 0) return starts
    now = Math.min(...instants)
    // What runs for no time at all makes room within the instant: look until nothing starts.
    for (let started = true; started;) {
      started = false
      const running = jobs.filter((job) => (starts[job] ?? Infinity) <= now && endOf(job) > now)
      const left = capacities.map(
        (capacity, pool) => capacity - running.reduce((sum, job) => sum + amount(pool, job), 0)
      )
      for (const job of jobs) {
        if (!Number.isNaN(starts[job]) || (workload.submit[job] ?? 0) > now) continue
        const short = capacities.map((_, pool) => amount(pool, job) > 0 && amount(pool, job) > (left[pool] ?? 0))
        if (!short.includes(true)) {
          starts[job] = now
          started = true
        }
        for (const pool of capacities.keys())
          left[pool] = short[pool] === true ? 0 : (left[pool] ?? 0) - amount(pool, job)
      }
    }
  }
}

/** One pool with a bucket: each job starts as soon as the one before has, and it fits, and its tokens are there. */
const naiveRateStarts = (workload: Workload, capacity: number, limit: number, interval: number, burst: number) => {
  const starts: Array<number> = []
  const amounts = workload.amounts[0] ?? []
  let level = burst * interval
  let at = 0
  for (let job = 0; job < workload.size; job++) {
    const amount = amounts[job] ?? 0
    let start = Math.max(workload.submit[job] ?? 0, starts.at(-1) ?? 0)
    const used = (instant: number) =>
      starts.reduce(
        (sum, begun, other) => (begun + (workload.run[other] ?? 0) > instant ? sum + (amounts[other] ?? 0) : sum),
        0
      )
    while (used(start) + amount > capacity) start++
    level = Math.min(burst * interval, level + (start - at) * limit)
    at = start
    while (level < amount * interval) {
      at++
      level = Math.min(burst * interval, level + limit)
    }
    level -= amount * interval
    starts.push(at)
  }
  return starts
}

describe("Simulation", () => {
  it("lets arrivals come before completions at one instant", () => {
    const outcome = simulate(workloadOf(processors(1), [job(0, 10, 1), job(10, 5, 1)]), processors(1))
    assert.deepStrictEqual(startsOf(outcome), [0, 10])
    // The second found the pool taken, and waited for no time at all.
    assert.strictEqual(outcome.queuePeak, 1)
  })

  it("never lets a small job pass a large one", () => {
    const jobs = [job(0, 100, 3), job(1, 10, 4), job(2, 10, 1)]
    const outcome = simulate(workloadOf(processors(4), jobs), processors(4))
    assert.deepStrictEqual(startsOf(outcome), [0, 100, 110])
  })

  it("replays jobs that run for no time, and jobs of one instant in their order", () => {
    const jobs = [job(5, 0, 2), job(5, 0, 2), job(5, 7, 2), job(5, 0, 1)]
    const outcome = simulate(workloadOf(processors(2), jobs), processors(2))
    assert.deepStrictEqual(startsOf(outcome), [0, 0, 0, 7])
    assert.strictEqual(outcome.lastEnd, 7)
    assert.strictEqual(outcome.audit.total, 0)
  })

  it("replays nothing at all", () => {
    const outcome = simulate(workloadOf(processors(2), []), processors(2))
    assert.deepStrictEqual([outcome.events, outcome.lastEnd, outcome.audit.total], [0, 0, 0])
  })

  it("stops where virtual time would leave the safe integers", () => {
    const simulation = new Simulation(
      workloadOf(processors(1), [job(0, 4e15, 1), job(0, 4e15, 1), job(0, 4e15, 1)]),
      processors(1),
      {
        timeline: false
      }
    )
    while (simulation.step(1)) {
      // The next event.
    }
    assert.isTrue(simulation.overflowed)
  })

  for (let seed = 1; seed <= 150; seed++) {
    it(`starts every job when a brute-force scheduler does (seed ${seed})`, () => {
      const random = randomFrom(seed)
      const capacities = Array.from({ length: intFrom(random, 1, 3) }, () => intFrom(random, 1, 8))
      const pools = capacities.map((capacity, index) => ({ name: `p${index}`, capacity, rate: undefined }))
      const span = intFrom(random, 1, 60)
      const rows = Array.from({ length: intFrom(random, 1, 60) }, () =>
        job(intFrom(random, 0, span), intFrom(random, 0, 9), ...capacities.map((most) => intFrom(random, 0, most)))
      )
      const workload = workloadOf(pools, rows)
      const outcome = simulate(workload, pools, 7)
      assert.deepStrictEqual(startsOf(outcome), naiveStarts(workload, capacities))
      assert.deepStrictEqual(outcome.audit.examples, [])
    })
  }

  for (let seed = 1; seed <= 60; seed++) {
    it(`pays tokens when a brute-force bucket does (seed ${seed})`, () => {
      const random = randomFrom(1000 + seed)
      const capacity = intFrom(random, 2, 8)
      const burst = intFrom(random, 2, 6)
      const [limit, intervalMicros] = [intFrom(random, 1, 5), intFrom(random, 1, 12)]
      const pools = [{ name: "p", capacity, rate: { limit, intervalMicros, burst, text: "" } }]
      const most = Math.min(capacity, burst)
      const rows = Array.from({ length: 40 }, () =>
        job(intFrom(random, 0, 80), intFrom(random, 0, 9), intFrom(random, 1, most))
      )
      const workload = workloadOf(pools, rows)
      const outcome = simulate(workload, pools)
      assert.deepStrictEqual(startsOf(outcome), naiveRateStarts(workload, capacity, limit, intervalMicros, burst))
      assert.deepStrictEqual(outcome.audit.examples, [])
    })
  }
})
