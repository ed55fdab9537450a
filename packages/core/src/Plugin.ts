/**
 * What a package needs to bring a resource type of its own: a Layer that registers
 * types and pools with the manager that it is provided to.
 *
 * ```ts
 * export const layer = Plugin.layer({ name: "@acme/gpu", pools: [{ type: gpu, capacity: 4 }] })
 *
 * program.pipe(Effect.provide(layer.pipe(Layer.provideMerge(ResourceManager.layer()))))
 * ```
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import type { InvalidCapacity, InvalidRate, ResourceTypeTaken } from "./Errors.ts"
import type { CapacityOptions, PoolConfig } from "./PoolConfig.ts"
import { ResourceManager } from "./ResourceManager.ts"
import type { ResourceType } from "./ResourceType.ts"

/** A capacity for now, what there may be again, and why. */
export interface CapacityChange extends CapacityOptions {
  readonly capacity: number
}

export interface PluginPool<E = never, R = never> extends Omit<PoolConfig, "capacity" | "type"> {
  /** What is counted, and how it reads. */
  readonly type: ResourceType
  /** Units to hand out: fixed, or computed once as the plugin starts. */
  readonly capacity: number | Effect.Effect<number, E, R>
  /** New capacities, for as long as the plugin lives. One that the pool's bounds refuse is logged and skipped. */
  readonly changes?: Stream.Stream<number | CapacityChange, never, R>
  /** What is really in use, by whoever uses it: shown beside what is leased. */
  readonly measure?: Effect.Effect<number, never, R>
}

export interface PluginOptions<E = never, R = never> {
  /** The package, as it is named in errors. */
  readonly name: string
  readonly pools: ReadonlyArray<PluginPool<E, R>>
}

export type PluginError = ResourceTypeTaken | InvalidCapacity | InvalidRate

const register = <E, R>(plugin: string, pool: PluginPool<E, R>) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    const context = yield* Effect.context<R>()
    const { capacity, changes, measure, type, ...config } = pool
    const units = typeof capacity === "number" ? capacity : yield* capacity
    yield* manager.register(plugin, type, {
      ...config,
      capacity: units,
      followed: changes !== undefined,
      ...(measure === undefined ? {} : { measure: Effect.provideContext(measure, context) })
    })
    if (changes === undefined) return
    yield* changes.pipe(
      Stream.map((next): CapacityChange => (typeof next === "number" ? { capacity: next } : next)),
      Stream.runForEach((next) =>
        Effect.catch(manager.setCapacity(type.name, next.capacity, next), (error) =>
          Effect.logWarning(`${plugin}: a new capacity was skipped: ${error.message}`)
        )
      ),
      // Nobody waits for this fiber: what ends it must be told here.
      Effect.catchCause((cause) =>
        Effect.logError(`${plugin}: the capacity of ${type.name} is followed no more`, cause)
      ),
      Effect.forkScoped
    )
  })

/** Registers a plugin's pools with the manager around. Two that claim one name: `ResourceTypeTaken`, naming both. */
export const layer = <E = never, R = never>(
  options: PluginOptions<E, R>
): Layer.Layer<never, E | PluginError, R | ResourceManager> =>
  Layer.effectDiscard(Effect.forEach(options.pools, (pool) => register(options.name, pool), { discard: true }))
