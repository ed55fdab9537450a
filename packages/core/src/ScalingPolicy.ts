/**
 * How many units a pool should have, given its load: a service whose method is a
 * plain synchronous function.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** What one pool asks of the policy, at one sample. */
export const PoolLoad = Schema.Struct({
  resourceType: Schema.String,
  inUse: Schema.Number,
  /** What the waiters ask for, together. */
  waiting: Schema.Number,
  capacity: Schema.Number,
  minCapacity: Schema.Number,
  maxCapacity: Schema.Number,
  /** (in use + what waiters ask for) / capacity. `Infinity` where there is demand and no capacity. */
  load: Schema.Number,
  /** The capacity without which the first waiter may never be served. Absent where there is enough. */
  needed: Schema.optionalKey(Schema.Number)
})
export interface PoolLoad extends Schema.Schema.Type<typeof PoolLoad> {}

export interface Policy {
  /** The capacity to have now. Kept within the pool's bounds by the caller. `sinceChangeMicros` is `Infinity` before the first change. */
  readonly capacity: (pool: PoolLoad, sinceChangeMicros: number) => number
}

export interface ThresholdOptions {
  /** Grows over this load. Default 0.8. */
  readonly scaleUpAt?: number
  /** Shrinks under this load. Default 0.2. */
  readonly scaleDownAt?: number
  /** Default 1.5. */
  readonly growBy?: number
  /** Default 0.8. */
  readonly shrinkBy?: number
  /** The least time between two changes of one pool. Default none. */
  readonly cooldown?: Duration.Input
  /** A shrink must leave the load this far under `scaleUpAt`, so that it is not undone at the next sample. Default 0.1. */
  readonly hysteresis?: number
}

/**
 * Grows by a factor over a threshold, shrinks by a factor under another. A waiter
 * that only growth can serve is given what it needs at once, cooldown or not.
 */
export const thresholds = (options: ThresholdOptions = {}): Policy => {
  const scaleUpAt = options.scaleUpAt ?? 0.8
  const scaleDownAt = options.scaleDownAt ?? 0.2
  const growBy = options.growBy ?? 1.5
  const shrinkBy = options.shrinkBy ?? 0.8
  const hysteresis = options.hysteresis ?? 0.1
  const cooldownMicros = Duration.toMicros(options.cooldown ?? 0)
  return {
    capacity: (pool, sinceChangeMicros) => {
      const { capacity } = pool
      const needed = Math.max(capacity, pool.needed ?? 0)
      if (sinceChangeMicros < cooldownMicros) return needed
      if (pool.load > scaleUpAt) return Math.max(needed, Math.ceil(capacity * growBy))
      if (pool.load >= scaleDownAt || needed > capacity) return needed
      const smaller = Math.min(capacity, Math.max(Math.floor(capacity * shrinkBy), pool.minCapacity, 1))
      return pool.inUse + pool.waiting <= smaller * (scaleUpAt - hysteresis) ? smaller : capacity
    }
  }
}

/** The policy of managers built below; none unless provided, and then a pool's maximum is its capacity. */
export const ScalingPolicy = Context.Reference<Policy | undefined>("@resource-manager/core/ScalingPolicy", {
  defaultValue: () => undefined
})

export const layer = (policy: Policy): Layer.Layer<never> => Layer.succeed(ScalingPolicy, policy)
