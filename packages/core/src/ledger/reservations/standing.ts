/**
 * What of a pool is promised for ever, and to whom, as the deadlock reduction sees it: windows
 * are left out as if they were over, for they end by time, and what begins later counts once it
 * has begun. A lease, and a wait once it is granted, draws from the narrowest of these promises.
 */
import type { Pool } from "../Pool.ts"
import type { Part } from "../Request.ts"
import { endOf, type Holder, holderKey, isFor, narrowestFor, type Reservation } from "./Reservation.ts"

/** All that is promised to one holder for ever. */
export interface Standing {
  readonly holder: Holder
  readonly amount: number
}

export const standingOf = (reservations: Iterable<Reservation>, type: string, now: number): ReadonlyArray<Standing> => {
  const byHolder = new Map<string, Standing>()
  for (const reservation of reservations) {
    const { claim, from, holder } = reservation
    const own = claim[type] ?? 0
    if (own === 0 || from > now || endOf(reservation) !== Infinity) continue
    const key = holderKey(holder)
    byHolder.set(key, { holder, amount: (byHolder.get(key)?.amount ?? 0) + own })
  }
  return [...byHolder.values()]
}

/** All of a pool that is promised for ever. */
export const standingSum = ({ calendar }: Pool): number =>
  calendar?.standing.reduce((sum, { amount }) => sum + amount, 0) ?? 0

/** The promise that a claim draws from, by its place; `undefined` where none is for it. */
export const drawsOf = (standing: ReadonlyArray<Standing>, { request }: Part): number | undefined => {
  const own = narrowestFor(standing, request)
  return own === undefined ? undefined : standing.indexOf(own)
}

/** The promises that a claim may use, by their places. */
export const mayUse = (standing: ReadonlyArray<Standing>, { request }: Part): ReadonlyArray<number> =>
  standing.flatMap(({ holder }, at) => (isFor(holder, request) ? [at] : []))

/** What leases of a pool that do not come back draw from each promise. */
export const heldWithin = (pool: Pool, standing: ReadonlyArray<Standing>): ReadonlyArray<number> => {
  const held = standing.map(() => 0)
  for (const lease of pool.blocked) {
    for (const part of lease.parts) {
      const at = part.pool === pool ? drawsOf(standing, part) : undefined
      if (at !== undefined) held[at] = held[at]! + part.amount
    }
  }
  return held
}
