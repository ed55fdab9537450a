/**
 * Leases by id, for homes of the manager that hand them to somebody outside of this
 * process (a daemon). Built by `ResourceManager.layerHome`, over the same decisions
 * as the `ResourceManager` beside it.
 *
 * - Every operation is one synchronous step, so that a `note` made in the same step
 *   is committed with what was decided.
 * - **Nothing of an answer may be told before `committed`**, neither a grant nor a
 *   refusal: what is not in the journal has not happened.
 * - A ticket that waits is to be `settled` or given up: its outcome is kept for that.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Claim, WaitOptions } from "./Claim.ts"
import type { ClaimError, InvalidClaim, LeaseRevoked, ResourceNotAcquired, UnknownResourceType } from "./Errors.ts"
import type { JournalFailed } from "./Journal.ts"
import type { LedgerEvent, ReturnReason } from "./ledger/Event.ts"
import type { NoticeCause } from "./ledger/preemption/Notice.ts"

export type { LedgerEvent, ReturnReason } from "./ledger/Event.ts"
export type { NoticeCause } from "./ledger/preemption/Notice.ts"

/** A claim as it stands now: its fields change with it. */
export interface Ticket {
  /** The id of the request, and of the lease that it becomes. Of `grow`: that of the growing request. */
  readonly id: number
  readonly agent: string
  /** What it asks for, or holds. */
  readonly claim: Claim
  /** A growth is `held` as long as its lease. */
  readonly status: "waiting" | "held" | "returned" | "left"
  /** Fencing token, 0 while it waits. */
  readonly token: number
  /** The innermost lease around it that is still held. */
  readonly parent: number | undefined
}

/** What became of a lease that has to end. */
export interface LeaseNotice {
  readonly phase: "announced" | "ending" | "spared"
  /** The time until its deadline. */
  readonly leftMillis: number
  /** The time until it is taken by force. */
  readonly forcedInMillis: number
  readonly cause: NoticeCause | undefined
  /** The reservation that it ends for. */
  readonly reservation?: number | undefined
}

export interface TableClaimOptions extends WaitOptions {
  /** The innermost lease around the claim. Ignored where it is not held any more. */
  readonly parent?: number | undefined
  /** Whether it may wait. Default true. */
  readonly wait?: boolean | undefined
  /** Whether it is given back by `releaseManual`. */
  readonly manual?: boolean | undefined
}

/** Events that a slow reader missed. */
export interface Dropped {
  readonly _tag: "Dropped"
  readonly count: number
}

/** What the journal held of the home when it was opened. */
export interface RecoveredHome {
  /** The home's part of the last snapshot; `undefined` where it kept nothing. */
  readonly state: unknown
  /** The notes since, oldest first. */
  readonly notes: ReadonlyArray<unknown>
}

