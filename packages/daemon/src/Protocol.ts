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
import * as RpcGroup from "effect/rpc/RpcGroup"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import { withPlainData } from "./internal/plainCodec.ts"
import { GetStatus, Hello, Ping } from "./protocol/connections.ts"
import { CloseSession, Heartbeat, OpenSession, Revocations } from "./protocol/sessions.ts"
import { Cancel, Claim, Grow, Release, ReleaseManual, Settle, Shrink } from "./protocol/claims.ts"
import { BindProcess, LeaseKey, ReportExit } from "./protocol/processes.ts"
import { GetLimits, PlanCall, ReportOverload, SettleLease } from "./protocol/limits.ts"
import {
  Events,
  GetAgent,
  GetAgents,
  GetCheck,
  GetDeadlocks,
  GetExplain,
  GetGroups,
  GetLeases,
  GetMeasure,
  GetOverview,
  GetPool,
  GetPools,
  GetQuota,
  GetTypes,
  GetUsage,
  GetWaiters,
  GetWaitersPage,
  LoadSamples,
  SampleLoad
} from "./protocol/questions.ts"
import {
  Assign,
  EndReservation,
  GetReservations,
  Register,
  RemoveGroup,
  RemoveQuota,
  Reserve,
  RevokeLease,
  SetAgent,
  SetCapacity,
  SetGroup,
  SetQuota,
  SetRate,
  Shutdown,
  Stop
} from "./protocol/administration.ts"

export * from "./protocol/connections.ts"
export * from "./protocol/sessions.ts"
export * from "./protocol/claims.ts"
export * from "./protocol/processes.ts"
export * from "./protocol/limits.ts"
export * from "./protocol/questions.ts"
export * from "./protocol/administration.ts"
export { CallError, SessionError, Span } from "./protocol/messages.ts"

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
