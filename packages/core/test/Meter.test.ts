import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Meter, ResourceManager, TestResourceManager } from "../src/index.ts"
import { ten } from "./support/manager.ts"

const pools = { cpu: { capacity: 10, rate: { limit: 100, burst: 100 } }, memory: { capacity: 10 } }

const inside = <A, E>(test: Effect.Effect<A, E, ResourceManager | Meter | TestResourceManager>) =>
  Effect.provide(test, ResourceManager.layerTest({ gracePeriod: 0, pools }))

describe("Meter", () => {
  it.effect("reads what the statistics tell", () =>
    inside(
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const meter = yield* Meter
        const { awaitWaiting } = yield* TestResourceManager
        yield* manager.setQuota("b", "cpu", 9)
        yield* manager.acquire("a", { cpu: 8, memory: 2 })
        const waiter = yield* Effect.forkChild(manager.withLease("b", { cpu: 4 })(Effect.sleep("2 seconds")))
        yield* awaitWaiting(1)
        yield* Effect.ignore(manager.acquire("b", { cpu: 10 }))

        const before = yield* meter.read([])
        const [cpu, memory] = before.pools
        const { waits, holds, ...plain } = cpu!
        assert.deepStrictEqual(plain, {
          resourceType: "cpu",
          capacity: 10,
          inUse: 8,
          earmarked: 0,
          waiting: 1,
          waitingAmount: 4,
          tokens: 92,
          fairness: 0.5,
          acquisitions: 1,
          failures: { QuotaExceeded: 1 }
        })
        assert.deepStrictEqual([waits.count, holds.count], [1, 0])
        assert.deepInclude(memory, { resourceType: "memory", inUse: 2, tokens: undefined, acquisitions: 1 })

        yield* TestClock.adjust("1 second")
        yield* manager.release("a", { cpu: 8, memory: 2 })
        yield* TestClock.adjust("2 seconds")
        yield* Fiber.join(waiter)

        const after = yield* meter.read([500_000, 1_000_000, 2_000_000, 10_000_000])
        // One waited a second, the other not at all; they were held for one and for two seconds.
        assert.deepStrictEqual(after.pools[0]!.waits, {
          count: 2,
          sum: 1_000_000,
          max: 1_000_000,
          atMost: [1, 2, 2, 2]
        })
        assert.deepStrictEqual(after.pools[0]!.holds, {
          count: 2,
          sum: 3_000_000,
          max: 2_000_000,
          atMost: [0, 1, 2, 2]
        })
        assert.deepStrictEqual(after.agents, [
          {
            agent: "b",
            acquisitions: 1,
            failures: { QuotaExceeded: 1 },
            waiting: 0,
            waited: 1_000_000,
            held: 2_000_000,
            accounts: [{ resourceType: "cpu", held: 0, quota: 9 }]
          },
          {
            agent: "a",
            acquisitions: 1,
            failures: {},
            waiting: 0,
            waited: 0,
            held: 1_000_000,
            accounts: [
              { resourceType: "cpu", held: 0, quota: undefined },
              { resourceType: "memory", held: 0, quota: undefined }
            ]
          }
        ])
      })
    )
  )

  it.effect("is there with every layer of this process, and tells of what is due", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const meter = yield* Meter
      yield* manager.acquire("a", { cpu: 1 }, { expiresAfter: "1 second" })
      yield* TestClock.adjust("1 minute")
      assert.strictEqual((yield* meter.read([])).pools[0]?.inUse, 0)
    }).pipe(Effect.provide(ResourceManager.layer(ten)))
  )
})
