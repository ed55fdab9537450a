/**
 * What one group may have of one pool's type, and what it uses: the arithmetic of
 * Kueue's cohorts (kubernetes-sigs/kueue, `pkg/cache/scheduler/resource_node.go`).
 *
 * A group brings its `nominal` quota. What it may lend of that goes up to its parent's
 * `subtree`; what it may not is `guaranteed`, and used first. What its use exceeds the
 * guaranteed by is *drawn* from the parent, and so on to the root:
 *
 *     subtree    = nominal + sum over children of (subtree - guaranteed)
 *     guaranteed = max(0, subtree - lendingLimit)         (0 where all may be lent)
 *     used       = own agents' use + sum over children of max(0, used - guaranteed)
 *
 * Invariants, between commands:
 * 1. `held` and `used` are these sums over leases, and over leases and the waiters that
 *    have their quota (`used >= held`).
 * 2. A grant never takes `held` over `cap`, `inUse` over `max`, nor `leases` over `leasesMax`.
 * 3. Where no group of a tree has a nominal quota of a type, the tree does not limit it.
 */
import { Bucket, type Rate } from "../Bucket.ts"
import type { Pool } from "../Pool.ts"
import type { PreemptibleIndex } from "../preemption/PreemptibleIndex.ts"
import type { Timed } from "../Timers.ts"
import type { Group } from "./Group.ts"

/** What a group may have of a type. What is left out does not limit. */
export interface GroupLimits {
  /** What it brings: its own where it wants it, its siblings' where it is idle. */
  readonly nominal?: number | undefined
  /** The most that it may use beyond its quota. */
  readonly borrowingLimit?: number | undefined
  /** The most of its quota that others may use. */
  readonly lendingLimit?: number | undefined
  /** The most in use at once, borrowed or not. */
  readonly max?: number | undefined
  /** The most leases at once. */
  readonly leases?: number | undefined
  /** How fast its agents may be granted, together. `burst` is what one interval brings where it is left out. */
  readonly rate?: Rate | undefined
}

export const noLimits: GroupLimits = {}

/** What a level refuses by. `borrowing`: over its own borrowing limit; `nominal`: over what there is in the tree. */
export type LimitName = "nominal" | "borrowing" | "max" | "leases" | "rate"

/** Sums of limits stop here: they are only compared with. */
const bounded = (sum: number): number => Math.min(sum, Number.MAX_SAFE_INTEGER)

export class Level implements Timed {
  readonly group: Group
  readonly pool: Pool
  parent: Level | undefined
  limits: GroupLimits = noLimits
  bucket: Bucket | undefined = undefined
  /** That of the next bucket. */
  generation = 0

  subtree = 0
  guaranteed = 0
  /** The most that may be used at once, of its own and borrowed. */
  cap = Infinity
  /** Whether some group of the tree has a nominal quota of the type. */
  governed = false

  used = 0
  held = 0
  /** What leases below it hold: whole, not drawn. */
  inUse = 0
  leases = 0
  /** Of waiters that have their quota: leases to be, amounts, and how many they are. Not drawn: whole. */
  leasesWaiting = 0
  amountWaiting = 0
  countWaiting = 0
  peak = 0

  /** The leases of its own agents that may be taken; `undefined` until there is one. */
  preemptible: PreemptibleIndex | undefined = undefined

  dueAt = 0
  timerIndex = -1

  constructor(group: Group, pool: Pool, parent: Level | undefined) {
    this.group = group
    this.pool = pool
    this.parent = parent
  }

  timerRank(): number {
    return 0
  }

  /** By group and pool, never by when it was opened: that is in no state. */
  timerOrder(): number {
    return (this.group.index + 1) * poolsMax + this.pool.index
  }

  get max(): number {
    return this.limits.max ?? Infinity
  }

  get leasesMax(): number {
    return this.limits.leases ?? Infinity
  }

