/**
 * How often everything occurred. A run in which something is too rare to mean
 * anything fails, whatever the checkers say: `minimums` is per million commands
 * over all profiles.
 */
import type { LedgerEvent } from "../../src/Ledger.ts"

/** About a third of what a run of a million commands counts. */
export const minimums: Readonly<Record<string, number>> = {
  "answer: ClaimTimedOut": 200,
  "answer: DeadlockDetected": 3_000,
  "answer: InvalidClaim": 1_000,
  "answer: LeaseRevoked": 50,
  "answer: QueueFull": 50,
  "answer: QuotaExceeded": 20_000,
  "answer: ResourceExhausted": 20_000,
  "answer: ResourceNotAcquired": 40,
  "answer: UnknownResourceType": 200,
  "answer: held": 20_000,
  "answer: waiting": 100_000,
  "command: abandon": 20_000,
  "command: advance": 20_000,
  "command: claim": 100_000,
  "command: grow": 10_000,
  "command: keep": 800,
  "command: refund": 2_000,
  "command: release": 60_000,
  "command: reserve": 2_000,
  "command: endReservation": 200,
  "command: revoke": 3_000,
  "command: releaseManual": 4_000,
  "command: settle": 4_000,
  "command: setCapacity": 10_000,
  "command: setQuota": 10_000,
  "command: setRate": 1_000,
  "command: shrink": 9_000,
  "command: try": 10_000,
  "command: undo": 10_000,
  "event: CapacitySet": 10_000,
  "event: Admitted": 1_500,
  "event: AgentAssigned": 1_500,
  "event: Exempted": 5_000,
  "event: GroupRemoved": 100,
  "event: GroupSet": 1_500,
  "event: Withdrawn": 300,
  "event: Granted": 60_000,
  "event: Kept": 800,
  "event: GrantedAtOnce": 10_000,
  "event: Queued": 100_000,
  "event: QuotaSet": 10_000,
  "event: RateSet": 1_000,
  "event: Refunded": 2_000,
  "event: Reserved": 500,
  "event: Settled": 2_000,
  "event: Shrunk": 6_000,
  "event: Undone": 10_000,
  "left: ClaimTimedOut": 10_000,
  "left: DeadlockDetected": 3_000,
  "left: Interrupted": 20_000,
  "left: LeaseRevoked": 3_000,
  "left: QuotaExceeded": 1_000,
  "left: ResourceExhausted": 1_000,
  "oracle: all served": 200_000,
  "oracle: growth needed": 1_000,
  "oracle: no growth needed": 5_000,
  "oracle: deadlock confirmed": 3_000,
  "oracle: exemption judged": 4_000,
  "refused: InvalidClaim": 1_000,
  "refused: QueueFull": 50,
  "refused: QuotaExceeded": 20_000,
  "refused: ResourceExhausted": 20_000,
  "refused: UnknownResourceType": 200,
  "replay compared": 400,
  "returned: expired": 4_000,
  "settled: charged": 500,
  "settled: into debt": 300,
  "settled: refunded": 500,
  "preempting: reclaim": 40,
  "reclaim: borrowed less": 6,
  "reclaim: spared": 12,
  "reclaim: victims judged": 6,
  "reclaim: waits without": 1_000,
  "refused by borrowing": 200,
  "refused by leases": 400,
  "refused by max": 500,
  "refused by nominal": 1_500,
  "refused by order": 150,
  "refused by rate": 60,
  "refused in a group": 4_000,
  drained: 400,
  "waits for quota": 2_000,
  "snapshot and events continued": 1_000,
  "snapshot continued": 1_000,
  "snapshot restored": 1_500,
  "reservation ended: cancelled": 100,
  "reservation ended: expired": 200,
  "reservation ended: released": 100,
  "event: Chosen": 2_000,
  "event: Rescued": 4_000,
  "fair share: decided": 2_500,
  "fair share: decided by groups": 300,
  "fair share: decided with a half-life": 900,
  "returned: lost": 1_500,
  "returned: overrun": 2_500,
  "returned: preempted": 600,
  "preempting: age": 150,
  "preempting: deadlock": 250,
  "preempting: expiry": 60,
  "preempting: priority": 4_000,
  "preemption: potential fell": 2_500,
  "preemption: several victims": 250,
  "event: Spared": 700,
  "preempting: reservation": 10,
  "windows: begun": 40,
  "windows: promise judged": 60,
  "windows: told in time": 5,
  "windows: victims judged": 8,
  "wait-die: died": 1_800,
  "banker: judged safe": 8_000,
  "admission: foretold beside quotas": 10_000,
  "banker: judged safe beside promises": 500,
  "banker: judged safe beside quotas": 1_000,
  "banker: kept waiting": 20_000,
  "banker: waits for no order": 1_500,
  "bypass: passed": 2_500,
  "bypass: pinned": 10_000,
  "rescue: bound watched": 8_000,
  "rescue: named": 7_000,
  "fairness compared": 5_000,
  backfilled: 1_000,
  "event: Planned": 2_500,
  "starts: as told": 250,
  "starts: drained": 100,
  "starts: early": 300,
  "starts: judged": 3_500,
  "starts: judged beside no lease that is overdue": 1_500,
  "starts: told": 2_500,
  "starts: told again": 600,
  "starts: void": 1_500,
  "returned: released": 60_000,
  "returned: revoked": 1_500
}

/** What happens at the end of each seed. */
export const minimumsPerSeed: Readonly<Record<string, number>> = {
  "answer: ManagerStopped": 0.5,
  "command: revokeAll": 1,
  "command: stop": 1,
  "left: ManagerStopped": 2,
  "returned: stopped": 0.5
}

export class Report {
  readonly counts = new Map<string, number>()

  count(key: string, times = 1): void {
    this.counts.set(key, (this.counts.get(key) ?? 0) + times)
  }

  event(event: LedgerEvent): void {
    switch (event._tag) {
      case "Left":
        return this.count(`left: ${event.reason}`)
      case "Preempting":
        return this.count(`preempting: ${event.cause}`)
      case "Refused":
        return this.count(`refused: ${event.reason}`)
      case "ReservationEnded":
        return this.count(`reservation ended: ${event.reason}`)
      case "Returned":
        return this.count(`returned: ${event.reason}`)
      default:
        return this.count(`event: ${event._tag}`)
    }
  }

  add(counts: Iterable<readonly [string, number]>): void {
    for (const [key, times] of counts) this.count(key, times)
  }

  /** What occurred less often than a run of so many commands and seeds needs. */
  tooRare(steps: number, seeds: number): ReadonlyArray<string> {
    const scaled = (limits: Readonly<Record<string, number>>, scale: number) =>
      Object.entries(limits).flatMap(([key, limit]) => {
        const minimum = Math.floor(limit * scale)
        const times = this.counts.get(key) ?? 0
        return times < minimum ? [`${key}: ${times}, at least ${minimum} expected`] : []
      })
    return [...scaled(minimums, steps / 1_000_000), ...scaled(minimumsPerSeed, seeds)]
  }

  toString(): string {
    const keys = [...this.counts.keys()].toSorted()
    const width = Math.max(...keys.map((key) => key.length))
    return keys.map((key) => `  ${key.padEnd(width)} ${String(this.counts.get(key)).padStart(9)}`).join("\n")
  }
}
