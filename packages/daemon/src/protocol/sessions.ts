/** Sessions, and what is said of their leases unasked. */
import { NoticeCause } from "@resource-manager/core/Statistics"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import { ForeignLease, LimitExceeded, NotAllowed, SessionUnknown } from "../Errors.ts"
import { ProcessIdentity } from "../process/Identity.ts"
import { SessionError, or } from "./messages.ts"

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
