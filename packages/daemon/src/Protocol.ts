/**
 * What clients and the daemon say to each other: an effect/rpc group, in NDJSON.
 *
 * A connection begins with `Hello`, which stays the same in every version of the
 * protocol, so that the two can always tell each other that they do not fit.
 * Reading and steering need no more; claims need a session (`OpenSession`).
 *
 * `command` and `ack`: see rules R1 to R4 of `Sessions`. Calls that change nothing
 * when they are repeated have none. Administrators may leave them out too, and then
 * do not retry.
 */
import { Amount } from "@resource-manager/core/Amount"
import * as Errors from "@resource-manager/core/Errors"
import { LoadSample } from "@resource-manager/core/LoadMonitor"
import { GroupInput, GroupStatistics, OnQuota } from "@resource-manager/core/QuotaTree"
import * as Reservation from "@resource-manager/core/Reservation"
import {
  AgentStatistics,
  Check,
  LeaseView,
  NoticeCause,
  PoolStatistics,
  WaiterView
} from "@resource-manager/core/Statistics"
import { Deadlocks } from "@resource-manager/core/WaitGraph"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import {
  CommandCancelled,
  CommandForgotten,
  ForeignLease,
  LeaseUnknown,
  LimitExceeded,
  LimitRefused,
  LimitUnknown,
  NotAllowed,
  ProcessUnseen,
  ProtocolMismatch,
  SessionUnknown,
  TokenRefused
} from "./Errors.ts"
import { withPlainData } from "./internal/plainCodec.ts"
import { CommandTarget, ProcessIdentity } from "./process/Identity.ts"

/** Grows with every change that an older side would misread. */
export const protocolVersion = 1

/** The longest message unless the daemon is told otherwise. */
export const messageBytesDefault = 1024 * 1024

/**
 * NDJSON: measured within 15 % of effect/rpc's binary form on the calls of this
 * protocol, and a person can read it. Longer messages than `messageBytes` are refused.
 */
export const serialization = (messageBytes: number): RpcSerialization.RpcSerialization["Service"] =>
  withPlainData(RpcSerialization.makeNdjson({ maxBufferSize: messageBytes }), DaemonRpcs)

/** What clients may have to read: answers are as long as there are leases. */
export const answerBytesMax = 256 * 1024 * 1024

const Amounts = Schema.Record(Schema.String, Schema.Number)

/** Milliseconds, or a duration as people write it: `"5 seconds"`. Checked by the manager. */
export const Span = Schema.Union([Schema.Number, Schema.String])

/** What a call can fail with whatever it asks for. */
export const CallError = Schema.Union([NotAllowed, LimitExceeded])
export type CallError = typeof CallError.Type

/** The same of calls that belong to a session. */
export const SessionError = Schema.Union([
  NotAllowed,
  LimitExceeded,
  SessionUnknown,
  CommandForgotten,
  CommandCancelled
])
export type SessionError = typeof SessionError.Type

const or = <const Members extends ReadonlyArray<Schema.Top>>(...members: Members) => Schema.Union([...members])

const command = { command: Schema.Number, ack: Schema.Number }
const commandOptional = { command: Schema.optionalKey(Schema.Number), ack: Schema.optionalKey(Schema.Number) }

/** What the connection may do. */
export const Rights = Schema.Struct({
  admin: Schema.Boolean,
  /** The only agent that it may act as. Absent: any. */
  agent: Schema.optionalKey(Schema.String)
})
export interface Rights extends Schema.Schema.Type<typeof Rights> {}

export const Welcome = Schema.Struct({
  protocol: Schema.Number,
  version: Schema.String,
  pid: Schema.Number,
  sessionTimeoutMillis: Schema.Number,
  messageBytes: Schema.Number,
  /** Unacknowledged commands of a session. */
  commandsMax: Schema.Number,
  /** Whether grants outlive the daemon. */
  durable: Schema.Boolean,
  rights: Rights
})
export interface Welcome extends Schema.Schema.Type<typeof Welcome> {}

export const Hello = Rpc.make("Hello", {
  payload: {
    protocol: Schema.Number,
    /** Who speaks, for people. */
    client: Schema.String,
    token: Schema.optionalKey(Schema.String)
  },
  success: Welcome,
  error: or(ProtocolMismatch, TokenRefused, LimitExceeded)
})

/** Nothing, and back: is it there, and how long does that take? */
export const Ping = Rpc.make("Ping")

