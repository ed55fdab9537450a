/** What most tests of the manager need. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ResourceManager, type ResourceManagerOptions, TestResourceManager } from "../../src/index.ts"

export type Manager = ResourceManager["Service"]

/** Runs a test in a manager of its own, whose leases are taken back at once at the end. */
export const withManager = <A, E, R>(
  options: ResourceManagerOptions,
  test: (
    manager: Manager,
    awaitWaiting: (count: number) => Effect.Effect<void>
  ) => Effect.Effect<A, E, R | ResourceManager>
) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    const { awaitWaiting } = yield* TestResourceManager
    return yield* test(manager, awaitWaiting)
  }).pipe(Effect.provide(ResourceManager.layerTest({ gracePeriod: 0, ...options })))

/** Ten units of cpu and ten of memory. */
export const ten = { pools: { cpu: { capacity: 10 }, memory: { capacity: 10 } } }

/** Nobody holds and nobody waits. */
export const assertIdle = (manager: Manager) =>
  Effect.gen(function* () {
    for (const pool of yield* manager.pools) {
      assert.deepStrictEqual(
        [pool.inUse, pool.waiting, pool.waitingAmount, pool.earmarked],
        [0, 0, 0, 0],
        pool.resourceType
      )
    }
    assert.deepStrictEqual(yield* manager.leases, [])
    assert.deepStrictEqual(yield* manager.waiters, [])
  })
