/**
 * What the renderers draw: the manager's own views, and what a daemon knows
 * besides. Only what is read is asked for, so that a daemon's answers fit as they
 * are, and a manager in this process fits too.
 */
import type { AgentStatistics, LeaseView, PoolStatistics, WaiterView } from "@resource-manager/core/Statistics"
import type { Types } from "./amounts.ts"
import type { Paper } from "./table.ts"
import type { Zone } from "./time.ts"

export type { AgentStatistics, PoolStatistics, WaiterView } from "@resource-manager/core/Statistics"

/** Where to draw, and how amounts and instants read there. */
export interface Sheet extends Paper {
  readonly types: Types
  readonly zone: Zone
}

/** A lease, and what a daemon knows of who has it. */
export type HeldLease = LeaseView & {
  /** The name of its session. */
  readonly session?: string | undefined
  readonly processes?: ReadonlyArray<number> | undefined
  /** Its session has ended, and it is kept for processes that have not. */
  readonly orphaned?: boolean | undefined
}

export interface StatusView {
  readonly version: string
  readonly pid: number
  readonly uptimeMillis: number
  readonly addresses: ReadonlyArray<string>
  readonly stateFolder?: string | undefined
  readonly durable: boolean
  /** What the journal tells of itself. */
  readonly journal?: Readonly<Record<string, string | number | boolean>> | undefined
  readonly connections: number
  readonly sessions: number
  readonly leases: number
  readonly waiters: number
  readonly orphans: number
  /** Time without anything to keep after which it ends. */
  readonly idleTimeoutMillis?: number | undefined
}

/** Everything at one instant. */
export interface OverviewView {
  /** Absent where the manager is in this process. */
  readonly status?: StatusView | undefined
  readonly pools: ReadonlyArray<PoolStatistics>
  readonly agents: ReadonlyArray<AgentStatistics>
  readonly leases: ReadonlyArray<HeldLease>
  readonly waiters: ReadonlyArray<WaiterView>
}
