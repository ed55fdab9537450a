/**
 * What the leases that declared a maximum have and may still ask for, in units, in promises and in
 * quota: what `safety` lets come back.
 *
 * A maximum is of units, and says nothing of how many leases: where a group limits these, one of each type
 * inside the outermost lease is reckoned with at a time.
 */
import type { Account } from "../Agent.ts"
import type { Pool } from "../Pool.ts"
import { modeOf } from "../quota/refusals.ts"
import { levelFor, type QuotaAsk, Uses } from "../quota/Uses.ts"
import type { Part, Request } from "../Request.ts"
import { isFor } from "../reservations/Reservation.ts"
import { drawsOf } from "../reservations/standing.ts"
import type { GraphPool, Need, Share } from "../WaitForGraph.ts"
import { outermostOf } from "./ages.ts"
import type { Tree, TreesQuota } from "./safety.ts"

export interface DeclaredTree extends Tree {
  readonly outermost: Request
  /** What its shares use of quota, and what its needs would. */
  readonly draws: ReadonlyArray<QuotaDraw>
  readonly asks: ReadonlyArray<QuotaAsk>
}

export interface DeclaredState {
  readonly pools: ReadonlyArray<GraphPool>
  readonly trees: ReadonlyArray<DeclaredTree>
  readonly quota: DeclaredQuota | undefined
}

/** Whether a lease may wait for quota. */
const hasQuotas = (outermost: Request): boolean => outermost.agent.group !== undefined || modeOf(outermost) === "wait"

interface QuotaDraw {
  readonly account: Account
  readonly amount: number
  readonly leases: number
}

/** Quota beside the trees that are not back. Leases that declared nothing come back, and count for nothing. */
class DeclaredQuota implements TreesQuota {
  private readonly uses = new Uses()
  private readonly trees: ReadonlyArray<DeclaredTree>

  constructor(trees: ReadonlyArray<DeclaredTree>) {
    this.trees = trees
    for (const { draws } of trees)
      for (const { account, amount, leases } of draws) this.uses.add(account, amount, leases)
  }

  fits(tree: number): boolean {
    return this.trees[tree]!.asks.every((ask) => this.uses.fits(ask))
  }

  returned(tree: number): void {
    for (const { account, amount, leases } of this.trees[tree]!.draws) this.uses.add(account, -amount, -leases)
  }

  /** The most of a need of a tree that it would have quota for. */
  left({ asks, needs }: DeclaredTree, need: Need): number {
    const ask = asks[needs.indexOf(need)]
    return ask === undefined ? Infinity : this.uses.most(ask)
  }
}

/** What a tree has, as it is gathered. */
class Holdings {
  readonly outermost: Request
  private readonly shares: Array<Share> = []
  private readonly draws: Array<QuotaDraw> = []
  private readonly held: Array<number>
  /** Leases inside the outermost one, and with it, that hold some of each pool. */
  private readonly inside: Array<number>
  private readonly leases: Array<number>

  constructor(outermost: Request, pools: number) {
    const none = Array.from({ length: pools }, () => 0)
    this.outermost = outermost
    this.held = none
    this.inside = [...none]
    this.leases = [...none]
  }

  /** What a lease has of a pool, or would have. */
  add(part: Part, pool: number): void {
    const { account, amount, request } = part
    const draws = part.pool.standing === 0 ? undefined : drawsOf(part.pool.calendar!.standing, part)
    this.shares.push({ pool, amount, draws })
    this.held[pool] = this.held[pool]! + amount
    const lease = request.grows ?? request
    const grown = request.grows?.parts.some((own) => own.pool === part.pool) === true
    const added = grown ? 0 : 1
    this.draws.push({ account, amount, leases: added })
    this.leases[pool] = this.leases[pool]! + added
    if (lease !== this.outermost) this.inside[pool] = this.inside[pool]! + added
  }

  private askOf({ amount, pool: at }: Need, pool: Pool): QuotaAsk {
    const { agent } = this.outermost
    // In a group what is lent is waited for whatever it says; the agent's own quota only where it waits.
    const account = modeOf(this.outermost) === "wait" ? agent.accounts.get(pool) : undefined
    const leases = this.inside[at] === 0 ? 1 : 0
    return { account, level: levelFor(agent, pool), amount, leases, had: this.leases[at]! }
  }

  private needOf({ calendar, standing, type }: Pool, pool: number): Need | undefined {
    const amount = (this.outermost.scheduling.maximum?.[type] ?? 0) - this.held[pool]!
    if (amount <= 0) return undefined
    if (standing === 0) return { pool, amount, cost: 0 }
    const mayUse = calendar!.standing.flatMap(({ holder }, at) => (isFor(holder, this.outermost) ? [at] : []))
    return { pool, amount, cost: 0, mayUse }
  }

  tree(pools: ReadonlyArray<Pool>): DeclaredTree {
    const { draws, outermost, shares } = this
    const needs = pools.flatMap((pool, at) => this.needOf(pool, at) ?? [])
    const asks = hasQuotas(outermost) ? needs.map((need) => this.askOf(need, pools[need.pool]!)) : []
    return { outermost, shares, needs, draws, asks }
  }
}

/** What there is for those that declared a maximum: before a request is granted, or once it is. */
export const stateOf = (pools: ReadonlyArray<Pool>, request: Request, granted: boolean): DeclaredState => {
  const holdings = new Map<Request, Holdings>()
  const of = (outermost: Request): Holdings => {
    let own = holdings.get(outermost)
    if (own === undefined) {
      own = new Holdings(outermost, pools.length)
      holdings.set(outermost, own)
    }
    return own
  }
  pools.forEach((pool, at) => {
    for (let part = pool.holdersHead; part !== undefined; part = part.next) {
      const outermost = outermostOf(part.request)
      if (outermost.scheduling.maximum !== undefined) of(outermost).add(part, at)
    }
  })
  const own = outermostOf(request)
  // Its lease may hold nothing, and be one that a cut left without an order.
  if (granted) for (const part of request.parts) of(own).add(part, pools.indexOf(part.pool))
  else if (own !== request) of(own)
  const trees = [...holdings.values()].map((each) => each.tree(pools))
  const isBound = trees.some(({ asks }) => asks.length > 0)
  const quota = isBound ? new DeclaredQuota(trees) : undefined
  return { pools: pools.map((pool, at) => poolOf(pool, at, trees)), trees, quota }
}

/** What leases that declared nothing hold comes back: it counts as free, and as held by nobody. */
const poolOf = (pool: Pool, at: number, trees: ReadonlyArray<Tree>): GraphPool => {
  let available = pool.limit
  const held = pool.calendar?.standing.map(() => 0) ?? []
  for (const { shares } of trees) {
    for (const { amount, draws, pool: of } of shares) {
      if (of !== at) continue
      available -= amount
      if (draws !== undefined) held[draws] = held[draws]! + amount
    }
  }
  const promises =
    pool.standing === 0
      ? undefined
      : pool.calendar!.standing.map(({ amount }, promise) => ({ amount, held: held[promise]! }))
  return { available, burst: Infinity, promises }
}
