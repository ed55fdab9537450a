/**
 * Room for what is promised: leases that may be taken are let into windows of others, and
 * told to end in time.
 *
 * 1. *In time.* Where a window begins (start), who was told is back: at the start its units
 *    are taken by force, its holder stops `overrun` before that, and is told `grace` before
 *    it stops. So as a window begins all that is promised is free or in use by its holder,
 *    but for what leases hold that may not be taken and stay longer than they said.
 * 2. *No sooner than needed.* Who ends is decided at start − grace − overrun, when the window
 *    is *due*: who is back by then by itself, or whose place somebody else left, is not told.
 *    From then on no lease is let in that would stay.
 * 3. *Minimal.* None of those who are told can be spared (see `victims`): the lowest priority
 *    first, then the most recently granted. Where all that may be taken are not enough, as
 *    much is made up for as can be.
 * 4. *Withdrawn.* Whoever is needed no more is spared until its deadline comes: the promise is
 *    over, or something else came back, or there is more.
 * 5. *Kept.* What comes to be missing later, of a window that is due or has begun (a capacity
 *    fell, a lease overstays), is made up for at once: `grace` from then.
 *
 * What a lease gives back to the promise that it draws from makes no room.
 *
 * After each decision in which something of such a pool changed: O(promises x starts due), and
 * where something is missing O(victims x starts due + preemptible leases looked at).
 */
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import type { Request } from "../Request.ts"
import { endOf, type Reservation } from "../reservations/Reservation.ts"
import type { Taking } from "./Preemptor.ts"
import { leasesToTake, pickMost, ShortPage } from "./victims.ts"

/** What is missing of a pool at one instant: now, or at the start of a window. */
interface Missing {
  readonly at: number
  readonly deficit: ShortPage
}

/** All that is missing of what is promised, were those back that were told to end; the first instant first. */
const missingIn = (books: Books): ReadonlyArray<Missing> => {
  const missing: Array<Missing> = []
  for (const pool of books.pools.values()) {
    if (pool.calendar === undefined || pool.preemptible === undefined || pool.preemptible.size === 0) continue
    for (const { at, page } of pool.calendar.duePages(books.now)) {
      if (page.missing > 0) missing.push({ at, deficit: new ShortPage(pool, page, 0) })
    }
  }
  return missing.toSorted((a, b) => a.at - b.at || a.deficit.pool.index - b.deficit.pool.index)
}

/** The first reservation that a lease is told of: one that begins then or, now, one that has begun. */
const toldOf = (books: Books, at: number, pools: ReadonlySet<Pool>, lease: Request): Reservation | undefined => {
  const own = lease.parts.flatMap(({ pool }) => (pools.has(pool) ? [pool.type] : []))
  for (const reservation of books.reservations?.byId.values() ?? []) {
    const isThen = at > books.now ? reservation.from === at : reservation.from <= at && endOf(reservation) > at
    if (isThen && own.some((type) => (reservation.claim[type] ?? 0) > 0)) return reservation
  }
  return undefined
}

/** Tells those to end without whom something that was promised would be missing. */
export const makeRoom = (books: Books, taking: Taking): void => {
  for (let from = -Infinity; ;) {
    // Anew for each instant: who is back for the first is back for those after it.
    const missing = missingIn(books)
    const next = missing.find(({ at }) => at > from)
    if (next === undefined) return
    from = next.at
    const deficits = missing.flatMap(({ at, deficit }) => (at === from ? [deficit] : []))
    const pools = new Set(deficits.map(({ pool }) => pool))
    const victims = pickMost(deficits, leasesToTake(Array.from(pools).flatMap(({ preemptible }) => preemptible ?? [])))
    for (const lease of victims) {
      const reservation = toldOf(books, from, pools, lease)
      if (reservation !== undefined) taking.tellToMakeRoom([lease], reservation)
    }
  }
}

/** Whether something promised would be missing, or more of it, if a lease that was told to end went on. */
export const isNeededForWindows = (books: Books, lease: Request): boolean =>
  lease.parts.some(({ pool }) => {
    if (pool.calendar === undefined) return false
    const without = pool.calendar.duePages(books.now, lease)
    return pool.calendar.duePages(books.now).some(({ page }, at) => without[at]!.page.missing > page.missing)
  })
