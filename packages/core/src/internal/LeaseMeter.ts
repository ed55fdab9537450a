/** Leases of a pool on their way, read from events, and what they came to: what a limit is fed with. */
import type { LeaseOutcome } from "../AdaptiveLeases.ts"
import type { Claim } from "../ledger/Claim.ts"
import type { LedgerEvent, ReturnReason } from "../ledger/Event.ts"
import type { LimitFeed } from "./limitFeed.ts"

interface Held {
  readonly units: number
  readonly startedAt: number
  /** Units and leases in flight when it began, its own included. 0: it began before anybody looked. */
  readonly inFlight: number
  readonly calls: number
}

interface Seen {
  readonly id: number
  readonly claim: Claim
}

export class LeaseMeter {
  readonly counts = { served: 0, dropped: 0, ignored: 0 }
  /** Units in flight. */
  inFlight = 0
  private readonly type: string
  private readonly feed: LimitFeed
  private readonly outcomeOf: (lease: number, reason: ReturnReason) => LeaseOutcome
  private readonly held = new Map<number, Held>()
  private readonly waiting = new Map<number, number>()

  constructor(type: string, feed: LimitFeed, outcomeOf: (lease: number, reason: ReturnReason) => LeaseOutcome) {
    this.type = type
    this.feed = feed
    this.outcomeOf = outcomeOf
  }

  /** Begins anew with what there is. */
  reset(leases: ReadonlyArray<Seen>, waiters: ReadonlyArray<Seen>): void {
    this.held.clear()
    this.waiting.clear()
    this.inFlight = 0
    for (const { claim, id } of waiters) this.waiting.set(id, this.unitsOf(claim))
    for (const { claim, id } of leases) {
      const units = this.unitsOf(claim)
      if (units > 0) this.add(id, { units, startedAt: 0, inFlight: 0, calls: 0 })
    }
  }

  hear(event: LedgerEvent): void {
    switch (event._tag) {
      case "Queued":
        // A growth is part of its lease.
        if (event.grows === undefined) this.waiting.set(event.id, this.unitsOf(event.claim))
        return
      case "GrantedAtOnce":
        if (event.grows === undefined) this.begin(event.id, this.unitsOf(event.claim), event.at)
        return
      case "Granted": {
        const units = this.waiting.get(event.id) ?? 0
        this.waiting.delete(event.id)
        return this.begin(event.id, units, event.at)
      }
      case "Left":
        this.waiting.delete(event.id)
        return
      case "Undone":
        this.remove(event.id)
        return
      case "Returned":
        return this.end(event.id, event.at, event.reason)
    }
  }

  private unitsOf(claim: Claim): number {
    return claim[this.type] ?? 0
  }

  private begin(id: number, units: number, at: number): void {
    if (units === 0) return
    this.remove(id)
    const inFlight = this.inFlight + units
    this.add(id, { units, startedAt: at, inFlight, calls: this.held.size + 1 })
  }

  private end(id: number, at: number, reason: ReturnReason): void {
    const call = this.remove(id)
    if (call === undefined) return
    const outcome = call.calls === 0 ? "ignored" : this.outcomeOf(id, reason)
    this.counts[outcome]++
    if (outcome === "ignored") return
    const { calls, inFlight, startedAt } = call
    this.feed.add({ startedAt, endedAt: at, inFlight, calls, didDrop: outcome === "dropped" })
  }

  private add(id: number, call: Held): void {
    this.held.set(id, call)
    this.inFlight += call.units
  }

  private remove(id: number): Held | undefined {
    const call = this.held.get(id)
    if (call === undefined) return undefined
    this.held.delete(id)
    this.inFlight -= call.units
    return call
  }
}
