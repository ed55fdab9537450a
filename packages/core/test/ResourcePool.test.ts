import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { mebibytes, ResourcePool, ResourceType } from "../src/index.ts"

describe("ResourcePool", () => {
  it.effect("as a service, with the known type of its name", () =>
    Effect.gen(function* () {
      const pool = yield* ResourcePool
      assert.strictEqual(pool.type.unit, "bytes")
      yield* pool.withUnits(mebibytes(256))(
        Effect.gen(function* () {
          assert.strictEqual(yield* pool.available, mebibytes(768))
          assert.strictEqual(yield* pool.usage, 25)
        })
      )
      const statistics = yield* pool.statistics
      assert.deepInclude(statistics, { acquisitions: 1, inUse: 0, peak: mebibytes(256) })
      const error = yield* Effect.flip(pool.acquire(mebibytes(1025)))
      assert.strictEqual(
        error.message,
        "memory: 1025 MiB can never be granted, the pool has at most 1 GiB".replace("1025 MiB", "1.00 GiB")
      )
    }).pipe(Effect.provide(ResourcePool.layer("memory", { capacity: mebibytes(1024) })))
  )

  it.effect("grows and shrinks live, within its bounds", () =>
    Effect.gen(function* () {
      const pool = yield* ResourcePool.make("gpu", { capacity: 4, min: 2, max: 8 })
      yield* pool.acquire(4)
      const waiter = yield* Effect.forkChild(pool.withUnits(3)(Effect.succeed("served")))
      yield* Effect.yieldNow
      yield* pool.setCapacity(7)
      assert.strictEqual(yield* Fiber.join(waiter), "served")
      yield* pool.setCapacity(2)
      assert.strictEqual(yield* pool.available, 0)
      assert.strictEqual(yield* pool.usage, 200)
      assert.isFalse(yield* pool.tryAcquire(1))
      yield* pool.release(3)
      assert.strictEqual(yield* pool.available, 1)
      for (const outside of [1, 9, 2.5, Number.NaN]) {
        assert.strictEqual((yield* Effect.flip(pool.setCapacity(outside)))._tag, "InvalidCapacity")
      }
      yield* pool.release(1)
      assert.strictEqual(yield* pool.available, 2)
    })
  )

  it.effect("a rate that is set, changed and taken away", () =>
    Effect.gen(function* () {
      const pool = yield* ResourcePool.make("calls", { capacity: 10, rate: { limit: 1, burst: 2, per: "request" } })
      yield* pool.withUnits(10)(Effect.void)
      yield* pool.withUnits(10)(Effect.void)
      const third = yield* Effect.forkChild(pool.withUnits(1)(Effect.succeed("third")))
      yield* TestClock.adjust("999 millis")
      assert.isUndefined(third.pollUnsafe())
      yield* pool.setRate({ limit: 1_000, burst: 2, per: "request" })
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(yield* Fiber.join(third), "third")
      const fourth = yield* Effect.forkChild(
        Effect.forEach([1, 2, 3, 4, 5], () => pool.withUnits(1)(Effect.void), { discard: true })
      )
      yield* pool.setRate(undefined)
      yield* Fiber.join(fourth)
      for (const rate of [
        { limit: 0 },
        { limit: 1, burst: 0 },
        { limit: 1, interval: -1 },
        JSON.parse(`{ "limit": 1, "per": "day" }`)
      ]) {
        assert.strictEqual((yield* Effect.flip(pool.setRate(rate)))._tag, "InvalidRate")
      }
      assert.isUndefined((yield* pool.statistics).tokens)
    })
  )

  it.effect("configurations that make no sense are refused", () =>
    Effect.gen(function* () {
      for (const config of [
        { capacity: -1 },
        { capacity: 1.5 },
        { capacity: Number.NaN },
        { capacity: 2 ** 53 },
        { capacity: 5, min: 6 },
        { capacity: 5, max: 4 },
        { capacity: 5, min: -1 },
        { capacity: 5, min: 4, max: 3 }
      ]) {
        assert.strictEqual(
          (yield* Effect.flip(ResourcePool.make("x", config)))._tag,
          "InvalidCapacity",
          JSON.stringify(config)
        )
      }
      assert.strictEqual(
        (yield* Effect.flip(ResourcePool.make("x", { capacity: 1, rate: { limit: -1 } })))._tag,
        "InvalidRate"
      )
    })
  )

  it.effect("locks: one writer or many readers, and no reader passes a waiting writer", () =>
    Effect.gen(function* () {
      const lock = ResourceType.shared("document", { readersMax: 3 })
      const pool = yield* ResourcePool.make(lock.name, { ...lock.pool, type: lock })
      const order: Array<string> = []
      yield* pool.acquire(lock.read["document"] ?? 0)
      const writer = yield* Effect.forkChild(
        pool.withUnits(lock.write["document"] ?? 0)(Effect.sync(() => order.push("writer")))
      )
      yield* Effect.yieldNow
      const reader = yield* Effect.forkChild(pool.withUnits(1)(Effect.sync(() => order.push("reader"))))
      yield* Effect.yieldNow
      assert.deepStrictEqual(order, [])
      yield* pool.release(1)
      yield* Fiber.joinAll([writer, reader])
      assert.deepStrictEqual(order, ["writer", "reader"])
    })
  )
})
