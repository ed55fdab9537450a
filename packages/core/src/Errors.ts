/**
 * Every way in which the manager says no. The errors are schemas, so they cross a
 * wire; each carries the facts that a person needs to act, and a message that
 * reads well in a terminal. They are split by what the caller does next: wait or
 * ask for less (`ResourceExhausted`, `QuotaExceeded`, `ClaimTimedOut`,
 * `QueueFull`), take things in another order (`DeadlockDetected`), mend the call
 * or the configuration (`Invalid…`, `UnknownResourceType`, `ResourceTypeTaken`,
 * `ResourceNotAcquired`), or give up (`LeaseRevoked`, `ManagerStopped`).
 */
import * as Schema from "effect/Schema"

const Claim = Schema.Record(Schema.String, Schema.Number)

/** The claim can never be granted, or not now and it does not wait. */
export class ResourceExhausted extends Schema.TaggedError<ResourceExhausted>()("ResourceExhausted", {
  message: Schema.String,
  reason: Schema.Literals(["neverFits", "unavailable"]),
  /** What is short: units, tokens of the rate, units that were promised to nobody else, or its turn behind earlier waiters. */
  short: Schema.Literals(["capacity", "rate", "reservation", "order"]),
  resourceType: Schema.String,
  requested: Schema.Number,
  available: Schema.Number,
  /** The most that a claim can ever ask for. */
  limit: Schema.Number
}) {}

/** A level of a tree of groups. The figures beside it are in units; for `leases` and `rate` in leases and tokens. */
export const QuotaLevel = Schema.Struct({
  /** The groups from the root down. */
  path: Schema.Array(Schema.String),
  /**
   * `nominal`: all that there is in the tree is in use; `borrowing`: as much is borrowed as may be;
   * `max`, `leases`, `rate`: that limit of the group; `order`: there is some, but earlier claims come first.
   */
  limit: Schema.Literals(["nominal", "borrowing", "max", "leases", "rate", "order"]),
  /** Time until the tokens would be there, where a rate is the limit. */
  readyInMillis: Schema.optionalKey(Schema.Number)
})
export interface QuotaLevel extends Schema.Schema.Type<typeof QuotaLevel> {}

/** The agent, or a group that it is in, would hold and wait for more than its quota. */
export class QuotaExceeded extends Schema.TaggedError<QuotaExceeded>()("QuotaExceeded", {
  message: Schema.String,
  reason: Schema.Literals(["neverFits", "inUse"]),
  agent: Schema.String,
  resourceType: Schema.String,
  requested: Schema.Number,
  quota: Schema.Number,
  held: Schema.Number,
  waiting: Schema.Number,
  /** The group that refused it, and by which limit. Absent where it was the agent's own quota. */
  level: Schema.optionalKey(QuotaLevel)
}) {}

/** One step of a cycle: `agent` waits for units that `heldBy` holds, inside whose lease the next step waits. */
export const DeadlockStep = Schema.Struct({
  agent: Schema.String,
  resourceType: Schema.String,
  requested: Schema.Number,
  heldBy: Schema.String,
  lease: Schema.Number,
  holds: Schema.Number
})
export type DeadlockStep = typeof DeadlockStep.Type

/** The wait could never have ended: what it asks for is held by leases that wait, in a cycle, for it. */
export class DeadlockDetected extends Schema.TaggedError<DeadlockDetected>()("DeadlockDetected", {
  message: Schema.String,
  agent: Schema.String,
  claim: Claim,
  cycle: Schema.Array(DeadlockStep),
  /** Where there is none yet: the policy lets no younger claim wait for what an older lease holds, the one step told. */
  avoided: Schema.optionalKey(Schema.Literal("wait-die"))
}) {}

/** The claim was not granted in time. */
export class ClaimTimedOut extends Schema.TaggedError<ClaimTimedOut>()("ClaimTimedOut", {
  message: Schema.String,
  agent: Schema.String,
  claim: Claim,
  waitedMillis: Schema.Number,
  /** What it still waited for, a line each. */
  reasons: Schema.Array(Schema.String)
}) {}

