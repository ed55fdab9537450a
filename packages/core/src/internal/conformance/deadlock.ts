/** Deadlock: found exactly when there is one, in the decision that would have waited for ever. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { detached } from "../../Lease.ts"
import { awaitWaiting, awaitWaitingOrOver, failure, type Home, inUse, tens } from "./harness.ts"

const ones = { pools: { disk: { capacity: 1 }, printer: { capacity: 1 } } } as const

export const deadlock = ({ check, pass }: Home): void => {
  check("fails the claim that closes a cycle of two, and serves the other", ones, (manager) =>
    Effect.gen(function* () {
      const bothHold = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(
        manager.withLease("a", { disk: 1 })(
          Effect.andThen(Deferred.await(bothHold), manager.withLease("a", { printer: 1 })(Effect.succeed("served")))
        )
      )
      const error = yield* manager.withLease("b", { printer: 1 })(
        Effect.gen(function* () {
          while ((yield* inUse(manager, "disk")) === 0) yield* Effect.yieldNow
          yield* Deferred.succeed(bothHold, undefined)
          yield* awaitWaiting(manager, 1)
          return yield* failure(manager.withLease("b", { disk: 1 })(Effect.void), "DeadlockDetected")
        })
      )
      assert.deepInclude({ ...error }, { agent: "b", claim: { disk: 1 } })
      assert.deepStrictEqual(
        error.cycle.map(({ agent, heldBy, holds, requested, resourceType }) => [
          agent,
          requested,
          resourceType,
          heldBy,
          holds
        ]),
        [
          ["b", 1, "disk", "a", 1],
          ["a", 1, "printer", "b", 1]
        ]
      )
      for (const named of ["a", "b", "disk", "printer"]) assert.include(error.message, named)
      assert.strictEqual(yield* Fiber.join(first), "served")
    })
  )

  check("fails a claim that its own lease keeps from being served", tens, (manager) =>
    Effect.gen(function* () {
      const six = manager.withLease("a", { cpu: 6 })
      yield* failure(six(six(Effect.void)), "DeadlockDetected")
      yield* manager.lease("a", { cpu: 6 })
      const error = yield* failure(manager.lease("a", { cpu: 6 }), "DeadlockDetected")
      assert.strictEqual(error.cycle.length, 1)
      assert.strictEqual(yield* inUse(manager, "cpu"), 6)
    })
  )

  check("sees through a child that the body waits for", tens, (manager) =>
    Effect.gen(function* () {
      const child = Effect.flatMap(Effect.forkChild(manager.withLease("b", { cpu: 6 })(Effect.void)), Fiber.join)
      yield* failure(manager.withLease("a", { cpu: 6 })(child), "DeadlockDetected")
    })
  )

  check("lets agents cross where there are units to spare", tens, (manager) =>
    Effect.gen(function* () {
      // Both hold some of each and wait for more of the other; a third one's units serve them.
      const spare = yield* manager.lease("c", { cpu: 4, memory: 4 })
      const bothHold = Effect.gen(function* () {
        while ((yield* inUse(manager, "cpu")) + (yield* inUse(manager, "memory")) < 20) yield* Effect.yieldNow
      })
      const cross = (agent: string, outer: Record<string, number>, inner: Record<string, number>) =>
        manager.withLease(
          agent,
          outer
        )(Effect.andThen(bothHold, manager.withLease(agent, inner)(Effect.succeed(agent))))
      const crossing = [cross("a", { cpu: 6 }, { memory: 4 }), cross("b", { memory: 6 }, { cpu: 4 })]
      const both = yield* Effect.forkChild(Effect.all(crossing, { concurrency: "unbounded" }))
      yield* awaitWaiting(manager, 2)
      yield* spare.release
      assert.deepStrictEqual(yield* Fiber.join(both), ["a", "b"])
    })
  )

  check("lets fifty children under one lease share a pool of ten", tens, (manager) =>
    Effect.gen(function* () {
      const child = (_: unknown, index: number) => manager.withLease("a", { cpu: 2 })(Effect.as(Effect.yieldNow, index))
      const children = Effect.forEach(Array.from({ length: 50 }), child, { concurrency: "unbounded" })
      const indices = yield* manager.withLease("a", { cpu: 2, memory: 1 })(children)
      assert.strictEqual(new Set(indices).size, 50)
    })
  )

  check("does not count a child that is detached from the lease", tens, (manager) =>
    Effect.gen(function* () {
      const waiter = yield* manager.withLease("a", { cpu: 6 })(
        Effect.gen(function* () {
          const outlives = detached(manager.withLease("a", { cpu: 6 })(Effect.succeed("served")))
          const fiber = yield* Effect.forkDetach(outlives)
          yield* awaitWaiting(manager, 1)
          return fiber
        })
      )
      assert.strictEqual(yield* Fiber.join(waiter), "served")
    })
  )

  check("fails whatever deadlocks although it would time out", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("a", { cpu: 6 })
      yield* failure(manager.lease("a", { cpu: 6 }, { timeout: "100 millis" }), "DeadlockDetected")
    })
  )

  check("calls nothing deadlocked that an expiry ends", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("a", { cpu: 6 }, { expiresAfter: "100 millis" })
      const inside = yield* Effect.forkChild(
        manager.withLease("b", { cpu: 6 }, { expiresAfter: "1 hour" })(Effect.succeed("served"))
      )
      yield* awaitWaitingOrOver(manager, 1, inside)
      yield* pass("150 millis")
      assert.strictEqual(yield* Fiber.join(inside), "served")
    })
  )

  check("lets a wait through that only the order would keep for ever", tens, (manager) =>
    Effect.gen(function* () {
      const waiting = yield* Deferred.make<void>()
      const outer = yield* Effect.forkChild(
        manager.withLease("a", { cpu: 4 })(
          Effect.andThen(Deferred.await(waiting), manager.withLease("a", { cpu: 4 })(Effect.succeed("served")))
        )
      )
      while ((yield* inUse(manager, "cpu")) === 0) yield* Effect.yieldNow
      const large = yield* Effect.forkChild(manager.withLease("b", { cpu: 10 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 1)
      yield* Deferred.succeed(waiting, undefined)
      assert.strictEqual(yield* Fiber.join(outer), "served")
      assert.strictEqual(yield* Fiber.join(large), "served")
    })
  )

  check("fails the youngest waiter where a shrinking pool closes the cycle", tens, (manager) =>
    Effect.gen(function* () {
      const spare = yield* manager.lease("c", { cpu: 2 })
      const nested = (agent: string) =>
        manager.withLease(agent, { cpu: 4 })(
          Effect.gen(function* () {
            while ((yield* inUse(manager, "cpu")) < 10) yield* Effect.yieldNow
            return yield* manager.withLease(agent, { cpu: 2 })(Effect.succeed("served"))
          })
        )
      const fibers = [
        yield* Effect.forkChild(Effect.exit(nested("a"))),
        yield* Effect.forkChild(Effect.exit(nested("b")))
      ]
      yield* awaitWaiting(manager, 2)
      const youngest = (yield* manager.waiters)[1]?.agent
      yield* manager.setCapacity("cpu", 8)
      yield* spare.release
      const exits = yield* Effect.forEach(fibers, Fiber.join)
      const failed = ["a", "b"].filter((_, index) => {
        const exit = exits[index]
        return exit !== undefined && Exit.isFailure(exit)
      })
      assert.deepStrictEqual(failed, [youngest])
    })
  )
}
