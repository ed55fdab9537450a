/** Managers on a journal in memory, and what is left when they crash. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Journal, LeaseTable, ResourceManager, type ResourceManagerOptions } from "../../src/index.ts"

type Manager = ResourceManager["Service"]
type Table = LeaseTable["Service"]

/** What the journal holds at this instant: all that a crash leaves. */
export const crash = (store: Journal.MemoryStore): Journal.MemoryStore => ({
  snapshot: store.snapshot,
  batches: [...store.batches]
})

export const run = <A, E>(
  store: Journal.MemoryStore,
  options: ResourceManagerOptions,
  test: (manager: Manager) => Effect.Effect<A, E>,
  journal: Journal.MemoryOptions = {}
) =>
  Effect.flatMap(ResourceManager, test).pipe(
    Effect.provide(
      Layer.fresh(
        ResourceManager.layer({ gracePeriod: 0, ...options }).pipe(Layer.provide(Journal.layerMemory(store, journal)))
      )
    )
  )

export const runHome = <A, E>(
  store: Journal.MemoryStore,
  options: ResourceManagerOptions,
  test: (table: Table, manager: Manager) => Effect.Effect<A, E>,
  journal: Journal.MemoryOptions = {}
) =>
  Effect.gen(function* () {
    return yield* test(yield* LeaseTable, yield* ResourceManager)
  }).pipe(
    Effect.provide(
      Layer.fresh(
        ResourceManager.layerHome({ gracePeriod: 0, ...options }).pipe(
          Layer.provide(Journal.layerMemory(store, journal))
        )
      )
    )
  )
