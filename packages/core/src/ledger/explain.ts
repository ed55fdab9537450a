/**
 * Why somebody waits, and what is going on: views for people, built when asked.
 * None of it is on the path of a decision.
 */
import type { Agent } from "./Agent.ts"
import { type Books, claimOf } from "./Books.ts"
import type { Claim } from "./Claim.ts"
import type { Distribution } from "./Histogram.ts"
import type { Difference } from "./order/Order.ts"
import { fairnessOf } from "./order/fairness.ts"
import type { Ordering } from "./order/Ordering.ts"
import { priorityOf } from "./order/priority.ts"
import { type Sharer, siblingsOf } from "./order/Sharer.ts"
import type { Pool } from "./Pool.ts"
import { type EndingView, endingOf } from "./preemption/announced.ts"
import type { SafetyReason } from "./preemption/banker.ts"
import { Group } from "./quota/Group.ts"
import { type QuotaReason, quotaReasons } from "./quota/reasons.ts"
import type { Holder } from "./reservations/Reservation.ts"
import { enclosing, type Part, type Request } from "./Request.ts"

/** How many holders a reason names; the rest is counted. */
export const holdersNamedMax = 10

/** A lease as seen from a pool that it holds. */
export interface HolderView {
  readonly lease: number
  readonly agent: string
  readonly amount: number
  readonly heldMicros: number
  /** Where it was told to end. */
  readonly ending?: EndingView
}

/** What is kept for somebody else. */
export interface KeptView {
  readonly holder: Holder
  readonly amount: number
  /** The instant at which its window begins, or now. */
  readonly from: number
}

export type WaitReason =
  | QuotaReason
  /** It is there, and to grant it would risk a deadlock: see `banker`. */
  | SafetyReason
  /** Too many units are in use. */
  | {
      readonly _tag: "Capacity"
      readonly resourceType: string
      readonly requested: number
      readonly free: number
      readonly capacity: number
      /** The largest holders, at most `holdersNamedMax`. */
      readonly holders: ReadonlyArray<HolderView>
      readonly holdersTotal: number
    }
  /** More than there is: only growth of the pool can serve it. */
  | {
      readonly _tag: "Growth"
      readonly resourceType: string
      readonly requested: number
      readonly capacity: number
      readonly maxCapacity: number
    }
  /** What is free was promised to others: now, or at the start of a window that the claim would run into. */
  | {
      readonly _tag: "Reservation"
      readonly resourceType: string
      readonly requested: number
      /** Units that are promised to nobody else. */
      readonly free: number
      readonly kept: ReadonlyArray<KeptView>
    }
  /** The pool's rate has too few tokens. */
  | {
      readonly _tag: "Rate"
      readonly resourceType: string
      readonly requested: number
      readonly tokens: number
      /**
       * The instant at which there are enough, beyond those earmarked for earlier
       * waiters; `Infinity` where there cannot be before those ahead are served.
       */
      readonly readyAt: number
    }
  /** Earlier waiters come first. */
  | {
      readonly _tag: "Order"
      readonly resourceType: string
      readonly ahead: number
      /** What they wait for, together. */
      readonly aheadAmount: number
    }

const holdersOf = (pool: Pool, now: number) => {
  const holders: Array<HolderView> = []
  for (let part = pool.holdersHead; part !== undefined; part = part.next) {
    const lease = part.request
    const heldMicros = now - lease.grantedAt
    holders.push({ lease: lease.id, agent: lease.agent.id, amount: part.amount, heldMicros, ...endingOf(lease) })
  }
  return holders.toSorted((a, b) => b.amount - a.amount || a.lease - b.lease)
}

/** Who stands before somebody in a queue. */
export interface Line {
  readonly ahead: number
  readonly aheadAmount: number
}

/**
 * What explanations of the same instant share: each queue and each pool's holders are
 * walked once for all of them, so that n of them cost n steps and not n².
 */
export class Walks {
  private readonly lines = new Map<Pool, ReadonlyMap<Part, Line>>()
  private readonly holders = new Map<Pool, ReadonlyArray<HolderView>>()

