/** How a connection begins, and what the daemon says of itself. */
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import { LimitExceeded, ProtocolMismatch, TokenRefused } from "../Errors.ts"
import { CallError, or } from "./messages.ts"

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
