/**
 * Capacity that is promised: an amount of one or several types, to somebody, for a
 * window of time (*advance*) or at all times (*standing*).
 */
import type { Claim } from "../Claim.ts"
import { priorityOf } from "../order/priority.ts"
import type { Request } from "../Request.ts"

/** Whom it is promised to: an agent, all agents of a group and of those below it, or every claim of at least a priority. */
export type Holder =
  | { readonly _tag: "Agent"; readonly agent: string }
  | { readonly _tag: "Group"; readonly group: string }
  | { readonly _tag: "Priority"; readonly atLeast: number }

export interface Reservation {
  /** Its own count: 1, 2, … in the order in which they were made. */
  readonly id: number
  readonly holder: Holder
  readonly claim: Claim
  /** Microseconds: from this instant on, */
  readonly from: number
  /** and before this one; at all times where there is none. */
  readonly until?: number | undefined
  /** For people. */
  readonly note?: string | undefined
}

export const endOf = (reservation: Pick<Reservation, "until">): number => reservation.until ?? Infinity

/** `released`: its holder gave the rest of the window back. */
export type ReservationEnd = "cancelled" | "expired" | "released"

/** Reservations with the same key are one promise: their amounts add up. */
export const holderKey = (holder: Holder): string => {
  switch (holder._tag) {
    case "Agent":
      return `agent ${holder.agent}`
    case "Group":
      return `group ${holder.group}`
    case "Priority":
      return `priority ${holder.atLeast}`
  }
}

/** How many groups up from the agent's own one is; `undefined` where the agent is not in it. */
const distanceTo = (id: string, request: Request): number | undefined => {
  let distance = 0
  for (let group = request.agent.group; group !== undefined; group = group.parent) {
    if (group.id === id) return distance
    distance++
  }
  return undefined
}

/**
 * How narrowly a holder is meant for a claim: less is narrower, and `undefined` is not at
 * all. A claim of several draws from the narrowest: its agent's own, then that of its group
 * and of those above it, then that of the highest class.
 */
export const widthFor = (holder: Holder, request: Request): number | undefined => {
  switch (holder._tag) {
    case "Agent":
      return holder.agent === request.agent.id ? -Infinity : undefined
    case "Group": {
      const distance = distanceTo(holder.group, request)
      // Before every class: priorities are whole numbers far nearer to 0.
      return distance === undefined ? undefined : -Number.MAX_SAFE_INTEGER + distance
    }
    case "Priority":
      return priorityOf(request) >= holder.atLeast ? -holder.atLeast : undefined
  }
}

/** Whether a claim may use what is promised to a holder. */
export const isFor = (holder: Holder, request: Request): boolean => widthFor(holder, request) !== undefined

/** The narrowest of some promises that is for a claim. */
export const narrowestFor = <A extends { readonly holder: Holder }>(
  promises: ReadonlyArray<A>,
  request: Request
): A | undefined => {
  let narrowest: A | undefined
  let least = Infinity
  for (const promised of promises) {
    const width = widthFor(promised.holder, request)
    if (width === undefined || width >= least) continue
    narrowest = promised
    least = width
  }
  return narrowest
}
