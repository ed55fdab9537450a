/** Deadlock is exact: told in the decision that closes it, and never where there is none. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { DeadlockPolicy, type Errors, ResourceManager } from "../src/index.ts"
import { assertIdle, type Manager, ten, withManager } from "./support/manager.ts"

const tagOf = <A, E extends { readonly _tag: string }>(exit: Exit.Exit<A, E>) =>
  Option.getOrUndefined(Exit.findErrorOption(exit))?._tag

/** Runs in one synchronous call: whatever suspends or needs a timer dies. */
const synchronously = <A, E>(test: (manager: Manager) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.runSync(
    Effect.scoped(Effect.flatMap(ResourceManager, test)).pipe(
      Effect.provide(ResourceManager.layer({ ...ten, gracePeriod: 0 }))
    )
  )

const deadlocked = (error: Errors.ClaimError) => {
  assert.strictEqual(error._tag, "DeadlockDetected")
  return error._tag === "DeadlockDetected" ? error.cycle : []
}

describe("deadlock", () => {
  it("self-nested acquisition ends in the very decision, with the cycle", () =>
    synchronously((manager) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          manager.withLease("a", { cpu: 6 })(manager.withLease("a", { cpu: 6 })(Effect.void))
        )
        const cycle = deadlocked(error)
        assert.strictEqual(cycle.length, 1)
        assert.deepInclude({ ...cycle[0] }, { agent: "a", resourceType: "cpu", requested: 6, heldBy: "a", holds: 6 })
        yield* assertIdle(manager)
      })
    ))

  it("self-nested scoped leases end in the very decision, with the cycle", () =>
    synchronously((manager) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(
          Effect.scoped(Effect.andThen(manager.lease("a", { cpu: 6 }), manager.lease("b", { cpu: 6 })))
        )
        assert.deepStrictEqual(
          deadlocked(error).map(({ agent, heldBy }) => [agent, heldBy]),
          [["b", "a"]]
        )
        yield* assertIdle(manager)
      })
    ))

  it("a growth that its own lease keeps from being served ends in the very decision", () =>
    synchronously((manager) =>
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 6 })
        deadlocked(yield* Effect.flip(manager.withLease("a", { memory: 1 })(manager.lease("a", { cpu: 6 }))))
        assert.deepStrictEqual(lease.claim, { cpu: 6 })
        const error = yield* Effect.flip(lease.grow({ cpu: 5 }))
        assert.strictEqual(error._tag, "DeadlockDetected")
        assert.deepStrictEqual(lease.claim, { cpu: 6 })
      })
    ))

  it.effect("AB/BA ends in the decision that would have queued the second claim", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const inside = yield* Deferred.make<void>()
        const first = yield* Effect.forkChild(
          manager.withLease("a", { cpu: 10 })(
            Effect.andThen(Deferred.await(inside), manager.withLease("a", { memory: 10 })(Effect.succeed("served")))
          )
        )
        const ended = yield* Deferred.make<Errors.ClaimError>()
        const second = yield* Effect.forkChild(
          manager.withLease("b", { memory: 10 })(
            Effect.gen(function* () {
              yield* awaitWaiting(1)
              // No step of a scheduler lies between asking and the answer.
              const exit = Effect.runSyncExit(
                Effect.provideContext(
                  Effect.orDie(Effect.flip(manager.withLease("b", { cpu: 10 })(Effect.void))),
                  yield* Effect.context<never>()
                )
              )
              yield* Deferred.done(ended, exit)
            })
          )
        )
        yield* Effect.yieldNow
        yield* Deferred.succeed(inside, undefined)
        yield* Fiber.join(second)
        const error = yield* Deferred.await(ended)
        assert.deepStrictEqual(
          deadlocked(error).map(({ agent, heldBy, resourceType }) => [agent, resourceType, heldBy]),
          [
            ["b", "cpu", "a"],
            ["a", "memory", "b"]
          ]
        )
        assert.strictEqual(yield* Fiber.join(first), "served")
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("agents that only cross on a pool with units to spare are never called deadlocked", () =>
    withManager({ pools: { cpu: { capacity: 10 }, memory: { capacity: 10 } } }, (manager) =>
      Effect.gen(function* () {
        const crossing = (agent: string, first: string, second: string) =>
          Effect.forEach(
            Array.from({ length: 20 }),
            () =>
              manager.withLease(agent, { [first]: 2 })(
                Effect.andThen(Effect.yieldNow, manager.withLease(agent, { [second]: 2 })(Effect.yieldNow))
              ),
            { concurrency: 2, discard: true }
          )
        yield* Effect.all([crossing("a", "cpu", "memory"), crossing("b", "memory", "cpu")], { concurrency: 2 })
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("fifty parallel children under one outer lease that share a pool of ten are never called deadlocked", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        const results = yield* manager.withLease("agent", { memory: 5 })(
          Effect.forEach(
            Array.from({ length: 50 }, (_, index) => index),
            (index) => manager.withLease("agent", { cpu: 1 + (index % 10) })(Effect.as(Effect.yieldNow, index)),
            { concurrency: "unbounded" }
          )
        )
        assert.strictEqual(results.length, 50)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("a wait that only queue order causes is let through, and all others keep their place", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const served: Array<string> = []
        const go = yield* Deferred.make<void>()
        const outer = yield* Effect.forkChild(
          manager.withLease("outer", { cpu: 5 })(
            Effect.andThen(
              Deferred.await(go),
              manager.withLease("outer", { cpu: 5 })(Effect.sync(() => served.push("inner")))
            )
          )
        )
        yield* Effect.yieldNow
        // Needs what `outer` holds, and stands before what `outer` is about to ask for.
        const large = yield* Effect.forkChild(
          manager.withLease("large", { cpu: 10 })(Effect.sync(() => served.push("large")))
        )
        yield* awaitWaiting(1)
        const small = yield* Effect.forkChild(
          manager.withLease("small", { cpu: 1 })(Effect.sync(() => served.push("small")))
        )
        yield* awaitWaiting(2)
        yield* Deferred.succeed(go, undefined)
        yield* Fiber.joinAll([outer, large, small])
        assert.deepStrictEqual(served, ["inner", "large", "small"])
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("a wait that ends by time is none: rate, expiry, growth", () =>
    withManager(
      { pools: { cpu: { capacity: 10 }, calls: { capacity: 10, rate: { limit: 10, burst: 10 } } } },
      (manager, awaitWaiting) =>
        Effect.gen(function* () {
          const rated = yield* Effect.forkChild(
            manager.withLease("a", { calls: 5 })(
              manager.withLease("a", { calls: 5 })(manager.withLease("a", { cpu: 1 })(Effect.void))
            )
          )
          yield* Fiber.join(rated)
          const expiring = yield* Effect.forkChild(
            Effect.exit(
              manager.withLease(
                "a",
                { cpu: 6 },
                { expiresAfter: "1 second" }
              )(manager.withLease("a", { cpu: 6 })(Effect.void))
            )
          )
          yield* awaitWaiting(1)
          yield* TestClock.adjust("1 second")
          assert.strictEqual(tagOf(yield* Fiber.join(expiring)), "LeaseRevoked")
          yield* assertIdle(manager)
        })
    )
  )

  it.effect("switched off, a deadlock waits until its time-out", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const nested = yield* Effect.forkChild(
          Effect.exit(
            manager.withLease("a", { cpu: 6 })(manager.withLease("a", { cpu: 6 }, { timeout: "1 second" })(Effect.void))
          )
        )
        yield* awaitWaiting(1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(tagOf(yield* Fiber.join(nested)), "ClaimTimedOut")
        yield* assertIdle(manager)
      })
    ).pipe(Effect.provide(DeadlockPolicy.layerOff))
  )

  it.effect("found by a cut of a capacity that no request closed: the youngest waiter of the cycle fails", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const go = yield* Deferred.make<void>()
        const nested = (agent: string) =>
          Effect.forkChild(
            Effect.exit(
              manager.withLease(agent, { cpu: 3 })(
                Effect.andThen(Deferred.await(go), manager.withLease(agent, { cpu: 4 })(Effect.succeed(agent)))
              )
            )
          )
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 4 })(Effect.never))
        const a = yield* nested("a")
        const b = yield* nested("b")
        yield* Effect.yieldNow
        yield* Deferred.succeed(go, undefined)
        yield* awaitWaiting(2)
        yield* manager.setCapacity("cpu", 9)
        assert.strictEqual(tagOf(yield* Fiber.join(b)), "DeadlockDetected")
        yield* Fiber.interrupt(holder)
        assert.isTrue(Exit.isSuccess(yield* Fiber.join(a)))
        yield* assertIdle(manager)
      })
    )
  )
})
