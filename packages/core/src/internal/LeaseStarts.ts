/** Since when leases of a pool are held, read from events. Leases that were there before count from when one first looked. */
import type { Claim } from "../ledger/Claim.ts"
import type { LedgerEvent, ReturnReason } from "../ledger/Event.ts"

interface Seen {
  readonly id: number
  readonly claim: Claim
}

/** A lease that came back. */
export interface EndedLease {
  readonly id: number
  readonly startedAt: number
  readonly reason: ReturnReason
}

export class LeaseStarts {
  private readonly type: string
  private readonly now: () => number
  private readonly waiting = new Set<number>()
  private held: Map<number, number> = new Map()

  constructor(type: string, now: () => number) {
    this.type = type
    this.now = now
  }

  /** Begins anew with what there is; what is still held has been since then. */
  reset(leases: ReadonlyArray<Seen>, waiters: ReadonlyArray<Seen>): void {
    const { held } = this
    this.held = new Map()
    this.waiting.clear()
    for (const { claim, id } of waiters) if (this.counts(claim)) this.waiting.add(id)
    for (const { claim, id } of leases) if (this.counts(claim)) this.held.set(id, held.get(id) ?? this.now())
  }

  /** What came back by this event. */
  hear(event: LedgerEvent): EndedLease | undefined {
    switch (event._tag) {
      case "Queued":
        // A growth is part of its lease.
        if (event.grows === undefined && this.counts(event.claim)) this.waiting.add(event.id)
        return undefined
      case "GrantedAtOnce":
        if (event.grows === undefined && this.counts(event.claim)) this.held.set(event.id, this.now())
        return undefined
      case "Granted":
        if (this.waiting.delete(event.id)) this.held.set(event.id, this.now())
        return undefined
      case "Left":
        this.waiting.delete(event.id)
        return undefined
      case "Undone":
        this.held.delete(event.id)
        return undefined
      case "Returned":
        return this.end(event.id, event.reason)
      default:
        return undefined
    }
  }

  startOf(lease: number): number | undefined {
    return this.held.get(lease)
  }

  /** A held lease counts from then on: what it did before has been heard of. */
  restart(lease: number, at: number): void {
    if (this.held.has(lease)) this.held.set(lease, at)
  }

  private end(id: number, reason: ReturnReason): EndedLease | undefined {
    const startedAt = this.held.get(id)
    if (startedAt === undefined) return undefined
    this.held.delete(id)
    return { id, startedAt, reason }
  }

  private counts(claim: Claim): boolean {
    return (claim[this.type] ?? 0) > 0
  }
}
