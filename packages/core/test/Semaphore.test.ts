import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { Semaphore } from "../src/index.ts"

describe("Semaphore", () => {
  it.effect("as a service", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore
      assert.strictEqual(semaphore.capacity, 2)
      assert.strictEqual(yield* semaphore.withPermits(1)(semaphore.available), 1)
      assert.strictEqual(yield* semaphore.available, 2)
    }).pipe(Effect.provide(Semaphore.layer(2)))
  )

  it.effect("never lets more in than there are permits, and everybody in the end", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(3)
      let inside = 0
      let most = 0
      let done = 0
      yield* Effect.forEach(
        Array.from({ length: 200 }, (_, index) => 1 + (index % 3)),
        (permits) =>
          semaphore.withPermits(permits)(
            Effect.gen(function* () {
              inside += permits
              most = Math.max(most, inside)
              yield* Effect.yieldNow
              inside -= permits
              done++
            })
          ),
        { concurrency: "unbounded" }
      )
      assert.deepStrictEqual([inside, most, done], [0, 3, 200])
    })
  )

  it.effect("first come, first served, whatever the sizes", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(3)
      const order: Array<string> = []
      yield* semaphore.acquire(2)
      const large = yield* Effect.forkChild(semaphore.withPermits(3)(Effect.sync(() => order.push("large"))))
      yield* Effect.yieldNow
      const small = yield* Effect.forkChild(semaphore.withPermits(1)(Effect.sync(() => order.push("small"))))
      yield* Effect.yieldNow
      assert.isFalse(yield* semaphore.tryAcquire(1))
      yield* semaphore.release(2)
      yield* Fiber.joinAll([large, small])
      assert.deepStrictEqual(order, ["large", "small"])
    })
  )

  it.effect("more than there is fails at once; more than was acquired cannot be released", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(3)
      const never = yield* Effect.flip(semaphore.acquire(4))
      assert.deepInclude({ ...never }, { _tag: "ResourceExhausted", reason: "neverFits", limit: 3 })
      yield* semaphore.acquire(2)
      const over = yield* Effect.flip(semaphore.release(3))
      assert.deepInclude({ ...over }, { _tag: "ResourceNotAcquired", held: { permits: 2 } })
      assert.strictEqual(yield* semaphore.available, 1)
      yield* semaphore.release(2)
      assert.strictEqual(yield* semaphore.available, 3)
    })
  )

  it.effect("a fiber that waits for itself is told so", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(1)
      const error = yield* Effect.flip(semaphore.withPermits(1)(semaphore.withPermits(1)(Effect.void)))
      assert.strictEqual(error._tag, "DeadlockDetected")
      assert.strictEqual(yield* semaphore.available, 1)
    })
  )

  it.effect("times out, and leaves its place", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(2)
      yield* semaphore.acquire(1)
      const timed = yield* Effect.forkChild(Effect.flip(semaphore.acquire(2, { timeout: "1 second" })))
      yield* Effect.yieldNow
      const behind = yield* Effect.forkChild(semaphore.withPermits(1)(Effect.succeed("served")))
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(timed))._tag, "ClaimTimedOut")
      assert.strictEqual(yield* Fiber.join(behind), "served")
    })
  )

  it.effect("refuses capacities and counts that are none", () =>
    Effect.gen(function* () {
      for (const capacity of [0, -1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
        assert.strictEqual((yield* Effect.flip(Semaphore.make(capacity)))._tag, "InvalidCapacity", String(capacity))
      }
      const semaphore = yield* Semaphore.make(3)
      for (const permits of [-1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
        for (const door of [
          semaphore.acquire(permits),
          Effect.asVoid(semaphore.tryAcquire(permits)),
          semaphore.withPermits(permits)(Effect.void)
        ]) {
          assert.strictEqual((yield* Effect.flip(door))._tag, "InvalidClaim", String(permits))
        }
        assert.strictEqual((yield* Effect.flip(semaphore.release(permits)))._tag, "InvalidClaim", String(permits))
      }
      assert.strictEqual(yield* semaphore.available, 3)
    })
  )

  it.effect("stops", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(1)
      yield* semaphore.acquire(1)
      const waiter = yield* Effect.forkChild(Effect.flip(semaphore.acquire(1)))
      yield* Effect.yieldNow
      yield* semaphore.stop
      assert.strictEqual((yield* Fiber.join(waiter))._tag, "ManagerStopped")
      assert.strictEqual((yield* Effect.flip(semaphore.acquire(1)))._tag, "ManagerStopped")
      yield* semaphore.release(1)
      assert.strictEqual(yield* semaphore.available, 1)
    })
  )

  it.effect("leases: scoped, early, or not at all", () =>
    Effect.gen(function* () {
      const semaphore = yield* Semaphore.make(2)
      yield* Effect.scoped(
        Effect.gen(function* () {
          const lease = yield* semaphore.lease(2)
          assert.deepStrictEqual(lease.claim, { permits: 2 })
          yield* lease.shrink({ permits: 1 })
          assert.strictEqual(yield* semaphore.available, 1)
        })
      )
      assert.strictEqual(yield* semaphore.available, 2)
      assert.isTrue(Option.isNone(yield* Effect.option(Effect.scoped(semaphore.lease(3)))))
    })
  )
})
