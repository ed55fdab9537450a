/**
 * Priority, and its inheritance: a wait inside a lease runs at the highest priority
 * of the claims that wait for what the lease holds, along the chain. A wait inside
 * the same lease does not count: nothing of the lease comes back before both are
 * served.
 *
 * The ranks are the least ones for which that holds, so they follow from who waits
 * and who holds, whatever happened before.
 */
import type { Pool } from "../Pool.ts"
import { comesBackByTime } from "../preemption/Notice.ts"
import { leasesAround, type Request } from "../Request.ts"
import type { Queue } from "./Queue.ts"

/** That which a claim says, else that of its agent. */
export const priorityOf = (request: Request): number => request.scheduling.priority ?? request.agent.priority

/** The waits inside leases that hold units of some pool: who may inherit. */
const nestedWaits = (pools: Iterable<Pool>): Map<Request, number> => {
  const nested = new Map<Request, number>()
  for (const pool of pools) {
    for (const lease of pool.blocked) {
      for (const wait of lease.waitsInside!) nested.set(wait, priorityOf(wait))
    }
  }
  return nested
}

/**
 * The highest priority in a queue of those who are in no lease themselves. Within a
 * line ranks only fall, so what stands behind the first such waiter needs no look.
 */
const highestOutside = (queue: Queue, nested: ReadonlyMap<Request, number>): number => {
  let highest = -Infinity
  for (const { request } of queue.inFront()) {
    if (!nested.has(request)) highest = Math.max(highest, priorityOf(request))
  }
  for (const { parts } of queue.everyLine()) {
    for (let place = parts.first; place !== undefined; place = place.after) {
      const { request } = place.value
      if (nested.has(request)) continue
      highest = Math.max(highest, priorityOf(request))
      // One that was raised before and is not now stands too far in front: look on.
      if (request.turn.rank <= priorityOf(request)) break
    }
  }
  return highest
}

/** What the nested waits run at. O(nested waits and their leases), times the length of the longest chain. */
export const ranksInside = (pools: ReadonlyArray<Pool>): ReadonlyMap<Request, number> => {
  const ranks = nestedWaits(pools)
  if (ranks.size === 0) return ranks
  const outside = new Map<Pool, number>()
  for (const pool of pools) {
    if (pool.blocked.size > 0 && pool.queue !== undefined) outside.set(pool, highestOutside(pool.queue, ranks))
  }
  for (let changed = true; changed;) {
    changed = false
    const inside = nestedByPool(ranks)
    for (const wait of ranks.keys()) {
      for (const lease of leasesAround(wait)) {
        if (comesBackByTime(lease)) continue
        for (const { pool } of lease.parts) {
          const waiting = inside.get(pool)?.find((other) => !lease.waitsInside!.has(other))
          const rank = Math.max(outside.get(pool) ?? -Infinity, waiting === undefined ? -Infinity : ranks.get(waiting)!)
          if (rank <= ranks.get(wait)!) continue
          ranks.set(wait, rank)
          changed = true
        }
      }
    }
  }
  return ranks
}

/** The nested waits of each pool, highest first. Who waits for quota is in no queue, and raises nobody. */
const nestedByPool = (ranks: ReadonlyMap<Request, number>): ReadonlyMap<Pool, ReadonlyArray<Request>> => {
  const found = new Map<Pool, Array<Request>>()
  for (const wait of [...ranks.keys()].toSorted((a, b) => ranks.get(b)! - ranks.get(a)!)) {
    if (wait.quota?.parked !== undefined) continue
    for (const { pool } of wait.parts) {
      const waits = found.get(pool)
      if (waits === undefined) found.set(pool, [wait])
      else waits.push(wait)
    }
  }
  return found
}
