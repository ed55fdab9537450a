import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { LeaseLives, LeaseTable, ResourceManager } from "../src/index.ts"

const home = ResourceManager.layerHome({ gracePeriod: 0, pools: { api: { capacity: 2 }, other: { capacity: 9 } } })

/** The events of what was done are heard in turns of their own. */
const heard = Effect.repeat(Effect.yieldNow, { times: 20 })

describe("LeaseLives.follow", () => {
  it.effect("tells of the leases that there are, and of each that is granted and comes back, once", () =>
    Effect.gen(function* () {
      const table = yield* LeaseTable
      const told: Array<readonly [what: string, lease: number, how?: string]> = []
      const before = yield* table.claim("a", { api: 1 })
      const unheard = yield* table.claim("a", { other: 1 })
      yield* LeaseLives.follow({
        follows: (claim) => claim["api"] !== undefined,
        reset: (leases) => {
          told.push(...leases.map(({ id }) => ["there", id] as const))
          return undefined
        },
        granted: ({ agent, id }) => told.push(["granted", id, agent]),
        undone: (lease) => told.push(["undone", lease]),
        returned: (lease, reason) => {
          if (lease !== unheard.id) told.push(["returned", lease, reason])
          return undefined
        }
      })
      const atOnce = yield* table.claim("b", { api: 1 })
      const queued = yield* table.claim("c", { api: 1 })
      const left = yield* table.claim("d", { api: 1 })
      yield* table.giveUp(left.id)
      yield* table.release(before.id)
      yield* table.release(unheard.id)
      yield* table.revoke(atOnce.id, "lost")
      yield* heard
      assert.deepStrictEqual(told, [
        ["there", before.id],
        ["granted", atOnce.id, "b"],
        ["returned", before.id, "released"],
        ["granted", queued.id, "c"],
        ["returned", atOnce.id, "lost"]
      ])
    }).pipe(Effect.scoped, Effect.provide(home))
  )

  it.effect("misses none that is granted as it begins", () =>
    Effect.gen(function* () {
      const table = yield* LeaseTable
      const manager = yield* ResourceManager
      const told: Array<readonly [what: string, lease: number]> = []
      const before = yield* table.claim("a", { api: 2 })
      const waiter = yield* table.claim("b", { api: 1 })
      // What is read is told once it is in a journal: things happen meanwhile.
      const once = yield* Effect.cached(table.release(before.id))
      const slowly = <A>(read: Effect.Effect<A>) => Effect.tap(read, () => Effect.andThen(Effect.ignore(once), heard))
      yield* LeaseLives.follow({
        follows: () => true,
        reset: (leases) => {
          told.push(...leases.map(({ id }) => ["there", id] as const))
          return undefined
        },
        granted: ({ id }) => told.push(["granted", id]),
        undone: () => {},
        returned: () => undefined
      }).pipe(
        Effect.provideService(ResourceManager, {
          ...manager,
          leases: slowly(manager.leases),
          waiters: slowly(manager.waiters)
        })
      )
      yield* heard
      assert.include(
        told.map(([, lease]) => lease),
        waiter.id
      )
    }).pipe(Effect.scoped, Effect.provide(home))
  )
})