  before(part: Part): Line {
    let lines = this.lines.get(part.pool)
    if (lines === undefined) {
      lines = linesOf(part.pool)
      this.lines.set(part.pool, lines)
    }
    return lines.get(part) ?? lineBefore(part)
  }

  holdersOf(pool: Pool, now: number): ReadonlyArray<HolderView> {
    const known = this.holders.get(pool)
    if (known !== undefined) return known
    const holders = holdersOf(pool, now)
    this.holders.set(pool, holders)
    return holders
  }
}

/** The places of a whole queue. */
const linesOf = (pool: Pool): ReadonlyMap<Part, Line> => {
  const lines = new Map<Part, Line>()
  let ahead = 0
  let aheadAmount = 0
  for (let part = pool.first; part !== undefined; part = pool.after(part)) {
    lines.set(part, { ahead, aheadAmount })
    ahead++
    aheadAmount += part.amount
  }
  return lines
}

/** Why a share is not there. */
export const reasonsFor = (part: Part, waitingLine: Line, now: number, walks?: Walks) => {
  const { amount, cost, pool } = part
  const resourceType = pool.type
  const reasons: Array<WaitReason> = []
  const tokens = pool.tokens(now)
  if (amount > pool.capacity) {
    reasons.push({
      _tag: "Growth",
      resourceType,
      requested: amount,
      capacity: pool.capacity,
      maxCapacity: pool.limit
    })
  } else if (amount > pool.free) {
    const holders = walks === undefined ? holdersOf(pool, now) : walks.holdersOf(pool, now)
    reasons.push({
      _tag: "Capacity",
      resourceType,
      requested: amount,
      free: pool.free,
      capacity: pool.capacity,
      holders: holders.slice(0, holdersNamedMax),
      holdersTotal: holders.length
    })
  }
  const room = pool.calendar === undefined ? pool.free : pool.freeFor(part.request, now)
  if (amount <= pool.capacity && amount <= pool.free && amount > room) {
    const kept = pool.calendar?.keptFrom(part.request, now) ?? []
    reasons.push({ _tag: "Reservation", resourceType, requested: amount, free: Math.max(0, room), kept })
  }
  const tokensNeeded = (part.earmarked ? 0 : pool.earmarkedTokens) + cost
  if (cost > 0 && pool.bucket !== undefined && tokensNeeded > tokens) {
    reasons.push({
      _tag: "Rate",
      resourceType,
      requested: cost,
      tokens,
      readyAt: pool.bucket.readyAt(tokensNeeded)
    })
  }
  if (waitingLine.ahead > 0) reasons.push({ _tag: "Order", resourceType, ...waitingLine })
  return reasons
}

const lineBefore = (part: Part): Line => {
  let ahead = 0
  let aheadAmount = 0
  for (let other = part.pool.before(part); other !== undefined; other = part.pool.before(other)) {
    ahead++
    aheadAmount += other.amount
  }
  return { ahead, aheadAmount }
}

/** All reasons at once. O(holders + waiters ahead), of several with the same `walks` together. */
export const reasonsOf = (request: Request, now: number, walks?: Walks): Array<WaitReason> => {
  if (request.quota?.parked !== undefined) return quotaReasons(request, now)
  const reasons = request.parts.flatMap((part) =>
    part.earmarked ? [] : reasonsFor(part, walks === undefined ? lineBefore(part) : walks.before(part), now, walks)
  )
  return reasons.length > 0 ? reasons : request.parts.flatMap(promisedBefore)
}

/** It is the first in order and there is enough, but others were promised by a plan what it would take. */
const promisedBefore = ({ amount, pool }: Part): ReadonlyArray<WaitReason> =>
  pool.planned && pool.waiting > 1
    ? [
        {
          _tag: "Order",
          resourceType: pool.type,
          ahead: pool.waiting - 1,
          aheadAmount: pool.waitingAmount - amount
        }
      ]
    : []

/** How many of those ahead a standing names. */
export const aheadNamedMax = 5

