/** What is promised, for people. */
import type { Books } from "../Books.ts"
import type { Claim } from "../Claim.ts"
import type { Reservation } from "./Reservation.ts"

export interface ReservedView {
  readonly reservation: Reservation
  /** What its holder has in use, at most what it was promised. Those of one holder share what it uses, the first to begin first. */
  readonly used: Claim
}

/** All that is promised, in the order in which it was made. O(reservations × types). */
export const reservationViews = ({ now, pools, reservations }: Books): ReadonlyArray<ReservedView> => {
  const left = new Map<string, number>()
  return [...(reservations?.byId.values() ?? [])]
    .toSorted((a, b) => a.from - b.from || a.id - b.id)
    .map((reservation) => {
      const used: Array<readonly [string, number]> = []
      for (const [type, amount] of Object.entries(reservation.claim)) {
        const key = JSON.stringify([type, reservation.holder])
        const inUse = left.get(key) ?? pools.get(type)?.calendar?.usedBy(reservation.holder) ?? 0
        const own = reservation.from > now ? 0 : Math.min(amount, inUse)
        left.set(key, inUse - own)
        used.push([type, own])
      }
      return { reservation, used: Object.fromEntries(used) }
    })
    .toSorted((a, b) => a.reservation.id - b.reservation.id)
}
