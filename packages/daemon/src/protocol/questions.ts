/** Questions: they change nothing. */
import { Amount } from "@resource-manager/core/Amount"
import * as Errors from "@resource-manager/core/Errors"
import { LoadSample } from "@resource-manager/core/LoadMonitor"
import { GroupStatistics } from "@resource-manager/core/QuotaTree"
import { AgentStatistics, Check, LeaseView, PoolStatistics, WaiterView } from "@resource-manager/core/Statistics"
import { Deadlocks } from "@resource-manager/core/WaitGraph"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import { LimitExceeded, NotAllowed } from "../Errors.ts"
import { Status } from "./connections.ts"
import { Amounts, CallError, Span, or, scheduling } from "./messages.ts"

const unknownType = or(Errors.UnknownResourceType, NotAllowed, LimitExceeded)

export const GetCheck = Rpc.make("Check", {
  payload: { agent: Schema.String, claim: Amounts, expiresAfter: Schema.optionalKey(Span), ...scheduling },
  success: Check,
  error: CallError
})
export const GetQuota = Rpc.make("Quota", {
  payload: { agent: Schema.String, type: Schema.String },
  /** `null`: none. */
  success: Schema.NullOr(Schema.Number),
  error: unknownType
})
/** All groups of agents, each tree from its root down. */
export const GetGroups = Rpc.make("Groups", { success: Schema.Array(GroupStatistics), error: CallError })
export const GetUsage = Rpc.make("Usage", { payload: { agent: Schema.String }, success: Amounts, error: CallError })
export const GetPool = Rpc.make("Pool", {
  payload: { type: Schema.String },
  success: PoolStatistics,
  error: unknownType
})
export const GetPools = Rpc.make("Pools", { success: Schema.Array(PoolStatistics), error: CallError })
export const GetAgent = Rpc.make("Agent", {
  payload: { agent: Schema.String },
  success: AgentStatistics,
  error: CallError
})
export const GetAgents = Rpc.make("Agents", { success: Schema.Array(AgentStatistics), error: CallError })

/** A lease, and what the daemon knows of who has it. */
export const DaemonLease = Schema.Struct({
  ...LeaseView.fields,
  /** The name of its session. Absent where its session has ended: an orphan. */
  session: Schema.optionalKey(Schema.String),
  /** The processes that work under it. */
  processes: Schema.optionalKey(Schema.Array(Schema.Number)),
  /** Its session has ended, and it is kept for processes that will not. */
  orphaned: Schema.optionalKey(Schema.Literal(true))
})
export interface DaemonLease extends Schema.Schema.Type<typeof DaemonLease> {}

export const GetLeases = Rpc.make("Leases", { success: Schema.Array(DaemonLease), error: CallError })
export const GetWaiters = Rpc.make("Waiters", { success: Schema.Array(WaiterView), error: CallError })
/** The first of them, in order: a queue may be long, and nobody reads all of it. */
export const GetWaitersPage = Rpc.make("WaitersPage", {
  payload: { limit: Amount },
  success: Schema.Struct({ waiters: Schema.Array(WaiterView), total: Schema.Number }),
  error: CallError
})
export const GetExplain = Rpc.make("Explain", {
  payload: { agent: Schema.String },
  success: Schema.Array(WaiterView),
  error: CallError
})

/** A type without its `format`, which does not cross: the amounts read by their unit. */
export const TypeFacts = Schema.Struct({ name: Schema.String, unit: Schema.String, unitOne: Schema.String })
export interface TypeFacts extends Schema.Schema.Type<typeof TypeFacts> {}

export const GetTypes = Rpc.make("Types", { success: Schema.Array(TypeFacts), error: CallError })
export const GetMeasure = Rpc.make("Measure", {
  payload: { type: Schema.String },
  success: Schema.NullOr(Schema.Number),
  error: unknownType
})

/** Everything at one instant. */
export const Overview = Schema.Struct({
  status: Status,
  pools: Schema.Array(PoolStatistics),
  agents: Schema.Array(AgentStatistics),
  leases: Schema.Array(DaemonLease),
  waiters: Schema.Array(WaiterView),
  types: Schema.Array(TypeFacts)
})
export interface Overview extends Schema.Schema.Type<typeof Overview> {}

export const GetOverview = Rpc.make("Overview", { success: Overview, error: CallError })

/** Who waits for whom now, and the last deadlocks that claims failed with. */
export const GetDeadlocks = Rpc.make("Deadlocks", { success: Deadlocks, error: CallError })

export const SampleLoad = Rpc.make("SampleLoad", { success: LoadSample, error: CallError })

export const LoadEvent = Schema.Union([
  Schema.TaggedStruct("Started", {}),
  Schema.TaggedStruct("Sample", { sample: LoadSample })
])
export type LoadEvent = typeof LoadEvent.Type

/** The load at every interval. The first element says that it has begun. */
export const LoadSamples = Rpc.make("LoadSamples", {
  success: LoadEvent,
  error: CallError,
  stream: true
})

/** One event of the decision core, as its journal has it, with the wall-clock time. Or how many were missed. */
export const DaemonEvent = Schema.Struct({
  /** Milliseconds since the epoch. */
  time: Schema.Number,
  /** `LedgerEvent`, or `{ _tag: "Dropped", count }`. */
  event: Schema.StructWithRest(Schema.Struct({ _tag: Schema.String }), [Schema.Record(Schema.String, Schema.Unknown)])
})
export interface DaemonEvent extends Schema.Schema.Type<typeof DaemonEvent> {}

export const Events = Rpc.make("Events", { success: DaemonEvent, error: CallError, stream: true })
