import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { AdaptiveRate, type AdaptiveRateOptions, RatePolicy } from "../src/index.ts"
import * as control from "../src/internal/rateControl.ts"
import { Random } from "./simulator/random.ts"
import { assertIdle, type Manager, withManager } from "./support/manager.ts"

class TooMany extends Error {
  readonly _tag = "TooMany"
  readonly retryAfter: string | undefined
  constructor(retryAfter?: string) {
    super("429")
    this.retryAfter = retryAfter
  }
}

const isOverload = (error: unknown) => error instanceof TooMany
const retryAfter = (error: unknown) => (error instanceof TooMany ? error.retryAfter : undefined)

const api = { pools: { api: { capacity: 1_000 } } }

const rated = (
  options: Partial<AdaptiveRateOptions> = {},
  policy: Layer.Layer<never> = RatePolicy.layer(
    RatePolicy.multiplicative({ backoff: 0.5, step: 0.1, every: "1 second" })
  )
) =>
  Effect.provide(
    AdaptiveRate.make({
      resourceType: "api",
      rate: { limit: 10, interval: "1 second", burst: 10 },
      isOverload,
      retryAfter,
      ...options
    }),
    policy
  )

const job = { api: 1 }

/** How many calls of one that always asks begin within a time. */
const begunIn = (rate: AdaptiveRate["Service"], time: Duration.Input) =>
  Effect.gen(function* () {
    let begun = 0
    const caller = yield* Effect.forkChild(
      Effect.forever(
        rate.withLease(
          "a",
          job
        )(
          Effect.sync(() => {
            begun++
          })
        )
      )
    )
    yield* TestClock.adjust(time)
    yield* Fiber.interrupt(caller)
    return begun
  })

/** Takes what is saved up. */
const drain = (manager: Manager, tokens: number) => manager.withLease("drain", { api: tokens })(Effect.void)

const overload = (rate: AdaptiveRate["Service"], header?: string) =>
  Effect.exit(rate.observe(Effect.fail(new TooMany(header))))

describe("the decisions of an adaptive rate", () => {
  it("keep the share within its bounds, lower it on overload only, and never wake before they are told to", () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Random(seed)
      const policy: RatePolicy.Policy = {
        name: "wild",
        backOff: () => (random.int(3_000) - 500) / 1_000,
        recover: () => (random.int(3_000) - 500) / 1_000
      }
      let now = 0
      let state = control.begin
      let until = -Infinity
      for (let index = 0; index < 200; index++) {
        now += random.int(3_000_000)
        const before = state
        const startedAt = now - random.int(2_000_000)
        if (random.chance(0.3)) {
          const asked = random.chance(0.3) ? random.int(5_000_000) : undefined
          state = control.onOverload(policy, state, { startedAt, now, retryAfterMicros: asked })
          if (asked !== undefined) until = Math.max(until, now + asked)
          assert.isAtMost(state.share, before.share)
          if (startedAt < before.backedOffAt) assert.strictEqual(state.share, before.share)
        } else {
          state = control.onSuccess(policy, state, startedAt, now)
          assert.isAtLeast(state.share, before.share)
          if (now < until || startedAt < before.backedOffAt) assert.strictEqual(state, before)
        }
        assert.isTrue(Number.isInteger(state.share) && state.share >= 1 && state.share <= 1_000, `seed ${seed}`)
        assert.strictEqual(state.pausedUntil, until)
      }
    }
  })

  it("a share of a rate is exact, and never more", () => {
    assert.deepStrictEqual(control.flowOf({ limit: 5, intervalMicros: 1_000_000 }, 500), {
      limit: 2_500,
      intervalMicros: 1_000_000_000
    })
    const random = new Random(3)
    for (let index = 0; index < 1_000; index++) {
      const flow = { limit: 1 + random.int(10 ** random.between(1, 15)), intervalMicros: 1 + random.int(1e13) }
      const share = random.between(1, 1_000)
      const scaled = control.flowOf(flow, share)
      assert.isTrue(Number.isSafeInteger(scaled.limit) && scaled.limit > 0)
      const exact = BigInt(flow.limit) * BigInt(share) * BigInt(scaled.intervalMicros)
      const found = BigInt(scaled.limit) * BigInt(flow.intervalMicros) * 1_000n
      assert.isTrue(found <= exact || scaled.limit === 1, JSON.stringify({ flow, share, scaled }))
    }
  })
})