/** Too many wait already. */
export class QueueFull extends Schema.TaggedError<QueueFull>()("QueueFull", {
  message: Schema.String,
  /** `session`: a client of a daemon has as many commands or leases as the daemon keeps for one. */
  scope: Schema.Literals(["manager", "agent", "pool", "session"]),
  name: Schema.String,
  waiting: Schema.Number,
  limit: Schema.Number
}) {}

/** A capacity that no pool can have, or that is outside the pool's bounds. */
export class InvalidCapacity extends Schema.TaggedError<InvalidCapacity>()("InvalidCapacity", {
  message: Schema.String,
  resourceType: Schema.String,
  field: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

/** A rate that no bucket can keep. */
export class InvalidRate extends Schema.TaggedError<InvalidRate>()("InvalidRate", {
  message: Schema.String,
  resourceType: Schema.String,
  field: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

/** A quota that is no amount. */
export class InvalidQuota extends Schema.TaggedError<InvalidQuota>()("InvalidQuota", {
  message: Schema.String,
  agent: Schema.String,
  resourceType: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

/** A group of agents that cannot be as it is said: an option, or a place in the tree. */
export class InvalidGroup extends Schema.TaggedError<InvalidGroup>()("InvalidGroup", {
  message: Schema.String,
  group: Schema.String,
  field: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

/** A claim, an option of it or an agent's name that makes no sense. */
export class InvalidClaim extends Schema.TaggedError<InvalidClaim>()("InvalidClaim", {
  message: Schema.String,
  field: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

/** A manual release of more than the agent acquired by hand. Nothing was released. */
export class ResourceNotAcquired extends Schema.TaggedError<ResourceNotAcquired>()("ResourceNotAcquired", {
  message: Schema.String,
  agent: Schema.String,
  requested: Claim,
  /** What the agent's manual acquisitions hold. */
  held: Claim
}) {}

/** No pool counts this type. */
export class UnknownResourceType extends Schema.TaggedError<UnknownResourceType>()("UnknownResourceType", {
  message: Schema.String,
  resourceType: Schema.String,
  known: Schema.Array(Schema.String)
}) {}

/** Two plugins, or a plugin and the configuration, claim one resource type. */
export class ResourceTypeTaken extends Schema.TaggedError<ResourceTypeTaken>()("ResourceTypeTaken", {
  message: Schema.String,
  resourceType: Schema.String,
  owner: Schema.String,
  claimant: Schema.String
}) {}

/** The lease was taken away, or had already come back. */
export class LeaseRevoked extends Schema.TaggedError<LeaseRevoked>()("LeaseRevoked", {
  message: Schema.String,
  lease: Schema.Number,
  agent: Schema.String,
  /**
   * It expired, the manager stopped, an administrator took it, its holder's session ended, it was taken for a claim
   * that goes before it, or it was given back.
   */
  reason: Schema.Literals(["expired", "stopped", "revoked", "lost", "preempted", "returned"])
}) {}

/** What was to be promised could not be kept. */
export class ReservationRefused extends Schema.TaggedError<ReservationRefused>()("ReservationRefused", {
  message: Schema.String,
  resourceType: Schema.String,
  requested: Schema.Number,
  capacity: Schema.Number,
  /** By how much what is promised and in use then would be more than there is. */
  short: Schema.Number
}) {}

/** The manager takes no claims any more. */
export class ManagerStopped extends Schema.TaggedError<ManagerStopped>()("ManagerStopped", {
  message: Schema.String
}) {}

/** Whatever a claim can fail with. */
export type ClaimError =
  | ResourceExhausted
  | QuotaExceeded
  | DeadlockDetected
  | ClaimTimedOut
  | QueueFull
  | InvalidClaim
  | UnknownResourceType
  | ManagerStopped

/** The same, as a schema for the wire. */
export const ClaimError = Schema.Union([
  ResourceExhausted,
  QuotaExceeded,
  DeadlockDetected,
  ClaimTimedOut,
  QueueFull,
  InvalidClaim,
  UnknownResourceType,
  ManagerStopped
])