export class LeaseTable extends Context.Service<
  LeaseTable,
  {
    /** Decides a claim now: granted, waiting or refused. */
    readonly claim: (agent: string, claim: Claim, options?: TableClaimOptions) => Effect.Effect<Ticket, ClaimError>
    /** The same, in the call itself: what its caller does before it returns is one step with it. */
    readonly claimUnsafe: (agent: string, claim: Claim, options?: TableClaimOptions) => Exit.Exit<Ticket, ClaimError>
    /** A claim of the lease's agent that becomes part of the lease. It can be given up until it is committed and, where it waited, `settled`. */
    readonly grow: (
      lease: number,
      claim: Claim,
      options?: Omit<TableClaimOptions, "expiresAfter" | "manual">
    ) => Effect.Effect<Ticket, ClaimError | LeaseRevoked>
    /** The same, in the call itself. */
    readonly growUnsafe: (
      lease: number,
      claim: Claim,
      options?: Omit<TableClaimOptions, "expiresAfter" | "manual">
    ) => Exit.Exit<Ticket, ClaimError | LeaseRevoked>
    /** Gives back some of what a lease holds: all of the amounts or none. */
    readonly shrink: (lease: number, amounts: Claim) => Effect.Effect<void, InvalidClaim | LeaseRevoked>
    /** Says what a lease cost in the end, in tokens of its pools' rates: all of the types or none. */
    readonly settle: (lease: number, actual: Claim) => Effect.Effect<void, InvalidClaim | LeaseRevoked>
    /** Returns a lease. `false` where it had come back already. */
    readonly release: (lease: number) => Effect.Effect<boolean>
    /** The same, in the call itself. */
    readonly releaseUnsafe: (lease: number) => boolean
    /** Nobody will use it: a waiter leaves, a grant that was never told is undone, tokens included. */
    readonly giveUp: (ticket: number) => Effect.Effect<void>
    /** Takes a lease from its holder, by an administrator or because its session ended. `false` where it had come back already. */
    readonly revoke: (lease: number, reason: "revoked" | "lost") => Effect.Effect<boolean>
    /**
     * Gives back a lease that has to stop, for its holder, who has: it returns as what it was told to end for
     * (`preempted`, `expired`). Otherwise a `release`. `false` where it had come back already.
     */
    readonly end: (lease: number) => Effect.Effect<boolean>
    /**
     * What works under a lease takes time to end: it does not come back at its expiry by itself, but is told to
     * stop then, and is taken by force after the time for finalizers (`overrun`). `false` where it has come back.
     */
    readonly lingerUnsafe: (lease: number) => boolean
    /** Gives back amounts of the agent's manual acquisitions, newest first, all or nothing. */
    readonly releaseManual: (
      agent: string,
      claim: Claim
    ) => Effect.Effect<void, ResourceNotAcquired | InvalidClaim | UnknownResourceType>
    /**
     * Completes once a waiting ticket is granted and that is committed; fails with what it left the queue for,
     * committed too. Interruption does not give it up. At once for one that is held; `InvalidClaim` for an id that is
     * neither.
     */
    readonly settled: (ticket: number) => Effect.Effect<void, ClaimError | LeaseRevoked>
    /** Completes once everything decided so far is in the journal; at once where there is none. */
    readonly committed: Effect.Effect<void>
    /** Whether everything decided so far is in the journal, or there is none. */
    readonly isCommitted: () => boolean
    /** The ticket of an id, if it waits or is held. */
    readonly ticket: (id: number) => Ticket | undefined
    /**
     * Calls back for every lease that came back other than by `release` and `giveUp` (expired, stopped, revoked, lost,
     * or whole by `releaseManual`), once that is committed. The callback is synchronous and must not throw.
     */
    readonly onReturned: (
      listener: (lease: number, reason: ReturnReason) => void
    ) => Effect.Effect<void, never, Scope.Scope>
    /**
     * Calls back for every lease that is told to end, is spared, or has to stop now, once that is committed. The
     * callback is synchronous and must not throw.
     */
    readonly onNoticed: (
      listener: (lease: number, notice: LeaseNotice) => void
    ) => Effect.Effect<void, never, Scope.Scope>
    /** What a held lease was told, where it has to end. */
    readonly notice: (lease: number) => LeaseNotice | undefined
    /** Puts a note into the batch of this turn: committed with the events decided in it. Plain JSON. */
    readonly note: (note: unknown) => void
    /** What a snapshot keeps of the home: asked for whenever one is written. Plain JSON. */
    readonly keeps: (state: () => unknown) => void
    /** What the journal held of the home. `undefined`: a fresh journal, or none. */
    readonly recovered: RecoveredHome | undefined
    /**
     * To be called once after recovery, with the tickets that the home still answers for: all other recovered leases
     * come back as lost, and all other recovered waiters leave the queue.
     */
    readonly keepOnly: (ids: ReadonlySet<number>) => Effect.Effect<void>
    /** Completes when the journal fails, with why: nothing is told from then on, and the home had better end. */
    readonly failed: Effect.Effect<JournalFailed>
    /** Every event from now on, committed, with the Ledger's time in microseconds. A slow reader misses events and is told how many. */
    readonly events: Stream.Stream<LedgerEvent | Dropped>
  }
>()("@resource-manager/core/LeaseTable") {}
