/**
 * What the commands that ask a daemon print with --json: the views of the manager
 * and of the daemon as they are. A figure that there is not is an absent key.
 */
import { GroupStatistics } from "@resource-manager/core/QuotaTree"
import { ReservationView } from "@resource-manager/core/Reservation"
import { AgentStatistics, PoolStatistics, WaiterView } from "@resource-manager/core/Statistics"
import { Deadlocks } from "@resource-manager/core/WaitGraph"
import { DaemonEvent, DaemonLease, LimitState, Overview, SettledLease, Status } from "@resource-manager/daemon/Protocol"
import * as Schema from "effect/Schema"

export const StatusOutput = Schema.Struct({ status: Status, pools: Schema.Array(PoolStatistics) })

export const StopOutput = Schema.Struct({ stopped: Schema.Literal(true), pid: Schema.Number })

export const PoolsListOutput = Schema.Array(PoolStatistics)

export const PoolsShowOutput = Schema.Struct({
  pool: PoolStatistics,
  /** Those that hold some of it, oldest first. */
  leases: Schema.Array(DaemonLease),
  /** Those that wait for it, in order. */
  waiters: Schema.Array(WaiterView)
})

/** Of `pools set-capacity` and `pools set-rate`: the pool as it is now. */
export const PoolOutput = PoolStatistics

export const Quota = Schema.Struct({
  agent: Schema.String,
  resourceType: Schema.String,
  /** `null`: none. */
  quota: Schema.NullOr(Schema.Number),
  held: Schema.Number,
  waiting: Schema.Number
})
export interface Quota extends Schema.Schema.Type<typeof Quota> {}

/** Of `quota list` and `quota get`. */
export const QuotasOutput = Schema.Array(Quota)

/** Of `quota set`. */
export const QuotaOutput = Quota

/** Of `quota tree` and of what changes it: all groups, each tree from its root down. */
export const QuotaTreeOutput = Schema.Array(GroupStatistics)

/** Of `reserve add`: what was promised. */
export const ReservationOutput = ReservationView

export const ReserveListOutput = Schema.Array(ReservationView)

export const ReserveCancelOutput = Schema.Struct({ cancelled: Schema.Number })

export const AgentsListOutput = Schema.Array(AgentStatistics)

export const AgentsShowOutput = Schema.Struct({
  agent: AgentStatistics,
  leases: Schema.Array(DaemonLease),
  waiters: Schema.Array(WaiterView)
})

/** Of `agents set-weight` and `agents set-priority`: what was said. */
export const AgentsSetOutput = Schema.Struct({
  agent: Schema.String,
  weight: Schema.optionalKey(Schema.Number),
  priority: Schema.optionalKey(Schema.Union([Schema.Number, Schema.String]))
})

export const LeasesListOutput = Schema.Array(DaemonLease)

export const LeasesRevokeOutput = Schema.Struct({ revoked: Schema.Array(Schema.Number) })

export const WaitersListOutput = Schema.Array(WaiterView)

export const Hint = Schema.Struct({
  /** Which rule it follows. */
  rule: Schema.String,
  text: Schema.String,
  /** What to run, where something is to be run. */
  command: Schema.optionalKey(Schema.String)
})

export const WhyOutput = Schema.Struct({
  /** The wait of that number, or those of that agent; none where it does not wait. */
  waiters: Schema.Array(Schema.Struct({ ...WaiterView.fields, hint: Hint })),
  /** The agent. Absent where a number was asked about. */
  agent: Schema.optionalKey(AgentStatistics)
})

export const DeadlocksOutput = Deadlocks

/** Of `settle`: what the lease was settled with. */
export const SettleOutput = SettledLease

/** Of `limits list`, and of `overload` those that it was for: as they are now. */
export const LimitsOutput = Schema.Array(LimitState)

/** One line of `events`. */
export const EventOutput = DaemonEvent

/** One line of `top`: everything at one instant. */
export const TopOutput = Overview
