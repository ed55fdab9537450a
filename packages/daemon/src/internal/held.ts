/** A lease as its client keeps it. */
import type { Claim } from "@resource-manager/core/Claim"
import type { LeaseRevoked } from "@resource-manager/core/Errors"
import type { PreemptionNotice } from "@resource-manager/core/Preemption"
import * as Effect from "effect/Effect"
import type { NoticedLease } from "../Protocol.ts"
import { lost } from "./clientErrors.ts"

export class Held {
  readonly id: number
  readonly agent: string
  readonly token: number
  private readonly around: Held | undefined
  /** Where nothing of this client is around it: the lease that the whole client is inside of. */
  private readonly outermost: number | undefined
  private amounts: Record<string, number>
  private returnedBy: LeaseRevoked["reason"] | undefined
  private listeners: Set<(error: LeaseRevoked) => void> | undefined
  private notice: PreemptionNotice | undefined
  private noticeListeners: Set<(notice: PreemptionNotice) => void> | undefined
  /** Whether its own time is over, and what works under it is being ended. */
  private expires = false
  /** Whether its holder has to stop. */
  private ending = false

  constructor(
    facts: { readonly id: number; readonly agent: string; readonly token: number; readonly claim: Claim },
    around: Held | undefined,
    outermost: number | undefined
  ) {
    this.id = facts.id
    this.agent = facts.agent
    this.token = facts.token
    this.around = around
    this.outermost = outermost
    this.amounts = { ...facts.claim }
  }

  get status(): "held" | "returned" {
    return this.returnedBy === undefined ? "held" : "returned"
  }

  get claim(): Claim {
    return this.returnedBy === undefined
      ? Object.fromEntries(Object.entries(this.amounts).filter(([, amount]) => amount > 0))
      : {}
  }

  /** The innermost lease around it that is still held. */
  get parent(): number | undefined {
    if (this.around === undefined) return this.outermost
    return this.around.status === "held" ? this.around.id : this.around.parent
  }

  change(amounts: Claim, sign: 1 | -1): void {
    for (const [type, amount] of Object.entries(amounts)) {
      this.amounts[type] = (this.amounts[type] ?? 0) + sign * amount
    }
  }

  /** Its holder gave it back: nobody is told. */
  giveBack(): void {
    this.returnedBy ??= "returned"
    this.listeners = undefined
    this.noticeListeners = undefined
  }

  /** It has to end, need not after all, or has to stop now: then it is held until its holder gives it back. */
  hear(noticed: NoticedLease): void {
    if (this.returnedBy !== undefined) return
    const { cause, leftMillis, phase, reservation } = noticed
    if (phase === "spared") {
      this.notice = undefined
      return
    }
    const deadlineMillis = Date.now() + leftMillis
    const promised = reservation === undefined ? {} : { reservation }
    if (cause === "expiry") this.expires = true
    else this.announce({ deadlineMillis, cause: cause ?? "priority", ...promised })
    if (phase !== "ending") return
    this.ending = true
    const { listeners } = this
    this.listeners = undefined
    if (listeners !== undefined) for (const listener of listeners) listener(this.gone)
  }

  private announce(notice: PreemptionNotice): void {
    this.notice = notice
    const { noticeListeners } = this
    this.noticeListeners = undefined
    if (noticeListeners !== undefined) for (const listener of noticeListeners) listener(notice)
  }

  /** It was taken from its holder. */
  take(reason: LeaseRevoked["reason"]): void {
    if (this.returnedBy !== undefined) return
    // By force it is told as preempted, whatever it had to end for.
    this.returnedBy = reason === "preempted" && this.expires ? "expired" : reason
    const { listeners } = this
    this.listeners = undefined
    if (listeners !== undefined) for (const listener of listeners) listener(this.gone)
  }

  get gone(): LeaseRevoked {
    const why = this.notice !== undefined ? "preempted" : this.expires ? "expired" : "returned"
    return lost(this.id, this.agent, this.returnedBy ?? why)
  }

  /** Calls back when it is told to end: at once where it was. */
  onNotice(listener: (notice: PreemptionNotice) => void): () => void {
    if (this.notice !== undefined) listener(this.notice)
    else {
      this.noticeListeners ??= new Set()
      this.noticeListeners.add(listener)
    }
    return () => {
      this.noticeListeners?.delete(listener)
    }
  }

  /** Calls back when it is taken away, or its holder has to stop: at once where that is so; never when its holder gives it back. */
  onTaken(listener: (error: LeaseRevoked) => void): () => void {
    if (this.returnedBy === undefined && !this.ending) {
      this.listeners ??= new Set()
      this.listeners.add(listener)
    } else if (this.returnedBy !== "returned") listener(this.gone)
    return () => {
      this.listeners?.delete(listener)
    }
  }

  /** Completes when it is told to end: at once where it was. */
  get preempted(): Effect.Effect<PreemptionNotice> {
    return Effect.callback<PreemptionNotice>((resume) => {
      const forget = this.onNotice((notice) => resume(Effect.succeed(notice)))
      return Effect.sync(forget)
    })
  }

  /** Completes when it is taken away, or its holder has to stop; never when its holder gives it back. */
  get revoked(): Effect.Effect<LeaseRevoked> {
    return Effect.callback<LeaseRevoked>((resume) => {
      const forget = this.onTaken((error) => resume(Effect.succeed(error)))
      return Effect.sync(forget)
    })
  }
}
