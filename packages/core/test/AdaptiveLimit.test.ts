import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import {
  AdaptiveLimit,
  type AdaptiveLimitOptions,
  Aimd,
  Gradient2,
  LimitPolicy,
  ResourceManager,
  Semaphore,
  Vegas
} from "../src/index.ts"
import { assertIdle, withManager } from "./support/manager.ts"
import { interruptEverywhere } from "./support/Steps.ts"

class Overloaded extends Error {
  readonly _tag = "Overloaded"
}

const isOverloaded = (error: unknown) => error instanceof Overloaded

const api = { pools: { api: { capacity: 100 } } }

/** A limit on the pool `api`, by AIMD unless said otherwise, and one call for a sample. */
const limited = (
  options: Partial<AdaptiveLimitOptions> = {},
  policy: Layer.Layer<never> = LimitPolicy.layer(Aimd.make({ initial: 10 }))
) =>
  Effect.provide(
    AdaptiveLimit.make({ resourceType: "api", isDrop: isOverloaded, samplesMin: 1, window: 0, seed: 1, ...options }),
    policy
  )

const job = { api: 1 }

describe("AdaptiveLimit", () => {
  it.effect("is the pool's capacity, with a note that says why", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        const limit = yield* limited({ samplesMin: 5 })
        assert.strictEqual(yield* limit.limit, 10)
        assert.deepInclude(yield* manager.poolStatistics("api"), { capacity: 10, note: "aimd: begins at 10" })
        // Half of the limit in flight, so that it grows.
        yield* Effect.all(
          Array.from({ length: 5 }, () => limit.withLease("a", job)(Effect.sleep("1 second"))),
          { concurrency: "unbounded" }
        ).pipe(Effect.forkChild({ startImmediately: true }), Effect.tap(TestClock.adjust("1 second")))
        assert.deepInclude(yield* manager.poolStatistics("api"), {
          capacity: 11,
          note: "aimd: grows to 11, calls go well"
        })
        const view = yield* limit.view
        assert.deepInclude(view, { limit: 11, served: 5, dropped: 0, ignored: 0, inFlight: 0, changes: 1 })
        yield* assertIdle(manager)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("a time-out and what the predicate says are drops; other failures and interruptions are ignored", () =>
    withManager(api, () =>
      Effect.gen(function* () {
        const limit = yield* limited()
        const run = <A, E>(body: Effect.Effect<A, E>) => Effect.exit(limit.withLease("a", job)(body))
        yield* run(Effect.fail(new Overloaded()))
        assert.deepInclude(yield* limit.view, { limit: 9, dropped: 1, ignored: 0 })

        const slow = yield* Effect.forkChild(run(Effect.timeout(Effect.never, "1 second")), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(slow)
        assert.deepInclude(yield* limit.view, { limit: 8, dropped: 2, ignored: 0 })

        yield* run(Effect.fail("not found"))
        yield* run(Effect.die(new Error("a defect")))
        const fiber = yield* Effect.forkChild(run(Effect.never), { startImmediately: true })
        assert.strictEqual((yield* limit.view).inFlight, 1)
        yield* Fiber.interrupt(fiber)
        assert.deepInclude(yield* limit.view, { limit: 8, served: 0, dropped: 2, ignored: 3, inFlight: 0 })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("a body that outlives its lease is a drop, one that is interrupted before is not", () =>
    withManager(api, () =>
      Effect.gen(function* () {
        const limit = yield* limited()
        const leased = limit.withLease("a", job, { expiresAfter: "5 seconds" })(Effect.never)
        const late = yield* Effect.forkChild(Effect.flip(leased), { startImmediately: true })
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual((yield* Fiber.join(late))._tag, "LeaseRevoked")
        assert.deepInclude(yield* limit.view, { limit: 9, dropped: 1, inFlight: 0 })
        const interrupted = yield* Effect.forkChild(leased, { startImmediately: true })
        yield* Fiber.interrupt(interrupted)
        assert.deepInclude(yield* limit.view, { limit: 9, dropped: 1, ignored: 1, inFlight: 0 })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("the wait for the lease is no part of the latency, and a claim that fails is no sample", () =>
    withManager(api, () =>
      Effect.gen(function* () {
        const limit = yield* limited({}, LimitPolicy.layer(Aimd.make({ initial: 1, max: 1, timeout: "1500 millis" })))
        const call = limit.withLease("a", job)(Effect.sleep("1 second"))
        const both = yield* Effect.forkChild(Effect.all([call, call, call], { concurrency: "unbounded" }), {
          startImmediately: true
        })
        const late = yield* Effect.forkChild(
          Effect.flip(limit.withLease("b", job, { timeout: "100 millis" })(Effect.void))
        )
        yield* TestClock.adjust("3 seconds")
        yield* Fiber.join(both)
        assert.strictEqual((yield* Fiber.join(late))._tag, "ClaimTimedOut")
        assert.deepInclude(yield* limit.view, { served: 3, dropped: 0, ignored: 0 })
        assert.include(JSON.stringify((yield* limit.view).state), '"move":"grow","rttMicros":1000000')
        const without = yield* Effect.flip(limit.withLease("a", {})(Effect.void))
        assert.deepInclude({ ...without }, { _tag: "InvalidClaim", field: "claim.api" })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("observes a body inside of a lease taken otherwise, in units of the pool", () =>
    withManager(api, (manager) =>
      Effect.gen(function* () {
        const limit = yield* limited()
        yield* manager.withLease("a", { api: 6 })(limit.observe(6)(Effect.void))
        assert.deepInclude(yield* limit.view, { limit: 11, served: 1 })
        yield* manager.withLease("a", job)(limit.observe()(Effect.void))
        assert.deepInclude(yield* limit.view, { limit: 11, served: 2 })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("claims up to the policy's maximum wait for growth, those above fail at once", () =>
    withManager(api, (_, awaitWaiting) =>
      Effect.gen(function* () {
        const limit = yield* limited({}, LimitPolicy.layer(Aimd.make({ initial: 1, max: 2 })))
        const large = yield* Effect.forkChild(limit.withLease("a", { api: 2 })(Effect.succeed("served")))
        yield* awaitWaiting(1)
        const never = yield* Effect.flip(limit.withLease("a", { api: 3 })(Effect.void))
        assert.deepInclude({ ...never }, { _tag: "ResourceExhausted", reason: "neverFits" })
        yield* limit.observe()(Effect.void)
        assert.strictEqual(yield* Fiber.join(large), "served")
      }).pipe(Effect.scoped)
    )
  )

  it.effect("a limit that shrinks takes nothing from those who hold", () =>
    withManager(api, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const limit = yield* limited({}, LimitPolicy.layer(Aimd.make({ initial: 2, backoff: 0.5 })))
        const held = yield* Effect.forkChild(limit.withLease("a", { api: 2 })(Effect.sleep("1 minute")), {
          startImmediately: true
        })
        yield* Effect.exit(limit.observe()(Effect.fail(new Overloaded())))
        assert.deepInclude(yield* manager.poolStatistics("api"), { capacity: 1, inUse: 2 })
        const waiting = yield* Effect.forkChild(limit.withLease("b", job)(Effect.void))
        yield* awaitWaiting(1)
        const [waiter] = yield* manager.explain("b")
        assert.include(waiter?.reasons[0]?.message, "aimd: falls to 1, a call was dropped")
        yield* TestClock.adjust("1 minute")
        yield* Fiber.joinAll([held, waiting])
      }).pipe(Effect.scoped)
    )
  )

  it.effect("bounds that the pool does not have, options that make no sense and unknown pools are refused", () =>
    withManager({ pools: { api: { capacity: 10, min: 5, max: 50 } } }, () =>
      Effect.gen(function* () {
        const refused = (options: Partial<AdaptiveLimitOptions>, policy: Layer.Layer<never>) =>
          Effect.map(Effect.flip(limited(options, policy)), (error) => ({ ...error }))
        const fits = LimitPolicy.layer(Aimd.make({ min: 5, max: 50 }))
        assert.deepInclude(yield* refused({}, LimitPolicy.layer(Aimd.make({ min: 4, max: 50 }))), {
          _tag: "InvalidCapacity",
          value: 4
        })
        assert.deepInclude(yield* refused({}, LimitPolicy.layer(Aimd.make({ min: 5, max: 51 }))), {
          _tag: "InvalidCapacity",
          value: 51
        })
        assert.deepInclude(yield* refused({}, LimitPolicy.layer(Vegas.make({ smoothing: 3 }))), { field: "smoothing" })
        assert.deepInclude(yield* refused({ samplesMin: 0 }, fits), { field: "samplesMin" })
        assert.deepInclude(yield* refused({ samplesMin: 10, samplesMax: 5 }, fits), { field: "samplesMax" })
        assert.deepInclude(yield* refused({ window: "Infinity" }, fits), { field: "window" })
        assert.deepInclude(yield* refused({ resourceType: "nothing" }, fits), { _tag: "UnknownResourceType" })
        yield* limited({}, fits)
      }).pipe(Effect.scoped)
    )
  )

  it("whenever a body is interrupted, nothing of it stays in flight", () => {
    const interruptions = interruptEverywhere((steps) =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const limit = yield* limited()
        const victim = yield* steps.victim(limit.withLease("a", job)(Effect.sleep(10)))
        const other = yield* Effect.forkChild(limit.withLease("b", { api: 10 })(Effect.sleep(10)))
        yield* steps.idle
        yield* steps.advance(10)
        yield* steps.advance(10)
        yield* Fiber.await(victim)
        yield* Fiber.await(other)
        assert.strictEqual((yield* limit.view).inFlight, 0)
        yield* assertIdle(manager)
      }).pipe(Effect.scoped, Effect.provide(ResourceManager.layerTest({ gracePeriod: 0, ...api })))
    )
    assert.isAbove(interruptions, 20)
  })
})

/**
 * The whole of it, with fibers: callers that always have one more call, a backend of 30
 * permits that takes 100 ms a call.
 */
const backed = (policy: Layer.Layer<never>) =>
  withManager({ pools: { api: { capacity: 100 } } }, (manager) =>
    Effect.gen(function* () {
      const limit = yield* limited({ samplesMin: 10 }, policy)
      const backend = yield* Semaphore.make(30)
      const call = limit.withLease(
        "a",
        job
      )(
        backend
          .withPermits(1)(Effect.sleep("100 millis"))
          // A queue of more than another 30 takes too long.
          .pipe(Effect.timeout("250 millis"))
      )
      const callers = yield* Effect.forEach(Array.from({ length: 100 }), () =>
        Effect.forkChild(Effect.forever(Effect.exit(call)))
      )
      const limits: Array<number> = []
      for (let trip = 0; trip < 150; trip++) {
        yield* TestClock.adjust("100 millis")
        limits.push((yield* manager.poolStatistics("api")).capacity)
      }
      yield* Fiber.interruptAll(callers)
      return limits
    }).pipe(Effect.scoped)
  )

describe("AdaptiveLimit on a manager, with a backend of 30", () => {
  it.effect.each([
    ["vegas", LimitPolicy.layer(Vegas.make({ initial: 5, max: 100, alpha: 2, beta: 4 }))],
    ["gradient2", LimitPolicy.layer(Gradient2.make({ initial: 5, max: 100 }))]
  ] as const)("%s finds it", ([, policy]) =>
    Effect.gen(function* () {
      const limits = yield* backed(policy)
      const median = limits.slice(100).toSorted((a, b) => a - b)[25]!
      assert.isAtLeast(median, 28)
      assert.isAtMost(median, 35)
    })
  )
})

// Exit is what a caller sees: the same as without a limit.
it.effect("the body's own outcome is untouched, and a predicate that throws is its own defect", () =>
  withManager(api, () =>
    Effect.gen(function* () {
      const limit = yield* limited({
        isDrop: () => {
          throw new Error("bad predicate")
        }
      })
      assert.deepStrictEqual(yield* Effect.exit(limit.withLease("a", job)(Effect.succeed(5))), Exit.succeed(5))
      const exit = yield* Effect.exit(limit.withLease("a", job)(Effect.fail("why")))
      assert.isTrue(Exit.isFailure(exit))
      assert.deepInclude(yield* limit.view, { inFlight: 0 })
    }).pipe(Effect.scoped)
  )
)
