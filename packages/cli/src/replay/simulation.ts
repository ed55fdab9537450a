/**
 * Drives the Ledger, the one that programs run on, in virtual time. At one instant
 * arrivals come before completions; arrivals of one instant keep their order. What
 * the Ledger does by itself (a bucket that has refilled) happens at its own instant
 * between them.
 *
 * Nothing is decided here: a job starts when the Ledger grants its claim, and its
 * units go back `run` later.
 */
import {
  type Claim,
  Ledger,
  noScheduling,
  type Pool,
  type Request,
  type Scheduling
} from "@resource-manager/core/Ledger"
import { Audit } from "./audit.ts"
import { EndHeap } from "./EndHeap.ts"
import { decidersOf, plainPolicy, type Policy } from "./policy.ts"
import type { PoolSpec } from "./pools.ts"
import { Timeline, type TimelineView } from "./timeline.ts"
import type { Workload } from "./workload.ts"

export interface Outcome {
  /** When each job started, in microseconds; `NaN` where it never did. */
  readonly startedAt: Float64Array
  readonly lastStart: number
  readonly lastEnd: number
  /** Arrivals, completions and refills handled. */
  readonly events: number
  readonly queuePeak: number
  readonly poolPeaks: ReadonlyArray<number>
  readonly timeline: TimelineView | undefined
  readonly audit: Audit
}

export interface SimulationOptions {
  /** Whether levels over time are kept. */
  readonly timeline: boolean
  /** Who goes first, and who may start before. Default first come, first served. */
  readonly policy?: Policy | undefined
}

export class Simulation {
  /** Jobs that have ended. */
  done = 0
  /** Whether virtual time left the safe integers (285 years of microseconds): there is no outcome then. */
  overflowed = false
  private readonly workload: Workload
  private readonly ledger: Ledger
  private readonly pools: ReadonlyArray<Pool>
  private readonly names: ReadonlyArray<string>
  private readonly audit: Audit
  private readonly timeline: Timeline | undefined
  private readonly ends = new EndHeap()
  /** By the Ledger's id of the claim: the job. Ids are given in the order of arrival, from 1. */
  private readonly jobOf: Array<number> = [-1]
  private readonly startedAt: Float64Array
  private arrivals = 0
  private events = 0
  private queued = 0
  private queuePeak = 0
  private now = 0
  private lastStart = 0
  private lastEnd = 0
  private readonly inUse = (pool: number): number => this.pools[pool]?.inUse ?? Number.NaN

  constructor(workload: Workload, pools: ReadonlyArray<PoolSpec>, options: SimulationOptions) {
    this.workload = workload
    const { policy = plainPolicy } = options
    this.ledger = new Ledger({ waitersMax: Math.max(1, workload.size), ...decidersOf(policy, workload.origin) })
    this.names = pools.map((pool) => pool.name)
    this.pools = pools.map(({ capacity, name, rate }) =>
      this.ledger.definePool(
        name,
        {
          capacity,
          rate: rate && { limit: rate.limit, intervalMicros: rate.intervalMicros, burst: rate.burst, per: "unit" }
        },
        0
      )
    )
    this.audit = new Audit(workload, pools, policy)
    this.timeline = options.timeline ? new Timeline(1 + pools.length) : undefined
    this.startedAt = new Float64Array(workload.size).fill(Number.NaN)
  }

  /** Handles up to `events` events; `false` where none is left. Time passes only in here. */
  step(events: number): boolean {
    const { ends, ledger, workload } = this
    for (let i = 0; i < events; i++) {
      const arrivesAt = this.arrivals < workload.size ? (workload.submit[this.arrivals] ?? Infinity) : Infinity
      const at = Math.min(arrivesAt, ends.nextAt, ledger.nextDueAt)
      if (at === Infinity || this.overflowed) return false
      this.now = at
      this.events++
      if (ledger.nextDueAt === at) ledger.advance(at)
      else if (arrivesAt === at) this.arrive(this.arrivals++)
      else this.complete()
      if (ledger.settled.length > 0) this.startSettled()
      this.audit.settled(at, this.inUse)
    }
    return true
  }

  finish(): Outcome {
    this.audit.close(this.now)
    return {
      startedAt: this.startedAt,
      lastStart: this.lastStart,
      lastEnd: this.lastEnd,
      events: this.events,
      queuePeak: this.queuePeak,
      poolPeaks: this.pools.map((pool) => pool.peak),
      timeline: this.timeline?.view(this.lastEnd),
      audit: this.audit
    }
  }

  private arrive(job: number): void {
    const { names, now, workload } = this
    this.audit.arrived(job, now)
    const claim: Record<string, number> = {}
    for (let i = 0; i < names.length; i++) claim[names[i]!] = workload.amounts[i]?.[job] ?? 0
    // Zero would be unknown, and endless.
    const expected = Math.max(1, workload.estimate[job] ?? 0)
    const scheduling = { ...noScheduling, expected, priority: workload.priority[job] ?? 0 }
    const request = this.claim(workload.agents[workload.agentOf[job] ?? -1] ?? "-", claim, scheduling)
    // A refused job never starts, which the audit counts against the rule "once".
    if (request === undefined) return
    this.jobOf[request.id] = job
    if (request.status === "held") return this.start(request)
    this.queued++
    this.timeline?.change(0, 1, now)
    if (this.queued > this.queuePeak) this.queuePeak = this.queued
  }

  private claim(agent: string, claim: Claim, scheduling: Scheduling): Request | undefined {
    const answer = this.ledger.claim(agent, claim, this.now, { scheduling })
    return "_tag" in answer ? undefined : answer
  }

  private complete(): void {
    const lease = this.ends.pop()
    if (lease === undefined) return
    const job = this.jobOf[lease.id] ?? -1
    this.audit.finished(job, this.now)
    this.ledger.release(lease, this.now)
    this.done++
    this.lastEnd = this.now
    this.changeUse(job, -1)
  }

  private startSettled(): void {
    const settled = this.ledger.settled
    for (const request of settled) {
      if (request.status !== "held") continue
      this.queued--
      this.timeline?.change(0, -1, this.now)
      this.start(request)
    }
    settled.length = 0
  }

  private start(lease: Request): void {
    const job = this.jobOf[lease.id] ?? -1
    const at = lease.grantedAt
    const end = at + (this.workload.run[job] ?? 0)
    if (end > Number.MAX_SAFE_INTEGER) this.overflowed = true
    this.audit.started(job, at)
    this.startedAt[job] = at
    this.lastStart = at
    this.ends.push(end, lease)
    this.changeUse(job, 1)
  }

  private changeUse(job: number, sign: 1 | -1): void {
    if (this.timeline === undefined) return
    for (let i = 0; i < this.names.length; i++) {
      this.timeline.change(1 + i, sign * (this.workload.amounts[i]?.[job] ?? 0), this.now)
    }
  }
}
