/**
 * How long a lease is still there, as seen from the start of a window.
 *
 * Who may not be taken is there until it says that it is back, for ever where it says
 * nothing. Who may be taken *yields*: it can be told in time to be back by any start that
 * is `lead` away or more, so for those it is not there. Once a start is nearer than that,
 * the window is *due*, and such a lease stays into it unless it was told to be back before,
 * or is on its way: a declared end is believed if it is still to come as the window
 * becomes due.
 */
import { expectedEnd } from "../plan/Ends.ts"
import type { Request } from "../Request.ts"

export interface Stay {
  /** Whether it can be told to end, at whatever instant. */
  readonly yields: boolean
  /** The instant at which it is back by what it says; `Infinity` where it says nothing. */
  readonly declared: number
  /** The instant at which it is back whatever it does: it expires, or is taken by force; */
  readonly forced: number
  /** the same if it were not told to end. What takes time to end once it expires is not back by that. */
  readonly expires: number
  /** Whether it was told to end. */
  readonly told: boolean
}

/** Whether a lease, or what the claim becomes, can be told to end. */
export const yieldsTo = ({ grows, manual, scheduling }: Request): boolean =>
  grows === undefined ? scheduling.preemptible && !manual : yieldsTo(grows)

/** `lead`: `Infinity` where nobody is told to end for windows. */
export const stayOf = (lease: Request, lead: number): Stay => {
  const declared = expectedEnd(lease)
  if (lead === Infinity || lease.grows !== undefined || !yieldsTo(lease)) {
    return { yields: false, declared, forced: Infinity, expires: Infinity, told: lease.notice !== undefined }
  }
  const { expiresAt, notice, scheduling } = lease
  const expires = scheduling.lingers === true ? Infinity : expiresAt
  const forced = Math.min(expires, notice?.forcedAt ?? Infinity)
  return { yields: true, declared, forced, expires, told: notice !== undefined }
}

const isThere = ({ declared, yields }: Stay, forced: number, at: number, lead: number): boolean =>
  forced > at && (declared > at || (yields && declared <= at - lead))

/** Whether it is there at a start that is due. */
export const staysInto = (stay: Stay, at: number, lead: number): boolean => isThere(stay, stay.forced, at, lead)

/** The same if it were not told to end. */
export const wouldStayInto = (stay: Stay, at: number, lead: number): boolean => isThere(stay, stay.expires, at, lead)
