import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { TokenBucket } from "../src/index.ts"

describe("TokenBucket", () => {
  it.effect("as a service: full at the start, refilled by time, never above its capacity", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket
      assert.strictEqual(yield* bucket.available, 10)
      yield* bucket.acquire(10)
      assert.isFalse(yield* bucket.tryAcquire(1))
      for (const [time, level] of [
        ["199 millis", 0],
        ["1 millis", 1],
        ["300 millis", 2],
        ["100 millis", 3],
        ["1 day", 10]
      ] as const) {
        yield* TestClock.adjust(time)
        assert.strictEqual(yield* bucket.available, level, time)
      }
      assert.isTrue(yield* bucket.tryAcquire(10))
    }).pipe(Effect.provide(TokenBucket.layer({ capacity: 10, limit: 5 })))
  )

  it.effect("serves in order, each at the instant at which its tokens are there", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make({ capacity: 5, limit: 1 })
      const served: Array<string> = []
      yield* bucket.acquire(5)
      const fibers = yield* Effect.forEach(
        [
          ["three", 3],
          ["one", 1],
          ["five", 5]
        ] as const,
        ([name, tokens]) =>
          Effect.forkChild(
            Effect.andThen(
              bucket.acquire(tokens),
              Effect.sync(() => served.push(name))
            )
          )
      )
      yield* Effect.yieldNow
      assert.isFalse(yield* bucket.tryAcquire(0 + 1))
      yield* TestClock.adjust("2999 millis")
      assert.deepStrictEqual(served, [])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(served, ["three"])
      yield* TestClock.adjust("1 seconds")
      assert.deepStrictEqual(served, ["three", "one"])
      yield* TestClock.adjust("4999 millis")
      assert.deepStrictEqual(served, ["three", "one"])
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(served, ["three", "one", "five"])
      yield* Fiber.joinAll(fibers)
    })
  )

  it.effect("never lets more go than the burst and the rate, in any window", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make({ capacity: 7, limit: 3, interval: "700 millis" })
      const taken: Array<{ readonly at: number; readonly tokens: number }> = []
      for (let at = 0; at < 20_000; at += 37) {
        const tokens = 1 + (at % 4)
        if (yield* bucket.tryAcquire(tokens)) taken.push({ at, tokens })
        yield* TestClock.adjust(37)
      }
      assert.isAbove(taken.length, 20)
      for (let first = 0; first < taken.length; first++) {
        let sum = 0
        for (const { at, tokens } of taken.slice(first)) {
          sum += tokens
          assert.isAtMost(sum, 7 + (3 * (at - taken[first]!.at)) / 700)
        }
      }
    })
  )

  it.effect("an interrupted waiter has taken none, and the next moves up at once", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make({ capacity: 5, limit: 1 })
      yield* bucket.acquire(4)
      const large = yield* Effect.forkChild(bucket.acquire(5))
      yield* Effect.yieldNow
      const small = yield* Effect.forkChild(bucket.acquire(1))
      yield* Effect.yieldNow
      assert.isUndefined(small.pollUnsafe())
      yield* Fiber.interrupt(large)
      yield* Fiber.join(small)
      assert.strictEqual(yield* bucket.available, 0)
    })
  )

  it.effect("gives tokens back, never above its capacity, and wakes who waits", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make({ capacity: 5, limit: 1, interval: "1 day" })
      yield* bucket.release(3)
      assert.strictEqual(yield* bucket.available, 5)
      yield* bucket.acquire(5)
      const waiter = yield* Effect.forkChild(bucket.acquire(2))
      yield* Effect.yieldNow
      yield* bucket.release(3)
      yield* Fiber.join(waiter)
      assert.strictEqual(yield* bucket.available, 1)
    })
  )

  it.effect("more than its capacity fails at once; options and amounts that make no sense are refused", () =>
    Effect.gen(function* () {
      for (const capacity of [0, -1, 1.5, Number.NaN, Infinity]) {
        const error = yield* Effect.flip(TokenBucket.make({ capacity, limit: 1 }))
        assert.strictEqual(error._tag, "InvalidCapacity", String(capacity))
      }
      for (const limit of [0, -1, 1.5, Number.NaN, Infinity]) {
        const error = yield* Effect.flip(TokenBucket.make({ capacity: 1, limit }))
        assert.deepInclude({ ...error }, { _tag: "InvalidRate", field: "rate.limit" })
      }
      for (const interval of [0, -1, Number.NaN, "Infinity"] as const) {
        const error = yield* Effect.flip(TokenBucket.make({ capacity: 1, limit: 1, interval }))
        assert.deepInclude({ ...error }, { _tag: "InvalidRate", field: "rate.interval" })
      }
      const bucket = yield* TokenBucket.make({ capacity: 5, limit: 1 })
      assert.deepInclude({ ...(yield* Effect.flip(bucket.acquire(6))) }, { reason: "neverFits", limit: 5 })
      for (const tokens of [-1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
        for (const door of [bucket.acquire(tokens), Effect.asVoid(bucket.tryAcquire(tokens)), bucket.release(tokens)]) {
          assert.strictEqual((yield* Effect.flip(door))._tag, "InvalidClaim", String(tokens))
        }
      }
      assert.strictEqual(yield* bucket.available, 5)
    })
  )

  it.effect("is exact for ever: a million tokens in odd steps lose nothing", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make({ capacity: 1_000_000, limit: 333_333, interval: "7 seconds" })
      yield* bucket.acquire(1_000_000)
      for (let step = 0; step < 700; step++) {
        yield* TestClock.adjust(10)
        yield* bucket.available
      }
      assert.strictEqual(yield* bucket.available, 333_333)
    })
  )

  it.effect("times out with when it would have been served, and stops", () =>
    Effect.gen(function* () {
      const bucket = yield* TokenBucket.make({ capacity: 5, limit: 1 })
      yield* bucket.acquire(5)
      const timed = yield* Effect.forkChild(Effect.flip(bucket.acquire(5, { timeout: "1 second" })))
      const stopped = yield* Effect.forkChild(Effect.flip(bucket.acquire(1)))
      yield* TestClock.adjust("1 second")
      const error = yield* Fiber.join(timed)
      assert.strictEqual(
        error.message,
        "the caller waited 1.0 s for tokens: 5 tokens\n  tokens: needs 5 tokens of its rate, has 1, enough in 4.0 s"
      )
      yield* bucket.stop
      const last = yield* Fiber.await(stopped)
      assert.strictEqual(last._tag, "Failure")
    })
  )
})
