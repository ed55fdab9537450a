/**
 * Turns readings of the manager into series. Counters count from when it was made,
 * whatever the manager did or recovered before: so they begin at zero with their
 * process, as monitoring systems expect, and never fall while it runs.
 */
import type { AgentReading, DurationReading, PoolReading, Reading } from "@resource-manager/core/Meter"
import * as Metrics from "../Metrics.ts"
import { AgentShares } from "./AgentShares.ts"
import type { Counts } from "./counts.ts"
import type { Attributes, Durations, Series } from "./series.ts"

export interface CollectorOptions {
  /** The most agents with series of their own. */
  readonly agentsMax: number
  /** Upper bounds of the buckets of durations: seconds, ascending. */
  readonly bounds: ReadonlyArray<number>
}

/** What a daemon knows besides its manager. */
export interface DaemonFigures {
  readonly connections: number
  readonly sessions: number
  readonly orphans: number
}

/**
 * Errors that are told as zeros of every pool from the start: a series that begins at
 * one is no increase to whoever watches for it.
 */
const awaitedErrors: ReadonlyArray<keyof PoolReading["failures"]> = [
  "ClaimTimedOut",
  "DeadlockDetected",
  "Interrupted",
  "ManagerStopped",
  "QueueFull",
  "QuotaExceeded",
  "ResourceExhausted"
]

const micros = 1_000_000

/** Text that no two types share, whatever bytes it is written as. */
const written = (text: string): string => (text.isWellFormed() ? text : JSON.stringify(text).slice(1, -1))

const heldByType = (agents: Iterable<AgentReading>): Map<string, number> => {
  const held = new Map<string, number>()
  for (const { accounts } of agents) {
    for (const { held: units, resourceType } of accounts) held.set(resourceType, (held.get(resourceType) ?? 0) + units)
  }
  return held
}

const noDurations = (bounds: ReadonlyArray<number>): DurationReading => ({
  count: 0,
  sum: 0,
  max: 0,
  atMost: bounds.map(() => 0)
})

const ofDaemon = ({ connections, orphans, sessions }: DaemonFigures): ReadonlyArray<Series> => [
  { metric: Metrics.daemonConnections, attributes: {}, value: connections },
  { metric: Metrics.daemonSessions, attributes: {}, value: sessions },
  { metric: Metrics.daemonOrphans, attributes: {}, value: orphans }
]

export class Collector {
  private readonly options: CollectorOptions
  private readonly agents: AgentShares
  private readonly first: ReadonlyMap<string, PoolReading>
  /** The last value of every series that only grows. */
  private readonly told = new Map<string, number>()

  /** The first reading is where counting begins. */
  constructor(options: CollectorOptions, first: Reading) {
    this.options = options
    this.agents = new AgentShares(options.agentsMax, first.agents)
    this.first = new Map(first.pools.map((pool) => [pool.resourceType, pool]))
  }

  /** The bounds to read durations by, in microseconds. */
  static boundsOf(options: CollectorOptions): ReadonlyArray<number> {
    return options.bounds.map((seconds) => Math.round(seconds * micros))
  }

  collect(reading: Reading, daemon?: DaemonFigures): ReadonlyArray<Series> {
    const series = [
      ...reading.pools.flatMap((pool) => this.ofPool(pool)),
      ...this.ofAgents(reading),
      ...(daemon === undefined ? [] : ofDaemon(daemon))
    ]
    const order = new Map(Metrics.all.map((metric, index) => [metric, index]))
    return series.toSorted((a, b) => (order.get(a.metric) ?? 0) - (order.get(b.metric) ?? 0))
  }

