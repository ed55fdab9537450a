import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Aimd from "../src/Aimd.ts"
import * as Gradient2 from "../src/Gradient2.ts"
import * as LongAverage from "../src/internal/LongAverage.ts"
import * as LimitPolicy from "../src/LimitPolicy.ts"
import * as Vegas from "../src/Vegas.ts"
import { Random } from "./simulator/random.ts"

const millis = 1_000

interface Step {
  readonly rtt: number
  readonly inFlight: number
  readonly drop?: boolean
  readonly limit: number
}

/** Feeds samples to an algorithm: the limit after each, and what it should be. */
const limits = <S extends LimitPolicy.LimitState>(
  algorithm: LimitPolicy.LimitAlgorithm<S>,
  steps: ReadonlyArray<Step>
) => {
  let state = algorithm.begin(1)
  const found = steps.map(({ drop, inFlight, rtt }) => {
    state = algorithm.update(state, { rttMicros: rtt, inFlight, didDrop: drop === true })
    return state.limit
  })
  return [found, steps.map(({ limit }) => limit)] as const
}

// The values are those that the tests of Netflix's concurrency-limits state (AIMDLimitTest, VegasLimitTest,
// ExpAvgMeasurementTest, Log10RootIntFunctionTest): the same samples must give the same limits.
describe("the published sequences of concurrency-limits", () => {
  it("AIMD: one more after a success, a tenth less after a drop, never above the maximum", () => {
    assert.strictEqual(Aimd.make({ initial: 10 }).begin(1).limit, 10)
    assert.deepStrictEqual(...limits(Aimd.make({ initial: 20 }), [{ rtt: millis, inFlight: 10, limit: 21 }]))
    assert.deepStrictEqual(...limits(Aimd.make({ initial: 30 }), [{ rtt: 0, inFlight: 0, drop: true, limit: 27 }]))
    assert.deepStrictEqual(
      ...limits(Aimd.make({ initial: 21, max: 21, min: 1 }), [{ rtt: millis, inFlight: 10, limit: 21 }])
    )
  })

  const vegas = Vegas.make({ alpha: 3, beta: 6, smoothing: 1, initial: 10, max: 20 })

  it("Vegas: increases by beta without a queue", () => {
    assert.deepStrictEqual(
      ...limits(vegas, [
        { rtt: 10 * millis, inFlight: 10, limit: 10 },
        { rtt: 10 * millis, inFlight: 11, limit: 16 }
      ])
    )
    assert.deepStrictEqual(
      ...limits(Vegas.make({ initial: 10_000, max: 20_000 }), [
        { rtt: 10_000 * millis, inFlight: 5_000, limit: 10_000 },
        { rtt: 10_000 * millis, inFlight: 6_000, limit: 10_024 }
      ])
    )
  })

  it("Vegas: decreases by a step with a long one, holds between the thresholds", () => {
    assert.deepStrictEqual(
      ...limits(vegas, [
        { rtt: 10 * millis, inFlight: 10, limit: 10 },
        { rtt: 50 * millis, inFlight: 11, limit: 9 }
      ])
    )
    assert.deepStrictEqual(
      ...limits(vegas, [
        { rtt: 10 * millis, inFlight: 10, limit: 10 },
        { rtt: 14 * millis, inFlight: 14, limit: 10 }
      ])
    )
  })

  it("Vegas: a decrease of one's own, with and without smoothing", () => {
    const options: Vegas.VegasOptions = { decrease: (limit) => limit / 2, initial: 100, max: 200 }
    const samples = (first: number, second: number): ReadonlyArray<Step> => [
      { rtt: 10 * millis, inFlight: 100, limit: 100 },
      { rtt: 20 * millis, inFlight: 100, limit: first },
      { rtt: 20 * millis, inFlight: 100, limit: second }
    ]
    assert.deepStrictEqual(...limits(Vegas.make({ ...options, smoothing: 0.5 }), samples(75, 56)))
    assert.deepStrictEqual(...limits(Vegas.make(options), samples(50, 25)))
  })

  it("the step is the whole part of the logarithm, at least 1", () => {
    assert.deepStrictEqual([0, 100, 10_000].map(Vegas.step), [1, 2, 4])
  })

  it("the long average is a plain one at first, then exponential", () => {
    let average = LongAverage.empty
    const options = { window: 100, warmup: 10 }
    const expected = [10, 10.5, 11, 11.5, 12, 12.5, 13, 13.5, 14, 14.5]
    expected.forEach((value, index) => {
      average = LongAverage.add(average, index + 10, options)
      assert.closeTo(average.value, value, 0.01)
    })
    assert.closeTo(LongAverage.add(average, 100, options).value, 16.2, 0.1)
  })
})

