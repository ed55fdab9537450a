/**
 * All figures at one instant, for monitoring: plain counts, and durations as counts
 * at or below upper bounds, which can be added up and compared over time as
 * quantiles cannot. Built when asked; no decision pays for it.
 */
import type { Agent, FailureCounts } from "./Agent.ts"
import type { Books } from "./Books.ts"
import type { Histogram } from "./Histogram.ts"
import { fairnessOf } from "./order/fairness.ts"
import type { Pool } from "./Pool.ts"

/** Durations in microseconds. */
export interface DurationReading {
  readonly count: number
  readonly sum: number
  /** The longest ever. */
  readonly max: number
  /** How many were at most each of the bounds asked for. */
  readonly atMost: ReadonlyArray<number>
}

export interface PoolReading {
  readonly resourceType: string
  readonly capacity: number
  readonly inUse: number
  readonly earmarked: number
  readonly waiting: number
  readonly waitingAmount: number
  /** Whole tokens of the rate; `undefined` where there is none. */
  readonly tokens: number | undefined
  /** How evenly agents share it now, by weight; `undefined` where nobody holds any, or fewer than two use it. */
  readonly fairness: number | undefined
  readonly acquisitions: number
  readonly failures: Readonly<FailureCounts>
  readonly waits: DurationReading
  readonly holds: DurationReading
}

export interface AccountReading {
  readonly resourceType: string
  readonly held: number
  readonly quota: number | undefined
}

/** Without distributions: there may be very many agents. */
export interface AgentReading {
  readonly agent: string
  readonly acquisitions: number
  readonly failures: Readonly<FailureCounts>
  readonly waiting: number
  /** How long its granted claims had waited, and its returned leases had been held, in all. Microseconds. */
  readonly waited: number
  readonly held: number
  readonly accounts: ReadonlyArray<AccountReading>
}

export interface Reading {
  readonly pools: ReadonlyArray<PoolReading>
  /** In the order in which they were first met. */
  readonly agents: ReadonlyArray<AgentReading>
}

const durations = (histogram: Histogram, bounds: ReadonlyArray<number>): DurationReading => ({
  count: histogram.count,
  sum: histogram.sum,
  max: histogram.max,
  atMost: histogram.atMost(bounds)
})

const poolReading = (pool: Pool, now: number, bounds: ReadonlyArray<number>): PoolReading => ({
  resourceType: pool.type,
  capacity: pool.capacity,
  inUse: pool.inUse,
  earmarked: pool.earmarked,
  waiting: pool.waiting,
  waitingAmount: pool.waitingAmount,
  tokens: pool.bucket === undefined ? undefined : pool.tokens(now),
  fairness: fairnessOf(pool),
  acquisitions: pool.acquisitions,
  failures: { ...pool.failures },
  waits: durations(pool.waits, bounds),
  holds: durations(pool.holds, bounds)
})

const agentReading = (agent: Agent): AgentReading => ({
  agent: agent.id,
  acquisitions: agent.acquisitions,
  failures: { ...agent.failures },
  waiting: agent.waiters.size,
  waited: agent.waits.sum,
  held: agent.holds.sum,
  accounts: Array.from(agent.accounts.values(), ({ held, pool, quota }) => ({
    resourceType: pool.type,
    held,
    quota: quota === Infinity ? undefined : quota
  }))
})

/** Reads everything; `bounds` are microseconds, ascending. O(pools + agents and their types). */
export const readingOf = (books: Books, now: number, bounds: ReadonlyArray<number>): Reading => ({
  pools: Array.from(books.pools.values(), (pool) => poolReading(pool, now, bounds)),
  agents: Array.from(books.agents.values(), agentReading)
})
