/** Leases by id, over the runtime of a manager. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Errors from "../Errors.ts"
import type { JournalFailed } from "../Journal.ts"
import type { LeaseNotice, LeaseTable, RecoveredHome, TableClaimOptions, Ticket } from "../LeaseTable.ts"
import { claimOf } from "../ledger/Books.ts"
import type { Claim } from "../ledger/Claim.ts"
import type { ReturnReason } from "../ledger/Event.ts"
import type { Index } from "../ledger/Index.ts"
import type { Refusal } from "../ledger/Refusal.ts"
import { enclosing, Request } from "../ledger/Request.ts"
import { eventStream } from "./eventStream.ts"
import type { LedgerRuntime } from "./LedgerRuntime.ts"
import { invalidClaim, manualError } from "./refusal.ts"
import { settleLease } from "./settleLease.ts"

/** A ticket is what its request is now. */
class View implements Ticket {
  private readonly request: Request

  constructor(request: Request) {
    this.request = request
  }

  get id(): number {
    return this.request.id
  }

  get agent(): string {
    return this.request.agent.id
  }

  get claim(): Claim {
    return claimOf(this.request)
  }

  get status(): Ticket["status"] {
    const { grows, status } = this.request
    switch (status) {
      case "waiting":
      case "left":
      case "returned":
        return status
      default:
        return grows === undefined || grows.status === "held" ? "held" : "returned"
    }
  }

  get token(): number {
    return this.request.token
  }

  get parent(): number | undefined {
    return enclosing(this.request)?.id
  }
}

const noticeOf = ({ notice }: Request, now: number): LeaseNotice => ({
  phase: notice === undefined ? "spared" : notice.ending ? "ending" : "announced",
  leftMillis: notice === undefined ? 0 : Math.max(0, (notice.deadline - now) / 1_000),
  forcedInMillis: notice === undefined ? 0 : Math.max(0, (notice.forcedAt - now) / 1_000),
  cause: notice?.cause,
  reservation: notice?.reservation
})

type ReturnListener = (lease: number, reason: ReturnReason) => void

/** Tells of the leases that came back other than by `release`, of which nobody needs to be told. */
class Returns {
  private readonly runtime: LedgerRuntime
  private readonly listeners = new Set<ReturnListener>()
  /** The lease that `release` is giving back. */
  private releasing: number | undefined = undefined

  constructor(runtime: LedgerRuntime) {
    this.runtime = runtime
  }

  release(lease: Request): boolean {
    this.releasing = lease.id
    const released = this.runtime.command((ledger, now) => ledger.release(lease, now))
    this.releasing = undefined
    return released
  }

  add(listener: ReturnListener): () => void {
    this.listeners.add(listener)
    this.runtime.ledger.books.onReturned = this.hear
    return () => {
      this.listeners.delete(listener)
      if (this.listeners.size === 0) this.runtime.ledger.books.onReturned = undefined
    }
  }

  private readonly hear: ReturnListener = (lease, reason) => {
    // Its expiry may have been first.
    if (lease === this.releasing && (reason === "released" || reason === "preempted")) return
    this.runtime.outbox.later(() => {
      for (const tell of this.listeners) tell(lease, reason)
    })
  }
}

const unknownLease = (lease: number) =>
  new Errors.LeaseRevoked({
    lease,
    agent: "",
    reason: "returned",
    message: `there is no lease ${lease}: it has come back, or never was`
  })

/** What a journal had of the home, and the waiters that it may still answer for. */
export interface FormerHome {
  readonly home: RecoveredHome
  readonly waiters: ReadonlyArray<Request>
  /** The first id that is not of a former start. */
  readonly nextId: number
}

