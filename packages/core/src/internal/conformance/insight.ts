/** What the manager tells: why somebody waits, what is going on, and what it all came to. */
import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { awaitWaiting, failure, type Home, inUse, tens } from "./harness.ts"

const rated = {
  pools: { cpu: { capacity: 10, rate: { limit: 1, interval: "1 hour", burst: 10 } }, memory: { capacity: 10 } }
} as const

export const insight = ({ check, pass }: Home): void => {
  check("explains a wait with all reasons at once", rated, (manager) =>
    Effect.gen(function* () {
      const holder = yield* manager.lease("holder", { cpu: 8, memory: 9 })
      yield* Effect.forkChild(manager.withLease("first", { memory: 5 })(Effect.void))
      yield* awaitWaiting(manager, 1)
      yield* Effect.forkChild(manager.withLease("second", { cpu: 5, memory: 5 }, { timeout: "1 hour" })(Effect.void))
      yield* awaitWaiting(manager, 2)

      const [waiter, ...others] = yield* manager.explain("second")
      assert.strictEqual(others.length, 0)
      assert.deepStrictEqual(waiter?.claim, { cpu: 5, memory: 5 })
      assert.isAtMost(waiter?.timesOutInMillis ?? Infinity, 3_600_000)
      const reasons = waiter?.reasons ?? []
      const tags = reasons.map((reason) => `${reason.resourceType}: ${reason._tag}`)
      assert.deepStrictEqual(tags.toSorted(), ["cpu: Capacity", "cpu: Rate", "memory: Capacity", "memory: Order"])
      const short = reasons.find((reason) => reason.resourceType === "memory" && reason._tag === "Capacity")
      assert.deepInclude({ ...short }, { requested: 5, available: 1 })
      assert.deepStrictEqual(
        short?.holders.map(({ agent, amount, lease }) => ({ agent, amount, lease })),
        [{ agent: "holder", amount: 9, lease: holder.id }]
      )
      assert.strictEqual(reasons.find((reason) => reason._tag === "Order")?.ahead, 1)
      for (const reason of reasons) assert.include(reason.message, reason.resourceType)
      assert.deepStrictEqual(
        (yield* manager.waiters).map(({ agent }) => agent),
        ["first", "second"]
      )
      assert.deepStrictEqual(yield* manager.explain("holder"), [])
    })
  )

  check("tells before one asks whether a claim would be granted, and takes nothing", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("holder", { cpu: 8 })
      yield* manager.setQuota("a", "memory", 2)
      const free = yield* manager.check("a", { cpu: 2, memory: 2 })
      assert.deepStrictEqual(free, { granted: true, errors: [], reasons: [] })
      const refused = yield* manager.check("a", { cpu: 3, memory: 11 })
      assert.isFalse(refused.granted)
      assert.deepStrictEqual(
        refused.errors.map((error) => error._tag),
        ["ResourceExhausted", "QuotaExceeded"]
      )
      assert.include(
        refused.reasons.map((reason) => `${reason.resourceType}: ${reason._tag}`),
        "cpu: Capacity"
      )
      assert.strictEqual(yield* inUse(manager, "memory"), 0)
      assert.deepStrictEqual(yield* manager.usage("a"), {})
    })
  )

  check("asks with what a claim says for the policies, and tells what is wrong with that", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.setQuota("a", "cpu", 2)
      yield* manager.lease("a", { cpu: 2 })
      const fails = yield* manager.check("a", { cpu: 1 })
      assert.deepStrictEqual([fails.errors.map(({ _tag }) => _tag), fails.reasons], [["QuotaExceeded"], []])
      const waits = yield* manager.check("a", { cpu: 1 }, { onQuota: "wait", expected: "1 hour", preemptible: true })
      assert.deepStrictEqual([waits.errors, waits.reasons.map(({ _tag }) => _tag)], [[], ["Quota"]])
      // Until a window that it would run into otherwise.
      yield* manager.reserve({ for: { agent: "c" }, claim: { memory: 10 }, startsIn: "1 hour", lasts: "1 hour" })
      const endless = yield* manager.check("b", { memory: 1 })
      assert.deepStrictEqual([endless.granted, endless.reasons.map(({ _tag }) => _tag)], [false, ["Reservation"]])
      assert.isTrue((yield* manager.check("b", { memory: 1 }, { expected: "30 minutes" })).granted)
      assert.isTrue((yield* manager.check("b", { memory: 1 }, { expiresAfter: "30 minutes" })).granted)
      const wrong = yield* manager.check("b", { memory: 1 }, { priority: "urgent" })
      assert.deepStrictEqual([wrong.granted, wrong.errors.map(({ _tag }) => _tag)], [false, ["InvalidClaim"]])
      assert.match(wrong.errors[0]?.message ?? "", /priority is "urgent"; allowed: a whole number .*no classes/)
    })
  )

  check("counts by pool and by agent", tens, (manager) =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      const first = yield* Effect.forkChild(manager.withLease("a", { cpu: 8 })(Deferred.await(gate)))
      while ((yield* inUse(manager, "cpu")) === 0) yield* Effect.yieldNow
      const second = yield* Effect.forkChild(manager.withLease("b", { cpu: 4 })(Effect.void))
      yield* awaitWaiting(manager, 1)
      yield* failure(manager.lease("b", { cpu: 11 }), "ResourceExhausted")

      const busy = yield* manager.poolStatistics("cpu")
      assert.deepInclude(
        { ...busy },
        { capacity: 10, inUse: 8, free: 2, waiting: 1, waitingAmount: 4, usagePercent: 80, peak: 8, acquisitions: 1 }
      )
      // One of two has it all.
      assert.strictEqual(busy.fairness, 0.5)
      assert.strictEqual(yield* manager.poolUsage("cpu"), 80)
      assert.deepStrictEqual((yield* manager.agentStatistics("b")).accounts["cpu"], {
        held: 0,
        waiting: 4,
        peak: 0
      })

      yield* pass("100 millis")
      yield* Deferred.succeed(gate, undefined)
      yield* Fiber.join(first)
      yield* Fiber.join(second)
      const done = yield* manager.poolStatistics("cpu")
      assert.deepInclude({ ...done }, { inUse: 0, waiting: 0, peak: 8, acquisitions: 2 })
      assert.isUndefined(done.fairness)
      assert.strictEqual(
        Object.values(done.failures).reduce((sum, count) => sum + count, 0),
        1
      )
      assert.deepInclude({ count: done.waits.count, holds: done.holds.count }, { count: 2, holds: 2 })
      assert.isAtLeast(done.waits.max, 100)
      assert.isAtLeast(done.holds.max, 100)
      const agent = yield* manager.agentStatistics("b")
      assert.deepInclude({ ...agent }, { agent: "b", acquisitions: 1, waiting: 0 })
      assert.strictEqual(agent.accounts["cpu"]?.peak, 4)
      assert.includeMembers(
        (yield* manager.agents).map((one) => one.agent),
        ["a", "b"]
      )
      assert.deepStrictEqual((yield* manager.pools).map((pool) => pool.resourceType).toSorted(), ["cpu", "memory"])
    })
  )

  check("tells a pool's rate, or that it has none", tens, (manager) =>
    Effect.gen(function* () {
      const rate = Effect.map(manager.poolStatistics("cpu"), (pool) => pool.rate)
      assert.isUndefined(yield* rate)
      yield* manager.setRate("cpu", { limit: 50, interval: "2 seconds", per: "request" })
      assert.deepStrictEqual({ ...(yield* rate) }, { limit: 50, intervalMillis: 2_000, burst: 10, per: "request" })
      yield* manager.setRate("cpu", { limit: 5, burst: 7 })
      assert.deepStrictEqual({ ...(yield* rate) }, { limit: 5, intervalMillis: 1_000, burst: 7, per: "unit" })
      yield* manager.setRate("cpu", undefined)
      assert.isUndefined(yield* rate)
    })
  )

  check("knows nothing of pools that are not there", tens, (manager) =>
    Effect.gen(function* () {
      yield* failure(manager.poolUsage("gpu"), "UnknownResourceType")
      yield* failure(manager.poolStatistics("gpu"), "UnknownResourceType")
      assert.deepStrictEqual(yield* manager.usage("nobody"), {})
      assert.deepStrictEqual(yield* manager.explain("nobody"), [])
      assert.strictEqual((yield* manager.agentStatistics("nobody")).acquisitions, 0)
    })
  )

  check("samples the load, and calls back whoever listens", tens, (manager) =>
    Effect.gen(function* () {
      const heard = yield* Deferred.make<number>()
      yield* manager.onLoad(() => Effect.die("a callback that is broken"))
      yield* manager.onLoad(() => Effect.never)
      yield* manager.onLoad(({ pools }) =>
        Deferred.succeed(heard, pools.find((pool) => pool.resourceType === "cpu")?.load ?? Number.NaN)
      )
      yield* manager.lease("holder", { cpu: 8 })
      yield* Effect.forkChild(manager.withLease("a", { cpu: 4 })(Effect.void))
      yield* awaitWaiting(manager, 1)
      const sample = yield* manager.sampleLoad
      const cpu = sample.pools.find((pool) => pool.resourceType === "cpu")
      assert.deepInclude({ ...cpu }, { inUse: 8, waiting: 4, capacity: 10, load: 1.2 })
      assert.strictEqual(yield* Deferred.await(heard), 1.2)
    })
  )
}
