/**
 * Which leases wait for a wait inside them, and so come back only once that is served: what
 * the deadlock reduction starts from. Kept as waits begin and end.
 */
import type { Books } from "./Books.ts"
import type { Pool } from "./Pool.ts"
import { comesBackByTime } from "./preemption/Notice.ts"
import { leasesAround, type Request } from "./Request.ts"

/** Whether a lease waits for a wait inside it. One that comes back by time does not. */
export const isBlocked = (lease: Request): boolean =>
  !comesBackByTime(lease) && lease.waitsInside !== undefined && lease.waitsInside.size > 0

/** Every lease around the wait has one wait more inside it. */
export const enterWait = (books: Books, request: Request): void => {
  for (const lease of leasesAround(request)) {
    lease.waitsInside ??= new Set()
    lease.waitsInside.add(request)
    if (lease.waitsInside.size > 1 || comesBackByTime(lease)) continue
    books.ordering?.blockedChanged()
    for (const part of lease.parts) {
      part.pool.blocked.add(lease)
      part.pool.blockedHeld += part.amount
      countHard(books, part.pool)
    }
  }
}

export const leaveWait = (books: Books, request: Request): void => {
  for (const lease of leasesAround(request)) {
    if (!lease.waitsInside?.delete(request) || lease.waitsInside.size > 0) continue
    // From now on it may be spared.
    if (lease.notice !== undefined) for (const part of lease.parts) books.changed?.add(part.pool)
    unblock(books, lease)
  }
}

export const unblock = (books: Books, lease: Request): void => {
  if (comesBackByTime(lease)) return
  books.ordering?.blockedChanged()
  for (const part of lease.parts) {
    part.pool.blocked.delete(lease)
    part.pool.blockedHeld -= part.amount
    countHard(books, part.pool)
  }
}

export const countHard = (books: Books, pool: Pool): void => {
  const hard = pool.hard
  if (hard === pool.countedHard) return
  pool.countedHard = hard
  books.hardPools += hard ? 1 : -1
}
