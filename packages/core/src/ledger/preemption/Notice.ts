/**
 * What a lease that has to end was told. From the announcement on its units count as
 * coming back: at the deadline its holder has to stop, and what is still out when the
 * time for its finalizers is over is taken by force.
 */
import type { Request } from "../Request.ts"

/**
 * For whom it ends: a claim of higher priority, one that reclaims what was lent, an
 * older one (wound-wait), all that are in a cycle of waits, or what was promised.
 */
export type PreemptionCause = "priority" | "reclaim" | "age" | "deadlock" | "reservation"

/** Why a lease has to end: for somebody else, or because its own time is over (see `Scheduling.lingers`). */
export type NoticeCause = PreemptionCause | "expiry"

export interface Notice {
  /** The claim that it was announced for; its own where it expired, 0 where it is for a reservation. */
  readonly by: number
  readonly cause: NoticeCause
  /** The reservation that it was announced for. */
  readonly reservation?: number | undefined
  /** When its holder has to stop. */
  readonly deadline: number
  /** When it is taken by force. */
  readonly forcedAt: number
  /** Whether the deadline has passed: it is not withdrawn any more. */
  readonly ending: boolean
}

/** Whether a held lease may be told to end. A manual acquisition has nobody who could be told. */
export const mayBeTaken = (lease: Request): boolean =>
  lease.scheduling.preemptible && lease.notice === undefined && lease.grows === undefined && !lease.manual

/** Whether a lease comes back by time, whatever waits inside it. */
export const comesBackByTime = (lease: Request): boolean => lease.ttl !== 0 || lease.notice !== undefined

/** When something happens to a held lease by itself; `Infinity` where nothing does. */
export const endsAt = (lease: Request): number => {
  const { expiresAt, notice } = lease
  // What lingers and is being ended has its expiry behind it: that would only say so again.
  return notice === undefined || notice.ending ? takenAt(lease) : Math.min(expiresAt, notice.deadline)
}

/** When a held lease is back at the latest, by itself or by force; `Infinity` where nothing takes it. */
export const takenAt = ({ expiresAt, notice, scheduling }: Request): number => {
  if (notice === undefined) return expiresAt
  // What lingers has the time that it was told, also once it has expired.
  return scheduling.lingers === true ? notice.forcedAt : Math.min(expiresAt, notice.forcedAt)
}
