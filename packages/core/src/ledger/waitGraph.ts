/**
 * Who waits for whom: the wait-for graph as it stands, for people. Its nodes are
 * waits, the leases that have waits inside, and the pools that the waits ask for.
 * Leases without waits inside come back by themselves: what they hold is what a
 * pool has in use beyond the leases named. Built when asked: O(agents + waiters +
 * leases with waits inside), and the reduction of what these reach.
 */
import { type Books, claimOf } from "./Books.ts"
import type { Claim } from "./Claim.ts"
import { findStuck } from "./deadlock.ts"
import type { Pool } from "./Pool.ts"
import { enclosing, leasesAround, type Request } from "./Request.ts"

export interface WaitNode {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  /** The leases that it is inside of, innermost first: they come back once it is served. */
  readonly inside: ReadonlyArray<number>
  /** The lease that it grows, one of those it is inside of. */
  readonly grows: number | undefined
  readonly waitedMicros: number
  /** The instant at which it times out; `undefined` is never. */
  readonly deadline: number | undefined
  /** Types of its claim that are not earmarked for it. */
  readonly short: ReadonlyArray<string>
  readonly exempt: boolean
  /** Whether nothing but a time-out, an expiry, growth or somebody's hand ever ends it: a deadlock, or behind one. */
  readonly stuck: boolean
}

/** A lease that has waits inside. */
export interface LeaseNode {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  readonly parent: number | undefined
  readonly heldMicros: number
  /** The instant at which it expires, whoever waits inside; `undefined` is never. */
  readonly expiresAt: number | undefined
}

/** A pool that some wait asks for. */
export interface PoolNode {
  readonly resourceType: string
  readonly capacity: number
  /** The most that it may grow to. */
  readonly maxCapacity: number
  readonly inUse: number
  readonly earmarked: number
  readonly waiting: number
}

export interface WaitGraphView {
  /** In order. */
  readonly waits: ReadonlyArray<WaitNode>
  /** How many there are with those that are not shown. */
  readonly waitsTotal: number
  /** Those around the waits shown, oldest first. */
  readonly leases: ReadonlyArray<LeaseNode>
  readonly pools: ReadonlyArray<PoolNode>
}

const byId = (a: Request, b: Request): number => a.id - b.id

/** Waits inside leases keep others from coming back: they are shown before those that only wait. */
const chosen = (books: Books, waitsMax: number): ReadonlyArray<Request> => {
  const inside: Array<Request> = []
  const outside: Array<Request> = []
  for (const agent of books.agents.values()) {
    for (const waiter of agent.waiters) (leasesAround(waiter).length > 0 ? inside : outside).push(waiter)
  }
  return [...inside.toSorted(byId), ...outside.toSorted(byId)].slice(0, waitsMax).toSorted(byId)
}

const waitNode = (wait: Request, now: number, stuck: ReadonlySet<Request>): WaitNode => ({
  id: wait.id,
  agent: wait.agent.id,
  claim: claimOf(wait),
  inside: leasesAround(wait).map((lease) => lease.id),
  grows: wait.grows?.id,
  waitedMicros: now - wait.askedAt,
  deadline: wait.deadline,
  short: wait.parts.filter((part) => !part.earmarked).map((part) => part.pool.type),
  exempt: wait.exempt,
  stuck: stuck.has(wait)
})

const leaseNode = (lease: Request, now: number): LeaseNode => ({
  id: lease.id,
  agent: lease.agent.id,
  claim: claimOf(lease),
  parent: enclosing(lease)?.id,
  heldMicros: now - lease.grantedAt,
  expiresAt: lease.ttl === 0 ? undefined : lease.expiresAt
})

const poolNode = (pool: Pool): PoolNode => ({
  resourceType: pool.type,
  capacity: pool.capacity,
  maxCapacity: pool.limit,
  inUse: pool.inUse,
  earmarked: pool.earmarked,
  waiting: pool.waiting
})

export const waitGraph = (books: Books, now: number, waitsMax: number): WaitGraphView => {
  const waits = chosen(books, waitsMax)
  const stuck = findStuck(waits)
  const leases = new Set(waits.flatMap((wait) => leasesAround(wait)))
  const pools = new Set(waits.flatMap((wait) => wait.parts.map((part) => part.pool)))
  return {
    waits: waits.map((wait) => waitNode(wait, now, stuck)),
    waitsTotal: books.waiting,
    leases: [...leases].toSorted(byId).map((lease) => leaseNode(lease, now)),
    pools: [...pools].toSorted((a, b) => a.index - b.index).map(poolNode)
  }
}
