/**
 * What can go wrong between a program and the daemon. All are schemas, so they
 * cross the wire; each carries the facts that a person needs to act, and a
 * message that reads well in a terminal. What the manager itself says no to are
 * the errors of `@resource-manager/core/Errors`.
 */
import * as Schema from "effect/Schema"

/** Nobody answers at the address. */
export class DaemonUnreachable extends Schema.TaggedError<DaemonUnreachable>()("DaemonUnreachable", {
  message: Schema.String,
  address: Schema.String,
  /** What the operating system said: `"ENOENT"`, `"ECONNREFUSED"`, a time-out. */
  reason: Schema.String
}) {}

/** The client was closed: what it held has come back. */
export class ClientClosed extends Schema.TaggedError<ClientClosed>()("ClientClosed", {
  message: Schema.String
}) {}

/** The daemon and this client speak different versions of the protocol. */
export class ProtocolMismatch extends Schema.TaggedError<ProtocolMismatch>()("ProtocolMismatch", {
  message: Schema.String,
  daemonVersion: Schema.String,
  daemonProtocol: Schema.Number,
  clientProtocol: Schema.Number
}) {}

/** The daemon asks for a token: none was given, or it knows no such token. */
export class TokenRefused extends Schema.TaggedError<TokenRefused>()("TokenRefused", {
  message: Schema.String,
  given: Schema.Boolean
}) {}

/** The connection's token does not allow this. */
export class NotAllowed extends Schema.TaggedError<NotAllowed>()("NotAllowed", {
  message: Schema.String,
  action: Schema.String,
  /** The agent that the token is of; `undefined` where it is nobody's. */
  agent: Schema.UndefinedOr(Schema.String)
}) {}

/** The limits of a daemon, by the names that its configuration has for them. */
export const LimitName = Schema.Literals([
  "connections",
  "sessions",
  "commands",
  "leases",
  "streams",
  "messageBytes",
  "registrations"
])
export type LimitName = typeof LimitName.Type

/** More than the daemon keeps for one client, or for all of them. */
export class LimitExceeded extends Schema.TaggedError<LimitExceeded>()("LimitExceeded", {
  message: Schema.String,
  limit: LimitName,
  value: Schema.Number,
  max: Schema.Number
}) {}

/** The daemon knows no such session: it expired, was closed, or never was. Whatever it held has come back. */
export class SessionUnknown extends Schema.TaggedError<SessionUnknown>()("SessionUnknown", {
  message: Schema.String
}) {}

/** The answer of this command was acknowledged before: it is never run again. */
export class CommandForgotten extends Schema.TaggedError<CommandForgotten>()("CommandForgotten", {
  message: Schema.String,
  command: Schema.Number,
  acknowledged: Schema.Number
}) {}

/** The claim of this command was given up. */
export class CommandCancelled extends Schema.TaggedError<CommandCancelled>()("CommandCancelled", {
  message: Schema.String,
  command: Schema.Number
}) {}

/** The lease is another session's, or the key for it does not fit. */
export class ForeignLease extends Schema.TaggedError<ForeignLease>()("ForeignLease", {
  message: Schema.String,
  lease: Schema.Number
}) {}

/** No lease has this number now. */
export class LeaseUnknown extends Schema.TaggedError<LeaseUnknown>()("LeaseUnknown", {
  message: Schema.String,
  lease: Schema.Number
}) {}

/** No limit that adapts has this name, or a lease is under none. */
export class LimitUnknown extends Schema.TaggedError<LimitUnknown>()("LimitUnknown", {
  message: Schema.String,
  /** Absent where a lease was to tell. */
  limit: Schema.UndefinedOr(Schema.String),
  known: Schema.Array(Schema.String)
}) {}

/** A limit says no, before anything is claimed: for now (a budget is used up), or for ever. */
export class LimitRefused extends Schema.TaggedError<LimitRefused>()("LimitRefused", {
  message: Schema.String,
  limit: Schema.String,
  until: Schema.Literals(["later", "never"])
}) {}

/** The process is not seen here and now: the daemon cannot look after it. */
export class ProcessUnseen extends Schema.TaggedError<ProcessUnseen>()("ProcessUnseen", {
  message: Schema.String,
  pid: Schema.Number
}) {}

/** Another daemon has the state folder. */
export class StateFolderHeld extends Schema.TaggedError<StateFolderHeld>()("StateFolderHeld", {
  message: Schema.String,
  folder: Schema.String,
  pid: Schema.UndefinedOr(Schema.Number),
  /** When it started, as an ISO date. */
  since: Schema.UndefinedOr(Schema.String)
}) {}

/** A folder that others could write to, or that cannot be made. */
export class UnsafeFolder extends Schema.TaggedError<UnsafeFolder>()("UnsafeFolder", {
  message: Schema.String,
  folder: Schema.String
}) {}

/** An address that is none, or that the daemon does not listen on. */
export class InvalidAddress extends Schema.TaggedError<InvalidAddress>()("InvalidAddress", {
  message: Schema.String,
  address: Schema.String
}) {}

/** The daemon could not listen. */
export class ListenFailed extends Schema.TaggedError<ListenFailed>()("ListenFailed", {
  message: Schema.String,
  address: Schema.String,
  reason: Schema.String
}) {}

/** A daemon was started and does not answer. */
export class LaunchFailed extends Schema.TaggedError<LaunchFailed>()("LaunchFailed", {
  message: Schema.String,
  command: Schema.String,
  log: Schema.String
}) {}