/** Where a waiter stands by the order of a policy, and why. */
export interface Standing {
  /** What it runs at: its own priority, or one that it inherits. */
  readonly priority: number
  readonly inherits: boolean
  readonly rescued: boolean
  /** How often others were granted past it, and how often they may be; `undefined` where nobody may. */
  readonly passed: number
  readonly passedMax: number | undefined
  /** The dominant share of its agent, by weight; `undefined` where shares are not what decides. */
  readonly share: number | undefined
  /** The first of those ahead in a pool where it has not its share, and why each is. At most `aheadNamedMax`. */
  readonly ahead: ReadonlyArray<AheadView>
}

/** One ahead of a waiter, and what decides between the two. */
export interface AheadView {
  readonly id: number
  readonly agent: string
  readonly because: Difference
  /**
   * Where shares decide, and those compared are not of the two agents alone: the group of the one
   * ahead whose share is lower, and that of the waiter whose share is higher; `undefined` where
   * that is the agent itself.
   */
  readonly group: string | undefined
  readonly behind: string | undefined
}

const groupOf = (sharer: Sharer): string | undefined => (sharer instanceof Group ? sharer.id : undefined)

const aheadView = (other: Request, request: Request, because: Difference): AheadView => {
  const [lower, higher] = because === "share" ? siblingsOf(other.agent, request.agent) : []
  return {
    id: other.id,
    agent: other.agent.id,
    because,
    group: lower && groupOf(lower),
    behind: higher && groupOf(higher)
  }
}

const standingOf = (request: Request, ordering: Ordering): Standing => {
  const { order } = ordering
  const { passed, rank, rescued } = request.turn
  const ahead: Array<Standing["ahead"][number]> = []
  const pool = request.parts.find((part) => !part.earmarked)?.pool
  for (let part = pool?.first; part !== undefined && ahead.length < aheadNamedMax; part = pool?.after(part)) {
    const other = part.request
    if (order.compare(other, request) >= 0) break
    ahead.push(aheadView(other, request, order.difference(other, request)))
  }
  return {
    priority: order.priority === undefined ? priorityOf(request) : rank,
    inherits: order.priority !== undefined && rank !== priorityOf(request),
    rescued,
    passed,
    passedMax: order.bypass?.max,
    share: order.fair === undefined ? undefined : request.agent.key.share,
    ahead
  }
}

export interface Explanation {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  readonly waitedMicros: number
  /** The instant at which it times out; `undefined` is never. */
  readonly deadline: number | undefined
  /** The lease that it is inside of. */
  readonly parent: number | undefined
  readonly reasons: ReadonlyArray<WaitReason>
  /** Types whose units are kept for it already. Not in use, not charged. */
  readonly earmarked: ReadonlyArray<string>
  /** Whether it may pass the queue, because only order would keep it for ever. */
  readonly exempt: boolean
  /**
   * The instant at which it is granted, where that is known: when only tokens are missing;
   * with backfill, by when it starts if leases return by when they say; where leases were
   * told to end and have what it lacks, by when they are back.
   */
  readonly earliestAt: number | undefined
  /** Where it stands by the order of a policy; `undefined` where first come is first served. */
  readonly standing: Standing | undefined
}

export const explain = (
  request: Request,
  now: number,
  walks?: Walks,
  ordering?: Ordering,
  plannedAt?: number,
  safety: ReadonlyArray<SafetyReason> = []
): Explanation => {
  const reasons = [...reasonsOf(request, now, walks), ...safety]
  const onlyRate = reasons.length > 0 && reasons.every((reason) => reason._tag === "Rate")
  return {
    id: request.id,
    agent: request.agent.id,
    claim: claimOf(request),
    waitedMicros: now - request.askedAt,
    deadline: request.deadline,
    parent: enclosing(request)?.id,
    reasons,
    earmarked: request.parts.filter((part) => part.earmarked).map((part) => part.pool.type),
    exempt: request.exempt,
    earliestAt: onlyRate
      ? Math.max(...reasons.map((reason) => (reason._tag === "Rate" ? reason.readyAt : 0)))
      : plannedAt,
    standing: ordering === undefined ? undefined : standingOf(request, ordering)
  }
}

/** A lease as listed. */
export interface LeaseView {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  readonly parent: number | undefined
  readonly token: number
  readonly heldMicros: number
  /** The instant at which it expires; `undefined` is never. */
  readonly expiresAt: number | undefined
  readonly manual: boolean
  /** Where it was told to end. */
  readonly ending?: EndingView
}

