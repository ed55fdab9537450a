/** Claims, and what becomes of them: calls of a session. */
import * as Errors from "@resource-manager/core/Errors"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import { ForeignLease } from "../Errors.ts"
import { Amounts, SessionError, Span, command, or, scheduling } from "./messages.ts"

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