export const Status = Schema.Struct({
  version: Schema.String,
  protocol: Schema.Number,
  pid: Schema.Number,
  /** Milliseconds since the epoch. */
  startedAt: Schema.Number,
  uptimeMillis: Schema.Number,
  addresses: Schema.Array(Schema.String),
  stateFolder: Schema.optionalKey(Schema.String),
  durable: Schema.Boolean,
  /** What the journal tells of itself. Absent where there is none. */
  journal: Schema.optionalKey(
    Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number, Schema.Boolean]))
  ),
  connections: Schema.Number,
  sessions: Schema.Number,
  pools: Schema.Number,
  agents: Schema.Number,
  leases: Schema.Number,
  waiters: Schema.Number,
  orphans: Schema.Number,
  /** Time without anything to keep after which it ends. Absent: never. */
  idleTimeoutMillis: Schema.optionalKey(Schema.Number)
})
export interface Status extends Schema.Schema.Type<typeof Status> {}

export const GetStatus = Rpc.make("Status", { success: Status, error: CallError })

// --- sessions

export const ReturnedLease = Schema.Struct({
  lease: Schema.Number,
  reason: Schema.Literals(["expired", "stopped", "revoked", "lost", "preempted"])
})
export interface ReturnedLease extends Schema.Schema.Type<typeof ReturnedLease> {}

/** A lease that has to end, need not after all, or has to stop now. */
export const NoticedLease = Schema.Struct({
  lease: Schema.Number,
  phase: Schema.Literals(["announced", "ending", "spared"]),
  leftMillis: Schema.Number,
  cause: Schema.optionalKey(NoticeCause),
  /** The reservation that it ends for. */
  reservation: Schema.optionalKey(Schema.Int)
})
export interface NoticedLease extends Schema.Schema.Type<typeof NoticedLease> {}

export const OpenSession = Rpc.make("OpenSession", {
  payload: {
    /** The session to go on with on this connection. */
    resume: Schema.optionalKey(Schema.String),
    name: Schema.optionalKey(Schema.String),
    /** The only agent that it acts as. */
    agent: Schema.optionalKey(Schema.String),
    /** The client, where it is on the daemon's machine: when it is gone, so is the session. */
    process: Schema.optionalKey(ProcessIdentity),
    /** `<lease>.<key>`: the lease that all of it is inside of. */
    inside: Schema.optionalKey(Schema.String)
  },
  success: Schema.Struct({
    /** 128 random bits: whoever knows it is the session. */
    session: Schema.String,
    /** What it holds or waits for, where it is gone on with. */
    tickets: Schema.Array(Schema.Number),
    /** The last leases that were taken from it, and why. */
    returned: Schema.Array(ReturnedLease),
    inside: Schema.optionalKey(Schema.Number)
  }),
  error: or(NotAllowed, LimitExceeded, SessionUnknown, ForeignLease)
})

/** Everything that the session holds comes back now. */
export const CloseSession = Rpc.make("CloseSession", { error: SessionError })

export const Heartbeat = Rpc.make("Heartbeat", { payload: { ack: Schema.Number }, error: SessionError })

/** The leases that are taken from the session, from now on. The first element says that it has begun. */
export const Revocations = Rpc.make("Revocations", {
  success: Schema.Union([
    Schema.TaggedStruct("Started", {}),
    Schema.TaggedStruct("Returned", ReturnedLease.fields),
    Schema.TaggedStruct("Noticed", NoticedLease.fields)
  ]),
  error: SessionError,
  stream: true
})

// --- claims

export const Granted = Schema.Struct({
  lease: Schema.Number,
  token: Schema.Number,
  /** The lease that it is inside of. */
  parent: Schema.optionalKey(Schema.Number)
})
export interface Granted extends Schema.Schema.Type<typeof Granted> {}

const claimErrors = [
  Errors.ResourceExhausted,
  Errors.QuotaExceeded,
  Errors.DeadlockDetected,
  Errors.ClaimTimedOut,
  Errors.QueueFull,
  Errors.InvalidClaim,
  Errors.UnknownResourceType,
  Errors.ManagerStopped
] as const

/** What a claim says of itself for the policies. */
const scheduling = {
  priority: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String])),
  expected: Schema.optionalKey(Span),
  preemptible: Schema.optionalKey(Schema.Boolean),
  maximum: Schema.optionalKey(Amounts),
  onQuota: Schema.optionalKey(OnQuota)
}

