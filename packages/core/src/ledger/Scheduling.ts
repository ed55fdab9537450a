import type { Claim } from "./Claim.ts"
import type { OnQuota } from "./quota/Group.ts"

/** What a claim says of itself for the policies that decide who goes first, and who gives way. */
export interface Scheduling {
  /** Higher goes first. Its agent's where it says none. */
  readonly priority?: number | undefined
  /** How long its lease is declared to last, in microseconds. 0 is unknown, and counts as endless. */
  readonly expected: number
  /** Whether its lease may be taken from it for another claim. */
  readonly preemptible: boolean
  /**
   * Whether what works under it takes time to end: at its expiry it is told to end, and
   * comes back when that is done, or by force. Said once it is held, by `Ledger.linger`.
   */
  readonly lingers?: true | undefined
  /** What to do where it is over a quota for now. As its agent or its group says, where it says nothing. */
  readonly onQuota?: OnQuota | undefined
  /** The most that an outermost lease and all inside it will ever hold, where deadlocks are avoided so. */
  readonly maximum?: Claim | undefined
}

/** That of all claims that say nothing: one value, so that they cost nothing. */
export const noScheduling: Scheduling = { expected: 0, preemptible: false }
