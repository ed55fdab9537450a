/**
 * What of the pools is there for whom, while a reduction gives holdings back: the units that
 * are free, without what others were promised for ever and do not hold.
 *
 *     there = free − Σ max(0, promised − held), over the promises that a wait may not use
 *
 * It only grows. What comes back of a promise is kept for that promise again, but never more
 * than came back; so what fits once fits for ever, and the fixpoint of a reduction is unique
 * where something is promised too.
 */
import type { GraphPool, Need, Share } from "./WaitForGraph.ts"

const none: ReadonlyArray<number> = []

export class Availability {
  private readonly pools: ReadonlyArray<GraphPool>
  private readonly free: Array<number>
  /** What holdings that have not come back draw from each promise of a pool; nothing where nothing is promised. */
  private readonly held: ReadonlyArray<Array<number> | undefined>

  constructor(pools: ReadonlyArray<GraphPool>) {
    this.pools = pools
    this.free = pools.map((pool) => pool.available)
    this.held = pools.map(({ promises }) => promises?.map((promise) => promise.held))
  }

  /** Units that a need may have, whoever waits before it. O(promises of its pool). */
  there({ mayUse = none, pool }: Need): number {
    const { promises } = this.pools[pool]!
    let units = this.free[pool]!
    if (promises === undefined) return units
    for (let at = 0; at < promises.length; at++) {
      if (!mayUse.includes(at)) units -= Math.max(0, promises[at]!.amount - this.held[pool]![at]!)
    }
    return units
  }

  /** Whether a need is kept for its wait, so that it waits for nobody before it. */
  isKept(need: Need): boolean {
    const { amount, draws, pool } = need
    if (draws === undefined) return false
    return amount <= this.pools[pool]!.promises![draws]!.amount - this.held[pool]![draws]! && amount <= this.there(need)
  }

  /** A holding's share of a pool comes back. */
  returned({ amount, draws, pool }: Share): void {
    this.free[pool] = this.free[pool]! + amount
    if (draws !== undefined) this.held[pool]![draws] = this.held[pool]![draws]! - amount
  }

  /** Whether a need has more once a share is back: what is held within a promise to others comes back to them alone. */
  gains({ mayUse = none, pool }: Need, { draws }: Share): boolean {
    if (draws === undefined || mayUse.includes(draws)) return true
    return this.held[pool]![draws]! > this.pools[pool]!.promises![draws]!.amount
  }
}
