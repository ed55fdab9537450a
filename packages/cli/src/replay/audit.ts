/**
 * An independent check of every decision of a replay. It is told what happened
 * (a job arrived, started, ended) and keeps its own books; it shares no code with
 * the Ledger and asks it nothing. The rules, by the names under which they are counted:
 *
 * - `capacity`: the amounts of the jobs that run never exceed a pool.
 * - `rate`: tokens taken never exceed what the bucket has, in exact arithmetic.
 * - `order`: a job does not start while an earlier one waits that asks for the same
 *   pools or for some of them. (Over different pools a later job may start first,
 *   where that cannot delay the earlier one.)
 * - `idle`: the earliest waiting job does not fit into what is free.
 * - `delay`: with backfill, who is next is not delayed by who started before it.
 * - `once`: every job arrives, starts and ends once, in this order, and runs as long as it should.
 * - `conservation`: what the Ledger says is in use is the sum of what runs, and at the end nothing is.
 *
 * `order` and `idle` say this of first come, first served. What they and `delay` say of other
 * orders and of backfill over one pool is in `heads.ts`; over several pools or with a rate, by fair
 * share or with conservative backfill these three are not checked.
 */
import { Heads } from "./heads.ts"
import { plainPolicy, type Policy } from "./policy.ts"
import type { PoolSpec } from "./pools.ts"
import type { Workload } from "./workload.ts"

export const rules = ["capacity", "rate", "order", "idle", "delay", "once", "conservation"] as const

export type Rule = (typeof rules)[number]

const examplesMax = 10

/** Whether the next one is known beforehand: with fair shares that depends on all that is held. */
const isFollowed = ({ backfill, order }: Policy): boolean => order !== "fair" && backfill !== "conservative"

/** Jobs that wait for the same pools, in order of arrival. */
class Line {
  /** The pools, as bits. */
  readonly pools: number
  private readonly jobs: Array<number> = []
  private head = 0

  constructor(pools: number) {
    this.pools = pools
  }

  push(job: number): void {
    this.jobs.push(job)
  }

  /** The earliest that waits, or -1. Jobs that started out of turn are passed over. */
  first(states: Uint8Array): number {
    while (this.head < this.jobs.length && states[this.jobs[this.head]!] !== State.waiting) this.head++
    return this.jobs[this.head] ?? -1
  }
}

const State = { unseen: 0, waiting: 1, running: 2, ended: 3 } as const

/** A bucket in units of 1/interval of a token: exact, if slow. */
class TokenCheck {
  private readonly limit: bigint
  private readonly interval: bigint
  private readonly full: bigint
  private level: bigint
  private at = 0

  constructor(limit: number, intervalMicros: number, burst: number) {
    this.limit = BigInt(limit)
    this.interval = BigInt(intervalMicros)
    this.full = BigInt(burst) * this.interval
    this.level = this.full
  }

  has(tokens: number, at: number): boolean {
    this.level += BigInt(at - this.at) * this.limit
    if (this.level > this.full) this.level = this.full
    this.at = at
    return BigInt(tokens) * this.interval <= this.level
  }

  take(tokens: number): void {
    this.level -= BigInt(tokens) * this.interval
  }
}

export class Audit {
  readonly counts: Record<Rule, number> = {
    capacity: 0,
    rate: 0,
    order: 0,
    idle: 0,
    delay: 0,
    once: 0,
    conservation: 0
  }
  /** The first violations, to be read by people. */
  readonly examples: Array<string> = []
  private readonly workload: Workload
  private readonly pools: ReadonlyArray<PoolSpec>
  private readonly inUse: Array<number>
  private readonly tokens: ReadonlyArray<TokenCheck | undefined>
  private readonly states: Uint8Array
  private readonly startedAt: Float64Array
  private readonly lines: Array<Line> = []
  /** Whether first is who came first. */
  private readonly plain: boolean
  private readonly heads: Heads | undefined
  private waiting = 0
  private running = 0
  private ended = 0

  constructor(workload: Workload, pools: ReadonlyArray<PoolSpec>, policy: Policy = plainPolicy) {
    this.plain = policy.order === "fcfs" && policy.backfill === "none"
    const [pool, ...more] = pools
    if (!this.plain && pool !== undefined && more.length === 0 && pool.rate === undefined && isFollowed(policy)) {
      this.heads = new Heads(workload, pool.capacity, policy, (rule, job, at, what) => this.broken(rule, job, at, what))
    }
    this.workload = workload
    this.pools = pools
    this.inUse = pools.map(() => 0)
    this.tokens = pools.map(({ rate }) => rate && new TokenCheck(rate.limit, rate.intervalMicros, rate.burst))
    this.states = new Uint8Array(workload.size)
    this.startedAt = new Float64Array(workload.size)
  }

  get total(): number {
    return rules.reduce((sum, rule) => sum + this.counts[rule], 0)
  }

