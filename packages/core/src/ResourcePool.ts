/**
 * One pool taken alone: capacity that changes live, a rate, first come first
 * served, statistics. A manager is several of these under one decision, with
 * agents and quotas.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { WaitOptions } from "./Claim.ts"
import type {
  ClaimError,
  InvalidCapacity,
  InvalidClaim,
  InvalidRate,
  LeaseRevoked,
  ResourceNotAcquired
} from "./Errors.ts"
import * as singlePool from "./internal/singlePool.ts"
import type { Lease } from "./Lease.ts"
import { type PoolConfig, type RateConfig, read, readCapacity, readRate } from "./PoolConfig.ts"
import * as ResourceType from "./ResourceType.ts"
import { poolStatistics, type PoolStatistics } from "./Statistics.ts"

export class ResourcePool extends Context.Service<
  ResourcePool,
  {
    readonly type: ResourceType.ResourceType
    /** Runs an effect with units, given back whatever happens. */
    readonly withUnits: (
      amount: number,
      options?: WaitOptions
    ) => <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ClaimError | LeaseRevoked, R>
    /** Units until the scope closes. */
    readonly lease: (amount: number, options?: WaitOptions) => Effect.Effect<Lease, ClaimError, Scope.Scope>
    /** Units until `release`, for bridges that cannot use a scope. */
    readonly acquire: (amount: number, options?: WaitOptions) => Effect.Effect<void, ClaimError>
    /** The same without waiting, never past a waiter: whether they were there. */
    readonly tryAcquire: (amount: number) => Effect.Effect<boolean, ClaimError>
    /** Gives back units of `acquire`: all of them or, where fewer are held, none. */
    readonly release: (amount: number) => Effect.Effect<void, ResourceNotAcquired | InvalidClaim>
    /** Units that nobody holds. */
    readonly available: Effect.Effect<number>
    /** In use over capacity, in percent. */
    readonly usage: Effect.Effect<number>
    readonly statistics: Effect.Effect<PoolStatistics>
    readonly setCapacity: (capacity: number) => Effect.Effect<void, InvalidCapacity>
    readonly setRate: (rate: RateConfig | undefined) => Effect.Effect<void, InvalidRate>
    /** Fails all waiters and refuses new ones with `ManagerStopped`. */
    readonly stop: Effect.Effect<void>
  }
>()("@resource-manager/core/ResourcePool") {
  /** A pool of its own, stopped when the scope closes. */
  static readonly make = (name: string, config: PoolConfig) => make(name, config)

  static readonly layer = (
    name: string,
    config: PoolConfig
  ): Layer.Layer<ResourcePool, InvalidCapacity | InvalidRate> => Layer.effect(ResourcePool, make(name, config))
}

/** A pool of its own, stopped when the scope closes. `config.max` bounds `setCapacity`. */
export const make = Effect.fnUntraced(function* (name: string, config: PoolConfig) {
  const type = config.type ?? ResourceType.known.find((known) => known.name === name) ?? ResourceType.make(name)
  // Nothing scales a pool that stands alone, so its maximum is its capacity.
  const options = yield* read(name, config, false)
  const single = yield* singlePool.make({ ...type, name }, options)
  const { pool, runtime } = single
  return ResourcePool.of({
    type,
    withUnits: single.withUnits,
    lease: single.lease,
    acquire: single.acquire,
    tryAcquire: single.tryAcquire,
    release: single.release,
    available: single.current(() => Math.max(0, pool.free)),
    usage: single.current(() => (pool.capacity === 0 ? 0 : (pool.inUse / pool.capacity) * 100)),
    statistics: single.current((now) => poolStatistics(pool, undefined, now)),
    setCapacity: (capacity) =>
      Effect.map(
        readCapacity(name, "capacity", capacity, {
          min: pool.minCapacity,
          max: config.max ?? Number.MAX_SAFE_INTEGER
        }),
        (checked) => runtime.command((ledger, now) => ledger.setCapacity(pool, checked, now))
      ),
    setRate: (rate) =>
      Effect.map(rate === undefined ? Effect.succeed(undefined) : readRate(name, rate), (checked) =>
        runtime.command((ledger, now) => ledger.setRate(pool, checked, now))
      ),
    stop: single.stop
  })
})
