import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { ResourceManager, type ResourceManagerOptions, Settlement } from "../src/index.ts"
import { assertIdle, type Manager, withManager } from "./support/manager.ts"
import { interruptEverywhere } from "./support/Steps.ts"

/** A hundred tokens at the start, ten a second; calls at once are not limited. */
const options: ResourceManagerOptions = {
  pools: {
    tokens: { capacity: 1_000_000, rate: { limit: 10, interval: "1 second", burst: 100 } },
    calls: { capacity: 10 }
  }
}

const tokens = (manager: Manager) => Effect.map(manager.poolStatistics("tokens"), (pool) => pool.tokens)

const estimate = { tokens: 40, calls: 1 }
const cost = { success: (used: number) => ({ tokens: used }) }

describe("Lease.settle", () => {
  it.effect("gives back what was paid too much, and charges what was paid too little", () =>
    withManager(options, (manager) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lease = yield* manager.lease("a", estimate)
          assert.strictEqual(yield* tokens(manager), 60)
          yield* lease.settle({ tokens: 15 })
          assert.strictEqual(yield* tokens(manager), 85)
          // Said again it is compared with what was said before.
          yield* lease.settle({ tokens: 15 })
          yield* lease.settle({ tokens: 50 })
          assert.strictEqual(yield* tokens(manager), 50)
          yield* lease.settle({ tokens: 0 })
          assert.strictEqual(yield* tokens(manager), 100)
        })
      )
    )
  )

  it.effect("never above the burst", () =>
    withManager(options, (manager) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lease = yield* manager.lease("a", estimate)
          yield* TestClock.adjust("1 minute")
          yield* lease.settle({ tokens: 0 })
          assert.strictEqual(yield* tokens(manager), 100)
        })
      )
    )
  )

  it.effect("a debt is paid by the rate before anything is granted, and a waiter is told when", () =>
    withManager(options, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* Settlement.withLease("a", estimate, Effect.succeed(150), cost)
        assert.strictEqual(yield* tokens(manager), -50)
        assert.isFalse((yield* manager.check("a", { tokens: 1 })).granted)
        const next = yield* Effect.forkChild(manager.withLease("b", { tokens: 1 })(Effect.void))
        yield* awaitWaiting(1)
        assert.strictEqual((yield* manager.explain("b"))[0]?.earliestInMillis, 5_100)
        yield* TestClock.adjust("5099 millis")
        assert.isUndefined(next.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(next)
        assert.strictEqual(yield* tokens(manager), 0)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("what comes back serves who waits, in the same decision; a debt takes the earmarks of who waits", () =>
    withManager(options, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const first = yield* manager.lease("a", { tokens: 90 })
        const held = yield* manager.lease("a", { calls: 10 })
        // It has its tokens earmarked, and waits for a call.
        const earmarked = yield* Effect.forkIn(manager.withLease("b", { tokens: 10, calls: 1 })(Effect.void), scope)
        yield* awaitWaiting(1)
        const rated = yield* Effect.forkIn(manager.withLease("c", { tokens: 80 })(Effect.void), scope)
        yield* awaitWaiting(2)
        yield* first.settle({ tokens: 10 })
        yield* Fiber.join(rated)
        assert.strictEqual(yield* tokens(manager), 10)
        yield* first.settle({ tokens: 30 })
        yield* held.release
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(earmarked.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(earmarked)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("what makes no sense is refused whole, and a lease that is gone is settled no more", () =>
    withManager(options, (manager) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lease = yield* manager.lease("a", estimate)
          for (const [actual, field] of [
            [{ tokens: 1, calls: 0.5 }, "actual.calls"],
            [{ tokens: -1 }, "actual.tokens"],
            [{ tokens: 1, gpu: 1 }, "actual.gpu"]
          ] as const) {
            const error = yield* Effect.flip(lease.settle(actual))
            assert.deepInclude({ ...error }, { _tag: "InvalidClaim", field })
          }
          assert.strictEqual(yield* tokens(manager), 60)
          // A type without a rate costs nothing.
          yield* lease.settle({ calls: 7 })
          yield* lease.settle({ tokens: Number.MAX_SAFE_INTEGER })
          const error = yield* Effect.flip((yield* manager.lease("a", { calls: 1 })).settle({ tokens: 1 }))
          assert.strictEqual(error._tag, "InvalidClaim")
          yield* lease.release
          assert.strictEqual((yield* Effect.flip(lease.settle({ tokens: 0 })))._tag, "LeaseRevoked")
        })
      )
    )
  )
})

describe("Settlement.withLease", () => {
  it.effect("by default a failure is refunded, an interruption and a defect are not; a rule says otherwise", () =>
    withManager(options, (manager) =>
      Effect.gen(function* () {
        yield* Effect.exit(Settlement.withLease("a", estimate, Effect.fail("refused"), cost))
        assert.strictEqual(yield* tokens(manager), 100)
        yield* Effect.exit(Settlement.withLease("a", estimate, Effect.die("a defect"), cost))
        assert.strictEqual(yield* tokens(manager), 60)
        const fiber = yield* Effect.forkChild(Settlement.withLease("a", estimate, Effect.never, cost), {
          startImmediately: true
        })
        yield* Fiber.interrupt(fiber)
        assert.strictEqual(yield* tokens(manager), 20)
        const refused = Effect.fail("refused")
        yield* Effect.exit(Settlement.withLease("a", { tokens: 20 }, refused, { failure: () => "keep" }))
        assert.strictEqual(yield* tokens(manager), 0)
        yield* TestClock.adjust("10 seconds")
        yield* Effect.exit(Settlement.withLease("a", { tokens: 20 }, refused, { failure: () => ({ tokens: 5 }) }))
        assert.strictEqual(yield* tokens(manager), 95)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("a rule that makes no sense changes neither the outcome nor the estimate", () =>
    withManager(options, (manager) =>
      Effect.gen(function* () {
        const done = Effect.succeed("done")
        const fraction = yield* Settlement.withLease("a", estimate, done, { success: () => ({ tokens: 0.5 }) })
        assert.strictEqual(fraction, "done")
        assert.strictEqual(yield* tokens(manager), 60)
        const thrown = yield* Settlement.withLease("a", estimate, done, {
          success: () => {
            throw new Error("a bad rule")
          }
        })
        assert.strictEqual(thrown, "done")
        assert.strictEqual(yield* tokens(manager), 20)
      })
    )
  )

  it.effect("with an expiry the body is interrupted, and the estimate stands", () =>
    withManager(options, (manager) =>
      Effect.gen(function* () {
        const leased = Settlement.withLease("a", estimate, Effect.never, { ...cost, expiresAfter: "1 second" })
        const fiber = yield* Effect.forkChild(Effect.flip(leased), { startImmediately: true })
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "LeaseRevoked")
        assert.strictEqual(yield* tokens(manager), 70)
        yield* assertIdle(manager)
      })
    )
  )

  it("whenever it is interrupted, it has cost the estimate, what it said, or nothing, and holds nothing", () => {
    const interruptions = interruptEverywhere((steps) =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const call = Settlement.withLease("a", estimate, Effect.sleep(10), { success: () => ({ tokens: 90 }) })
        const victim = yield* steps.victim(call)
        yield* steps.idle
        yield* steps.advance(10)
        yield* Fiber.await(victim)
        assert.include([100, 60, 10], yield* tokens(manager))
        yield* assertIdle(manager)
      }).pipe(Effect.provide(ResourceManager.layerTest({ gracePeriod: 0, ...options })))
    )
    assert.isAbove(interruptions, 20)
  })
})
