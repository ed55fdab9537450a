/** Leases of a pool on their way, and what they came to: what a limit is fed with. */
import type { LeaseOutcome } from "../AdaptiveLeases.ts"
import type { Claim } from "../ledger/Claim.ts"
import type { ReturnReason } from "../ledger/Event.ts"
import type { FollowedLease } from "../LeaseLives.ts"
import type { LimitFeed } from "./limitFeed.ts"

interface Held {
  readonly units: number
  readonly startedAt: number
  /** Units and leases in flight when it began, its own included. 0: it began before anybody looked. */
  readonly inFlight: number
  readonly calls: number
}

export class LeaseMeter {
  readonly counts = { served: 0, dropped: 0, ignored: 0 }
  /** Units in flight. */
  inFlight = 0
  private readonly type: string
  private readonly feed: LimitFeed
  private readonly outcomeOf: (lease: number, reason: ReturnReason) => LeaseOutcome
  private readonly held = new Map<number, Held>()

  constructor(type: string, feed: LimitFeed, outcomeOf: (lease: number, reason: ReturnReason) => LeaseOutcome) {
    this.type = type
    this.feed = feed
    this.outcomeOf = outcomeOf
  }

  readonly follows = (claim: Claim): boolean => this.unitsOf(claim) > 0

  /** Begins anew with what there is. */
  reset(leases: ReadonlyArray<FollowedLease>): void {
    this.held.clear()
    this.inFlight = 0
    for (const { claim, id } of leases) {
      this.add(id, { units: this.unitsOf(claim), startedAt: 0, inFlight: 0, calls: 0 })
    }
  }

  readonly granted = ({ claim, id }: FollowedLease, at: number): void => {
    this.remove(id)
    const units = this.unitsOf(claim)
    this.add(id, { units, startedAt: at, inFlight: this.inFlight + units, calls: this.held.size + 1 })
  }

  readonly undone = (id: number): void => {
    this.remove(id)
  }

  returned(id: number, reason: ReturnReason, at: number): void {
    const call = this.remove(id)
    if (call === undefined) return
    const outcome = call.calls === 0 ? "ignored" : this.outcomeOf(id, reason)
    this.counts[outcome]++
    if (outcome === "ignored") return
    const { calls, inFlight, startedAt } = call
    this.feed.add({ startedAt, endedAt: at, inFlight, calls, didDrop: outcome === "dropped" })
  }

  private unitsOf(claim: Claim): number {
    return claim[this.type] ?? 0
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