describe("AdaptiveRate", () => {
  it.effect("backs off by the factor, once for calls that are on their way together", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        const rate = yield* rated()
        yield* drain(manager, 10)
        assert.strictEqual(yield* begunIn(rate, "10 seconds"), 100)
        const fail = rate.withLease("a", job)(Effect.delay(Effect.fail(new TooMany()), "1 second"))
        yield* TestClock.adjust("10 seconds")
        const fibers = yield* Effect.forEach([1, 2, 3, 4], () => Effect.forkChild(Effect.exit(fail)))
        yield* TestClock.adjust("1 second")
        yield* Fiber.joinAll(fibers)
        assert.deepInclude(yield* rate.view, { share: 0.5, overloads: 4, perSecond: 5, configuredPerSecond: 10 })
        // Within the cooldown it is taken for the same.
        yield* TestClock.adjust(999)
        yield* overload(rate)
        assert.deepInclude(yield* rate.view, { share: 0.5, overloads: 5 })
        yield* TestClock.adjust(1)
        yield* overload(rate)
        assert.deepInclude(yield* rate.view, { share: 0.25, why: "25 % of the configured rate after overload" })
        yield* assertIdle(manager)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("the slower rate is what gets through", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        const rate = yield* rated({}, RatePolicy.layer(RatePolicy.multiplicative({ backoff: 0.25, every: "1 hour" })))
        yield* overload(rate)
        yield* drain(manager, 10)
        // 2.5 a second: exact, though it is no whole number.
        assert.strictEqual(yield* begunIn(rate, "20 seconds"), 50)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("recovers by steps while calls go well, to the configured rate and not above", () =>
    withManager(api, () =>
      Effect.gen(function* () {
        const rate = yield* rated()
        yield* overload(rate)
        const shares: Array<number> = []
        for (let second = 0; second < 8; second++) {
          yield* TestClock.adjust("1 second")
          yield* rate.observe(Effect.void)
          shares.push((yield* rate.view).share)
        }
        assert.deepStrictEqual(shares, [0.6, 0.7, 0.8, 0.9, 1, 1, 1, 1])
        assert.deepInclude(yield* rate.view, { perSecond: 10, why: "the configured rate" })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("other failures, defects and interruptions say nothing", () =>
    withManager(api, () =>
      Effect.gen(function* () {
        const rate = yield* rated()
        yield* Effect.exit(rate.observe(Effect.fail("not found")))
        yield* Effect.exit(rate.observe(Effect.die("a defect")))
        yield* Fiber.interrupt(yield* Effect.forkChild(rate.observe(Effect.never), { startImmediately: true }))
        assert.deepInclude(yield* rate.view, { share: 1, overloads: 0 })
      }).pipe(Effect.scoped)
    )
  )

  for (const [name, header] of [
    ["seconds", "30"],
    ["a date", "Thu, 01 Jan 1970 00:00:30 GMT"]
  ] as const) {
    it.effect(`Retry-After in ${name}: nothing begins before it, and nothing is lost`, () =>
      withManager(api, (manager, awaitWaiting) =>
        Effect.gen(function* () {
          const rate = yield* rated()
          const begun: Array<number> = []
          let time = 0
          const call = rate.withLease(
            "a",
            job
          )(
            Effect.sync(() => {
              begun.push(time)
            })
          )
          yield* overload(rate, header)
          assert.deepInclude(yield* manager.poolStatistics("api"), { capacity: 0 })
          const fibers = yield* Effect.forEach(Array.from({ length: 30 }), () => Effect.forkChild(call))
          yield* awaitWaiting(30)
          const [waiter] = yield* manager.explain("a")
          assert.include(waiter?.reasons[0]?.message, "left alone until 1970-01-01T00:00:30Z, as asked for; then 50 %")
          for (time = 1; time <= 29_999; time += 2_142) yield* TestClock.setTime(time)
          assert.deepStrictEqual(begun, [])
          yield* TestClock.setTime(29_999)
          assert.deepStrictEqual(begun, [])
          time = 30_000
          yield* TestClock.setTime(30_000)
          // What was saved up is gone: five a second from here on.
          assert.deepStrictEqual(begun, [])
          assert.deepInclude(yield* manager.poolStatistics("api"), { capacity: 1_000 })
          for (time = 30_200; time <= 36_000; time += 200) yield* TestClock.setTime(time)
          assert.deepStrictEqual(begun.slice(0, 5), [30_200, 30_400, 30_600, 30_800, 31_000])
          assert.strictEqual(begun.length, 30)
          yield* Fiber.joinAll(fibers)
          yield* assertIdle(manager)
        }).pipe(Effect.scoped)
      )
    )
  }

  it.effect(
    "what was granted and has not begun waits too; a longer Retry-After extends, a shorter one does not cut",
    () =>
      withManager(api, () =>
        Effect.gen(function* () {
          const rate = yield* rated()
          yield* overload(rate, "10")
          let begun = false
          const inside = yield* Effect.forkChild(
            rate.observe(
              Effect.sync(() => {
                begun = true
              })
            ),
            { startImmediately: true }
          )
          yield* TestClock.adjust("5 seconds")
          const other = yield* Effect.forkChild(rate.observe(Effect.void), { startImmediately: true })
          yield* TestClock.adjust("4999 millis")
          assert.isFalse(begun)
          yield* TestClock.adjust("1 millis")
          yield* Fiber.joinAll([inside, other])
          assert.isTrue(begun)
          assert.strictEqual((yield* rate.view).pausedMillis, 0)
        }).pipe(Effect.scoped)
      )
  )

  it.effect("a later answer of a call that was on its way extends the pause, and does not back off again", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        const rate = yield* rated()
        const late = yield* Effect.forkChild(
          Effect.exit(rate.observe(Effect.delay(Effect.fail(new TooMany("20")), "5 seconds"))),
          { startImmediately: true }
        )
        const early = yield* Effect.forkChild(
          Effect.exit(rate.observe(Effect.delay(Effect.fail(new TooMany("3")), "7 seconds"))),
          { startImmediately: true }
        )
        yield* overload(rate, "10")
        yield* TestClock.adjust("8 seconds")
        yield* Fiber.joinAll([late, early])
        assert.deepInclude(yield* rate.view, { share: 0.5, pausedMillis: 17_000, overloads: 3 })
        yield* TestClock.adjust("16999 millis")
        assert.strictEqual((yield* manager.poolStatistics("api")).capacity, 0)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual((yield* manager.poolStatistics("api")).capacity, 1_000)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("a header that makes no sense only backs off; one of a year is cut to the most that was allowed", () =>
    withManager(api, () =>
      Effect.gen(function* () {
        const rate = yield* rated({ retryAfterMax: "1 minute" })
        yield* overload(rate, "tomorrow")
        assert.deepInclude(yield* rate.view, { share: 0.5, pausedMillis: 0 })
        yield* overload(rate, "31536000")
        assert.strictEqual((yield* rate.view).pausedMillis, 60_000)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("in no window more than the configured rate, with overloads at random", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        const random = new Random(5)
        const rate = yield* rated({ rate: { limit: 7, interval: "1 second", burst: 5 } })
        const begun: Array<number> = []
        let time = 0
        const call = rate.withLease(
          "a",
          job
        )(
          Effect.suspend(() => {
            begun.push(time)
            if (random.chance(0.03))
              return Effect.fail(new TooMany(random.chance(0.3) ? `${random.int(3)}` : undefined))
            return Effect.delay(Effect.void, random.int(500))
          })
        )
        const callers = yield* Effect.forEach(Array.from({ length: 20 }), () =>
          Effect.forkChild(Effect.forever(Effect.exit(call)))
        )
        for (time = 0; time < 60_000; time += 50) yield* TestClock.setTime(time)
        yield* Fiber.interruptAll(callers)
        assert.isAbove(begun.length, 60)
        assert.isAbove((yield* rate.view).overloads, 1)
        for (let first = 0; first < begun.length; first++) {
          for (let last = first; last < begun.length; last++) {
            assert.isAtMost(last - first + 1, 5 + 7 * ((begun[last]! - begun[first]! + 50) / 1_000))
          }
        }
        yield* assertIdle(manager)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("at its end the pool has its rate and its capacity back, paused or not", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        yield* Effect.scoped(Effect.flatMap(rated(), (rate) => overload(rate, "3600")))
        const pool = yield* manager.poolStatistics("api")
        assert.deepInclude({ capacity: pool.capacity, limit: pool.rate?.limit }, { capacity: 1_000, limit: 10 })
        yield* TestClock.adjust("1 second")
        yield* drain(manager, 10)
      })
    )
  )

  it.effect("on a journal that a paused program left, it begins anew", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        // What the pool is after a restart.
        yield* manager.setCapacity("api", 0, { max: 1_000 })
        yield* rated()
        assert.strictEqual((yield* manager.poolStatistics("api")).capacity, 1_000)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("options that make no sense, a pool that cannot be paused and one that is not there are refused", () =>
    withManager({ pools: { api: { capacity: 10 }, fixed: { capacity: 10, min: 1 } } }, () =>
      Effect.gen(function* () {
        const refused = (options: Partial<AdaptiveRateOptions>, policy?: Layer.Layer<never>) =>
          Effect.map(Effect.flip(rated(options, policy)), (error) => ({ ...error }))
        assert.deepInclude(yield* refused({ rate: { limit: 0 } }), { _tag: "InvalidRate", field: "rate.limit" })
        assert.deepInclude(yield* refused({ retryAfterMax: 0 }), { _tag: "InvalidRate", field: "retryAfterMax" })
        assert.deepInclude(yield* refused({ resourceType: "fixed" }), { _tag: "InvalidCapacity", field: "min" })
        assert.deepInclude(yield* refused({ resourceType: "nothing" }), { _tag: "UnknownResourceType" })
        for (const [options, field] of [
          [{ backoff: 1 }, "backoff"],
          [{ step: 0 }, "step"],
          [{ every: 0 }, "every"],
          [{ min: 0 }, "min"]
        ] as const) {
          const policy = RatePolicy.layer(RatePolicy.multiplicative(options))
          assert.deepInclude(yield* refused({}, policy), { _tag: "InvalidRate", field })
        }
      }).pipe(Effect.scoped)
    )
  )
})
