/** What the books do about what is promised: each does what one event says, or what a new instant changes. */
import { countHard } from "../blocking.ts"
import type { Books } from "../Books.ts"
import type { Bucket } from "../Bucket.ts"
import type { Pool } from "../Pool.ts"
import { Calendar } from "./Calendar.ts"
import type { Reservation, ReservationEnd } from "./Reservation.ts"
import { Reservations } from "./Reservations.ts"
import { standingSum } from "./standing.ts"

/** Something is promised from now on. */
export const reserve = (books: Books, reservation: Reservation): void => {
  const reservations = (books.reservations ??= new Reservations())
  reservations.byId.set(reservation.id, reservation)
  reservations.nextId = Math.max(reservations.nextId, reservation.id + 1)
  books.sink?.({ _tag: "Reserved", at: books.now, ...reservation })
  replan(books, Object.keys(reservation.claim))
}

/** A promise is over. */
export const endReservation = (books: Books, reservation: Reservation, reason: ReservationEnd): void => {
  books.reservations?.byId.delete(reservation.id)
  books.sink?.({ _tag: "ReservationEnded", at: books.now, id: reservation.id, reason })
  replan(books, Object.keys(reservation.claim))
}

/** Writes down what is promised of a pool from now on. */
export const openCalendar = (books: Books, reservations: Reservations, pool: Pool): void => {
  const promised = reservations.of(pool.type)
  pool.calendar = promised.length === 0 ? undefined : new Calendar(pool, promised, books.now, books.lead)
  pool.standing = standingSum(pool)
}

/** What is promised of some pools has changed: by a promise, or as a window began. */
export const replan = (books: Books, types: Iterable<string>): void => {
  const { reservations } = books
  if (reservations === undefined) return
  for (const type of types) {
    const pool = books.pools.get(type) ?? books.dormant.get(type)
    if (pool === undefined) continue
    openCalendar(books, reservations, pool)
    // Heads start later or earlier than they did: somebody may pass them who could not.
    pool.stirred = true
    countHard(books, pool)
    books.rebalance(pool)
  }
  books.timers.set(reservations, reservations.nextAt(books.now, books.lead))
}

/** How long before a window begins leases are told to end for it, and from when on none is let in that may be; `undefined`: none is. */
export const setLead = (books: Books, lead: number | undefined): void => {
  books.lead = lead
  books.sink?.({ _tag: "LeadSet", at: books.now, lead })
  replan(
    books,
    Array.from(books.everyPool(), ({ type }) => type)
  )
}

/** Who is in which group has changed: so may whose promise a lease draws from. */
export const membersChanged = (books: Books): void => {
  if (books.reservations !== undefined) replan(books, books.pools.keys())
}

/** Time has passed: what a claim would run into has changed with it. */
export const reconsider = (books: Books): void => {
  for (const pool of books.pools.values()) {
    if (pool.calendar !== undefined && pool.waitersHead !== undefined) books.rebalance(pool)
  }
}

/** When tokens alone let somebody go on for whom units are kept, whoever waits before it. */
export const promisedAt = (books: Books, { calendar }: Pool, bucket: Bucket): number => {
  let due = Infinity
  for (const request of calendar?.entitled(books.now, books.agents) ?? []) {
    if (request.quota?.parked !== undefined) continue
    const part = request.parts.find((candidate) => candidate.pool.bucket === bucket)
    if (part === undefined || part.earmarked || !part.pool.isKeptButTokens(part, books.now)) continue
    bucket.refill(books.now)
    const at = bucket.readyAt(part.pool.earmarkedTokens + part.cost)
    if (at > books.now) due = Math.min(due, at)
  }
  return due
}