describe("Aimd", () => {
  it("counts a latency above the time-out as a drop, and does not grow where half is idle", () => {
    assert.deepStrictEqual(
      ...limits(Aimd.make({ initial: 20, increase: 3, backoff: 0.5, timeout: "1 second" }), [
        { rtt: 1_000 * millis, inFlight: 20, limit: 23 },
        { rtt: 1_001 * millis, inFlight: 23, limit: 11 },
        { rtt: millis, inFlight: 5, limit: 11 },
        { rtt: millis, inFlight: 6, limit: 14 }
      ])
    )
  })

  it("is at its minimum after enough drops", () => {
    assert.deepStrictEqual(
      ...limits(Aimd.make({ initial: 3, min: 2 }), [
        { rtt: 0, inFlight: 3, drop: true, limit: 2 },
        { rtt: 0, inFlight: 3, drop: true, limit: 2 }
      ])
    )
  })
})

describe("Vegas", () => {
  it("probes: a part of the limit for one sample, which is the base from then on", () => {
    const algorithm = Vegas.make({ initial: 100, max: 1_000, probeEvery: 1 })
    let state = algorithm.begin(7)
    state = algorithm.update(state, { rttMicros: 500, inFlight: 100, didDrop: false })
    assert.deepInclude(state, { limit: 50, estimate: 100, move: "probe" })
    state = algorithm.update(state, { rttMicros: 400, inFlight: 50, didDrop: false })
    assert.deepInclude(state, { limit: 100, estimate: 100, baseMicros: 400, move: "base" })
  })

  it("a drop says nothing about the base, even the first one, and is taken off the limit that a probe goes back to", () => {
    const algorithm = Vegas.make({ initial: 100, max: 1_000, probeEvery: 1 })
    let state = algorithm.begin(7)
    state = algorithm.update(state, { rttMicros: 5_000, inFlight: 100, didDrop: true })
    assert.deepInclude(state, { limit: 90, baseMicros: undefined })
    state = algorithm.update(state, { rttMicros: 500, inFlight: 90, didDrop: false })
    assert.deepInclude(state, { limit: 45, estimate: 90 })
    state = algorithm.update(state, { rttMicros: 9_000, inFlight: 45, didDrop: true })
    assert.deepInclude(state, { limit: 40, estimate: 81, baseMicros: undefined })
    state = algorithm.update(state, { rttMicros: 500, inFlight: 40, didDrop: false })
    assert.deepInclude(state, { limit: 81, baseMicros: 500 })
  })

  it("what differs by less than the standard error is no queue", () => {
    const algorithm = Vegas.make({ initial: 100, max: 1_000 })
    const base = algorithm.update(algorithm.begin(1), { rttMicros: 1_000, inFlight: 100, didDrop: false })
    const slower = { rttMicros: 1_200, inFlight: 100, didDrop: false }
    assert.strictEqual(algorithm.update(base, slower).move, "shrink")
    assert.strictEqual(algorithm.update(base, { ...slower, errorMicros: 200 }).move, "grow")
  })
})

describe("Gradient2", () => {
  /** As Netflix's defaults are: nothing probed, its tolerance, smoothing and fixed queue. */
  const options: Gradient2.Gradient2Options = {
    initial: 20,
    min: 20,
    max: 200,
    tolerance: 1.5,
    queueSize: 4,
    smoothing: 0.2,
    probeEvery: Infinity
  }

  it("follows the formula of concurrency-limits, written down here once more", () => {
    const random = new Random(11)
    const algorithm = Gradient2.make(options)
    let state = algorithm.begin(1)
    let long = 0
    let limit = 20
    for (let index = 1; index <= 2_000; index++) {
      const rtt = 1_000 + random.int(index < 1_000 ? 500 : 3_000)
      const inFlight = random.int(Math.floor(limit) + 1)
      state = algorithm.update(state, { rttMicros: rtt, inFlight, didDrop: false })
      long = index <= 10 ? long + (rtt - long) / index : long * (1 - 2 / 601) + rtt * (2 / 601)
      const gradient = Math.max(0.5, Math.min(1, (1.5 * long) / rtt))
      if (long / rtt > 2) long *= 0.95
      if (inFlight >= limit / 2) {
        limit = Math.max(20, Math.min(200, limit * 0.8 + (limit * gradient + 4) * 0.2))
      }
      assert.closeTo(state.estimate, limit, 1e-6, `after sample ${index}`)
      assert.strictEqual(state.limit, Math.floor(limit))
    }
    assert.isAbove(limit, 20)
  })

  it("comes down from a long overload faster than its average", () => {
    const algorithm = Gradient2.make({ probeEvery: Infinity })
    const feed = (state: Gradient2.Gradient2State, rttMicros: number, count: number) => {
      let next = state
      for (let index = 0; index < count; index++) {
        next = algorithm.update(next, { rttMicros, inFlight: next.limit, didDrop: false })
      }
      return next
    }
    const overloaded = feed(algorithm.begin(1), 10_000, 20)
    assert.isAtMost(feed(overloaded, 1_000, 40).long.value, 2_200)
  })
})

