/** Waits for what becomes of a lease: that it is told to end, or taken. */
import * as Effect from "effect/Effect"
import type { LeaseRevoked } from "../Errors.ts"
import type { Request } from "../ledger/Request.ts"
import type { PreemptionNotice } from "../Preemption.ts"
import type { Outbox } from "./Outbox.ts"
import { leaseGone } from "./refusal.ts"

export class LeaseWatch {
  private readonly outbox: Outbox
  /** Microseconds of the Ledger's time. */
  private readonly now: () => number
  private readonly wallMillis: () => number
  /** Who waits for what happens to a lease: each tells whether it was served. */
  private readonly watchers = new Map<Request, Set<() => boolean>>()

  constructor(outbox: Outbox, now: () => number, wallMillis: () => number) {
    this.outbox = outbox
    this.now = now
    this.wallMillis = wallMillis
  }

  /**
   * Completes when the lease is taken back by anybody but its holder, or its holder has
   * to stop; never where the holder gives it back.
   */
  revoked(lease: Request): Effect.Effect<LeaseRevoked> {
    return this.watch(lease, () => {
      const taken = lease.returnedBy !== undefined && lease.returnedBy !== "released"
      return taken || (lease.status === "held" && lease.notice?.ending === true) ? leaseGone(lease) : undefined
    })
  }

  /** Completes when the lease is told to end for somebody else: at once where it was. */
  preempted(lease: Request): Effect.Effect<PreemptionNotice> {
    return this.watch(lease, () => {
      const { notice } = lease
      if (notice === undefined || notice.cause === "expiry" || lease.status !== "held") return undefined
      const left = (notice.deadline - this.now()) / 1_000
      const { cause, reservation } = notice
      const deadlineMillis = this.wallMillis() + left
      return { deadlineMillis, cause, ...(reservation === undefined ? {} : { reservation }) }
    })
  }

  /** Waits for what becomes of a lease. `read` answers once it has. */
  private watch<A>(lease: Request, read: () => A | undefined): Effect.Effect<A> {
    return Effect.callback<A>((resume) => {
      const tell = () => {
        const found = read()
        if (found !== undefined) resume(Effect.succeed(found))
        return found !== undefined
      }
      if (lease.status !== "held") return this.outbox.whenCommitted(tell)
      const watchers = this.watchers.get(lease) ?? new Set()
      this.watchers.set(lease, watchers)
      watchers.add(tell)
      lease.onSettled = () => this.tellWatchers(lease, watchers)
      // What is known already is told once it is committed.
      if (lease.notice !== undefined) this.outbox.whenCommitted(() => this.tellWatchers(lease, watchers))
      return Effect.sync(() => {
        watchers.delete(tell)
        if (watchers.size === 0) this.watchers.delete(lease)
      })
    })
  }

  private tellWatchers(lease: Request, watchers: Set<() => boolean>): void {
    for (const tell of Array.from(watchers)) if (tell()) watchers.delete(tell)
    if (watchers.size === 0 || lease.status !== "held") this.watchers.delete(lease)
    else lease.onSettled = () => this.tellWatchers(lease, watchers)
  }
}