  arrived(job: number, at: number): void {
    if (this.states[job] !== State.unseen) this.broken("once", job, at, "arrived again")
    if (at !== this.workload.submit[job])
      this.broken("once", job, at, `arrived, submitted at ${this.workload.submit[job]}`)
    this.states[job] = State.waiting
    this.waiting++
    if (this.plain) this.lineOf(this.poolsOf(job)).push(job)
    this.heads?.arrived(job, at)
  }

  started(job: number, at: number): void {
    const state = this.states[job]
    if (state !== State.waiting) {
      this.broken("once", job, at, state === State.unseen ? "started before it arrived" : "started again")
      return
    }
    const asked = this.poolsOf(job)
    for (const line of this.lines) {
      if ((line.pools & asked) !== line.pools) continue
      const first = line.first(this.states)
      if (first >= 0 && first < job) this.broken("order", job, at, `started before job ${first}, which waits`)
    }
    this.heads?.started(job, at)
    this.states[job] = State.running
    this.startedAt[job] = at
    this.waiting--
    this.running++
    this.take(job, at)
  }

  finished(job: number, at: number): void {
    if (this.states[job] !== State.running) {
      this.broken("once", job, at, "ended, but was not running")
      return
    }
    const lasted = at - (this.startedAt[job] ?? 0)
    const run = this.workload.run[job] ?? 0
    if (lasted !== run) this.broken("once", job, at, `ran ${lasted} us, not ${run}`)
    this.heads?.finished(job)
    this.states[job] = State.ended
    this.running--
    this.ended++
    for (let i = 0; i < this.pools.length; i++) this.inUse[i] = (this.inUse[i] ?? 0) - this.amountOf(job, i)
  }

  /** All that happens at an instant so far has happened: who is first must be short, and the sums agree. */
  settled(at: number, ledgerInUse: (pool: number) => number): void {
    for (let i = 0; i < this.pools.length; i++) {
      const told = ledgerInUse(i)
      if (told === this.inUse[i]) continue
      this.broken("conservation", -1, at, `${told} of ${this.pools[i]?.name} in use, the jobs hold ${this.inUse[i]}`)
    }
    if (this.waiting === 0) return
    this.heads?.settled(at)
    let earliest = -1
    for (const line of this.lines) {
      const first = line.first(this.states)
      if (first >= 0 && (earliest < 0 || first < earliest)) earliest = first
    }
    if (earliest >= 0 && this.fits(earliest, at)) this.broken("idle", earliest, at, "is first and fits, but waits")
  }

  /** Nothing happens any more. */
  close(at: number): void {
    const { size } = this.workload
    if (this.ended !== size) {
      for (let job = 0; job < size; job++) {
        if (this.states[job] !== State.ended) this.broken("once", job, at, "never ended")
      }
    }
    for (let i = 0; i < this.pools.length; i++) {
      if (this.inUse[i] !== 0)
        this.broken("conservation", -1, at, `${this.inUse[i]} of ${this.pools[i]?.name} left in use`)
    }
    if (this.running !== 0 || this.waiting !== 0) {
      this.broken("conservation", -1, at, `${this.running} run and ${this.waiting} wait at the end`)
    }
  }

  private take(job: number, at: number): void {
    for (let i = 0; i < this.pools.length; i++) {
      const amount = this.amountOf(job, i)
      const pool = this.pools[i]
      if (amount === 0 || pool === undefined) continue
      const inUse = (this.inUse[i] ?? 0) + amount
      this.inUse[i] = inUse
      if (inUse > pool.capacity) this.broken("capacity", job, at, `${inUse} of ${pool.capacity} ${pool.name} in use`)
      const tokens = this.tokens[i]
      if (tokens === undefined) continue
      if (!tokens.has(amount, at))
        this.broken("rate", job, at, `took ${amount} tokens of ${pool.name} that are not there`)
      tokens.take(amount)
    }
  }

  private fits(job: number, at: number): boolean {
    for (let i = 0; i < this.pools.length; i++) {
      const amount = this.amountOf(job, i)
      if (amount === 0) continue
      if (amount > (this.pools[i]?.capacity ?? 0) - (this.inUse[i] ?? 0)) return false
      if (this.tokens[i]?.has(amount, at) === false) return false
    }
    return true
  }

  private amountOf(job: number, pool: number): number {
    return this.workload.amounts[pool]?.[job] ?? 0
  }

  private poolsOf(job: number): number {
    let bits = 0
    for (let i = 0; i < this.pools.length; i++) if (this.amountOf(job, i) > 0) bits |= 1 << i
    return bits
  }

  private lineOf(pools: number): Line {
    for (const line of this.lines) if (line.pools === pools) return line
    const line = new Line(pools)
    this.lines.push(line)
    return line
  }

  private broken(rule: Rule, job: number, at: number, what: string): void {
    this.counts[rule]++
    if (this.examples.length >= examplesMax) return
    this.examples.push(`${rule}: ${at / 1e6} s: ${job < 0 ? "" : `job ${job} `}${what}`)
  }
}
