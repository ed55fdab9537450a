/**
 * Deadlocks avoided (Dijkstra, EWD 623; Habermann, "Prevention of system deadlocks",
 * CACM 1969). An outermost lease declares the most that it and all inside it will ever
 * hold. A claim is granted only if afterwards the state is *safe*: there is an order in
 * which every declared lease can have all that it declared, and come back. Where a cut (less
 * capacity or quota, more that is promised for ever) left some without such an order, a claim is
 * granted where it takes it from no other.
 *
 * What is inside a lease is asked for as the outermost lease asks: by its agent, at its
 * priority, and where that is over a quota as it does. So it may use what is promised to
 * that agent, and draws on the quotas of that agent and of its groups. A claim inside that is of
 * another agent is counted where it is.
 *
 * What an outermost lease does not declare it never asks for: claims inside it are
 * refused. So leases that declare nothing come back whatever happens, and only the
 * declared ones are looked at. Claims inside a lease wait for no order: what they ask for
 * was declared before those who wait outside were let in. So who is next in a safe order
 * is never kept by a queue.
 *
 * O(holders), and (declared leases)² times types at worst.
 */
import { invalid } from "../admission.ts"
import type { Claim } from "../Claim.ts"
import type { Pool } from "../Pool.ts"
import type { InvalidClaim } from "../Refusal.ts"
import { leasesAround, type Part, type Request } from "../Request.ts"
import { isFor } from "../reservations/Reservation.ts"
import { drawsOf } from "../reservations/standing.ts"
import type { GraphPool, Need, Share } from "../WaitForGraph.ts"
import { outermostOf } from "./ages.ts"
import { comeBack, type Tree } from "./safety.ts"

const heldInside = (outermost: Request, pool: Pool): number => {
  let held = 0
  for (let part = pool.holdersHead; part !== undefined; part = part.next) {
    if (outermostOf(part.request) === outermost) held += part.amount
  }
  return held
}

const waitedForInside = (outermost: Request, pool: Pool): number => {
  let waited = 0
  for (const wait of outermost.waitsInside ?? []) {
    for (const part of wait.parts) if (part.pool === pool) waited += part.amount
  }
  return waited
}

const maximumOf = (maximum: Claim | undefined, type: string): number | undefined => maximum?.[type]

/** What of a claim is more than its outermost lease declared. */
export const overMaximum = (request: Request): InvalidClaim | undefined => {
  const outermost = outermostOf(request)
  const { maximum } = outermost.scheduling
  if (outermost === request && maximum === undefined) return undefined
  for (const { amount, pool } of request.parts) {
    const own = outermost === request ? 0 : heldInside(outermost, pool) + waitedForInside(outermost, pool)
    const most = maximumOf(maximum, pool.type) ?? (maximum === undefined ? own : 0)
    if (own + amount <= most) continue
    const declared =
      maximum === undefined
        ? `the lease ${outermost.id} around it declared no maximum`
        : outermost === request
          ? `its maximum is ${most}`
          : `the lease ${outermost.id} around it declared a maximum of ${most}, of which ${own} are held or waited for`
    return invalid(`claim.${pool.type}`, amount, `at most ${Math.max(0, most - own)}: ${declared}`)
  }
  return undefined
}

/** What of the maximum that an outermost claim declares can never be had, however long it waits. */
export const neverHad = (pools: Iterable<Pool>, request: Request): InvalidClaim | undefined => {
  const { maximum } = request.scheduling
  if (maximum === undefined || request.parts.length === 0 || leasesAround(request).length > 0) return undefined
  for (const pool of pools) {
    const amount = maximumOf(maximum, pool.type) ?? 0
    const promised = pool.standing === 0 ? 0 : (pool.calendar?.standingFor(request) ?? 0)
    if (amount <= pool.limit - promised) continue
    const why = promised === 0 ? "the pool has no more" : `${promised} of ${pool.limit} are promised to others for ever`
    return invalid(`maximum.${pool.type}`, amount, `at most ${Math.max(0, pool.limit - promised)}: ${why}`)
  }
  return undefined
}

interface DeclaredTree extends Tree {
  readonly outermost: Request
}

interface DeclaredState {
  readonly pools: ReadonlyArray<GraphPool>
  readonly trees: ReadonlyArray<DeclaredTree>
}