/** Random options, and the algorithm made of them. */
const algorithms = (random: Random) => {
  const min = random.between(1, 30)
  const max = min + random.int(300)
  const bounds = { min, max, initial: random.between(min, max) }
  const share = () => random.between(1, 99) / 100
  const probing = { probeEvery: random.chance(0.3) ? Infinity : random.between(1, 40), probeAt: share() }
  const smoothing = random.chance(0.5) ? 1 : share()
  return [
    LimitPolicy.fromAlgorithm(Aimd.make({ ...bounds, backoff: share(), increase: random.between(1, 20) })),
    LimitPolicy.fromAlgorithm(Vegas.make({ ...bounds, ...probing, smoothing, backoff: share() })),
    LimitPolicy.fromAlgorithm(
      Gradient2.make({ ...bounds, ...probing, smoothing, backoff: share(), tolerance: 1 + share() })
    )
  ]
}

/** The limit that it would have without a probe. */
const estimateOf = (state: LimitPolicy.LimitState): number =>
  "estimate" in state && typeof state.estimate === "number" ? state.estimate : state.limit

describe("every algorithm, whatever it is fed", () => {
  it("stays within its bounds, in whole units; a drop lowers it; idleness does not raise it", () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = new Random(seed)
      for (const policy of algorithms(random)) {
        assert.isUndefined(policy.problem)
        const governor = policy.begin(seed)
        for (let index = 0; index < 200; index++) {
          const before = estimateOf(governor.state)
          const didDrop = random.chance(0.2)
          const inFlight = random.int(2 * policy.max + 1)
          const rttMicros = random.chance(0.1) ? 0 : random.int(10 ** random.between(1, 12))
          const errorMicros = random.chance(0.5) ? undefined : random.int(1 + rttMicros)
          governor.update({ rttMicros, errorMicros, inFlight, didDrop })
          const { limit } = governor.state
          const after = estimateOf(governor.state)
          const where = `${policy.name}, seed ${seed}, sample ${index}`
          assert.isTrue(Number.isSafeInteger(limit) && limit >= policy.min && limit <= policy.max, where)
          assert.isAtMost(limit, after, where)
          if (didDrop) assert.isTrue(after <= before - 1 || after === policy.min || before === policy.min, where)
          if (didDrop || inFlight * 2 < before) assert.isAtMost(after, before, where)
          if (index % 10 === 0) assert.isTrue(governor.explain().startsWith(`${policy.name}: `), where)
        }
      }
    }
  })

  it("calls that all time out after the same time bring it to its minimum, and never make it grow", () => {
    for (let seed = 1; seed <= 60; seed++) {
      const random = new Random(seed)
      for (const policy of algorithms(random)) {
        const governor = policy.begin(seed)
        for (let index = random.int(100); index > 0; index--) {
          governor.update({ rttMicros: random.int(1_000), inFlight: policy.max, didDrop: false })
        }
        const rttMicros = random.int(10_000_000)
        for (let index = 0; index < policy.max; index++) {
          const before = estimateOf(governor.state)
          governor.update({ rttMicros, inFlight: governor.state.limit, didDrop: true })
          assert.isTrue(estimateOf(governor.state) <= before, `${policy.name}, seed ${seed}`)
        }
        assert.strictEqual(governor.state.limit, policy.min, `${policy.name}, seed ${seed}`)
      }
    }
  })
})

describe("options that make no sense are told", () => {
  it.each([
    [Aimd.make({ min: 0 }), "min"],
    [Aimd.make({ min: 10, max: 5 }), "max"],
    [Aimd.make({ initial: 500 }), "initial"],
    [Aimd.make({ backoff: 1 }), "backoff"],
    [Aimd.make({ increase: 0.5 }), "increase"],
    [Aimd.make({ timeout: 0 }), "timeout"],
    [Vegas.make({ smoothing: 0 }), "smoothing"],
    [Vegas.make({ probeEvery: 0 }), "probeEvery"],
    [Vegas.make({ probeAt: 2 }), "probeAt"],
    [Gradient2.make({ tolerance: 0.9 }), "tolerance"],
    [Gradient2.make({ longWindow: Number.NaN }), "longWindow"]
  ])("%#: %s", (algorithm, field) => {
    assert.strictEqual(algorithm.problem?.field, field)
  })

  it.effect("the default is Gradient2, and a layer swaps it", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* LimitPolicy.LimitPolicy).name, "gradient2")
      const swapped = yield* Effect.provide(LimitPolicy.LimitPolicy, LimitPolicy.layer(Vegas.make()))
      assert.strictEqual(swapped.name, "vegas")
    })
  )
})
