/** The manager as most programs use it. The rules are in `rules`, the homes in `ResourceManager.conformance`. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { mebibytes, ResourceManager, TestResourceManager } from "../src/index.ts"
import { assertIdle, ten, withManager } from "./support/manager.ts"

describe("ResourceManager", () => {
  it.effect("hands out scoped leases over several types at once", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.setQuota("agent-1", "cpu", 50)
      const inside = yield* manager.withLease("agent-1", { cpu: 10, memory: mebibytes(100) })(manager.usage("agent-1"))
      assert.deepStrictEqual(inside, { cpu: 10, memory: mebibytes(100) })
      const lease = yield* manager.lease("agent-1", { cpu: 10 }, { timeout: "5 seconds" })
      assert.isTrue(lease.isHeld)
      assert.isTrue(Option.isSome(yield* manager.tryLease("agent-2", { cpu: 10 })))
      assert.deepStrictEqual(yield* manager.quota("agent-1", "cpu"), Option.some(50))
      assert.strictEqual(yield* manager.poolUsage("cpu"), 20)
    }).pipe(
      Effect.scoped,
      Effect.provide(
        ResourceManager.layer({ pools: { cpu: { capacity: 100 }, memory: { capacity: mebibytes(1_024) } } })
      )
    )
  )

  it.effect("waits its turn and gives back, whether the body ends, fails, dies or is interrupted", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const bodies = [Effect.void, Effect.fail("no"), Effect.die(new Error("a defect")), Effect.interrupt]
        for (const body of bodies) {
          const fiber = yield* Effect.forkChild(Effect.exit(manager.withLease("a", { cpu: 8, memory: 2 })(body)))
          yield* Fiber.await(fiber)
          yield* assertIdle(manager)
        }
        const first = yield* Effect.forkChild(manager.withLease("a", { cpu: 8 })(Effect.never))
        yield* Effect.yieldNow
        const second = yield* Effect.forkChild(manager.withLease("b", { cpu: 8 })(Effect.succeed(1)))
        yield* awaitWaiting(1)
        yield* Fiber.interrupt(first)
        assert.strictEqual(yield* Fiber.join(second), 1)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("rates by the clock", () =>
    withManager({ pools: { calls: { capacity: 10, rate: { limit: 5 } } } }, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.withLease("a", { calls: 10 })(Effect.void)
        const second = yield* Effect.forkChild(manager.withLease("b", { calls: 5 })(Effect.succeed(1)))
        yield* awaitWaiting(1)
        yield* TestClock.adjust("999 millis")
        assert.strictEqual((yield* manager.waiters).length, 1)
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(second), 1)
      })
    )
  )

  it.effect("has a time-out for claims that name none", () =>
    withManager({ ...ten, timeout: "2 seconds" }, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.acquire("holder", { cpu: 10 })
        const short = yield* Effect.forkChild(Effect.flip(manager.acquire("a", { cpu: 1 })))
        const long = yield* Effect.forkChild(Effect.flip(manager.acquire("b", { cpu: 1 }, { timeout: "3 seconds" })))
        yield* awaitWaiting(2)
        yield* TestClock.adjust("2 seconds")
        assert.deepInclude({ ...(yield* Fiber.join(short)) }, { _tag: "ClaimTimedOut", waitedMillis: 2_000 })
        assert.isUndefined(long.pollUnsafe())
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(long)
      })
    )
  )

  it.effect("a quota counts what an agent holds and waits for; a cut fails its youngest waiters", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.acquire("holder", { cpu: 8 })
        yield* manager.setQuota("a", "cpu", 8)
        yield* manager.acquire("a", { cpu: 2 })
        const older = yield* Effect.forkChild(Effect.exit(manager.acquire("a", { cpu: 3 })))
        yield* awaitWaiting(1)
        const younger = yield* Effect.forkChild(Effect.flip(manager.acquire("a", { cpu: 3 })))
        yield* awaitWaiting(2)
        const over = yield* Effect.flip(manager.acquire("a", { cpu: 1 }))
        assert.deepInclude({ ...over }, { _tag: "QuotaExceeded", held: 2, waiting: 6, quota: 8 })
        yield* manager.setQuota("a", "cpu", 5)
        assert.deepInclude({ ...(yield* Fiber.join(younger)) }, { _tag: "QuotaExceeded", quota: 5, held: 2 })
        assert.isUndefined(older.pollUnsafe())
        yield* manager.setQuota("a", "cpu", 1)
        yield* Fiber.join(older)
        // What is held stays.
        assert.deepStrictEqual(yield* manager.usage("a"), { cpu: 2 })
      })
    )
  )

  it.effect("awaitWaiting completes as soon as enough claims wait", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { awaitWaiting } = yield* TestResourceManager
      yield* awaitWaiting(0)
      yield* manager.acquire("holder", { cpu: 10 })
      const both = yield* Effect.forkChild(awaitWaiting(2))
      const waiters = yield* Effect.forEach(["a", "b"], (agent) => Effect.forkChild(manager.acquire(agent, { cpu: 1 })))
      yield* Fiber.join(both)
      yield* manager.release("holder", { cpu: 10 })
      yield* Fiber.joinAll(waiters)
    }).pipe(Effect.provide(ResourceManager.layerTest({ ...ten, gracePeriod: 0 })))
  )
})
