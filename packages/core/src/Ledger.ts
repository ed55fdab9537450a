/**
 * The decision core, for those who drive it themselves: simulators, replays,
 * other homes. Programs use `ResourceManager`, which is this plus waiting.
 */
export { Agent, Account, type FailureCounts } from "./ledger/Agent.ts"
export { capture } from "./ledger/capture.ts"
export { check, type Check, type CheckOptions, type Passing } from "./ledger/check.ts"
export { Books, claimOf } from "./ledger/Books.ts"
export { Bucket, type Rate } from "./ledger/Bucket.ts"
export { type Claim, isAmount } from "./ledger/Claim.ts"
export type { LeaveReason, LedgerEvent, ReturnReason } from "./ledger/Event.ts"
export {
  type AccountView,
  agentStatistics,
  type AgentStatistics,
  explain,
  type Explanation,
  type HolderView,
  leasesOf,
  leaseView,
  type LeaseView,
  poolStatistics,
  type PoolStatistics,
  reasonsOf,
  waitersOf,
  type WaitReason
} from "./ledger/explain.ts"
export { type Distribution, Histogram } from "./ledger/Histogram.ts"
export {
  type DeadlockPolicy,
  detectionOff,
  bankers,
  failRequester,
  revokeVictim,
  waitDie,
  woundWait
} from "./ledger/DeadlockPolicy.ts"
export { type ClaimOptions, Ledger, type LedgerOptions } from "./ledger/Ledger.ts"
export {
  type Aging,
  type BypassOrder,
  type FairShareOrder,
  Order,
  type OrderPolicy,
  type PriorityOrder
} from "./ledger/order/Order.ts"
export { byF1, shortestFirst } from "./ledger/order/sizes.ts"
export { type BackfillKind, type BackfillOptions, backfillProblem, type Beside } from "./ledger/plan/Backfill.ts"
export { Pool, type PoolOptions } from "./ledger/Pool.ts"
export type { Notice, NoticeCause, PreemptionCause } from "./ledger/preemption/Notice.ts"
export type { EndingView } from "./ledger/preemption/announced.ts"
export { preemptionOff, type PreemptionPolicy } from "./ledger/preemption/Preemptor.ts"
export type * from "./ledger/Refusal.ts"
export { Replay } from "./ledger/replay.ts"
export { restore } from "./ledger/restore.ts"
export { noScheduling, type Scheduling } from "./ledger/Scheduling.ts"
export type { State } from "./ledger/State.ts"
export { enclosing, Part, Request, type RequestStatus } from "./ledger/Request.ts"
export type { Holder, Reservation, ReservationEnd } from "./ledger/reservations/Reservation.ts"
export type { ReservationWish } from "./ledger/reservations/admission.ts"
