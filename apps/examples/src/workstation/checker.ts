/**
 * Watches what is really in use, and shares no code with the manager: bodies tell
 * it what they begin and end to use, threads and the registry what they saw.
 *
 * Invariants that it counts the violations of:
 * 1. What is in use of a pool is never more than its capacity. A shrink takes
 *    nothing from those who hold, so the measure is the largest capacity that the
 *    pool had since the claim was made: the claim was granted in between, and all
 *    that is in use with it fitted then.
 * 2. No agent uses more than its quota.
 * 3. No job uses more than it claimed.
 * 4. In the end everything is back.
 */
import type { Claim } from "@resource-manager/core/Claim"
import * as Effect from "effect/Effect"

export interface Use {
  readonly peak: number
  /** In use over capacity, by time. From 0 to 1. */
  readonly utilization: number
}

class PoolWatch {
  inUse = 0
  peak = 0
  private busy = 0
  private offered = 0
  private accountedAt: number
  private readonly changes: Array<{ readonly at: number; readonly capacity: number }>

  constructor(capacity: number, now: number) {
    this.accountedAt = now
    this.changes = [{ at: now, capacity }]
  }

  get capacity(): number {
    return this.changes.at(-1)!.capacity
  }

  account(now: number): void {
    this.busy += this.inUse * (now - this.accountedAt)
    this.offered += this.capacity * (now - this.accountedAt)
    this.accountedAt = now
  }

  change(capacity: number, now: number): void {
    this.account(now)
    this.changes.push({ at: now, capacity })
  }

  /** The largest capacity since an instant. */
  capacityMax(since: number): number {
    let max = 0
    for (let index = this.changes.length - 1; index >= 0; index--) {
      const { at, capacity } = this.changes[index]!
      max = Math.max(max, capacity)
      if (at <= since) break
    }
    return max
  }

  use(now: number): Use {
    this.account(now)
    return { peak: this.peak, utilization: this.offered === 0 ? 0 : this.busy / this.offered }
  }
}

export class Checker {
  readonly violations: Array<string> = []
  private readonly pools = new Map<string, PoolWatch>()
  private readonly quotas: Claim
  private readonly agents = new Map<string, Map<string, number>>()
  private readonly now: () => number

  constructor(capacities: Claim, quotas: Claim, now: () => number = () => performance.now()) {
    this.now = now
    this.quotas = quotas
    for (const [type, capacity] of Object.entries(capacities)) this.pools.set(type, new PoolWatch(capacity, now()))
  }

  /** A pool has another capacity from now on. */
  capacityChanged(type: string, capacity: number): void {
    this.pools.get(type)?.change(capacity, this.now())
  }

  /** Watches a body: to be built before the claim is made, and run inside the lease. */
  watch(agent: string, claim: Claim) {
    const askedAt = this.now()
    return <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
      Effect.acquireUseRelease(
        Effect.sync(() => this.begin(agent, claim, askedAt)),
        () => body,
        () => Effect.sync(() => this.end(agent, claim))
      )
  }

  begin(agent: string, claim: Claim, askedAt: number): void {
    const held = this.agents.get(agent) ?? new Map<string, number>()
    this.agents.set(agent, held)
    const now = this.now()
    for (const [type, amount] of Object.entries(claim)) {
      const pool = this.pools.get(type)
      if (pool === undefined) {
        this.violations.push(`${agent} uses ${type}, which no pool has`)
        continue
      }
      pool.account(now)
      pool.inUse += amount
      pool.peak = Math.max(pool.peak, pool.inUse)
      this.atMost(`${type} in use by all`, pool.inUse, pool.capacityMax(askedAt))
      const own = (held.get(type) ?? 0) + amount
      held.set(type, own)
      this.atMost(`${type} in use by ${agent}`, own, this.quotas[type] ?? Infinity)
    }
  }

  end(agent: string, claim: Claim): void {
    const held = this.agents.get(agent)
    const now = this.now()
    for (const [type, amount] of Object.entries(claim)) {
      const pool = this.pools.get(type)
      if (pool === undefined) continue
      pool.account(now)
      pool.inUse -= amount
      held?.set(type, (held.get(type) ?? 0) - amount)
    }
  }

  /** What was measured against what was allowed. */
  atMost(what: string, used: number, allowed: number): void {
    if (used > allowed) this.violations.push(`${what}: ${used}, allowed ${allowed}`)
  }

  /** What is still in use: nothing, in the end. */
  inUse(): Claim {
    return Object.fromEntries(
      [...this.pools].filter(([, pool]) => pool.inUse !== 0).map(([type, pool]) => [type, pool.inUse])
    )
  }

  /** Notes whatever is not back as violations. */
  expectNothingInUse(): void {
    for (const [type, amount] of Object.entries(this.inUse())) {
      this.violations.push(`${amount} of ${type} did not come back`)
    }
    for (const [agent, held] of this.agents) {
      for (const [type, amount] of held) {
        if (amount !== 0) this.violations.push(`${agent} still uses ${amount} of ${type}`)
      }
    }
  }

  use(type: string): Use {
    return this.pools.get(type)?.use(this.now()) ?? { peak: 0, utilization: 0 }
  }
}
