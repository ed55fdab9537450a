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
import { modeOf } from "../quota/refusals.ts"
import { levelFor } from "../quota/Uses.ts"
import type { InvalidClaim } from "../Refusal.ts"
import { leasesAround, type Request } from "../Request.ts"
import { outermostOf } from "./ages.ts"
import { stateOf } from "./declared.ts"
import { comeBack } from "./safety.ts"

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
  if (maximum === undefined || leasesAround(request).length > 0) return undefined
  for (const pool of pools) {
    const amount = maximumOf(maximum, pool.type) ?? 0
    const promised = pool.standing === 0 ? 0 : (pool.calendar?.standingFor(request) ?? 0)
    if (amount === 0) continue
    const most = mostQuota(request, pool)
    if (amount <= Math.min(most.amount, pool.limit - promised)) continue
    const why = promised === 0 ? "the pool has no more" : `${promised} of ${pool.limit} are promised to others for ever`
    const allowed =
      amount > pool.limit - promised
        ? `at most ${Math.max(0, pool.limit - promised)}: ${why}`
        : `at most ${most.amount}: ${most.why}`
    return invalid(`maximum.${pool.type}`, amount, allowed)
  }
  return undefined
}

/** The most that a lease could have of a type by its quotas, were nothing else in use, and by which one that is so. O(depth). */
const mostQuota = (request: Request, pool: Pool): { readonly amount: number; readonly why: string } => {
  const { agent } = request
  const own = modeOf(request) === "wait" ? agent.accounts.get(pool)?.quota : undefined
  let most = { amount: own ?? Infinity, why: `that is the quota of ${agent.id}` }
  // What the levels below have themselves is not drawn.
  let guaranteed = 0
  for (let level = levelFor(agent, pool); level !== undefined; level = level.parent) {
    const amount = level.leasesMax < 1 ? 0 : Math.min(level.max, level.cap + guaranteed)
    if (amount < most.amount) most = { amount, why: `that is what ${level.group.path.join("/")} may have` }
    guaranteed += level.guaranteed
  }
  return most
}

/** Whether somebody may lack what it declared once a request is granted. Where a cut left no safe order a claim of nothing still changes nothing. */
const isJudged = (request: Request): boolean =>
  request.parts.length > 0 && outermostOf(request).scheduling.maximum !== undefined

/** The trees that can come back before a request is granted, and cannot after it. */
const lostBy = (pools: ReadonlyArray<Pool>, request: Request) => {
  const after = stateOf(pools, request, true)
  const { quota } = after
  const { stuck, units } = comeBack(after.pools, after.trees, quota)
  if (stuck.length === 0) return { units, quota, lost: [] }
  const before = stateOf(pools, request, false)
  const formerly = comeBack(before.pools, before.trees, before.quota).stuck
  const former = new Set(formerly.map((tree) => before.trees[tree]!.outermost))
  const lost = stuck.map((tree) => after.trees[tree]!).filter(({ outermost }) => !former.has(outermost))
  return { units, quota, lost: lost.length > 0 && isKeptInVain(pools, request) ? [] : lost }
}

/**
 * Whether a claim inside two of them (to grow a lease of the one, from within the other) is kept in vain: neither
 * comes back before it is served, and no other can.
 */
const isKeptInVain = (pools: ReadonlyArray<Pool>, request: Request): boolean => {
  const around = new Set(leasesAround(request).map(outermostOf))
  if (around.size < 2) return false
  const { pools: units, quota, trees } = stateOf(pools, request, false)
  const others = [...trees.keys()].filter((tree) => !around.has(trees[tree]!.outermost))
  return comeBack(units, trees, quota, others).stuck.length === others.length
}

/** Whether the request can be granted, and all can have what they declared that can have it now. */
export const isSafeWith = (pools: ReadonlyArray<Pool>, request: Request): boolean =>
  !isJudged(request) || lostBy(pools, request).lost.length === 0

/** Why to grant a claim would not be safe, in one pool. */
export interface SafetyReason {
  readonly _tag: "Safety"
  readonly resourceType: string
  readonly requested: number
  /** Units that would be left for the first of those, of the pool and of its quotas, once all are back that can be. */
  readonly left: number
  /** The leases that may ask for more than is left for them, the most first; `lease` 0 is the claim itself, where it has no number yet. */
  readonly declared: ReadonlyArray<{ readonly lease: number; readonly agent: string; readonly amount: number }>
}

/** Why the state is not safe once the request is granted, pool by pool. Empty where it is. */
export const unsafeWith = (pools: ReadonlyArray<Pool>, request: Request): ReadonlyArray<SafetyReason> => {
  if (!isJudged(request)) return []
  const { lost, quota, units } = lostBy(pools, request)
  return pools.flatMap((pool, at): ReadonlyArray<SafetyReason> => {
    const short = lost
      .flatMap((tree) =>
        tree.needs.flatMap((need) => {
          if (need.pool !== at) return []
          const left = Math.min(units.there(need), quota?.left(tree, need) ?? Infinity)
          return need.amount > left ? [{ outermost: tree.outermost, amount: need.amount, left }] : []
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