export const make = (runtime: LedgerRuntime, index: Index, former: FormerHome | undefined): LeaseTable["Service"] => {
  /** Tickets that waited: their outcome is kept until somebody is told it. */
  const open = new Map((former?.waiters ?? []).map((request) => [request.id, request]))
  const waiting = new Map<Request, Set<() => void>>()
  const returns = new Returns(runtime)

  const heldLease = (id: number): Request | undefined => {
    const request = index.get(id)
    return request?.status === "held" && request.grows === undefined ? request : undefined
  }

  const decide = <E>(
    options: TableClaimOptions,
    ask: (resolved: Parameters<typeof runtime.ledger.claim>[3], now: number) => Request | Refusal,
    errorOf: (refusal: Refusal) => E
  ): Exit.Exit<Ticket, E> => {
    const { manual, parent, wait } = options
    const now = runtime.now()
    const around = parent === undefined ? undefined : heldLease(parent)
    const resolved = runtime.resolve(around, options, now, {
      wait: wait ?? true,
      manual: manual ?? false
    })
    if ("_tag" in resolved) return Exit.fail(errorOf(resolved))
    const answer = ask(resolved, now)
    runtime.flush()
    if (!(answer instanceof Request)) return Exit.fail(errorOf(answer))
    if (answer.status === "waiting") open.set(answer.id, answer)
    else if (answer.grows !== undefined) runtime.outbox.whenCommitted(() => runtime.keep(answer))
    return Exit.succeed(new View(answer))
  }

  const settled = (id: number) =>
    Effect.suspend((): Effect.Effect<void, Errors.ClaimError | Errors.LeaseRevoked> => {
      const request = open.get(id) ?? index.get(id)
      if (request === undefined) return Effect.fail(invalidClaim("ticket", id, "a claim that waits or is held"))
      return Effect.flatMap(untilSettled(request), () => {
        open.delete(id)
        if (request.grows !== undefined) runtime.keep(request)
        return runtime.outcome(request, runtime.growError)
      })
    })

  /** Several may wait for one ticket: a session that came back asks again. */
  const untilSettled = (request: Request): Effect.Effect<void, Errors.ManagerStopped> =>
    request.status !== "waiting"
      ? runtime.admitted
      : Effect.callback<void>((resume) => {
          const tell = () => resume(Effect.void)
          const tellers = waiting.get(request) ?? new Set()
          tellers.add(tell)
          waiting.set(request, tellers)
          request.onSettled = () => {
            waiting.delete(request)
            for (const teller of tellers) teller()
          }
          return Effect.sync(() => {
            tellers.delete(tell)
          })
        })

  const failed = Effect.callback<JournalFailed>((resume) => {
    const { failure } = runtime.outbox
    if (failure !== undefined) return resume(Effect.succeed(failure))
    const tell = (reason: JournalFailed) => resume(Effect.succeed(reason))
    runtime.outbox.failureListeners.add(tell)
    return Effect.sync(() => {
      runtime.outbox.failureListeners.delete(tell)
    })
  })

  const claimUnsafe: LeaseTable["Service"]["claimUnsafe"] = (agent, claim, options = {}) =>
    decide(options, (resolved, now) => runtime.ledger.claim(agent, claim, now, resolved), runtime.error)

  const growUnsafe: LeaseTable["Service"]["growUnsafe"] = (lease, claim, options = {}) => {
    const held = heldLease(lease)
    if (held === undefined) return Exit.fail(unknownLease(lease))
    return decide(options, (resolved, now) => runtime.ledger.grow(held, claim, now, resolved), runtime.growError)
  }

  const releaseUnsafe = (lease: number): boolean => {
    const held = heldLease(lease)
    if (held === undefined) return false
    open.delete(lease)
    return returns.release(held)
  }

  return {
    claim: (agent, claim, options) => Effect.suspend(() => claimUnsafe(agent, claim, options)),
    claimUnsafe,
    grow: (lease, claim, options) => Effect.suspend(() => growUnsafe(lease, claim, options)),
    growUnsafe,
    shrink: (lease, amounts) =>
      Effect.suspend((): Effect.Effect<void, Errors.InvalidClaim | Errors.LeaseRevoked> => {
        const held = heldLease(lease)
        if (held === undefined) return Effect.fail(unknownLease(lease))
        return runtime.shrink(held, amounts)
      }),
    settle: (lease, actual) =>
      Effect.suspend((): Effect.Effect<void, Errors.InvalidClaim | Errors.LeaseRevoked> => {
        const held = heldLease(lease)
        return held === undefined ? Effect.fail(unknownLease(lease)) : settleLease(runtime, held, actual)
      }),
    release: (lease) => Effect.sync(() => releaseUnsafe(lease)),
    releaseUnsafe,
    giveUp: (ticket) =>
      Effect.sync(() => {
        const request = open.get(ticket) ?? index.get(ticket)
        open.delete(ticket)
        if (request !== undefined) runtime.command((ledger, now) => ledger.giveUp(request, now))
      }),
    revoke: (lease, reason) =>
      Effect.sync(() => {
        const held = heldLease(lease)
        if (held === undefined) return false
        open.delete(lease)
        return runtime.command((ledger, now) => ledger.revoke(held, reason, now))
      }),
    end: (lease) =>
      Effect.sync(() => {
        const held = heldLease(lease)
        if (held === undefined) return false
        open.delete(lease)
        return runtime.command((ledger, now) => ledger.release(held, now))
      }),
    lingerUnsafe: (lease) => {
      const held = heldLease(lease)
      return held !== undefined && runtime.command((ledger, now) => ledger.linger(held, now))
    },
    releaseManual: (agent, claim) =>
      Effect.suspend(() => {
        const refusal = runtime.command((ledger, now) => ledger.releaseManual(agent, claim, now))
        return refusal === undefined ? Effect.void : Effect.fail(manualError(refusal, runtime.formats))
      }),
    settled,
    committed: runtime.committed,
    isCommitted: () => runtime.outbox.clean,
    ticket: (id) => {
      const request = open.get(id) ?? index.get(id)
      return request === undefined ? undefined : new View(request)
    },
    onReturned: (listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => returns.add(listener)),
          (end) => Effect.sync(end)
        )
      ),
    onNoticed: (listener) =>
      Effect.asVoid(
        Effect.acquireRelease(
          Effect.sync(() => {
            const { books } = runtime.ledger
            books.onNoticed = (lease) => {
              const notice = noticeOf(lease, books.now)
              runtime.outbox.later(() => listener(lease.id, notice))
            }
          }),
          () =>
            Effect.sync(() => {
              runtime.ledger.books.onNoticed = undefined
            })
        )
      ),
    notice: (lease) => {
      const held = heldLease(lease)
      return held?.notice === undefined ? undefined : noticeOf(held, runtime.now())
    },
    note: (note) => runtime.outbox.note(note),
    keeps: (state) => runtime.outbox.journal?.keeps(state),
    recovered: former?.home,
    keepOnly: (ids) =>
      Effect.sync(() => {
        if (former === undefined) return
        for (const { id } of former.waiters) if (!ids.has(id)) open.delete(id)
        runtime.command((ledger, now) => ledger.forsake(({ id }) => id >= former.nextId || ids.has(id), now))
      }),
    failed,
    events: eventStream((listener) => runtime.outbox.listen(listener))
  }
}