  private ofPool(pool: PoolReading): Array<Series> {
    const first = this.first.get(pool.resourceType)
    const attributes = { resource_type: written(pool.resourceType) }
    const failed = Object.entries({ ...Object.fromEntries(awaitedErrors.map((tag) => [tag, 0])), ...pool.failures })
    const before: Readonly<Record<string, number>> = first?.failures ?? {}
    return [
      { metric: Metrics.poolLimit, attributes, value: pool.capacity },
      { metric: Metrics.poolUsage, attributes, value: pool.inUse },
      { metric: Metrics.poolEarmarked, attributes, value: pool.earmarked },
      { metric: Metrics.poolRequested, attributes, value: pool.waitingAmount },
      { metric: Metrics.poolWaiters, attributes, value: pool.waiting },
      ...(pool.tokens === undefined ? [] : [{ metric: Metrics.poolTokens, attributes, value: pool.tokens }]),
      ...(pool.fairness === undefined ? [] : [{ metric: Metrics.poolFairness, attributes, value: pool.fairness }]),
      this.counter(Metrics.claimGranted, attributes, pool.acquisitions - (first?.acquisitions ?? 0)),
      ...failed.map(([tag, count]) =>
        this.counter(Metrics.claimFailed, { ...attributes, "error.type": tag }, count - (before[tag] ?? 0))
      ),
      this.durations(Metrics.claimWaitDuration, attributes, pool.waits, first?.waits),
      this.durations(Metrics.leaseHoldDuration, attributes, pool.holds, first?.holds)
    ]
  }

  private ofAgents(reading: Reading): Array<Series> {
    const { named, others, othersCounts } = this.agents.update(reading.agents)
    const series: Array<Series> = [{ metric: Metrics.agentKnown, attributes: {}, value: reading.agents.length }]
    for (const { agent: one, counts } of named) {
      series.push(...this.ofAgent(one.agent, counts, one.waiting, heldByType([one])))
      for (const { quota, resourceType } of one.accounts) {
        if (quota === undefined) continue
        const attributes = { agent: one.agent, resource_type: written(resourceType) }
        series.push({ metric: Metrics.agentLimit, attributes, value: quota })
      }
    }
    if (othersCounts !== undefined) {
      const waiting = others.reduce((sum, agent) => sum + agent.waiting, 0)
      const held = heldByType(others)
      series.push(...this.ofAgent(Metrics.otherAgents, othersCounts, waiting, held))
    }
    return series
  }

  private ofAgent(agent: string, counts: Counts, waiting: number, held: ReadonlyMap<string, number>): Array<Series> {
    const attributes = { agent }
    return [
      ...Array.from(held, ([type, value]) => ({
        metric: Metrics.agentUsage,
        attributes: { agent, resource_type: written(type) },
        value
      })),
      { metric: Metrics.agentWaiters, attributes, value: waiting },
      { metric: Metrics.agentClaimGranted, attributes, value: counts.granted },
      ...Array.from(counts.failed, ([tag, value]) => ({
        metric: Metrics.agentClaimFailed,
        attributes: { agent, "error.type": tag },
        value
      })),
      { metric: Metrics.agentWaitTime, attributes, value: counts.waited / micros },
      { metric: Metrics.agentHoldTime, attributes, value: counts.held / micros }
    ]
  }

  private counter(metric: Metrics.Metric, attributes: Attributes, value: number): Series {
    return { metric, attributes, value: this.risen(`${metric.name} ${JSON.stringify(attributes)}`, value) }
  }

  private durations(
    metric: Metrics.Metric,
    attributes: Attributes,
    now: DurationReading,
    before: DurationReading = noDurations(this.options.bounds)
  ): Series {
    const key = `${metric.name} ${JSON.stringify(attributes)}`
    const value: Durations = {
      count: this.risen(`${key} count`, now.count - before.count),
      sum: this.risen(`${key} sum`, now.sum - before.sum) / micros,
      buckets: this.options.bounds.map((bound, index) => [
        bound,
        this.risen(`${key} ${bound}`, (now.atMost[index] ?? 0) - (before.atMost[index] ?? 0))
      ])
    }
    return { metric, attributes, value }
  }

  /** A grant that is undone takes a count back: what was told is told until the figure has caught up. */
  private risen(key: string, value: number): number {
    const before = this.told.get(key) ?? 0
    if (value <= before) return before
    this.told.set(key, value)
    return value
  }
}
