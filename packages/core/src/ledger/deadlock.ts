/**
 * Builds the part of the wait-for graph that a question can reach, and names what
 * it finds. Nothing else is looked at: leases with no wait inside them come back
 * by themselves and are counted by their pool, not visited.
 */
import { claimOf } from "./Books.ts"
import type { Order } from "./order/Order.ts"
import type { Pool } from "./Pool.ts"
import type { DeadlockDetected, DeadlockStep } from "./Refusal.ts"
import { quotaOf } from "./quota/quotaGraph.ts"
import { inQueueOrder, leasesAround, type Part, type Request } from "./Request.ts"
import { drawsOf, heldWithin, mayUse } from "./reservations/standing.ts"
import {
  cycleThrough,
  type Edge,
  exemptions,
  type Graph,
  type GraphPromise,
  type Need,
  reduce,
  type Reduction
} from "./WaitForGraph.ts"

interface Reach {
  readonly graph: Graph
  readonly waits: ReadonlyArray<Request>
  readonly leases: ReadonlyArray<Request>
  readonly pools: ReadonlyArray<Pool>
}

/**
 * From the given waits: the pools that they need, the blocked leases that hold
 * those, the waits inside them, and so on; with `ordered` also the queues of
 * those pools. `grown`: as if every pool had its maximum.
 */
const reachFrom = (roots: Iterable<Request>, ordered: boolean, grown = true, order?: Order): Reach => {
  const waits = new Set<Request>(roots)
  const poolIndex = new Map<Pool, number>()
  const leaseIndex = new Map<Request, number>()
  // A Set is iterated in insertion order and sees what is added on the way.
  for (const wait of waits) {
    for (const { pool } of wait.parts) {
      if (poolIndex.has(pool)) continue
      poolIndex.set(pool, poolIndex.size)
      for (const lease of pool.blocked) {
        for (const inner of lease.waitsInside!) waits.add(inner)
      }
      if (!ordered) continue
      for (let part = pool.waitersHead; part !== undefined; part = part.next) waits.add(part.request)
    }
  }
  for (const pool of poolIndex.keys()) {
    for (const lease of pool.blocked) {
      if (!leaseIndex.has(lease)) leaseIndex.set(lease, leaseIndex.size)
    }
  }
  const pools = [...poolIndex.keys()]
  const leases = [...leaseIndex.keys()]
  const inOrder = [...waits].toSorted(order?.compare ?? inQueueOrder)
  return {
    pools,
    leases,
    waits: inOrder,
    graph: {
      quota: quotaOf(inOrder, leases),
      pools: pools.map((pool) => ({
        // What growth can add ends a wait by time, so it counts as free.
        available: (grown ? pool.limit : pool.capacity) - pool.blockedHeld,
        burst: pool.burstLimit,
        promises: pool.standing === 0 ? undefined : promisesOf(pool)
      })),
      waits: inOrder.map((wait) => ({
        needs: wait.parts.map((part) => needOf(part, poolIndex.get(part.pool)!)),
        inside: leasesAround(wait).flatMap((lease) => leaseIndex.get(lease) ?? []),
        exempt: wait.exempt
      })),
      holdings: leases.map((lease) => ({
        amounts: lease.parts.flatMap((part) => {
          const pool = poolIndex.get(part.pool)
          return pool === undefined ? [] : [{ pool, amount: part.amount, draws: drawnBy(part) }]
        })
      }))
    }
  }
}

const promisesOf = (pool: Pool): ReadonlyArray<GraphPromise> => {
  const { standing } = pool.calendar!
  const held = heldWithin(pool, standing)
  return standing.map(({ amount }, at) => ({ amount, held: held[at]! }))
}

const drawnBy = (part: Part): number | undefined =>
  part.pool.standing === 0 ? undefined : drawsOf(part.pool.calendar!.standing, part)

const needOf = (part: Part, pool: number): Need => {
  const { amount, cost } = part
  if (part.pool.standing === 0) return { pool, amount, cost }
  const { standing } = part.pool.calendar!
  return { pool, amount, cost, mayUse: mayUse(standing, part), draws: drawsOf(standing, part) }
}

/** A deadlock: the waits of the cycle, oldest first, and what to tell about it. */
export interface Deadlock {
  readonly waits: ReadonlyArray<Request>
  /** The leases of the cycle. */
  readonly leases: ReadonlyArray<Request>
  readonly refusalFor: (victim: Request) => DeadlockDetected
}

