/**
 * What the manager tells about itself, for people and programs: every figure by
 * pool and by agent. Durations are in milliseconds.
 */
import type { Claim } from "./Claim.ts"
import type { ClaimError } from "./Errors.ts"
import { formatReason, type Formats, toError } from "./internal/refusal.ts"
import * as ledger from "./ledger/explain.ts"
import type { Books } from "./ledger/Books.ts"
import type { Agent } from "./ledger/Agent.ts"
import type { Histogram } from "./ledger/Histogram.ts"
import type { Pool } from "./ledger/Pool.ts"
import type { Request } from "./ledger/Request.ts"

/** A distribution of durations, in milliseconds. Quantiles are at most 3.2 % too high. */
export interface Distribution {
  readonly count: number
  readonly mean: number
  readonly max: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

export interface PoolStatistics extends Omit<ledger.PoolStatistics, "waits" | "holds"> {
  /** Why the capacity is what it is, where whoever set it said so. */
  readonly note: string | undefined
  /** How long granted claims had waited. */
  readonly waits: Distribution
  /** How long returned leases had been held. */
  readonly holds: Distribution
}

export interface AgentStatistics extends Omit<ledger.AgentStatistics, "waits" | "holds"> {
  readonly waits: Distribution
  readonly holds: Distribution
}

export interface LeaseView {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  /** The lease that it is inside of. */
  readonly parent: number | undefined
  /** Fencing token. */
  readonly token: number
  readonly heldMillis: number
  /** Time left until it expires; `undefined` is never. */
  readonly expiresInMillis: number | undefined
  /** Whether it was acquired by hand. */
  readonly manual: boolean
}

/** One reason of a wait: the facts, and as a line for people. */
export interface WaitReason {
  readonly _tag: "Capacity" | "Growth" | "Rate" | "Order"
  readonly resourceType: string
  readonly message: string
  readonly requested: number | undefined
  /** Units free, or tokens there. */
  readonly available: number | undefined
  /** Who holds the units, the largest first. */
  readonly holders: ReadonlyArray<{
    readonly lease: number
    readonly agent: string
    readonly amount: number
    readonly heldMillis: number
  }>
  /** How many waiters are ahead in this pool. */
  readonly ahead: number
  /** Time until the tokens are there, where the rate is the reason. */
  readonly readyInMillis: number | undefined
}

/** A waiting claim, and why it waits: all reasons at once. */
export interface WaiterView {
  readonly id: number
  readonly agent: string
  readonly claim: Claim
  readonly parent: number | undefined
  readonly waitedMillis: number
  /** Time left until `ClaimTimedOut`; `undefined` is never. */
  readonly timesOutInMillis: number | undefined
  readonly reasons: ReadonlyArray<WaitReason>
  /** Types whose units are kept for it already: not in use, not charged. */
  readonly earmarked: ReadonlyArray<string>
  /** Whether it may pass the queue, because order alone would keep it for ever. */
  readonly exempt: boolean
  /** Time until it is granted, where that is known: only tokens are missing. */
  readonly earliestInMillis: number | undefined
}

/** Whether a claim would be granted now; if not, the errors it would fail with and the reasons it would wait for. */
export interface Check {
  readonly granted: boolean
  readonly errors: ReadonlyArray<ClaimError>
  readonly reasons: ReadonlyArray<WaitReason>
}

const distribution = (histogram: Histogram): Distribution => {
  const micros = histogram.distribution()
  return {
    count: micros.count,
    mean: micros.mean / 1_000,
    max: micros.max / 1_000,
    p50: micros.p50 / 1_000,
    p90: micros.p90 / 1_000,
    p99: micros.p99 / 1_000
  }
}

/** @internal */
export const poolStatistics = (pool: Pool, note: string | undefined, now: number): PoolStatistics => ({
  ...ledger.poolStatistics(pool, now),
  note,
  waits: distribution(pool.waits),
  holds: distribution(pool.holds)
})

/** @internal */
export const agentStatistics = (agent: Agent): AgentStatistics => ({
  ...ledger.agentStatistics(agent),
  waits: distribution(agent.waits),
  holds: distribution(agent.holds)
})

/** @internal */
export const leaseView = (lease: Request, now: number): LeaseView => {
  const { expiresAt, heldMicros, ...view } = ledger.leaseView(lease, now)
  return {
    ...view,
    heldMillis: heldMicros / 1_000,
    expiresInMillis: expiresAt === undefined ? undefined : (expiresAt - now) / 1_000
  }
}

const waitReason = (reason: ledger.WaitReason, formats: Formats, now: number): WaitReason => ({
  _tag: reason._tag,
  resourceType: reason.resourceType,
  message: formatReason(reason, formats, now),
  requested: reason._tag === "Order" ? undefined : reason.requested,
  available: reason._tag === "Capacity" ? Math.max(0, reason.free) : reason._tag === "Rate" ? reason.tokens : undefined,
  holders:
    reason._tag === "Capacity"
      ? reason.holders.map(({ heldMicros, ...holder }) => ({ ...holder, heldMillis: heldMicros / 1_000 }))
      : [],
  ahead: reason._tag === "Order" ? reason.ahead : 0,
  readyInMillis: reason._tag === "Rate" && reason.readyAt !== Infinity ? (reason.readyAt - now) / 1_000 : undefined
})

/** @internal */
export const waiterView = (waiter: Request, formats: Formats, now: number): WaiterView => {
  const { deadline, earliestAt, reasons, waitedMicros, ...view } = ledger.explain(waiter, now)
  return {
    ...view,
    waitedMillis: waitedMicros / 1_000,
    timesOutInMillis: deadline === undefined ? undefined : (deadline - now) / 1_000,
    reasons: reasons.map((reason) => waitReason(reason, formats, now)),
    earliestInMillis: earliestAt === undefined || earliestAt === Infinity ? undefined : (earliestAt - now) / 1_000
  }
}

/** @internal */
export const check = (books: Books, agent: string, claim: Claim, formats: Formats): Check => {
  const { granted, reasons, refusals } = ledger.check(books, agent, claim)
  return {
    granted,
    errors: refusals.flatMap((refusal) => {
      const error = toError(refusal, formats, books.now)
      return error._tag === "LeaseRevoked" ? [] : [error]
    }),
    reasons: reasons.map((reason) => waitReason(reason, formats, books.now))
  }
}