/** Answered once it is granted or refused, however long that takes. */
export const Claim = Rpc.make("Claim", {
  payload: {
    ...command,
    agent: Schema.String,
    claim: Amounts,
    /** The lease of this session, or the one that it is inside of, that it is inside of. */
    parent: Schema.optionalKey(Schema.Number),
    wait: Schema.optionalKey(Schema.Boolean),
    manual: Schema.optionalKey(Schema.Boolean),
    timeout: Schema.optionalKey(Span),
    expiresAfter: Schema.optionalKey(Span),
    ...scheduling
  },
  success: Granted,
  error: or(...claimErrors, ForeignLease, SessionError)
})

export const Grow = Rpc.make("Grow", {
  payload: {
    ...command,
    lease: Schema.Number,
    claim: Amounts,
    parent: Schema.optionalKey(Schema.Number),
    timeout: Schema.optionalKey(Span),
    ...scheduling
  },
  error: or(...claimErrors, Errors.LeaseRevoked, ForeignLease, SessionError)
})

export const Shrink = Rpc.make("Shrink", {
  payload: { ...command, lease: Schema.Number, amounts: Amounts },
  error: or(Errors.InvalidClaim, Errors.LeaseRevoked, ForeignLease, SessionError)
})

/** What a lease cost in the end, in tokens of its pools' rates. */
export const Settle = Rpc.make("Settle", {
  payload: { ...command, lease: Schema.Number, actual: Amounts },
  error: or(Errors.InvalidClaim, Errors.LeaseRevoked, ForeignLease, SessionError)
})

/** Gives a lease back. Repeated, it does nothing. */
export const Release = Rpc.make("Release", {
  payload: { lease: Schema.Number },
  error: or(ForeignLease, SessionError)
})

export const ReleaseManual = Rpc.make("ReleaseManual", {
  payload: { ...command, agent: Schema.String, claim: Amounts },
  error: or(Errors.ResourceNotAcquired, Errors.InvalidClaim, Errors.UnknownResourceType, SessionError)
})

/** Nobody will use the answer of this claim: it leaves the queue, or its grant is undone. */
export const Cancel = Rpc.make("Cancel", { payload: command, error: SessionError })

// --- processes

/** A process works under a lease: when its client dies, it is ended before the lease comes back. */
export const BindProcess = Rpc.make("BindProcess", {
  payload: {
    lease: Schema.Number,
    target: CommandTarget
  },
  error: or(ForeignLease, LeaseUnknown, ProcessUnseen, SessionError)
})

/** How the command of a lease ended (as a shell says it), before the lease goes back: for limits that learn from it. */
export const ReportExit = Rpc.make("ReportExit", {
  payload: { lease: Schema.Number, code: Schema.Number },
  error: or(ForeignLease, LeaseUnknown, SessionError)
})

/** The proof that one is inside of a lease, for `RESOURCE_MANAGER_LEASE`. */
export const LeaseKey = Rpc.make("LeaseKey", {
  payload: { lease: Schema.Number },
  /** `<lease>.<key>` */
  success: Schema.String,
  error: or(ForeignLease, LeaseUnknown, SessionError)
})

// --- reports

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

// --- questions

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

// --- administration

