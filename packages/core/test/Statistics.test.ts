import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { withManager } from "./support/manager.ts"

const pools = { pools: { cpu: { capacity: 10 }, memory: { capacity: 10 } } }

describe("statistics", () => {
  it.effect("current, peak, mean, usage in percent, acquisitions", () =>
    withManager(pools, (manager) =>
      Effect.gen(function* () {
        const start = yield* manager.poolStatistics("cpu")
        assert.deepInclude(start, { capacity: 10, inUse: 0, peak: 0, usagePercent: 0, meanInUse: 0, acquisitions: 0 })
        yield* manager.acquire("a", { cpu: 4 })
        yield* manager.acquire("b", { cpu: 4, memory: 1 })
        yield* TestClock.adjust("1 second")
        yield* manager.release("b", { cpu: 4 })
        yield* TestClock.adjust("3 seconds")
        const { free, inUse, meanInUse, peak, usagePercent, acquisitions } = yield* manager.poolStatistics("cpu")
        assert.deepStrictEqual([inUse, free, peak, usagePercent, acquisitions], [4, 6, 8, 40, 2])
        // Eight for one second, four for three.
        assert.strictEqual(meanInUse, 5)
        assert.strictEqual(yield* manager.poolUsage("cpu"), 40)
        yield* manager.setCapacity("cpu", 2)
        assert.strictEqual(yield* manager.poolUsage("cpu"), 200)
        assert.strictEqual((yield* manager.poolStatistics("cpu")).free, 0)
        yield* manager.setCapacity("cpu", 0)
        assert.strictEqual(yield* manager.poolUsage("cpu"), 0)
      })
    )
  )

  it.effect("failures by what ended the claim, in every pool that it asked for", () =>
    withManager({ ...pools, waitersPerAgentMax: 1 }, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.setQuota("a", "cpu", 8)
        const ignored = (effect: Effect.Effect<unknown, unknown>) => Effect.ignore(effect)
        yield* ignored(manager.acquire("a", { cpu: 9 }))
        yield* ignored(manager.acquire("a", { cpu: 11, memory: 1 }))
        yield* ignored(manager.acquire("a", { cpu: 1.5 }))
        yield* ignored(manager.withLease("a", { cpu: 6 })(manager.withLease("b", { cpu: 6 })(Effect.void)))
        yield* manager.acquire("b", { cpu: 10 })
        yield* manager.tryAcquire("a", { cpu: 1 })
        const interrupted = yield* Effect.forkChild(manager.acquire("a", { cpu: 1 }))
        yield* awaitWaiting(1)
        yield* ignored(manager.acquire("a", { cpu: 1 }))
        yield* Fiber.interrupt(interrupted)
        const timed = yield* Effect.forkChild(Effect.ignore(manager.acquire("a", { cpu: 1 }, { timeout: "1 second" })))
        yield* TestClock.adjust("1 second")
        yield* Fiber.join(timed)
        const cut = yield* Effect.forkChild(Effect.ignore(manager.acquire("a", { cpu: 3 })))
        yield* awaitWaiting(1)
        yield* manager.setQuota("a", "cpu", 2)
        yield* Fiber.join(cut)
        const expected = {
          QuotaExceeded: 2,
          ResourceExhausted: 2,
          Interrupted: 1,
          QueueFull: 1,
          ClaimTimedOut: 1
        }
        const { failures } = yield* manager.agentStatistics("a")
        assert.deepStrictEqual({ ...failures }, { ...expected, InvalidClaim: 1 })
        assert.deepStrictEqual({ ...(yield* manager.agentStatistics("b")).failures }, { DeadlockDetected: 1 })
        assert.deepStrictEqual(
          { ...(yield* manager.poolStatistics("cpu")).failures },
          { ...expected, DeadlockDetected: 1 }
        )
        assert.deepStrictEqual({ ...(yield* manager.poolStatistics("memory")).failures }, { ResourceExhausted: 1 })
      })
    )
  )

  it.effect("distributions of waits and holds, in milliseconds, by pool and by agent", () =>
    withManager({ pools: { cpu: { capacity: 1 } } }, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        // A hundred claims that queue up and hold ten milliseconds each.
        const all = yield* Effect.forkChild(
          Effect.forEach(
            Array.from({ length: 100 }),
            () => manager.withLease("a", { cpu: 1 })(Effect.sleep("10 millis")),
            { concurrency: "unbounded", discard: true }
          )
        )
        yield* awaitWaiting(99)
        assert.deepInclude(yield* manager.poolStatistics("cpu"), { waiting: 99, waitingAmount: 99 })
        for (let index = 0; index < 100; index++) yield* TestClock.adjust("10 millis")
        yield* Fiber.join(all)
        for (const { holds, waits } of [yield* manager.poolStatistics("cpu"), yield* manager.agentStatistics("a")]) {
          assert.deepInclude(waits, { count: 100, mean: 495, max: 990 })
          for (const [quantile, exact] of [
            [waits.p50, 490],
            [waits.p90, 890],
            [waits.p99, 980]
          ] as const) {
            assert.isAtLeast(quantile, exact)
            assert.isAtMost(quantile, exact * 1.032)
          }
          assert.deepInclude(holds, { count: 100, mean: 10, max: 10, p50: 10, p99: 10 })
        }
      })
    )
  )

  it.effect("accounts of an agent: held, waiting, peak, quota", () =>
    withManager(pools, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.setQuota("a", "cpu", 9)
        yield* manager.acquire("a", { cpu: 5 })
        yield* manager.release("a", { cpu: 3 })
        yield* manager.acquire("b", { cpu: 8 })
        const waiter = yield* Effect.forkChild(manager.acquire("a", { cpu: 4, memory: 1 }))
        yield* awaitWaiting(1)
        const { accounts, waiting } = yield* manager.agentStatistics("a")
        assert.strictEqual(waiting, 1)
        assert.deepStrictEqual(accounts, {
          cpu: { held: 2, waiting: 4, peak: 5, quota: 9 },
          memory: { held: 0, waiting: 1, peak: 0 }
        })
        yield* Fiber.interrupt(waiter)
        yield* manager.removeQuota("a", "cpu")
        assert.isUndefined((yield* manager.agentStatistics("a")).accounts["cpu"]?.quota)
        assert.deepInclude(yield* manager.agentStatistics("nobody"), { acquisitions: 0, accounts: {} })
      })
    )
  )

  it.effect("leases, oldest first, with what they hold and how long", () =>
    withManager(pools, (manager) =>
      Effect.gen(function* () {
        yield* manager.acquire("by hand", { cpu: 1 })
        yield* TestClock.adjust("1 second")
        yield* manager.withLease("outer", { cpu: 2 })(
          Effect.scoped(
            Effect.gen(function* () {
              yield* manager.lease("inner", { memory: 3 }, { expiresAfter: "10 seconds" })
              yield* TestClock.adjust("4 seconds")
              const leases = yield* manager.leases
              assert.deepStrictEqual(
                leases.map((lease) => ({ ...lease, id: 0, token: 0 })),
                [
                  {
                    id: 0,
                    token: 0,
                    agent: "by hand",
                    claim: { cpu: 1 },
                    heldMillis: 5_000,
                    manual: true
                  },
                  {
                    id: 0,
                    token: 0,
                    agent: "outer",
                    claim: { cpu: 2 },
                    heldMillis: 4_000,
                    manual: false
                  },
                  {
                    id: 0,
                    token: 0,
                    agent: "inner",
                    claim: { memory: 3 },
                    parent: leases[1]!.id,
                    heldMillis: 4_000,
                    expiresInMillis: 6_000,
                    manual: false
                  }
                ]
              )
            })
          )
        )
      })
    )
  )
})
