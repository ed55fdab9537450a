/** The rules that weaker systems get wrong, each by its name: order, what never fits, releases and quotas. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { assertIdle, ten, withManager } from "./support/manager.ts"

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
