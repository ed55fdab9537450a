/** Limits that adapt: what calls under them cost, and what their providers said. */
import * as Errors from "@resource-manager/core/Errors"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import { ForeignLease, LeaseUnknown, LimitRefused, LimitUnknown } from "../Errors.ts"
import { Amounts, CallError, SessionError, commandOptional, or } from "./messages.ts"

/** A rate that adapts, as it is now. */
export const RateState = Schema.Struct({
  pool: Schema.String,
  /** The part of the configured rate: 0.001 to 1. */
  share: Schema.Number,
  perSecond: Schema.Number,
  configuredPerSecond: Schema.Number,
  /** Milliseconds that the backend is still left alone for. */
  pausedMillis: Schema.Number,
  overloads: Schema.Number,
  why: Schema.String
})
export interface RateState extends Schema.Schema.Type<typeof RateState> {}

/** How many at once, where that is learnt. */
export const ConcurrencyState = Schema.Struct({
  pool: Schema.String,
  limit: Schema.Number,
  min: Schema.Number,
  max: Schema.Number,
  inFlight: Schema.Number,
  why: Schema.String
})
export interface ConcurrencyState extends Schema.Schema.Type<typeof ConcurrencyState> {}

/** A day's budget, in millionths of a dollar. */
export const BudgetState = Schema.Struct({
  pool: Schema.String,
  /** Whose it is. Absent: that of all agents together. */
  agent: Schema.optionalKey(Schema.String),
  budgetMicros: Schema.Number,
  spentMicros: Schema.Number
})
export interface BudgetState extends Schema.Schema.Type<typeof BudgetState> {}

/** A limit that adapts, by its name: that of its pool, or of a provider with several. */
export const LimitState = Schema.Struct({
  name: Schema.String,
  pools: Schema.Array(Schema.String),
  rate: Schema.optionalKey(RateState),
  concurrency: Schema.optionalKey(ConcurrencyState),
  budgets: Schema.optionalKey(Schema.Array(BudgetState))
})
export interface LimitState extends Schema.Schema.Type<typeof LimitState> {}

/** What a call has to claim under a limit, and which of that are budgets. */
export const PlannedCall = Schema.Struct({ claim: Amounts, budgets: Schema.Array(Schema.String) })
export interface PlannedCall extends Schema.Schema.Type<typeof PlannedCall> {}

export const PlanCall = Rpc.make("PlanCall", {
  payload: { agent: Schema.String, limit: Schema.String, input: Schema.Number, output: Schema.Number },
  success: PlannedCall,
  error: or(LimitUnknown, LimitRefused, Errors.InvalidClaim, CallError)
})

/** A lease by its number or by its key (`RESOURCE_MANAGER_LEASE`), which proves that one is inside of it. */
const LeaseRef = Schema.Union([Schema.Number, Schema.String])

/** What the call of a held lease took: tokens by pool, those of a language model, or nothing because it failed. */
export const CallCost = Schema.Union([
  Schema.TaggedStruct("Amounts", { actual: Amounts }),
  Schema.TaggedStruct("Usage", { input: Schema.Number, output: Schema.Number }),
  Schema.TaggedStruct("Refund", {})
])
export type CallCost = typeof CallCost.Type

export const SettledLease = Schema.Struct({
  lease: Schema.Number,
  agent: Schema.String,
  /** What it was settled with, by pool. */
  tokens: Amounts,
  /** Millionths of a dollar. Absent where nothing has a price. */
  costMicros: Schema.optionalKey(Schema.Number)
})
export interface SettledLease extends Schema.Schema.Type<typeof SettledLease> {}

/** `Settle` for whoever is inside of the lease, its agent, or an administrator. May be said again. */
export const SettleLease = Rpc.make("SettleLease", {
  payload: { ...commandOptional, lease: LeaseRef, cost: CallCost },
  success: SettledLease,
  error: or(Errors.InvalidClaim, Errors.LeaseRevoked, LeaseUnknown, ForeignLease, LimitUnknown, SessionError)
})

/** A backend said "too many requests": to the call of a lease, or to nobody's, where only the limit is known. */
export const ReportOverload = Rpc.make("ReportOverload", {
  payload: {
    ...commandOptional,
    lease: Schema.optionalKey(LeaseRef),
    limit: Schema.optionalKey(Schema.String),
    /** How long it asks to be left alone. */
    retryAfterMillis: Schema.optionalKey(Schema.Number)
  },
  /** The limits that it was for, as they are now. */
  success: Schema.Array(LimitState),
  error: or(Errors.InvalidClaim, LeaseUnknown, ForeignLease, LimitUnknown, LimitRefused, SessionError)
})

/** The limits that adapt, as they are now. An agent's token sees of budgets its own. */
export const GetLimits = Rpc.make("Limits", { success: Schema.Array(LimitState), error: CallError })
