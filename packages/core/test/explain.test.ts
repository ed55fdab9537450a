/** Why somebody waits or would: all reasons at once, who holds what, how many are ahead, and until when. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Preemption } from "../src/index.ts"
import { withManager } from "./support/manager.ts"

const pools = {
  pools: {
    cpu: { capacity: 10 },
    memory: { capacity: 10 },
    calls: { capacity: 100, rate: { limit: 1, burst: 5 } }
  }
}

describe("explain", () => {
  it.effect("tells all waiters at once what it tells each of them, in the time of one walk", () =>
    withManager(pools, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.acquire("holder", { cpu: 10, memory: 9, calls: 5 })
        const count = 300
        for (let index = 0; index < count; index++) {
          const claim = index % 3 === 0 ? { cpu: 1 + (index % 7), memory: 1 } : { memory: 2, calls: 1 + (index % 3) }
          yield* Effect.forkChild(manager.withLease(`agent ${index}`, claim)(Effect.void))
          yield* awaitWaiting(index + 1)
        }
        const all = yield* manager.waiters
        assert.strictEqual(all.length, count)
        const each = yield* Effect.forEach(all, ({ agent }) => manager.explain(agent))
        assert.deepStrictEqual(all, each.flat())
        const places = all.flatMap(({ reasons }) =>
          reasons.flatMap(({ _tag, ahead }) => (_tag === "Order" ? [ahead] : []))
        )
        assert.strictEqual(Math.max(...places), count - 1)
      })
    )
  )

  it.effect("names all reasons at once, with the holders, largest first", () =>
    withManager(pools, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.acquire("small", { cpu: 2, memory: 10 })
        yield* TestClock.adjust("10 seconds")
        yield* manager.acquire("large", { cpu: 5, calls: 5 })
        yield* TestClock.adjust("2 seconds")
        const first = yield* Effect.forkChild(
          manager.withLease("first", { cpu: 4 }, { timeout: "1 minute" })(Effect.void)
        )
        yield* awaitWaiting(1)
        const waiter = yield* Effect.forkChild(
          manager.withLease("waiter", { cpu: 4, memory: 1, calls: 5 })(Effect.void)
        )
        yield* awaitWaiting(2)
        yield* TestClock.adjust("1 seconds")

        const [view, ...more] = yield* manager.explain("waiter")
        assert.deepStrictEqual(more, [])
        assert.isDefined(view)
        if (view === undefined) return
        assert.strictEqual(view.waitedMillis, 1_000)
        assert.isUndefined(view.timesOutInMillis)
        assert.isUndefined(view.earliestInMillis)
        assert.deepStrictEqual(view.claim, { cpu: 4, memory: 1, calls: 5 })
        assert.deepStrictEqual(
          view.reasons.map(({ _tag, resourceType }) => [_tag, resourceType]),
          [
            ["Capacity", "cpu"],
            ["Order", "cpu"],
            ["Capacity", "memory"],
            ["Rate", "calls"]
          ]
        )
        const [capacity, order, , rate] = view.reasons
        assert.deepStrictEqual(
          capacity?.holders.map(({ agent, amount, heldMillis }) => [agent, amount, heldMillis]),
          [
            ["large", 5, 3_000],
            ["small", 2, 13_000]
          ]
        )
        assert.strictEqual(capacity?.available, 3)
        assert.strictEqual(order?.ahead, 1)
        assert.deepStrictEqual([rate?.available, rate?.readyInMillis], [3, 2_000])
        assert.deepStrictEqual(
          view.reasons.map(({ message }) => message),
          [
            "cpu: asks for 4 cores, 3 cores of 10 cores free (large holds 5 cores for 3.0 s, small holds 2 cores for 13.0 s)",
            "cpu: 1 ahead, waiting for 4 cores",
            "memory: asks for 1 B, 0 B of 10 B free (small holds 10 B for 13.0 s)",
            "calls: needs 5 tokens of its rate, has 3, enough in 2.0 s"
          ]
        )
        const [ahead] = yield* manager.explain("first")
        assert.strictEqual(ahead?.timesOutInMillis, 59_000)
        assert.deepStrictEqual(yield* manager.explain("nobody"), [])
        assert.deepStrictEqual(
          (yield* manager.waiters).map(({ agent }) => agent),
          ["first", "waiter"]
        )
        yield* Fiber.interruptAll([first, waiter])
      })
    )
  )

  it.effect("knows the earliest time where only tokens are missing, behind others too", () =>
    withManager(pools, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.withLease("a", { calls: 5 })(Effect.void)
        const first = yield* Effect.forkChild(manager.withLease("first", { calls: 2 })(Effect.void))
        yield* awaitWaiting(1)
        const [view] = yield* manager.explain("first")
        assert.strictEqual(view?.earliestInMillis, 2_000)
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(first.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        yield* Fiber.join(first)
      })
    )
  )

  it.effect("shows who was told to end, for what and until when, and by when that serves who is first", () =>
    withManager(pools, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.lease("batch", { cpu: 6 }, { preemptible: true })
        yield* manager.acquire("steady", { cpu: 4 })
        assert.isUndefined((yield* manager.leases)[0]?.ending)
        yield* Effect.forkChild(manager.withLease("urgent", { cpu: 5 }, { priority: 5 })(Effect.void))
        yield* awaitWaiting(1)
        yield* Effect.forkChild(manager.withLease("late", { cpu: 1 }, { priority: 5 })(Effect.void))
        yield* awaitWaiting(2)
        yield* TestClock.adjust("3 seconds")

        const ending = { cause: "priority", latestInMillis: 12_000 } as const
        assert.deepStrictEqual(
          (yield* manager.leases).map((lease) => [lease.agent, lease.ending]),
          [
            ["batch", ending],
            ["steady", undefined]
          ]
        )
        const [urgent, late] = yield* manager.waiters
        const [reason] = urgent?.reasons ?? []
        assert.deepStrictEqual(
          reason?.holders.map((holder) => [holder.agent, holder.ending]),
          [
            ["batch", ending],
            ["steady", undefined]
          ]
        )
        assert.strictEqual(
          reason?.message,
          "cpu: asks for 5 cores, 0 cores of 10 cores free (batch holds 6 cores for 3.0 s and has to end within 12.0 s, steady holds 4 cores for 3.0 s)"
        )
        assert.strictEqual(urgent?.earliestInMillis, 12_000)
        // Others are ahead of it: what comes back may not be for it.
        assert.isUndefined(late?.earliestInMillis)
      }).pipe(Effect.scoped)
    ).pipe(Effect.provide(Preemption.layerPriority({ grace: "10 seconds", overrun: "5 seconds" })))
  )

  it.effect("shows what is kept for a waiter that is short elsewhere", () =>
    withManager(pools, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.acquire("holder", { memory: 10 })
        const waiter = yield* Effect.forkChild(manager.withLease("waiter", { cpu: 4, memory: 1 })(Effect.void))
        yield* awaitWaiting(1)
        const [view] = yield* manager.explain("waiter")
        assert.deepStrictEqual(view?.earmarked, ["cpu"])
        const pool = yield* manager.poolStatistics("cpu")
        assert.deepStrictEqual([pool.inUse, pool.earmarked, pool.acquisitions], [0, 4, 0])
        assert.deepStrictEqual(yield* manager.usage("waiter"), {})
        const late = yield* manager.check("late", { cpu: 7 })
        assert.isFalse(late.granted)
        yield* Fiber.interrupt(waiter)
        assert.isTrue((yield* manager.check("late", { cpu: 7 })).granted)
      })
    )
  )
})

describe("check", () => {
  it.effect("says every reason at once: what it would fail with, and what it would wait for", () =>
    withManager(pools, (manager) =>
      Effect.gen(function* () {
        yield* manager.setQuota("a", "memory", 3)
        yield* manager.acquire("holder", { cpu: 8, calls: 5 })
        const check = yield* manager.check("a", { cpu: 4, memory: 4, calls: 6 })
        assert.isFalse(check.granted)
        assert.deepStrictEqual(
          check.errors.map((error) => [error._tag, "resourceType" in error ? error.resourceType : undefined]),
          [
            ["QuotaExceeded", "memory"],
            ["ResourceExhausted", "calls"]
          ]
        )
        assert.include(
          check.reasons.map(({ message }) => message),
          "cpu: asks for 4 cores, 2 cores of 10 cores free (holder holds 8 cores for 0 ms)"
        )
        const waits = yield* manager.check("b", { cpu: 4, calls: 1 })
        assert.deepStrictEqual(
          [waits.granted, waits.errors, waits.reasons.map(({ _tag }) => _tag)],
          [false, [], ["Capacity", "Rate"]]
        )
      })
    )
  )

  it.effect("takes nothing: no unit, no token, no place, no agent", () =>
    withManager(pools, (manager) =>
      Effect.gen(function* () {
        yield* manager.acquire("known", { cpu: 1 })
        const state = Effect.all([manager.pools, manager.agents, manager.leases, manager.waiters])
        const before = yield* state
        for (const agent of ["known", "unknown"]) {
          for (const claim of [{ cpu: 9 }, { cpu: 10 }, { cpu: 11 }, { calls: 5, memory: 3 }, { nothing: 1 }]) {
            yield* manager.check(agent, claim)
          }
        }
        assert.deepStrictEqual((yield* state).slice(2), before.slice(2))
        assert.deepStrictEqual((yield* state)[0], before[0])
        assert.strictEqual((yield* manager.agents).length, 1)
      })
    )
  )

  it.effect("opens no account of an agent that it only asks for", () =>
    withManager(pools, (manager) =>
      Effect.gen(function* () {
        yield* manager.acquire("known", { cpu: 1 })
        const before = yield* manager.agentStatistics("known")
        yield* manager.check("known", { memory: 1 })
        assert.deepStrictEqual(yield* manager.agentStatistics("known"), before)
      })
    )
  )

  it.effect("agrees with what tryAcquire then does", () =>
    withManager(pools, (manager) =>
      Effect.gen(function* () {
        for (const amount of [3, 3, 3, 3, 1, 1]) {
          const { granted } = yield* manager.check("a", { cpu: amount, calls: 1 })
          assert.strictEqual(yield* manager.tryAcquire("a", { cpu: amount, calls: 1 }), granted)
        }
      })
    )
  )
})