const describe = (reach: Reach, reduction: Reduction, from: number): Deadlock | undefined => {
  const cycle = cycleThrough(reach.graph, reduction, from)
  if (cycle === undefined) return undefined
  const members = cycle.map((edge) => reach.waits[edge.wait]!)
  const step = (edge: Edge): DeadlockStep => {
    const wait = reach.waits[edge.wait]!
    const lease = reach.leases[edge.holding]!
    const pool = reach.pools[edge.pool]!
    return {
      agent: wait.agent.id,
      resourceType: pool.type,
      requested: wait.parts.find((part) => part.pool === pool)!.amount,
      heldBy: lease.agent.id,
      lease: lease.id,
      holds: lease.parts.find((part) => part.pool === pool)!.amount
    }
  }
  return {
    leases: cycle.map((edge) => reach.leases[edge.holding]!),
    waits: members.toSorted((a, b) => a.id - b.id),
    refusalFor: (victim) => {
      // The victim's own step first: it is who reads it.
      const at = members.indexOf(victim)
      const steps = [...cycle.slice(at), ...cycle.slice(0, at)].map(step)
      return { _tag: "DeadlockDetected", agent: victim.agent.id, claim: claimOf(victim), cycle: steps }
    }
  }
}

/** A deadlock that some of the given waits are in or behind: one that the requester is in, if there is such. */
export const findDeadlock = (roots: Iterable<Request>, requester: Request | undefined): Deadlock | undefined => {
  const reach = reachFrom(roots, false)
  const reduction = reduce(reach.graph, { ordered: false })
  const own = requester === undefined ? -1 : reach.waits.indexOf(requester)
  const closed = reduction.stuck.includes(own) ? describe(reach, reduction, own) : undefined
  if (closed !== undefined) return closed
  for (let index = reduction.stuck.length - 1; index >= 0; index--) {
    const deadlock = describe(reach, reduction, reduction.stuck[index]!)
    if (deadlock !== undefined) return deadlock
  }
  return undefined
}

/** The waits, the given ones or reached from them, that no order of service ever serves. None where a policy detects. */
export const findStuck = (roots: Iterable<Request>): ReadonlySet<Request> => {
  const reach = reachFrom(roots, false)
  return new Set(reduce(reach.graph, { ordered: false }).stuck.map((index) => reach.waits[index]!))
}

/** The waits that only order keeps from ever being served, to be let through; none in almost every case. */
export const findOrderBlocked = (roots: Iterable<Request>, order: Order | undefined): Array<Request> => {
  const reach = reachFrom(roots, true, true, order)
  return exemptions(reach.graph).map((index) => reach.waits[index]!)
}

/**
 * The capacity that the first waiter of a pool cannot do without: `undefined`
 * where it is served, sooner or later, with what there is. Most often decided
 * without a graph.
 */
export const growthNeeded = (pool: Pool): number | undefined => {
  const part = pool.firstShort
  if (part === undefined || pool.limit === pool.capacity) return undefined
  if (part.amount > pool.capacity) return part.amount
  if (part.amount <= pool.capacity - pool.blockedHeld - pool.standing) return undefined
  const reach = reachFrom([part.request], false, false)
  const { served, units } = reduce(reach.graph, { ordered: false })
  const wait = reach.waits.indexOf(part.request)
  if (served[wait]!) return undefined
  const need = reach.graph.waits[wait]!.needs.find((other) => reach.pools[other.pool] === pool)!
  const missing = part.amount - units.there(need)
  // It may be another pool that it lacks: then that one has to grow.
  return missing > 0 ? Math.min(pool.limit, pool.capacity + missing) : undefined
}

/**
 * Whether a claim that must wait can be told apart from a deadlock without a
 * graph. It can
 * - where it is inside no lease, and behind all others: it keeps nothing from coming
 *   back, and all that was there before could be served;
 * - where no pool is hard: then the earliest waiter of all can be served once the
 *   leases without waits are back, then the next, and so on;
 * - where its own pools are not hard and nobody in their queues waits elsewhere.
 */
export const needsNoGraph = (request: Request, hardPools: number): boolean => {
  // Quota that it waits for may be held by leases with waits inside, in whatever pools.
  if (request.quota?.parked !== undefined) return leasesAround(request).length === 0
  if (hardPools === 0) return true
  // In the order of a policy it may have come in before others.
  if (leasesAround(request).length === 0 && request.parts.every((part) => part.pool.after(part) === undefined)) {
    return true
  }
  const own = request.parts.length > 1 ? 1 : 0
  return request.parts.every(({ pool }) => !pool.hard && pool.waitingSeveral === own)
}
