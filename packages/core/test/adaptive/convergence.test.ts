import { assert, describe, it } from "@effect/vitest"
import * as Aimd from "../../src/Aimd.ts"
import * as Gradient2 from "../../src/Gradient2.ts"
import { fromAlgorithm, type Policy } from "../../src/LimitPolicy.ts"
import * as Vegas from "../../src/Vegas.ts"
import { exponential, type Phase, type Point, simulate, uniform } from "./backend.ts"
import { cases, convergenceOf, serviceMicros } from "./scenarios.ts"

const seeds = [1, 2, 3, 4, 5]

const meanLimit = (points: ReadonlyArray<Point>) =>
  points.reduce((sum, { limit }) => sum + limit, 0) / Math.max(1, points.length)

/** A backend that serves 100 calls at once, each in 100 ms. */
const steady: Phase = { fromMicros: 0, servers: 100, serviceMicros }
const trips = (count: number) => count * serviceMicros

describe("limits converge to a capacity that changes", () => {
  for (const { name, policy, scenario, shareMin, tripsMax } of cases) {
    it(`${name}: within a tenth of it in ${tripsMax.join(", ")} round trips, and stays there`, () => {
      for (const seed of seeds) {
        const found = convergenceOf(simulate(policy, { ...scenario, seed }))
        assert.strictEqual(found.length, tripsMax.length)
        found.forEach(({ servers, share, throughput, trips: took }, phase) => {
          const where = `seed ${seed}, capacity ${servers}`
          assert.isAtMost(took, tripsMax[phase]!, where)
          assert.isAtLeast(share, shareMin, where)
          assert.isAtLeast(throughput, 0.95, where)
        })
      }
    })
  }

  it("the same where all calls take the same time, in lockstep", () => {
    for (const { name, policy, scenario } of cases) {
      const { noise: _, ...even } = scenario
      for (const { servers, share, trips: took } of convergenceOf(simulate(policy, even))) {
        assert.isAtMost(took, 200, `${name}, capacity ${servers}`)
        assert.isAtLeast(share, 0.75, `${name}, capacity ${servers}`)
      }
    }
  })

  it("latency-based limits stay useful where service times differ wildly: no collapse, no run-away", () => {
    for (const policy of [fromAlgorithm(Vegas.make()), fromAlgorithm(Gradient2.make({ max: 1_000 }))]) {
      for (const seed of seeds) {
        const points = simulate(policy, { phases: [steady], endMicros: trips(800), noise: exponential, seed })
        const mean = meanLimit(points.slice(400))
        assert.isAtLeast(mean, 80, `${policy.name}, seed ${seed}`)
        assert.isAtMost(mean, 150, `${policy.name}, seed ${seed}`)
      }
    }
  })
})

describe("the base latency is probed again", () => {
  const slower: ReadonlyArray<Phase> = [steady, { ...steady, fromMicros: trips(300), serviceMicros: 2 * serviceMicros }]

  it("a backend that becomes slower, with the same capacity, is not mistaken for one with a queue", () => {
    for (const policy of [fromAlgorithm(Vegas.make()), fromAlgorithm(Gradient2.make())]) {
      const points = simulate(policy, { phases: slower, endMicros: trips(300 + 1_200), noise: uniform(0.2) })
      // Round trips of twice the length: 600 of them, of which the last 300.
      const mean = meanLimit(points.slice(-300))
      assert.isAtLeast(mean, 90, policy.name)
      assert.isAtMost(mean, 120, policy.name)
    }
  })

  it("without probes Vegas mistakes it for a queue for ever", () => {
    const policy = fromAlgorithm(Vegas.make({ probeEvery: Infinity }))
    const points = simulate(policy, { phases: slower, endMicros: trips(300 + 1_200), noise: uniform(0.2) })
    assert.isAtMost(meanLimit(points.slice(-300)), 40)
  })

  it("under a load that never ends Gradient2 stays; without probes its long average creeps up, and the limit with it", () => {
    const run = (probeEvery: number) => {
      const policy = fromAlgorithm(Gradient2.make({ max: 1_000, probeEvery }))
      const points = simulate(policy, { phases: [steady], endMicros: trips(6_000), noise: uniform(0.2) })
      return meanLimit(points.slice(-300))
    }
    assert.isAtMost(run(60), 115)
    assert.isAtLeast(run(Infinity), 140)
  })
})

describe("overload and idleness", () => {
  const policies = [
    fromAlgorithm(Aimd.make({ max: 1_000 })),
    fromAlgorithm(Vegas.make()),
    fromAlgorithm(Gradient2.make({ max: 1_000 }))
  ]

  it("calls that all time out after the same time never make the limit grow", () => {
    for (const policy of policies) {
      // Nothing is ever served: every call is given up after a second.
      const dead = { ...steady, serviceMicros: 1_000 * serviceMicros }
      const limits: Array<number> = []
      const spied: Policy = {
        ...policy,
        begin: (seed) => {
          const governor = policy.begin(seed)
          return {
            get state() {
              return governor.state
            },
            explain: governor.explain,
            update: (sample) => {
              const before = governor.state.limit
              governor.update(sample)
              if (sample.didDrop) {
                assert.isTrue(governor.state.limit < before || before === policy.min, policy.name)
                limits.push(governor.state.limit)
              }
            }
          }
        }
      }
      simulate(spied, { phases: [dead], endMicros: trips(2_000), timeoutMicros: 10 * serviceMicros })
      assert.isAtLeast(limits.length, 19, policy.name)
      assert.strictEqual(limits.at(-1), 1, policy.name)
    }
  })

  it("a limit that is not used does not grow", () => {
    for (const policy of policies) {
      const points = simulate(policy, { phases: [steady], endMicros: trips(400), noise: uniform(0.2), demand: 8 })
      assert.isAtMost(Math.max(...points.map(({ limit }) => limit)), 20, policy.name)
    }
  })

  it("and serves whoever comes back", () => {
    for (const policy of policies) {
      const phases = [
        { ...steady, serviceMicros: 50 * serviceMicros },
        { ...steady, fromMicros: trips(1_000) }
      ]
      const points = simulate(policy, {
        phases,
        endMicros: trips(1_300),
        noise: uniform(0.2),
        timeoutMicros: 10 * serviceMicros
      })
      assert.isAtLeast(points.at(-1)!.limit, 85, policy.name)
    }
  })
})