/** All leases that hold something, oldest first. O(leases log leases). */
export const leasesOf = (books: Books): Array<Request> => {
  const leases = new Set<Request>()
  for (const pool of books.everyPool()) {
    for (let part = pool.holdersHead; part !== undefined; part = part.next) leases.add(part.request)
  }
  return [...leases].toSorted((a, b) => a.id - b.id)
}

export const leaseView = (lease: Request, now: number): LeaseView => ({
  id: lease.id,
  agent: lease.agent.id,
  claim: claimOf(lease),
  parent: enclosing(lease)?.id,
  token: lease.token,
  heldMicros: now - lease.grantedAt,
  expiresAt: lease.ttl === 0 ? undefined : lease.expiresAt,
  manual: lease.manual,
  ...endingOf(lease)
})

/** All waiters, in order. */
export const waitersOf = (books: Books): Array<Request> =>
  [...books.agents.values()]
    .flatMap((agent) => Array.from(agent.waiters))
    .toSorted(books.ordering?.order.compare ?? ((a, b) => a.id - b.id))

/** Counts and distributions of one pool, since it was defined. Durations in microseconds. */
export interface PoolStatistics {
  readonly resourceType: string
  readonly capacity: number
  readonly minCapacity: number
  readonly maxCapacity: number
  readonly inUse: number
  readonly free: number
  readonly earmarked: number
  readonly peak: number
  /** In use over capacity, in percent. 0 where there is no capacity. */
  readonly usagePercent: number
  /** Mean units in use since the pool was defined. */
  readonly meanInUse: number
  /** How evenly agents share it now, by weight; `undefined` where nobody holds any, or fewer than two agents use it. See `fairnessOf`. */
  readonly fairness: number | undefined
  readonly acquisitions: number
  readonly failures: Readonly<Record<string, number>>
  readonly waiting: number
  readonly waitingAmount: number
  /** Whole tokens of the rate; `undefined` where there is none. */
  readonly tokens: number | undefined
  readonly waits: Distribution
  readonly holds: Distribution
}

export const poolStatistics = (pool: Pool, now: number): PoolStatistics => {
  const busy = pool.busy + pool.inUse * (now - pool.accountedAt)
  return {
    resourceType: pool.type,
    capacity: pool.capacity,
    minCapacity: pool.minCapacity,
    maxCapacity: pool.limit,
    inUse: pool.inUse,
    free: Math.max(0, pool.free),
    earmarked: pool.earmarked,
    peak: pool.peak,
    usagePercent: pool.capacity === 0 ? 0 : (pool.inUse / pool.capacity) * 100,
    fairness: fairnessOf(pool),
    meanInUse: now === pool.definedAt ? pool.inUse : busy / (now - pool.definedAt),
    acquisitions: pool.acquisitions,
    failures: { ...pool.failures },
    waiting: pool.waiting,
    waitingAmount: pool.waitingAmount,
    tokens: pool.bucket === undefined ? undefined : pool.tokens(now),
    waits: pool.waits.distribution(),
    holds: pool.holds.distribution()
  }
}

/** What one agent has of one type. */
export interface AccountView {
  readonly held: number
  readonly waiting: number
  readonly peak: number
  readonly quota: number | undefined
}

export interface AgentStatistics {
  readonly agent: string
  readonly accounts: Readonly<Record<string, AccountView>>
  readonly acquisitions: number
  readonly failures: Readonly<Record<string, number>>
  readonly waiting: number
  readonly waits: Distribution
  readonly holds: Distribution
}

export const agentStatistics = (agent: Agent): AgentStatistics => ({
  agent: agent.id,
  accounts: Object.fromEntries(
    [...agent.accounts.values()].map((account) => [
      account.pool.type,
      {
        held: account.held,
        waiting: account.waiting,
        peak: account.peak,
        quota: account.quota === Infinity ? undefined : account.quota
      }
    ])
  ),
  acquisitions: agent.acquisitions,
  failures: { ...agent.failures },
  waiting: agent.waiters.size,
  waits: agent.waits.distribution(),
  holds: agent.holds.distribution()
})