/** What a tree has, as it is gathered. */
class Holdings {
  readonly outermost: Request
  readonly shares: Array<Share> = []
  private readonly held: Array<number>

  constructor(outermost: Request, pools: number) {
    this.outermost = outermost
    this.held = Array.from({ length: pools }, () => 0)
  }

  add(part: Part, pool: number): void {
    const { amount } = part
    const draws = part.pool.standing === 0 ? undefined : drawsOf(part.pool.calendar!.standing, part)
    this.shares.push({ pool, amount, draws })
    this.held[pool] = this.held[pool]! + amount
  }

  private needOf({ calendar, standing, type }: Pool, pool: number): Need | undefined {
    const amount = (maximumOf(this.outermost.scheduling.maximum, type) ?? 0) - this.held[pool]!
    if (amount <= 0) return undefined
    if (standing === 0) return { pool, amount, cost: 0 }
    const mayUse = calendar!.standing.flatMap(({ holder }, at) => (isFor(holder, this.outermost) ? [at] : []))
    return { pool, amount, cost: 0, mayUse }
  }

  tree(pools: ReadonlyArray<Pool>): DeclaredTree {
    const { outermost, shares } = this
    return { outermost, shares, needs: pools.flatMap((pool, at) => this.needOf(pool, at) ?? []) }
  }
}

/** What there is for those that declared a maximum: before a request is granted, or once it is. */
const stateOf = (pools: ReadonlyArray<Pool>, request: Request, granted: boolean): DeclaredState => {
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
  return { pools: pools.map((pool, at) => poolOf(pool, at, trees)), trees }
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

/** Whether somebody may lack what it declared once a request is granted. Where a cut left no safe order a claim of nothing still changes nothing. */
const isJudged = (request: Request): boolean =>
  request.parts.length > 0 && outermostOf(request).scheduling.maximum !== undefined

/** The trees that can come back before a request is granted, and cannot after it. */
const lostBy = (pools: ReadonlyArray<Pool>, request: Request) => {
  const after = stateOf(pools, request, true)
  const { stuck, units } = comeBack(after.pools, after.trees)
  if (stuck.length === 0) return { units, lost: [] }
  const before = stateOf(pools, request, false)
  const former = new Set(comeBack(before.pools, before.trees).stuck.map((tree) => before.trees[tree]!.outermost))
  return { units, lost: stuck.map((tree) => after.trees[tree]!).filter(({ outermost }) => !former.has(outermost)) }
}

/** Whether the request can be granted, and all can have what they declared that can have it now. */
export const isSafeWith = (pools: ReadonlyArray<Pool>, request: Request): boolean =>
  !isJudged(request) || lostBy(pools, request).lost.length === 0

/** Why to grant a claim would not be safe, in one pool. */
export interface SafetyReason {
  readonly _tag: "Safety"
  readonly resourceType: string
  readonly requested: number
  /** Units that would be left for the first of those, once all are back that can be. */
  readonly left: number
  /** The leases that may ask for more than is left for them, the most first; `lease` 0 is the claim itself, where it has no number yet. */
  readonly declared: ReadonlyArray<{ readonly lease: number; readonly agent: string; readonly amount: number }>
}

/** Why the state is not safe once the request is granted, pool by pool. Empty where it is. */
export const unsafeWith = (pools: ReadonlyArray<Pool>, request: Request): ReadonlyArray<SafetyReason> => {
  if (!isJudged(request)) return []
  const { lost, units } = lostBy(pools, request)
  return pools.flatMap((pool, at): ReadonlyArray<SafetyReason> => {
    const short = lost
      .flatMap(({ needs, outermost }) =>
        needs.flatMap((need) => {
          const left = units.there(need)
          return need.pool === at && need.amount > left ? [{ outermost, amount: need.amount, left }] : []
        })
      )
      .toSorted((a, b) => b.amount - a.amount || a.outermost.id - b.outermost.id)
    const [first] = short
    if (first === undefined) return []
    const requested = request.parts.find((part) => part.pool === pool)?.amount ?? 0
    const declared = short.map(({ amount, outermost }) => ({ lease: outermost.id, agent: outermost.agent.id, amount }))
    return [{ _tag: "Safety", resourceType: pool.type, requested, left: Math.max(0, first.left), declared }]
  })
}
