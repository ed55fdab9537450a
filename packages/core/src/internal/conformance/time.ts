/**
 * Rates, time-outs and expiry. Times are short, so that a home that keeps to the
 * wall clock is tested in reasonable time, and only what must not come too early
 * or never is asked of it: what is short may be over before the next step, and what
 * has to last until then lasts an hour.
 */
import { assert } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { awaitWaiting, awaitWaitingOrOver, failure, type Home, inUse, tens } from "./harness.ts"

/** Ten units; four tokens at once, then one in `interval`. */
const rated = (interval: "100 millis" | "1 hour") =>
  ({ pools: { cpu: { capacity: 10, rate: { limit: 1, interval, burst: 4 } } } }) as const

export const time = ({ check, pass }: Home): void => {
  check("lets the burst go at once, and more only as tokens come", rated("100 millis"), (manager) =>
    Effect.gen(function* () {
      const begunAt = yield* Clock.currentTimeMillis
      yield* manager.withLease("a", { cpu: 4 })(Effect.void)
      const next = yield* Effect.forkChild(manager.withLease("a", { cpu: 4 })(Effect.void))
      yield* awaitWaitingOrOver(manager, 1, next)
      yield* pass("450 millis")
      yield* Fiber.join(next)
      // Spent tokens stay spent when the lease returns: it waited for four new ones. Clocks tell whole milliseconds.
      assert.isAtLeast((yield* Clock.currentTimeMillis) - begunAt, 399)
      assert.strictEqual((yield* manager.poolStatistics("cpu")).waits.count, 2)
    })
  )

  check("lets nobody have a token that is spent, although the lease is back", rated("1 hour"), (manager) =>
    Effect.gen(function* () {
      yield* manager.withLease("a", { cpu: 4 })(Effect.void)
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
      assert.isTrue(Option.isNone(yield* manager.tryLease("a", { cpu: 1 })))
    })
  )

  check("refuses for good what is over the burst", rated("1 hour"), (manager) =>
    Effect.gen(function* () {
      const error = yield* failure(manager.lease("a", { cpu: 5 }), "ResourceExhausted")
      assert.deepInclude({ ...error }, { reason: "neverFits", short: "rate", requested: 5, limit: 4 })
    })
  )

  check(
    "counts requests where the rate is by request",
    { pools: { memory: { capacity: 1_000, rate: { limit: 1, interval: "1 hour", burst: 2, per: "request" } } } },
    (manager) =>
      Effect.gen(function* () {
        yield* manager.withLease("a", { memory: 1_000 })(Effect.void)
        yield* manager.withLease("a", { memory: 900 })(Effect.void)
        assert.isTrue(Option.isNone(yield* manager.tryLease("a", { memory: 1 })))
      })
  )

  check(
    "takes no token of waiters that are interrupted",
    { pools: { cpu: { capacity: 10, rate: { limit: 1, interval: "1 hour", burst: 1 } } } },
    (manager) =>
      Effect.gen(function* () {
        yield* manager.withLease("a", { cpu: 1 })(Effect.void)
        const five = []
        for (let index = 0; index < 5; index++) {
          five.push(yield* Effect.forkChild(manager.withLease("a", { cpu: 1 })(Effect.void)))
        }
        yield* awaitWaiting(manager, 5)
        const sixth = yield* Effect.forkChild(manager.withLease("b", { cpu: 1 })(Effect.succeed("served")))
        yield* awaitWaiting(manager, 6)
        yield* Effect.forEach(five, Fiber.interrupt)
        const [waiter] = yield* manager.explain("b")
        assert.isAtMost(waiter?.earliestInMillis ?? Infinity, 3_600_000)
        yield* manager.setRate("cpu", { limit: 1, interval: "100 millis", burst: 1 })
        yield* pass("150 millis")
        assert.strictEqual(yield* Fiber.join(sixth), "served")
      })
  )

  check("changes and lifts a rate", rated("1 hour"), (manager) =>
    Effect.gen(function* () {
      yield* manager.withLease("a", { cpu: 4 })(Effect.void)
      const waiter = yield* Effect.forkChild(manager.withLease("a", { cpu: 4 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 1)
      yield* manager.setRate("cpu", undefined)
      assert.strictEqual(yield* Fiber.join(waiter), "served")
      yield* manager.withLease("a", { cpu: 10 })(Effect.void)
      yield* failure(manager.setRate("cpu", { limit: 0 }), "InvalidRate")
      yield* failure(manager.setRate("gpu", { limit: 1 }), "UnknownResourceType")
    })
  )

  check("fails a claim that was not granted in time, and says what it waited for", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("holder", { cpu: 8 })
      const late = yield* Effect.forkChild(
        failure(manager.withLease("a", { cpu: 5 }, { timeout: "100 millis" })(Effect.void), "ClaimTimedOut")
      )
      yield* awaitWaitingOrOver(manager, 1, late)
      const next = yield* Effect.forkChild(manager.withLease("b", { cpu: 2 })(Effect.succeed("served")))
      yield* awaitWaitingOrOver(manager, 2, late)
      yield* pass("150 millis")
      const error = yield* Fiber.join(late)
      assert.deepInclude({ ...error }, { agent: "a", claim: { cpu: 5 } })
      assert.isAtLeast(error.waitedMillis, 100)
      assert.include(error.reasons.join("\n"), "holder")
      // It leaves nothing behind: whoever stood behind it goes on.
      assert.strictEqual(yield* Fiber.join(next), "served")
    })
  )

  check("has a default time limit, which a claim may lift", { ...tens, timeout: "100 millis" }, (manager) =>
    Effect.gen(function* () {
      const holder = yield* manager.lease("holder", { cpu: 10 })
      const patient = yield* Effect.forkChild(
        manager.withLease("a", { cpu: 1 }, { timeout: "Infinity" })(Effect.succeed("served"))
      )
      yield* awaitWaiting(manager, 1)
      const late = yield* Effect.forkChild(failure(manager.acquire("b", { cpu: 1 }), "ClaimTimedOut"))
      yield* awaitWaitingOrOver(manager, 2, late)
      yield* pass("150 millis")
      yield* Fiber.join(late)
      yield* holder.release
      assert.strictEqual(yield* Fiber.join(patient), "served")
    })
  )

  check("takes a lease back when it expires, and interrupts its body", tens, (manager) =>
    Effect.gen(function* () {
      const body = yield* Effect.forkChild(
        failure(manager.withLease("a", { cpu: 10 }, { expiresAfter: "100 millis" })(Effect.never), "LeaseRevoked")
      )
      while (body.pollUnsafe() === undefined && (yield* inUse(manager, "cpu")) === 0) yield* Effect.yieldNow
      const waiter = yield* Effect.forkChild(manager.withLease("b", { cpu: 10 })(Effect.succeed("served")))
      yield* awaitWaitingOrOver(manager, 1, body)
      yield* pass("150 millis")
      const error = yield* Fiber.join(body)
      assert.deepInclude({ ...error }, { agent: "a", reason: "expired" })
      assert.strictEqual(yield* Fiber.join(waiter), "served")
    })
  )

  check("tells a scoped lease that it expired", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("a", { cpu: 1 }, { expiresAfter: "100 millis" })
      const revoked = yield* Effect.forkChild(lease.revoked)
      const guarded = yield* Effect.forkChild(failure(lease.guard(Effect.never), "LeaseRevoked"))
      yield* pass("150 millis")
      assert.strictEqual((yield* Fiber.join(revoked)).reason, "expired")
      assert.strictEqual((yield* Fiber.join(guarded)).lease, lease.id)
      assert.isFalse(lease.isHeld)
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
      yield* lease.release
    })
  )
}
