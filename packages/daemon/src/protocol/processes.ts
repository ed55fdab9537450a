/** Processes that work under leases. */
import * as Schema from "effect/Schema"
import * as Rpc from "effect/rpc/Rpc"
import { ForeignLease, LeaseUnknown, ProcessUnseen } from "../Errors.ts"
import { CommandTarget } from "../process/Identity.ts"
import { SessionError, or } from "./messages.ts"

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
