/**
 * What happened: the outcome of each decision, as plain data. Applying events
 * consults no policy, graph or clock, so a journal replays the same after a
 * policy is swapped. Times are microseconds of the Ledger's clock.
 */
import type { Claim } from "./Claim.ts"
import type { Rate } from "./Bucket.ts"
import type { GroupChange, Membership } from "./quota/transitions.ts"
import type { NoticeCause } from "./preemption/Notice.ts"
import type { Refusal } from "./Refusal.ts"
import type { Reservation, ReservationEnd } from "./reservations/Reservation.ts"
import type { Scheduling } from "./Scheduling.ts"

export type LedgerEvent =
  | {
      readonly _tag: "PoolDefined"
      readonly at: number
      readonly type: string
      readonly capacity: number
      readonly minCapacity: number
      readonly maxCapacity: number | undefined
      readonly rate: Rate | undefined
    }
  /** A pool of a former start is configured otherwise now: what is new of `configured` holds, what is not stays as it was set live. */
  | {
      readonly _tag: "PoolConfigured"
      readonly at: number
      readonly type: string
      readonly capacity: number
      readonly rate: Rate | undefined
      readonly configured: {
        readonly capacity: number
        readonly minCapacity: number
        readonly maxCapacity: number | undefined
        readonly rate: Rate | undefined
      }
    }
  | {
      readonly _tag: "CapacitySet"
      readonly at: number
      readonly type: string
      readonly capacity: number
      /** `undefined` where the capacity of the moment is the maximum. */
      readonly maxCapacity: number | undefined
    }
  | { readonly _tag: "RateSet"; readonly at: number; readonly type: string; readonly rate: Rate | undefined }
  /** Tokens given back to a rate without a lease. */
  | { readonly _tag: "Refunded"; readonly at: number; readonly type: string; readonly tokens: number }
  | {
      readonly _tag: "QuotaSet"
      readonly at: number
      readonly agent: string
      readonly type: string
      /** `undefined` where it was removed. */
      readonly quota: number | undefined
    }
  /** What a group of agents is, and all that it is limited by. */
  | ({ readonly _tag: "GroupSet"; readonly at: number } & GroupChange)
  | { readonly _tag: "GroupRemoved"; readonly at: number; readonly group: string }
  /** In which group an agent is; `undefined` is none. */
  | ({ readonly _tag: "AgentAssigned"; readonly at: number; readonly agent: string } & Membership)
  /** A claim waits. `parked`: for quota first, in no queue of a pool. */
  | ({ readonly _tag: "Queued"; readonly parked?: true | undefined } & Asked)
  /** A waiter that was parked has its quota, and joins the queues of its pools. */
  | { readonly _tag: "Admitted"; readonly at: number; readonly id: number }
  /** A waiter lost its quota, and is parked again. */
  | { readonly _tag: "Withdrawn"; readonly at: number; readonly id: number }
  /** A claim was granted in the decision that it arrived in. */
  | ({ readonly _tag: "GrantedAtOnce"; readonly token: number } & Asked)
  /** A waiter was granted. `passed`: the first ones that were short, where it went past them. */
  | {
      readonly _tag: "Granted"
      readonly at: number
      readonly id: number
      readonly token: number
      readonly passed?: ReadonlyArray<number> | undefined
      /** That at which the lease may be taken, where it is not its own or its agent's. */
      readonly priority?: number | undefined
    }
  /**
   * By when waiters start at the latest, where that is not what they were told before.
   * `unknown`: those who were told, and of whom nobody knows it any more.
   */
  | {
      readonly _tag: "Planned"
      readonly at: number
      readonly starts: ReadonlyArray<readonly [id: number, start: number]>
      readonly unknown?: ReadonlyArray<number> | undefined
    }
  /** A waiter is next, and stays that until it is granted, whoever arrives. */
  | { readonly _tag: "Chosen"; readonly at: number; readonly id: number }
  /** A waiter goes before all others, whatever its class: it was the oldest of a pool whose turn it was to rescue one. */
  | { readonly _tag: "Rescued"; readonly at: number; readonly id: number; readonly type: string }
  /** What an agent is to the policies. */
  | {
      readonly _tag: "AgentSet"
      readonly at: number
      readonly agent: string
      readonly weight: number
      readonly priority: number
    }
  /** What was granted to whom over time is kept from here on, from nothing; or no more. */
  | {
      readonly _tag: "SharesKept"
      readonly at: number
      readonly kept: boolean
      /** In microseconds; `undefined`: by virtual time. */
      readonly halfLife?: number | undefined
    }
  /** A waiter may use units earmarked for others: only order kept it waiting for itself. */
  | { readonly _tag: "Exempted"; readonly at: number; readonly id: number }
  /** A grant whose body never began: everything went back, tokens included. */
  | { readonly _tag: "Undone"; readonly at: number; readonly id: number }
  /** The caller has what its claim of `grow` was granted: it is the lease's for good, and undone no more. */
  | { readonly _tag: "Kept"; readonly at: number; readonly id: number }
  /** What a lease cost in the end, in tokens of the rates of the types that changed: the difference went back, or was charged. */
  | { readonly _tag: "Settled"; readonly at: number; readonly id: number; readonly costs: Claim }
  | { readonly _tag: "Shrunk"; readonly at: number; readonly id: number; readonly amounts: Claim }
  | {
      readonly _tag: "Returned"
      readonly at: number
      readonly id: number
      readonly reason: ReturnReason
      /** Where it was taken by force: all of its tokens, and those below, are void. */
      readonly fence?: number | undefined
    }
  /** What works under a lease takes time to end, which begins at its expiry. */
  | { readonly _tag: "Lingers"; readonly at: number; readonly id: number }
  /** A lease has to end by `deadline`, for a claim, for a reservation or because it expired; what is out at `forcedAt` is taken by force. */
  | {
      readonly _tag: "Preempting"
      readonly at: number
      readonly id: number
      /** The claim; 0 where it is for a reservation. */
      readonly by: number
      readonly cause: NoticeCause
      readonly reservation?: number | undefined
      readonly deadline: number
      readonly forcedAt: number
    }
  /** Nobody needs any more that a lease ends, and its deadline has not come. */
  | { readonly _tag: "Spared"; readonly at: number; readonly id: number }
  /** The deadline of a lease has come: its holder is stopped. */
  | { readonly _tag: "Ending"; readonly at: number; readonly id: number }
  /** A waiter left ungranted. */
  | { readonly _tag: "Left"; readonly at: number; readonly id: number; readonly reason: LeaveReason }
  /** A claim was refused in the decision that it arrived in. */
  | {
      readonly _tag: "Refused"
      readonly at: number
      readonly agent: string
      readonly types: ReadonlyArray<string>
      readonly reason: Refusal["_tag"]
    }
  /** From here on leases are told to end so long before windows begin, in microseconds, and let into them before; `undefined`: none is. */
  | { readonly _tag: "LeadSet"; readonly at: number; readonly lead: number | undefined }
  | ({ readonly _tag: "Reserved"; readonly at: number } & Reservation)
  | { readonly _tag: "ReservationEnded"; readonly at: number; readonly id: number; readonly reason: ReservationEnd }
  | { readonly _tag: "Stopped"; readonly at: number }

interface Asked {
  readonly at: number
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  /** The lease it is inside of. */
  readonly parent: number | undefined
  readonly grows: number | undefined
  readonly manual: boolean
  /** Microseconds; 0 is for ever. */
  readonly ttl: number
  /** An instant; `undefined` is never. */
  readonly deadline: number | undefined
  /** `undefined` where it says nothing. */
  readonly scheduling?: Scheduling | undefined
}

/**
 * How a lease came back: by its holder, by itself, at the end of the manager, by an
 * administrator (`revoked`), because its holder is gone (`lost`), because it was told
 * to end (`preempted`), or by force where it was told so and did not (`overrun`).
 */
export type ReturnReason = "released" | "expired" | "stopped" | "revoked" | "lost" | "preempted" | "overrun"

export type LeaveReason = Refusal["_tag"] | "Interrupted"
