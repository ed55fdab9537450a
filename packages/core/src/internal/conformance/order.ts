/** Order: first come, first served, and never unfair to the large. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { awaitWaiting, type Home, inUse, type Service, tens } from "./harness.ts"

/** Forks claims one after the other, each once the last one waits, and notes who is granted. */
const queue = Effect.fnUntraced(function* (
  manager: Service,
  waiters: ReadonlyArray<readonly [agent: string, claim: Readonly<Record<string, number>>]>
) {
  const granted: Array<string> = []
  const fibers = []
  const before = (yield* manager.waiters).length
  for (const [agent, claim] of waiters) {
    fibers.push(
      yield* Effect.forkChild(
        manager.withLease(
          agent,
          claim
        )(
          Effect.sync(() => {
            granted.push(agent)
          })
        )
      )
    )
    yield* awaitWaiting(manager, before + fibers.length)
  }
  return { granted, fibers }
})

export const order = ({ check }: Home): void => {
  check("serves in the order of asking, not of size", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("holder", { cpu: 10 })
      const { fibers, granted } = yield* queue(manager, [
        ["large", { cpu: 10 }],
        ["small", { cpu: 1 }],
        ["whole", { cpu: 10 }],
        ["tiny", { cpu: 1 }]
      ])
      yield* lease.release
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(granted, ["large", "small", "whole", "tiny"])
    })
  )

  check("does not starve a large claim by a stream of small ones", tens, (manager) =>
    Effect.gen(function* () {
      // Ten claims of one unit at a time, each followed by its like: the pool is never empty by itself.
      const done = yield* Deferred.make<void>()
      const small = (index: number) =>
        Effect.gen(function* () {
          while (!(yield* Deferred.isDone(done)))
            yield* manager.withLease(`small ${index}`, { cpu: 1 })(Effect.yieldNow)
        })
      const stream = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 10 }), (_, index) => small(index), { concurrency: "unbounded" })
      )
      while ((yield* inUse(manager, "cpu")) === 0) yield* Effect.yieldNow
      assert.strictEqual(yield* manager.withLease("large", { cpu: 10 })(Effect.succeed("served")), "served")
      yield* Deferred.succeed(done, undefined)
      yield* Fiber.join(stream)
    })
  )

  check("lets nobody pass a waiter without waiting", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("holder", { cpu: 6 })
      const { fibers } = yield* queue(manager, [["waiter", { cpu: 6 }]])
      assert.isTrue(Option.isNone(yield* manager.tryLease("late", { cpu: 4 })))
      assert.isFalse(yield* manager.tryAcquire("late", { cpu: 1 }))
      yield* Effect.forEach(fibers, Fiber.interrupt)
      assert.isTrue(Option.isSome(yield* manager.tryLease("late", { cpu: 4 })))
    })
  )

  check("wakes the next when a waiter is interrupted", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("holder", { cpu: 6 })
      const { fibers, granted } = yield* queue(manager, [
        ["large", { cpu: 10 }],
        ["small", { cpu: 4 }]
      ])
      const [large, small] = fibers
      if (large === undefined || small === undefined) return assert.fail("both have to wait")
      yield* Fiber.interrupt(large)
      yield* Fiber.join(small)
      assert.deepStrictEqual(granted, ["small"])
    })
  )

  check("keeps an earlier waiter's share, and lets the rest flow on", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("holder", { memory: 10 })
      const { fibers } = yield* queue(manager, [["both", { cpu: 4, memory: 1 }]])
      // Short of memory, it does not idle the processors beyond its own four.
      const rest = yield* manager.tryLease("later", { cpu: 6 })
      assert.isTrue(Option.isSome(rest))
      assert.isTrue(Option.isNone(yield* manager.tryLease("latest", { cpu: 1 })))
      const [waiter] = yield* manager.explain("both")
      assert.deepStrictEqual(waiter?.earmarked, ["cpu"])
      assert.deepStrictEqual(yield* manager.usage("both"), {})
      yield* lease.release
      yield* Effect.forEach(fibers, Fiber.join)
    })
  )

  check("is one order over all pools", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("holder", { cpu: 10, memory: 10 })
      const { fibers, granted } = yield* queue(manager, [
        ["first", { memory: 6 }],
        ["second", { cpu: 6, memory: 6 }],
        ["third", { cpu: 6 }]
      ])
      yield* lease.release
      yield* Effect.forEach(fibers, Fiber.join)
      assert.deepStrictEqual(granted, ["first", "second", "third"])
    })
  )

  check("serves a thousand waiters, each once", tens, (manager) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 10 })(Deferred.await(gate)))
      while ((yield* inUse(manager, "cpu")) === 0) yield* Effect.yieldNow
      const served: Array<number> = []
      const all = yield* Effect.forkChild(
        Effect.forEach(
          Array.from({ length: 1_000 }),
          (_, index) =>
            manager.withLease(`agent ${index % 16}`, { cpu: 1 + (index % 10) })(
              Effect.sync(() => {
                served.push(index)
              })
            ),
          { concurrency: "unbounded" }
        )
      )
      yield* awaitWaiting(manager, 1_000)
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(holder)
      yield* Fiber.join(all)
      assert.strictEqual(new Set(served).size, 1_000)
      assert.strictEqual(served.length, 1_000)
    })
  )
}
