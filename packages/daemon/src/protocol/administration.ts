/** What administrators set, and end. */
import * as Errors from "@resource-manager/core/Errors"
import { GroupInput, OnQuota } from "@resource-manager/core/QuotaTree"
import * as Reservation from "@resource-manager/core/Reservation"
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import { LeaseUnknown } from "../Errors.ts"
import { Amounts, CallError, SessionError, Span, commandOptional, or } from "./messages.ts"
import { TypeFacts } from "./questions.ts"

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
