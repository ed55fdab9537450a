/** What the calls of all parts have in common. */
import { OnQuota } from "@resource-manager/core/QuotaTree"
import * as Schema from "effect/Schema"
import { CommandCancelled, CommandForgotten, LimitExceeded, NotAllowed, SessionUnknown } from "../Errors.ts"

export const Amounts = Schema.Record(Schema.String, Schema.Number)

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

export const or = <const Members extends ReadonlyArray<Schema.Top>>(...members: Members) => Schema.Union([...members])

/** What a call of a session carries that is executed once. */
export const command = { command: Schema.Number, ack: Schema.Number }
/** The same of calls that administrators may make without a session. */
export const commandOptional = { command: Schema.optionalKey(Schema.Number), ack: Schema.optionalKey(Schema.Number) }

/** What a claim says of itself for the policies. */
export const scheduling = {
  priority: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String])),
  expected: Schema.optionalKey(Span),
  preemptible: Schema.optionalKey(Schema.Boolean),
  maximum: Schema.optionalKey(Amounts),
  onQuota: Schema.optionalKey(OnQuota)
}
