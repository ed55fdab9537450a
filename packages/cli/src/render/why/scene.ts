/** Who holds, waits and is inside of what, looked up once for a page. */
import { amountIn } from "../amounts.ts"
import type { HeldLease, OverviewView, PoolStatistics, WaiterView } from "../views.ts"

export class Scene {
  readonly overview: OverviewView
  private readonly pools: ReadonlyMap<string, PoolStatistics>
  private readonly leases: ReadonlyMap<number, HeldLease>
  /** The first wait inside of each lease that has any. */
  private readonly waitsInside = new Map<HeldLease, WaiterView>()

  constructor(overview: OverviewView) {
    this.overview = overview
    this.pools = new Map(overview.pools.map((pool) => [pool.resourceType, pool]))
    this.leases = new Map(overview.leases.map((lease) => [lease.id, lease]))
    for (const waiter of overview.waiters) {
      for (const lease of this.around(waiter.parent)) {
        if (!this.waitsInside.has(lease)) this.waitsInside.set(lease, waiter)
      }
    }
  }

  pool(type: string): PoolStatistics | undefined {
    return this.pools.get(type)
  }

  /** The leases that a claim is inside of, innermost first. */
  around(parent: number | undefined): ReadonlyArray<HeldLease> {
    const chain: Array<HeldLease> = []
    let lease = parent === undefined ? undefined : this.leases.get(parent)
    // A daemon's answer is not trusted to have no cycle.
    while (lease !== undefined && !chain.includes(lease)) {
      chain.push(lease)
      lease = lease.parent === undefined ? undefined : this.leases.get(lease.parent)
    }
    return chain
  }

  /** The first wait inside of a lease. */
  waitInside(lease: HeldLease): WaiterView | undefined {
    return this.waitsInside.get(lease)
  }

  /** Who holds units of a pool, the largest first. */
  holdersOf(type: string): ReadonlyArray<HeldLease> {
    return this.overview.leases
      .filter((lease) => held(lease, type) > 0)
      .toSorted((a, b) => held(b, type) - held(a, type) || a.id - b.id)
  }

  /** Waiters ahead in a pool's queue, in the order in which the daemon lists them: that of its policy. */
  aheadOf(waiter: WaiterView, type: string): ReadonlyArray<WaiterView> {
    const { waiters } = this.overview
    const own = waiters.findIndex(({ id }) => id === waiter.id)
    return waiters.slice(0, Math.max(0, own)).filter(({ claim }) => amountIn(claim, type) > 0)
  }
}

/** What a lease holds of a type. */
export const held = (lease: HeldLease, type: string): number => amountIn(lease.claim, type)
