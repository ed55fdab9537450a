/**
 * A pool of a former start meets its configuration of this one. Where that is what
 * it was, what was set live since (by an operator, by a scaling policy) stays;
 * where it changed, it holds. A capacity that was lower *for now* (its maximum is
 * not the configured one), or that somebody follows, is not kept: whoever set it
 * sets it again.
 */
import type { Rate } from "./Bucket.ts"
import type { Configured, Pool, PoolOptions } from "./Pool.ts"

const sameRate = (a: Rate | undefined, b: Rate | undefined): boolean =>
  a === b ||
  (a !== undefined &&
    b !== undefined &&
    a.limit === b.limit &&
    a.intervalMicros === b.intervalMicros &&
    a.burst === b.burst &&
    a.per === b.per)

const sameBounds = (a: Configured, b: Configured): boolean =>
  a.capacity === b.capacity && a.minCapacity === b.minCapacity && a.maxCapacity === b.maxCapacity

export interface Adoption {
  readonly configured: Configured
  readonly capacity: number
  readonly rate: Rate | undefined
}

/** What the pool has from now on; `undefined` where that is what it has. */
export const adopt = (pool: Pool, options: PoolOptions): Adoption | undefined => {
  const before = pool.configured
  const configured: Configured = {
    capacity: options.capacity,
    minCapacity: options.minCapacity ?? 0,
    maxCapacity: options.maxCapacity,
    rate: options.rate
  }
  const keepsCapacity =
    sameBounds(configured, before) && pool.maxCapacity === before.maxCapacity && options.followed !== true
  const keepsRate = sameRate(configured.rate, before.rate)
  const capacity = keepsCapacity ? pool.capacity : configured.capacity
  const rate = keepsRate ? pool.rate : configured.rate
  const same =
    keepsRate && sameBounds(configured, before) && capacity === pool.capacity && pool.maxCapacity === before.maxCapacity
  return same ? undefined : { configured, capacity, rate }
}