export const SetQuota = Rpc.make("SetQuota", {
  payload: { ...commandOptional, agent: Schema.String, type: Schema.String, quota: Schema.Number },
  error: or(Errors.InvalidQuota, Errors.InvalidClaim, Errors.UnknownResourceType, SessionError)
})
export const RemoveQuota = Rpc.make("RemoveQuota", {
  payload: { ...commandOptional, agent: Schema.String, type: Schema.String },
  error: or(Errors.InvalidClaim, Errors.UnknownResourceType, SessionError)
})
/** What an agent is to the order. What is left out stays. */
export const SetAgent = Rpc.make("SetAgent", {
  payload: {
    ...commandOptional,
    agent: Schema.String,
    weight: Schema.optionalKey(Schema.Number),
    priority: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String]))
  },
  error: or(Errors.InvalidClaim, SessionError)
})
/** Sets all that a group of agents is: what is left out is as if it was never set. */
export const SetGroup = Rpc.make("SetGroup", {
  payload: { ...commandOptional, group: Schema.String, options: GroupInput },
  error: or(Errors.InvalidGroup, Errors.UnknownResourceType, SessionError)
})
export const RemoveGroup = Rpc.make("RemoveGroup", {
  payload: { ...commandOptional, group: Schema.String },
  error: or(Errors.InvalidGroup, SessionError)
})
/** Puts an agent into a group or, without one, into none. */
export const Assign = Rpc.make("Assign", {
  payload: {
    ...commandOptional,
    agent: Schema.String,
    group: Schema.optionalKey(Schema.String),
    onQuota: Schema.optionalKey(OnQuota)
  },
  error: or(Errors.InvalidGroup, SessionError)
})
/** Promises capacity for a window or, without `lasts`, at all times. */
export const Reserve = Rpc.make("Reserve", {
  payload: {
    ...commandOptional,
    for: Reservation.HolderInput,
    claim: Amounts,
    startsIn: Schema.optionalKey(Span),
    lasts: Schema.optionalKey(Span),
    note: Schema.optionalKey(Schema.String)
  },
  success: Reservation.ReservationView,
  error: or(Errors.InvalidClaim, Errors.UnknownResourceType, Errors.ReservationRefused, SessionError)
})
/** Whether there was one to end. */
export const EndReservation = Rpc.make("EndReservation", {
  payload: {
    ...commandOptional,
    id: Schema.Number,
    reason: Schema.optionalKey(Schema.Literals(["cancelled", "released"]))
  },
  success: Schema.Boolean,
  error: SessionError
})
export const GetReservations = Rpc.make("Reservations", {
  success: Schema.Array(Reservation.ReservationView),
  error: CallError
})
export const SetCapacity = Rpc.make("SetCapacity", {
  payload: {
    ...commandOptional,
    type: Schema.String,
    capacity: Schema.Number,
    max: Schema.optionalKey(Schema.Number),
    note: Schema.optionalKey(Schema.String)
  },
  error: or(Errors.InvalidCapacity, Errors.UnknownResourceType, SessionError)
})

export const Rate = Schema.Struct({
  limit: Schema.Number,
  interval: Schema.optionalKey(Span),
  burst: Schema.optionalKey(Schema.Number),
  per: Schema.optionalKey(Schema.Literals(["unit", "request"]))
})
export interface Rate extends Schema.Schema.Type<typeof Rate> {}

export const SetRate = Rpc.make("SetRate", {
  /** `rate: null` removes it. */
  payload: { ...commandOptional, type: Schema.String, rate: Schema.NullOr(Rate) },
  error: or(Errors.InvalidRate, Errors.UnknownResourceType, SessionError)
})
export const Register = Rpc.make("Register", {
  payload: {
    ...commandOptional,
    owner: Schema.String,
    type: TypeFacts,
    pool: Schema.Struct({
      capacity: Schema.Number,
      min: Schema.optionalKey(Schema.Number),
      max: Schema.optionalKey(Schema.Number),
      rate: Schema.optionalKey(Rate)
    })
  },
  error: or(Errors.ResourceTypeTaken, Errors.InvalidCapacity, Errors.InvalidRate, SessionError)
})
/** Takes a lease from its holder. */
export const RevokeLease = Rpc.make("RevokeLease", {
  payload: { lease: Schema.Number },
  error: or(LeaseUnknown, CallError)
})
/** Takes no claims any more, and fails all waiters. */
export const Stop = Rpc.make("Stop", { error: CallError })
/** Ends the daemon. What a journal keeps comes back with the next one. */
export const Shutdown = Rpc.make("Shutdown", { error: CallError })

export const DaemonRpcs = RpcGroup.make(
  Hello,
  Ping,
  GetStatus,
  OpenSession,
  CloseSession,
  Heartbeat,
  Revocations,
  Claim,
  Grow,
  Shrink,
  Settle,
  Release,
  ReleaseManual,
  Cancel,
  BindProcess,
  ReportExit,
  LeaseKey,
  PlanCall,
  SettleLease,
  ReportOverload,
  GetLimits,
  GetCheck,
  GetQuota,
  GetGroups,
  GetReservations,
  Reserve,
  EndReservation,
  GetUsage,
  GetPool,
  GetPools,
  GetAgent,
  GetAgents,
  GetLeases,
  GetWaiters,
  GetWaitersPage,
  GetExplain,
  GetTypes,
  GetMeasure,
  GetOverview,
  GetDeadlocks,
  SampleLoad,
  LoadSamples,
  Events,
  SetQuota,
  RemoveQuota,
  SetAgent,
  SetGroup,
  RemoveGroup,
  Assign,
  SetCapacity,
  SetRate,
  Register,
  RevokeLease,
  Stop,
  Shutdown
)
