/**
 * What was announced, for people: until when leases that were told to end are back, and by
 * when that serves a waiter. Built when asked; none of it is on the path of a decision.
 */
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import { leasesAround, type Part, type Request } from "../Request.ts"
import { type Notice, type NoticeCause, takenAt } from "./Notice.ts"

/** That a lease was told to end. */
export interface EndingView {
  readonly cause: NoticeCause
  /** The instant at which it is back at the latest: what is still out then is taken. */
  readonly endsAtLatest: number
  /** The reservation that it ends for. */
  readonly reservation?: number
}

const endingView = (lease: Request, { cause, reservation }: Notice): EndingView => ({
  cause,
  endsAtLatest: takenAt(lease),
  ...(reservation === undefined ? {} : { reservation })
})

/** As a field of a view, which is there only where the lease was told. */
export const endingOf = (lease: Request): { readonly ending?: EndingView } =>
  lease.notice === undefined ? {} : { ending: endingView(lease, lease.notice) }

/** The instant at which so many units are free by what was announced; `undefined` where that is not enough. O(holders log holders). */
const freeAt = (pool: Pool, amount: number, now: number): number | undefined => {
  let lacking = amount - pool.free
  if (lacking <= 0) return now
  if (lacking > pool.announced) return undefined
  const told: Array<{ readonly at: number; readonly amount: number }> = []
  for (let part = pool.holdersHead; part !== undefined; part = part.next) {
    if (part.request.notice !== undefined) told.push({ at: takenAt(part.request), amount: part.amount })
  }
  for (const lease of told.toSorted((a, b) => a.at - b.at)) {
    lacking -= lease.amount
    if (lacking <= 0) return lease.at
  }
  return undefined
}

/** Whether nothing but units can be missing here: nobody is ahead, nothing is promised, and its tokens are there. */
const lacksUnitsAlone = (part: Part, now: number): boolean => {
  const { amount, cost, pool } = part
  return (
    amount <= pool.capacity &&
    pool.calendar === undefined &&
    pool.before(part) === undefined &&
    (cost === 0 || pool.tokens(now) >= cost)
  )
}

/**
 * By when a waiter is granted what leases have that were told to end: where it is the first,
 * units alone are missing, and those are enough. `undefined` where that is not known: others
 * may pass it, or it is inside a lease that has to end itself. A lease that is spared, or an
 * earlier one in the order of a policy, may still come between.
 */
export const announcedStart = (books: Books, request: Request, now: number): number | undefined => {
  if (books.noticed.size === 0 || request.status !== "waiting" || request.quota?.parked !== undefined) return undefined
  if (request.shortIn === 0 || books.ordering?.order.bypass !== undefined) return undefined
  if (leasesAround(request).some((lease) => lease.notice !== undefined)) return undefined
  let start = now
  for (const part of request.parts) {
    // Its share is set aside here.
    if (part.earmarked) continue
    const at = lacksUnitsAlone(part, now) ? freeAt(part.pool, part.amount, now) : undefined
    if (at === undefined) return undefined
    start = Math.max(start, at)
  }
  return start
}
