/**
 * Why a claim got no lease: plain facts, that the edge turns into the typed
 * errors of the same name. All times are microseconds of the Ledger's clock.
 */
import type { Claim } from "./Claim.ts"
import type { ReturnReason } from "./Event.ts"
import type { WaitReason } from "./explain.ts"

export interface InvalidClaim {
  readonly _tag: "InvalidClaim"
  readonly field: string
  readonly value: unknown
  readonly allowed: string
}

export interface UnknownResourceType {
  readonly _tag: "UnknownResourceType"
  readonly resourceType: string
  readonly known: ReadonlyArray<string>
}

export interface ResourceExhausted {
  readonly _tag: "ResourceExhausted"
  /** `neverFits`: over the pool's maximum or burst; `unavailable`: not now, and the claim does not wait. */
  readonly reason: "neverFits" | "unavailable"
  /** What is short: units of the pool, tokens of its rate, units that are promised to nobody else, or its turn behind earlier waiters. */
  readonly short: "capacity" | "rate" | "reservation" | "order"
  readonly resourceType: string
  readonly requested: number
  readonly available: number
  /** The most that a claim can ever ask for. */
  readonly limit: number
}

export interface QuotaExceeded {
  readonly _tag: "QuotaExceeded"
  /** `neverFits`: over the quota by itself; `inUse`: over it with what the agent holds and waits for. */
  readonly reason: "neverFits" | "inUse"
  readonly agent: string
  readonly resourceType: string
  readonly requested: number
  readonly quota: number
  readonly held: number
  readonly waiting: number
  /** The group that refused it; `undefined` where it was the agent's own quota. */
  readonly level?: QuotaLevel | undefined
}

/** Which level of a tree of groups refused, and by which limit. */
export interface QuotaLevel {
  /** From the root down. */
  readonly path: ReadonlyArray<string>
  /**
   * `nominal`: all that there is in the tree is in use; `borrowing`: as much is borrowed as
   * may be; `order`: there is some, but earlier claims come first. Figures are in units
   * or, for `leases` and `rate`, in leases and tokens.
   */
  readonly limit: "nominal" | "borrowing" | "max" | "leases" | "rate" | "order"
  /** When a rate would have the tokens, if nobody else took any. */
  readonly readyAt?: number | undefined
}

/** One step of a cycle: `agent` waits for units that `heldBy` holds, inside whose lease the next step waits. */
export interface DeadlockStep {
  readonly agent: string
  readonly resourceType: string
  readonly requested: number
  readonly heldBy: string
  readonly lease: number
  readonly holds: number
}

export interface DeadlockDetected {
  readonly _tag: "DeadlockDetected"
  readonly agent: string
  readonly claim: Claim
  /** The last step's holder is the lease that the first step waits inside of. */
  readonly cycle: ReadonlyArray<DeadlockStep>
  /** Where there is none yet: the policy lets no younger claim wait for an older lease. */
  readonly avoided?: "wait-die"
}

export interface ClaimTimedOut {
  readonly _tag: "ClaimTimedOut"
  readonly agent: string
  readonly claim: Claim
  readonly waitedMicros: number
  /** What it still waited for. */
  readonly reasons: ReadonlyArray<WaitReason>
}

export interface QueueFull {
  readonly _tag: "QueueFull"
  /** Whose queue: all waiters', one agent's, or one pool's sum of amounts. */
  readonly scope: "manager" | "agent" | "pool"
  readonly name: string
  readonly waiting: number
  readonly limit: number
}

export interface ManagerStopped {
  readonly _tag: "ManagerStopped"
}

/** A manual release of more than the agent acquired by hand. */
export interface ResourceNotAcquired {
  readonly _tag: "ResourceNotAcquired"
  readonly agent: string
  readonly requested: Claim
  readonly held: Claim
}

/** How a lease ended, as its holder is told: it is the same whether it was in time or by force. */
export type TakenReason = Exclude<ReturnReason, "released" | "overrun"> | "returned"

export const takenReason = (reason: ReturnReason | undefined): TakenReason =>
  reason === undefined || reason === "released" ? "returned" : reason === "overrun" ? "preempted" : reason
/** A promise that could not be kept. */
export interface ReservationRefused {
  readonly _tag: "ReservationRefused"
  readonly resourceType: string
  readonly requested: number
  readonly capacity: number
  /** By how much what is promised and in use then would be more than there is. */
  readonly short: number
}

export interface LeaseRevoked {
  readonly _tag: "LeaseRevoked"
  readonly lease: number
  readonly agent: string
  /** `returned`: by its holder. */
  readonly reason: TakenReason
}

export type Refusal =
  | InvalidClaim
  | UnknownResourceType
  | ResourceExhausted
  | QuotaExceeded
  | DeadlockDetected
  | ClaimTimedOut
  | QueueFull
  | ManagerStopped
  | LeaseRevoked
