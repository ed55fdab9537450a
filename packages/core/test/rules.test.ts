/** The rules that weaker systems get wrong, each by its name. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { DeadlockPolicy, type Errors, Lease, ResourceManager } from "../src/index.ts"
import type { ManualClock } from "./support/ManualClock.ts"
import { assertIdle, type Manager, ten, withManager } from "./support/manager.ts"
import { runSteps } from "./support/Steps.ts"

const tagOf = <A, E extends { readonly _tag: string }>(exit: Exit.Exit<A, E>) =>
  Option.getOrUndefined(Exit.findErrorOption(exit))?._tag

describe("order", () => {
  it.effect("a large claim is not starved by a stream of small ones", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const order: Array<string> = []
        const gates: Array<Deferred.Deferred<void>> = []
        const small = (name: string) =>
          Effect.gen(function* () {
            const gate = yield* Deferred.make<void>()
            gates.push(gate)
            return yield* Effect.forkChild(
              manager.withLease(name, { cpu: 1 })(
                Effect.andThen(
                  Effect.sync(() => order.push(name)),
                  Deferred.await(gate)
                )
              )
            )
          })
        const fibers = []
        for (let index = 0; index < 10; index++) fibers.push(yield* small(`first-${index}`))
        yield* Effect.yieldNow
        const large = yield* Effect.forkChild(
          manager.withLease("large", { cpu: 10 })(Effect.sync(() => order.push("large")))
        )
        yield* awaitWaiting(1)
        // As one small claim ends another arrives: there is never a moment with all ten free.
        for (let index = 0; index < 10; index++) {
          fibers.push(yield* small(`later-${index}`))
          yield* awaitWaiting(index + 2)
          yield* Deferred.succeed(gates[index]!, undefined)
        }
        yield* Fiber.join(large)
        assert.strictEqual(order[10], "large")
        for (const gate of gates) yield* Deferred.succeed(gate, undefined)
        for (const fiber of fibers) yield* Fiber.join(fiber)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("an interrupted waiter wakes the next at once", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 4 })(Effect.never))
        yield* Effect.yieldNow
        const large = yield* Effect.forkChild(manager.withLease("large", { cpu: 10 })(Effect.void))
        yield* awaitWaiting(1)
        const small = yield* Effect.forkChild(manager.withLease("small", { cpu: 6 })(Effect.succeed("ran")))
        yield* awaitWaiting(2)
        // It waits; let it park as well, so that it has to be woken.
        yield* Effect.yieldNow
        yield* Fiber.interrupt(large)
        assert.strictEqual(yield* Fiber.join(small), "ran")
        yield* Fiber.interrupt(holder)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("five interrupted waiters do not delay the sixth: they have cost nobody a rate token", () =>
    withManager({ pools: { calls: { capacity: 100, rate: { limit: 1, burst: 1 } } } }, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const call = { calls: 1 }
        yield* manager.withLease("agent", call)(Effect.void)
        const five = yield* Effect.forEach([1, 2, 3, 4, 5], () =>
          Effect.forkChild(manager.withLease("agent", call)(Effect.void))
        )
        yield* awaitWaiting(5)
        const sixth = yield* Effect.forkChild(manager.withLease("agent", call)(Effect.void))
        yield* awaitWaiting(6)
        for (const fiber of five) yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("999 millis")
        assert.isUndefined(sixth.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(sixth)
        assert.strictEqual((yield* manager.poolStatistics("calls")).tokens, 0)
        assert.strictEqual((yield* manager.poolStatistics("calls")).acquisitions, 2)
      })
    )
  )

  it.effect("a claim short of one type does not idle the others beyond its share", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const holder = yield* Effect.forkChild(manager.withLease("holder", { memory: 8 })(Effect.never))
        yield* Effect.yieldNow
        const both = yield* Effect.forkChild(manager.withLease("both", { cpu: 4, memory: 4 })(Effect.void))
        yield* awaitWaiting(1)
        // Six cpu are beyond the four that are kept for `both`.
        yield* manager.withLease("six", { cpu: 6 })(Effect.void)
        assert.isTrue(Option.isNone(yield* Effect.scoped(manager.tryLease("seven", { cpu: 7 }))))
        assert.strictEqual((yield* manager.poolStatistics("cpu")).earmarked, 4)
        yield* Fiber.interrupt(both)
        assert.isTrue(Option.isSome(yield* Effect.scoped(manager.tryLease("seven", { cpu: 7 }))))
        yield* Fiber.interrupt(holder)
      })
    )
  )

  it.effect("tryLease never overtakes a waiter", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 5 })(Effect.never))
        yield* Effect.yieldNow
        const waiter = yield* Effect.forkChild(manager.withLease("waiter", { cpu: 6 })(Effect.never))
        yield* awaitWaiting(1)
        assert.isTrue(Option.isNone(yield* Effect.scoped(manager.tryLease("other", { cpu: 1 }))))
        assert.isFalse(yield* manager.tryAcquire("other", { cpu: 1 }))
        yield* Fiber.interruptAll([holder, waiter])
      })
    )
  )
})

describe("a claim that never fits", () => {
  it.effect("over the pool's maximum fails at once, with the numbers", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(manager.withLease("a", { cpu: 11 })(Effect.void))
        assert.strictEqual(error._tag, "ResourceExhausted")
        assert.deepInclude(
          { ...error },
          { reason: "neverFits", short: "capacity", resourceType: "cpu", requested: 11, available: 10, limit: 10 }
        )
      })
    )
  )

  it.effect("over the burst of the rate fails at once, with the numbers", () =>
    withManager({ pools: { cpu: { capacity: 10, rate: { limit: 1, burst: 4 } } } }, (manager) =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(manager.withLease("a", { cpu: 5 })(Effect.void))
        assert.deepInclude(
          { ...error },
          { _tag: "ResourceExhausted", reason: "neverFits", short: "rate", requested: 5, limit: 4 }
        )
      })
    )
  )

  it.effect("over the agent's quota fails at once, with the numbers", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        yield* manager.setQuota("a", "cpu", 3)
        const never = yield* Effect.flip(manager.withLease("a", { cpu: 4 })(Effect.void))
        assert.deepInclude(
          { ...never },
          { _tag: "QuotaExceeded", reason: "neverFits", agent: "a", requested: 4, quota: 3, held: 0, waiting: 0 }
        )
        const inUse = yield* Effect.flip(
          manager.withLease("a", { cpu: 2 })(manager.withLease("a", { cpu: 2 })(Effect.void))
        )
        assert.deepInclude(
          { ...inUse },
          { _tag: "QuotaExceeded", reason: "inUse", requested: 2, quota: 3, held: 2, waiting: 0 }
        )
      })
    )
  )

  it.effect("is looked for again when a pool shrinks: its waiter fails, the others keep their place", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 5 })(Effect.never))
        yield* Effect.yieldNow
        const large = yield* Effect.forkChild(Effect.exit(manager.withLease("large", { cpu: 8 })(Effect.void)))
        yield* awaitWaiting(1)
        const small = yield* Effect.forkChild(manager.withLease("small", { cpu: 7 })(Effect.succeed("ran")))
        yield* awaitWaiting(2)
        yield* manager.setCapacity("cpu", 7)
        const exit = yield* Fiber.join(large)
        assert.deepInclude(
          { ...Option.getOrThrow(Exit.findErrorOption(exit)) },
          { _tag: "ResourceExhausted", reason: "neverFits", requested: 8, limit: 7 }
        )
        assert.isUndefined(small.pollUnsafe())
        yield* Fiber.interrupt(holder)
        assert.strictEqual(yield* Fiber.join(small), "ran")
        yield* assertIdle(manager)
      })
    )
  )
})

describe("release", () => {
  it.effect("is idempotent by lease", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* manager.lease("a", { cpu: 4 })
            yield* Effect.scoped(
              Effect.gen(function* () {
                yield* manager.lease("b", { cpu: 4 })
                yield* Effect.all([lease.release, lease.release, lease.release], { concurrency: "unbounded" })
                assert.strictEqual((yield* manager.poolStatistics("cpu")).inUse, 4)
                assert.isFalse(lease.isHeld)
                assert.deepStrictEqual(lease.claim, {})
              })
            )
          })
        )
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("of more than is held is impossible, all or nothing, and says what is held", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        yield* manager.acquire("a", { cpu: 2, memory: 1 })
        yield* manager.acquire("a", { cpu: 1 })
        yield* manager.acquire("b", { cpu: 5 })
        // Leases of a scope are not the agent's to release by hand.
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* manager.lease("a", { cpu: 1 })
            const error = yield* Effect.flip(manager.release("a", { cpu: 4, memory: 1 }))
            assert.strictEqual(error._tag, "ResourceNotAcquired")
            assert.deepInclude(
              { ...error },
              { agent: "a", requested: { cpu: 4, memory: 1 }, held: { cpu: 3, memory: 1 } }
            )
          })
        )
        assert.deepStrictEqual(yield* manager.usage("a"), { cpu: 3, memory: 1 })
        yield* manager.release("a", { cpu: 2 })
        assert.deepStrictEqual(yield* manager.usage("a"), { cpu: 1, memory: 1 })
        // Newest first: what is left is of the older acquisition.
        assert.deepStrictEqual(
          (yield* manager.leases).map(({ agent, claim }) => [agent, claim]),
          [
            ["a", { cpu: 1, memory: 1 }],
            ["b", { cpu: 5 }]
          ]
        )
        yield* manager.release("a", { cpu: 1, memory: 1 })
        yield* manager.release("b", { cpu: 5 })
        yield* assertIdle(manager)
        const none = yield* Effect.flip(manager.release("nobody", { cpu: 1 }))
        assert.deepInclude({ ...none }, { _tag: "ResourceNotAcquired", held: {} })
      })
    )
  )
})

describe("check and take are one decision", () => {
  it.effect("1,000 fibers of one agent that race for the last unit of a quota never exceed it", () =>
    withManager({ pools: { cpu: { capacity: 10_000 } } }, (manager) =>
      Effect.gen(function* () {
        yield* manager.setQuota("agent", "cpu", 7)
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* manager.lease("agent", { cpu: 6 })
            let granted = 0
            let peak = 0
            const one = manager
              .withLease("agent", { cpu: 1 })(
                Effect.gen(function* () {
                  granted++
                  peak = Math.max(peak, (yield* manager.usage("agent"))["cpu"] ?? 0)
                  yield* Effect.yieldNow
                })
              )
              .pipe(Effect.exit)
            const exits = yield* Effect.all(
              Array.from({ length: 1_000 }, () => one),
              { concurrency: "unbounded" }
            )
            assert.isAtLeast(granted, 1)
            assert.strictEqual(peak, 7)
            const failures = exits.filter(Exit.isFailure)
            assert.strictEqual(failures.length, 1_000 - granted)
            for (const exit of exits) if (Exit.isFailure(exit)) assert.strictEqual(tagOf(exit), "QuotaExceeded")
          })
        )
        assert.strictEqual((yield* manager.agentStatistics("agent")).accounts["cpu"]?.peak, 7)
        yield* assertIdle(manager)
      })
    )
  )
})

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

describe("capacity and time", () => {
  it.effect("growing and shrinking under load loses no waiter and over-grants nothing", () =>
    withManager({ pools: { cpu: { capacity: 10 } } }, (manager) =>
      Effect.gen(function* () {
        let inside = 0
        let done = 0
        let capacity = 10
        // What was granted under a larger capacity may outlast a cut, but nothing is granted beyond the new one.
        const worker = (index: number) => {
          const amount = 1 + (index % 3)
          return manager.withLease(`agent-${index % 7}`, { cpu: amount })(
            Effect.gen(function* () {
              inside += amount
              assert.isAtMost(inside, Math.max(capacity, inside - amount === 0 ? amount : capacity))
              yield* Effect.yieldNow
              inside -= amount
              done++
            })
          )
        }
        const resize = Effect.gen(function* () {
          for (let round = 0; round < 200; round++) {
            const next = 3 + ((round * 7) % 12)
            if (next < capacity) {
              yield* manager.setCapacity("cpu", next)
              // Until the leases of the larger pool are back nothing is granted.
              let use = inside
              while (use > next) {
                yield* Effect.yieldNow
                assert.isAtMost(inside, use, "granted over a capacity that had fallen")
                use = inside
              }
              capacity = next
            } else {
              capacity = next
              yield* manager.setCapacity("cpu", next)
            }
            yield* Effect.yieldNow
          }
        })
        const load = Effect.forEach(
          Array.from({ length: 500 }, (_, index) => index),
          worker,
          {
            concurrency: 40,
            discard: true
          }
        )
        yield* Effect.all([load, resize], { concurrency: 2 })
        assert.strictEqual(done, 500)
        yield* assertIdle(manager)
      })
    )
  )

  /** A manager on a clock that the test moves. `settled` completes when everybody else waits. */
  const onClock = <A, E>(
    test: (manager: Manager, clock: ManualClock, settled: Effect.Effect<void>) => Effect.Effect<A, E, Scope.Scope>
  ) =>
    runSteps(({ clock, idle }) =>
      Effect.scoped(Effect.flatMap(ResourceManager, (manager) => test(manager, clock, idle))).pipe(
        Effect.provide(
          ResourceManager.layer({
            gracePeriod: 0,
            pools: { cpu: { capacity: 10 }, calls: { capacity: 10, rate: { limit: 10, burst: 10 } } }
          })
        )
      )
    )

  it("a clock that jumps backwards breaks nothing", () =>
    onClock((manager, clock, settled) =>
      Effect.gen(function* () {
        clock.advance(10_000)
        yield* manager.withLease("a", { calls: 10 })(Effect.void)
        clock.advance(-60_000)
        // No token for time that did not pass, and nothing negative in what is shown.
        assert.strictEqual((yield* manager.poolStatistics("calls")).tokens, 0)
        const waiter = yield* Effect.forkChild(manager.withLease("b", { calls: 5 })(Effect.succeed("served")))
        const timed = yield* Effect.forkChild(
          Effect.exit(manager.withLease("c", { calls: 10 }, { timeout: "200 millis" })(Effect.void))
        )
        yield* settled
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* manager.lease("d", { cpu: 1 })
            clock.advance(-1_000)
            for (const lease of yield* manager.leases) assert.isAtLeast(lease.heldMillis, 0)
            for (const view of yield* manager.waiters) assert.isAtLeast(view.waitedMillis, 0)
          })
        )
        assert.strictEqual((yield* manager.poolStatistics("cpu")).holds.max, 0)
        clock.advance(61_000 + 1_000)
        yield* settled
        assert.strictEqual(yield* Fiber.join(waiter), "served")
        assert.isDefined(tagOf(yield* Fiber.join(timed)))
        yield* assertIdle(manager)
      })
    ))

  it("a machine that slept for a day breaks nothing", () =>
    onClock((manager, clock, settled) =>
      Effect.gen(function* () {
        const day = 24 * 3_600_000
        yield* manager.withLease("a", { calls: 10 })(Effect.void)
        const holder = yield* Effect.forkChild(
          Effect.exit(manager.withLease("b", { cpu: 10 }, { expiresAfter: "1 hour" })(Effect.never))
        )
        yield* settled
        const expiring = yield* Effect.forkChild(
          Effect.exit(manager.withLease("c", { cpu: 10 }, { expiresAfter: "1 hour" })(Effect.never))
        )
        const timed = yield* Effect.forkChild(
          Effect.exit(manager.withLease("d", { cpu: 10 }, { timeout: "90 minutes" })(Effect.void))
        )
        const patient = yield* Effect.forkChild(manager.withLease("e", { cpu: 10 })(Effect.succeed("served")))
        const rated = yield* Effect.forkChild(manager.withLease("f", { calls: 10 })(Effect.void))
        yield* settled
        clock.advance(day)
        yield* settled
        // Each thing happened at its own instant: b expired at one hour, c had the next hour, d gave up in it.
        assert.strictEqual(tagOf(yield* Fiber.join(holder)), "LeaseRevoked")
        assert.strictEqual(tagOf(yield* Fiber.join(expiring)), "LeaseRevoked")
        assert.strictEqual(tagOf(yield* Fiber.join(timed)), "ClaimTimedOut")
        assert.strictEqual(yield* Fiber.join(patient), "served")
        yield* Fiber.join(rated)
        // A day is worth a burst, no more.
        assert.strictEqual((yield* manager.poolStatistics("calls")).tokens, 10)
        yield* assertIdle(manager)
      })
    ))

  // KNOWN BUG, see the report: `.fails` turns red as soon as it is mended, and then goes.
  it.fails("a lease that expired before its waiter could be told runs no body", () =>
    onClock((manager, clock, settled) =>
      Effect.gen(function* () {
        const holder = yield* Effect.forkChild(
          Effect.exit(manager.withLease("a", { cpu: 10 }, { expiresAfter: "1 second" })(Effect.never))
        )
        yield* settled
        let ran = false
        const late = yield* Effect.forkChild(
          Effect.exit(
            manager.withLease(
              "b",
              { cpu: 10 },
              { expiresAfter: "1 second" }
            )(
              Effect.sync(() => {
                ran = true
              })
            )
          )
        )
        yield* settled
        // Granted at one second and expired at two, all while the machine slept.
        clock.advance(60_000)
        yield* settled
        assert.strictEqual(tagOf(yield* Fiber.join(late)), "LeaseRevoked")
        assert.isFalse(ran)
        yield* Fiber.join(holder)
        yield* assertIdle(manager)
      })
    ))

  it.effect("a time-out exactly at the grant is a grant", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const expiring = yield* Effect.forkChild(
          Effect.exit(manager.withLease("a", { cpu: 10 }, { expiresAfter: "1 second" })(Effect.never))
        )
        yield* Effect.yieldNow
        const waiter = yield* Effect.forkChild(
          manager.withLease("b", { cpu: 10 }, { timeout: "1 second" })(Effect.succeed("granted"))
        )
        yield* awaitWaiting(1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(waiter), "granted")
        yield* Fiber.join(expiring)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("a time-out of zero does not wait, and takes what is there", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        const now = { timeout: 0 }
        assert.strictEqual(yield* manager.withLease("a", { cpu: 10 }, now)(Effect.succeed("granted")), "granted")
        const error = yield* Effect.flip(
          manager.withLease("a", { cpu: 10 })(Lease.detached(manager.withLease("b", { cpu: 1 }, now)(Effect.void)))
        )
        assert.deepInclude({ ...error }, { _tag: "ClaimTimedOut", waitedMillis: 0 })
        yield* assertIdle(manager)
      })
    )
  )
})
