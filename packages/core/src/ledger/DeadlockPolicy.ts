/** What may be done about deadlocks: plain values, for the Ledger to act by. */

/** What to do about a deadlock: a service at the edge, a plain value in here. */
export interface DeadlockPolicy {
  readonly name: string
  /** Whether waits are looked at; without, a deadlock waits until something times out. */
  readonly detects: boolean
  /**
   * The id of the waiter to fail, among those of the cycle (oldest first).
   * `requester` is the claim that closed it, or `undefined` where none did.
   */
  readonly victim: (waiters: ReadonlyArray<number>, requester: number | undefined) => number
  /**
   * The lease to take instead of failing a waiter, among those of the cycle that are
   * preemptible: lowest priority first, of those the youngest. `undefined`: none.
   */
  readonly revoke?: (leases: ReadonlyArray<RevocableLease>) => number | undefined
  /** Whether a claim inside a lease that must wait is judged by age first (see `ages`). */
  readonly ages?: "wait-die" | "wound-wait"
  /** Whether a claim is granted only where all that outermost leases declared can still be had (see `banker`). */
  readonly avoids?: boolean
}

/** A lease of a cycle that may be taken. */
export interface RevocableLease {
  readonly id: number
  readonly agent: string
  readonly priority: number
  readonly grantedAt: number
}

/** The requester fails, or the youngest where no request closed the cycle. */
export const failRequester: DeadlockPolicy = {
  name: "fail",
  detects: true,
  victim: (waiters, requester) => requester ?? waiters.at(-1)!
}

/** A preemptible lease of the cycle is taken; where there is none the requester fails. */
export const revokeVictim: DeadlockPolicy = { ...failRequester, name: "revoke", revoke: (leases) => leases[0]?.id }

/** A younger claim does not wait for an older lease. What a hand-off or a cut closes later is found by detection. */
export const waitDie: DeadlockPolicy = { ...failRequester, name: "wait-die", ages: "wait-die" }

/** An older claim takes preemptible leases of younger ones; the rest is found by detection. */
export const woundWait: DeadlockPolicy = { ...revokeVictim, name: "wound-wait", ages: "wound-wait" }

/** Only what keeps the state safe is granted. What a cut closes later is found by detection. */
export const bankers: DeadlockPolicy = { ...failRequester, name: "banker", avoids: true }

export const detectionOff: DeadlockPolicy = { ...failRequester, name: "off", detects: false }
