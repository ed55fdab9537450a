/**
 * Spans from events. Each claim that waits is a span `resource_manager.wait`, from
 * when it was asked until it is granted or leaves; each lease a span
 * `resource_manager.hold`, from its grant until it comes back.
 *
 * - What is inside a lease is inside its span: a nested claim, and the growth of the
 *   lease itself. Else a lease is inside the span of its own wait, where it waited.
 * - A claim that is refused as it arrives is a wait of no length. One that is granted
 *   as it arrives has not waited: its span is the lease's alone.
 * - Memory is bounded: at most `openMax` spans are open, and what is asked beyond
 *   them is not traced. Where events were missed, what is no longer there is closed.
 */
import type { Dropped, LedgerEvent, Ticket } from "@resource-manager/core/LeaseTable"
import * as Context from "effect/Context"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { Span, Tracer } from "effect/Tracer"

export const waitSpan = "resource_manager.wait"
export const holdSpan = "resource_manager.hold"

type Asked = Extract<LedgerEvent, { readonly _tag: "Queued" | "GrantedAtOnce" }>

interface Open {
  readonly phase: "wait" | "hold"
  readonly asked: Asked
  readonly span: Span
}

export interface SpanBookOptions {
  readonly tracer: Tracer
  /** The most spans that are open at once. */
  readonly openMax: number
  /** The fraction of claims that are traced; what is inside a lease is traced where the lease is. */
  readonly ratio: number
  /** Nanoseconds of the wall clock at an instant of the Ledger. */
  readonly wallNanos: (micros: number) => bigint
  /** What became of a claim, where its events were missed. */
  readonly ticket: (id: number) => Ticket | undefined
}

/** How a claim or a lease ended, as a span tells it: one for each error. */
const failures = new Map<string, Exit.Exit<never, Error>>()

const failure = (tag: string): Exit.Exit<never, Error> => {
  const known = failures.get(tag)
  if (known !== undefined) return known
  const error = new Error(tag)
  error.name = tag
  // Where it was made says nothing of the claim.
  error.stack = tag
  const exit = Exit.fail(error)
  failures.set(tag, exit)
  return exit
}

export class SpanBook {
  private readonly options: SpanBookOptions
  private readonly open = new Map<number, Open>()
  /** Claims in no lease. */
  private asked = 0
  /** Claims that were not traced because too many spans were open. */
  untraced = 0

  constructor(options: SpanBookOptions) {
    this.options = options
  }

  get openCount(): number {
    return this.open.size
  }

  apply(event: LedgerEvent | Dropped, now: number): void {
    switch (event._tag) {
      case "Queued":
        return this.begin("wait", event, event.at, this.around(event))
      case "GrantedAtOnce":
        if (event.grows === undefined) return this.begin("hold", event, event.at, this.around(event))
        return this.note(event.grows, "grown", event.at, event)
      case "Granted":
        return this.granted(event.id, event.token, event.at)
      case "Exempted":
        return this.note(event.id, "exempted", event.at)
      case "Shrunk":
        return this.note(event.id, "shrunk", event.at, { claim: event.amounts })
      case "Left":
        return this.end(event.id, event.at, event.reason === "Interrupted" ? "interrupted" : "failed", event.reason)
      case "Undone":
        return this.end(event.id, event.at, "undone", "Interrupted")
      case "Returned":
        return this.end(event.id, event.at, event.reason, event.reason === "released" ? undefined : "LeaseRevoked")
      case "Refused":
        return this.refused(event)
      case "Dropped":
        return this.reconcile(now)
    }
  }

  /** Ends every span that is open: nobody will hear how they went on. */
  close(now: number): void {
    for (const id of this.open.keys()) this.end(id, now, "unknown", undefined)
  }

  /** The span that a claim is inside of; `null` where that is not traced. */
  private around({ grows, parent }: Asked): Span | undefined | null {
    const outer = grows ?? parent
    return outer === undefined ? undefined : (this.open.get(outer)?.span ?? null)
  }

  /**
   * Whether the next claim that is in no lease is traced. Multiples of the golden ratio
   * are spread evenly, and in step with nothing: not with agents that take turns.
   */
  private isSampled(): boolean {
    this.asked++
    return (Math.imul(this.asked, 0x9e37_79b1) >>> 0) / 2 ** 32 < this.options.ratio
  }

  private begin(phase: Open["phase"], asked: Asked, at: number, around: Span | undefined | null): void {
    if (around === null || (around === undefined && !this.isSampled())) return
    if (this.open.size >= this.options.openMax) {
      this.untraced++
      return
    }
    const span = this.span(phase === "wait" ? waitSpan : holdSpan, at, around)
    span.attribute("agent", asked.agent)
    span.attribute("resource_manager.lease.id", asked.id)
    for (const [type, amount] of Object.entries(asked.claim)) span.attribute(`resource_manager.claim.${type}`, amount)
    if (asked._tag === "GrantedAtOnce") span.attribute("resource_manager.lease.fence", asked.token)
    this.open.set(asked.id, { phase, asked, span })
  }

  private granted(id: number, token: number, at: number): void {
    const waiting = this.open.get(id)
    if (waiting === undefined) return
    this.end(id, at, "granted", undefined)
    const { asked, span } = waiting
    if (asked.grows !== undefined) return this.note(asked.grows, "grown", at, asked)
    this.begin("hold", asked, at, this.around(asked) ?? span)
    this.open.get(id)?.span.attribute("resource_manager.lease.fence", token)
  }

  private refused({ agent, at, reason, types }: Extract<LedgerEvent, { readonly _tag: "Refused" }>): void {
    if (!this.isSampled()) return
    const span = this.span(waitSpan, at, undefined)
    span.attribute("agent", agent)
    span.attribute("resource_manager.resource_types", [...types])
    this.finish(span, at, "refused", reason)
  }

  private note(id: number, name: string, at: number, what?: Pick<Asked, "claim">): void {
    const amounts = Object.entries(what?.claim ?? {}).map(([type, amount]) => [
      `resource_manager.claim.${type}`,
      amount
    ])
    this.open.get(id)?.span.event(name, this.options.wallNanos(at), Object.fromEntries(amounts))
  }

  private span(name: string, at: number, parent: Span | undefined): Span {
    return this.options.tracer.span({
      name,
      parent: Option.fromUndefinedOr(parent),
      annotations: Context.empty(),
      links: [],
      startTime: this.options.wallNanos(at),
      kind: "internal",
      root: parent === undefined,
      sampled: true
    })
  }

  private end(id: number, at: number, outcome: string, error: string | undefined): void {
    const ending = this.open.get(id)
    if (ending === undefined) return
    this.open.delete(id)
    this.finish(ending.span, at, outcome, error)
  }

  private finish(span: Span, at: number, outcome: string, error: string | undefined): void {
    span.attribute("resource_manager.outcome", outcome)
    if (error !== undefined) span.attribute("error.type", error)
    const exit = error === undefined ? Exit.void : error === "Interrupted" ? Exit.interrupt() : failure(error)
    span.end(this.options.wallNanos(at), exit)
  }

  /** Events were missed: what is not as it was when its span began is ended, and a lease goes on in a span of its own. */
  private reconcile(now: number): void {
    for (const [id, { phase }] of this.open) {
      const ticket = this.options.ticket(id)
      if (phase === "wait" && ticket?.status === "held") this.granted(id, ticket.token, now)
      else if (ticket?.status !== (phase === "wait" ? "waiting" : "held")) this.end(id, now, "unknown", undefined)
    }
  }
}
