/**
 * How claims and leases end, but by their callers: refused, failed, taken back, told to
 * end. Whoever has to hear of it is in `settled`, in the order of the decisions.
 */
import type { Books } from "./Books.ts"
import type { LeaveReason, ReturnReason } from "./Event.ts"
import type { Notice, PreemptionCause } from "./preemption/Notice.ts"
import { leadOf, type PreemptionPolicy } from "./preemption/Preemptor.ts"
import * as preempting from "./preemption/transitions.ts"
import { type LeaseRevoked, type Refusal, takenReason } from "./Refusal.ts"
import type { Request } from "./Request.ts"
import type { Reservation } from "./reservations/Reservation.ts"

export class Endings {
  /** Waiters that are no longer waiting, and leases with news, oldest decision first. */
  readonly settled: Array<Request> = []
  /** Told of each lease that is taken by force. It must not call back. */
  onOverrun: ((lease: Request) => void) | undefined = undefined
  private readonly books: Books
  private readonly preemption: PreemptionPolicy

  constructor(books: Books, preemption: PreemptionPolicy) {
    this.books = books
    this.preemption = preemption
  }

  refuse(request: Request, refusal: Refusal): Refusal {
    this.books.refuse(
      request.agent,
      request.parts.map((part) => part.pool),
      refusal._tag
    )
    return refusal
  }

  fail(request: Request, reason: LeaveReason, refusal: Refusal | undefined): void {
    request.refusal = refusal
    this.books.leave(request, reason)
    if (refusal !== undefined) this.settled.push(request)
  }

  /** A lease comes back. What waits to become part of it has nothing to become part of. */
  takeBack(lease: Request, reason: ReturnReason): void {
    if (lease.waitsInside !== undefined && lease.waitsInside.size > 0) {
      const revoked: LeaseRevoked = {
        _tag: "LeaseRevoked",
        lease: lease.id,
        agent: lease.agent.id,
        reason: takenReason(reason)
      }
      for (const wait of Array.from(lease.waitsInside)) {
        if (wait.grows === lease) this.fail(wait, "LeaseRevoked", revoked)
      }
    }
    this.books.giveBack(lease, reason)
  }

  /** Leases are told to end. */
  tellToEnd(leases: ReadonlyArray<Request>, by: Request, cause: PreemptionCause): void {
    const { books, preemption } = this
    // What is taken back may have been granted in this very decision, and is to be told first.
    const deadline = books.now + (cause === "reclaim" ? Math.max(1, preemption.grace) : preemption.grace)
    this.announce(leases, { by: by.id, cause, deadline, forcedAt: deadline + preemption.overrun, ending: false })
  }

  /** Leases are told to be back as a window begins or, where it is too late for that, as soon as can be. */
  tellToMakeRoom(leases: ReadonlyArray<Request>, reservation: Reservation): void {
    const { books, preemption } = this
    const forcedAt = Math.max(reservation.from, books.now + leadOf(preemption))
    const deadline = forcedAt - preemption.overrun
    const cause = "reservation"
    this.announce(leases, { by: 0, cause, reservation: reservation.id, deadline, forcedAt, ending: false })
  }

  private announce(leases: ReadonlyArray<Request>, notice: Notice): void {
    const { books } = this
    for (const lease of leases) {
      preempting.announce(books, lease, notice)
      this.settled.push(lease)
    }
    if (notice.deadline <= books.now) for (const lease of leases) this.end(lease)
    // What waits inside them inherits nothing any more: nobody takes by a priority that it has lost.
    books.ordering?.inherit()
  }

  /**
   * A lease expires: it is back at once, unless what works under it takes time to end.
   * Where it was told to end before, it has what that left it.
   */
  expire(lease: Request): void {
    if (lease.scheduling.lingers !== true) {
      this.settled.push(lease)
      return this.takeBack(lease, "expired")
    }
    if (lease.notice === undefined) {
      const { now } = this.books
      const forcedAt = now + this.preemption.overrun
      preempting.announce(this.books, lease, { by: lease.id, cause: "expiry", deadline: now, forcedAt, ending: false })
    }
    this.end(lease)
  }

  /** The deadline of a lease has come. */
  end(lease: Request): void {
    preempting.end(this.books, lease)
    this.settled.push(lease)
    if (lease.notice!.forcedAt <= this.books.now) this.force(lease)
  }

  /** The time for the finalizers of a lease is over. */
  force(lease: Request): void {
    this.settled.push(lease)
    this.onOverrun?.(lease)
    this.takeBack(lease, "overrun")
  }
}
