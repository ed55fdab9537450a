/** The door of reservations: what is promised must make sense, and be there to be kept. */
import { amountAllowed, invalid, invalidAgent, unknownType } from "../admission.ts"
import type { Books } from "../Books.ts"
import { isAmount } from "../Claim.ts"
import type { InvalidClaim, ReservationRefused, UnknownResourceType } from "../Refusal.ts"
import { Calendar } from "./Calendar.ts"
import { endOf, type Reservation } from "./Reservation.ts"

export type ReservationWish = Omit<Reservation, "id">

const known = (groups: ReadonlyArray<string>): string =>
  groups.length === 0 ? "a group: there is none" : `one of ${groups.join(", ")}`

/** Why a reservation cannot be made, or `undefined` where it can. */
export const refuseReservation = (
  books: Books,
  wish: ReservationWish
): InvalidClaim | UnknownResourceType | ReservationRefused | undefined => {
  const { claim, from, holder } = wish
  if (holder._tag === "Agent") {
    const nobody = invalidAgent(holder.agent)
    if (nobody !== undefined) return nobody
  }
  if (holder._tag === "Group" && !books.groups.byId.has(holder.group)) {
    return invalid("group", holder.group, known([...books.groups.byId.keys()]))
  }
  if (holder._tag === "Priority" && !Number.isSafeInteger(holder.atLeast)) {
    return invalid("priority", holder.atLeast, "a whole number")
  }
  if (Number.isNaN(from) || from === Infinity) return invalid("from", from, "an instant")
  if (!(endOf(wish) > Math.max(from, books.now))) {
    return invalid("until", wish.until, "an instant after its begin, and after now")
  }
  let asks = false
  for (const type in claim) {
    const amount = claim[type]
    if (!isAmount(amount)) return invalid(`claim.${type}`, amount, amountAllowed)
    if (!books.pools.has(type)) return unknownType(books, type)
    asks ||= amount > 0
  }
  if (!asks) return invalid("claim", claim, "at least one resource type with an amount above zero")
  const reservations = books.reservations
  for (const type in claim) {
    const pool = books.pools.get(type)!
    const requested = claim[type]!
    if (requested === 0) continue
    const short = Calendar.shortfall(pool, reservations?.of(type) ?? [], { id: 0, ...wish }, books.now, books.lead)
    if (short > 0) return { _tag: "ReservationRefused", resourceType: type, requested, capacity: pool.capacity, short }
  }
  return undefined
}
