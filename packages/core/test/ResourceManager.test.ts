import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Lease, ResourceManager, TestResourceManager } from "../src/index.ts"

const layer = ResourceManager.layerTest({
  pools: { cpu: { capacity: 10 }, memory: { capacity: 10, rate: { limit: 5 } } }
})

describe("ResourceManager", () => {
  it.effect("waits its turn and gives back", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { awaitWaiting } = yield* TestResourceManager
      const first = yield* Effect.forkChild(manager.withLease("a", { cpu: 8 })(Effect.never))
      yield* Effect.yieldNow
      const second = yield* Effect.forkChild(manager.withLease("b", { cpu: 8 })(Effect.succeed(1)))
      yield* awaitWaiting(1)
      yield* Fiber.interrupt(first)
      assert.strictEqual(yield* Fiber.join(second), 1)
      assert.strictEqual(yield* manager.poolUsage("cpu"), 0)
    }).pipe(Effect.provide(layer))
  )

  it.effect("rates by the clock", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { awaitWaiting } = yield* TestResourceManager
      yield* manager.withLease("a", { memory: 10 })(Effect.void)
      const second = yield* Effect.forkChild(manager.withLease("b", { memory: 5 })(Effect.succeed(1)))
      yield* awaitWaiting(1)
      yield* TestClock.adjust("999 millis")
      assert.strictEqual((yield* manager.waiters).length, 1)
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(second), 1)
    }).pipe(Effect.provide(layer))
  )

  it.effect("tells a deadlock, nested and scoped", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const error = yield* Effect.flip(
        manager.withLease("a", { cpu: 6 })(manager.withLease("a", { cpu: 6 })(Effect.void))
      )
      assert.strictEqual(error._tag, "DeadlockDetected")
      const scoped = yield* Effect.flip(
        Effect.scoped(Effect.andThen(manager.lease("a", { cpu: 6 }), manager.lease("a", { cpu: 6 })))
      )
      assert.strictEqual(scoped._tag, "DeadlockDetected")
      const timedOut = yield* Effect.forkChild(
        Effect.flip(
          manager.withLease("a", { cpu: 6 })(
            Lease.detached(manager.withLease("a", { cpu: 6 }, { timeout: "1 second" })(Effect.void))
          )
        )
      )
      yield* TestClock.adjust("1 second")
      const error2 = yield* Fiber.join(timedOut)
      assert.strictEqual(error2._tag, "ClaimTimedOut")
      console.log(error.message, "\n", error2.message)
    }).pipe(Effect.provide(layer))
  )
})