  /** What a claim of `amount` pays here. */
  costOf(amount: number): number {
    const { rate } = this.limits
    return rate === undefined ? 0 : rate.per === "unit" ? amount : 1
  }

  /** Whole tokens at `now`; `Infinity` where no rate is set. */
  tokens(now: number): number {
    const { bucket } = this
    if (bucket === undefined) return Infinity
    bucket.refill(now)
    return bucket.level
  }

  /** Tokens that waiters which have their quota will pay. */
  get tokensWaiting(): number {
    const { rate } = this.limits
    return rate === undefined ? 0 : rate.per === "unit" ? this.amountWaiting : this.countWaiting
  }

  /** The most tokens that there can be. */
  get burst(): number {
    return this.bucket === undefined ? Infinity : this.bucket.burst
  }

  setLimits(limits: GroupLimits, now: number): void {
    this.limits = limits
    const { rate } = limits
    if (rate === undefined) {
      if (this.bucket !== undefined) this.generation = this.bucket.terms.generation + 1
      this.bucket = undefined
      return
    }
    const burst = rate.burst ?? rate.limit
    if (this.bucket === undefined) {
      this.bucket = new Bucket(rate.limit, rate.intervalMicros, burst, now, this.generation)
      return
    }
    this.bucket.refill(now)
    this.bucket.setRate(rate.limit, rate.intervalMicros)
    this.bucket.setBurst(burst)
  }

  /** What its use draws from the parent beyond what is guaranteed. */
  drawn(use: number): number {
    return Math.max(0, use - this.guaranteed)
  }

  /** From the levels of its children, already true. */
  gather(children: Iterable<Level>): void {
    const { lendingLimit, nominal } = this.limits
    this.subtree = nominal ?? 0
    this.governed = nominal !== undefined
    for (const child of children) {
      this.subtree = bounded(this.subtree + child.subtree - child.guaranteed)
      this.governed ||= child.governed
      this.used += child.drawn(child.used)
      this.held += child.drawn(child.held)
      this.inUse += child.inUse
      this.leases += child.leases
      this.leasesWaiting += child.leasesWaiting
      this.amountWaiting += child.amountWaiting
      this.countWaiting += child.countWaiting
    }
    this.guaranteed = lendingLimit === undefined ? 0 : Math.max(0, this.subtree - lendingLimit)
    if (this.inUse > this.peak) this.peak = this.inUse
  }

  /** From the level of its parent, already true. */
  bound(): void {
    const { parent } = this
    const { borrowingLimit } = this.limits
    if (parent !== undefined) this.governed = parent.governed
    this.cap =
      !this.governed || (parent !== undefined && borrowingLimit === undefined)
        ? Infinity
        : bounded(this.subtree + (parent === undefined ? 0 : borrowingLimit!))
  }

  /** By what its use may not be above `cap`. */
  get capName(): LimitName {
    return this.parent === undefined || this.limits.borrowingLimit === undefined ? "nominal" : "borrowing"
  }
}

/** No pool has so high an index: levels come after all pools. */
const poolsMax = 2 ** 24

/**
 * Changes the use of a level, and of those above it. O(depth). `used` and `held` are
 * drawn from the parent only beyond what is guaranteed; the rest is counted whole.
 */
export const shift = (
  level: Level,
  used: number,
  held: number,
  inUse: number,
  leases: number,
  leasesWaiting: number,
  amountWaiting: number,
  countWaiting: number
): void => {
  let at: Level | undefined = level
  while (at !== undefined) {
    const usedBefore = at.drawn(at.used)
    const heldBefore = at.drawn(at.held)
    at.used += used
    at.held += held
    at.inUse += inUse
    at.leases += leases
    at.leasesWaiting += leasesWaiting
    at.amountWaiting += amountWaiting
    at.countWaiting += countWaiting
    if (at.inUse > at.peak) at.peak = at.inUse
    used = at.drawn(at.used) - usedBefore
    held = at.drawn(at.held) - heldBefore
    at = at.parent
  }
}
