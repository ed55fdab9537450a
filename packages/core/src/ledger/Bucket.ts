/**
 * A token bucket with exact arithmetic.
 *
 * The level is a real number kept as `level + remainder / interval`, both
 * integers, so no refill ever rounds and the value at an instant does not depend
 * on how often it was looked at. Between two instants `t0 <= t1`
 *
 *     level(t1) = min(burst, level(t0) + limit / interval * (t1 - t0)) - taken
 *
 * Invariants:
 * 1. `level <= burst`, `0 <= remainder < interval`, and a full bucket has
 *    `remainder = 0`: nothing accrues above the burst. A level below 0 is a debt:
 *    what `charge` took beyond what was there. Nothing is taken until it is paid.
 * 2. Time given to it never decreases (an earlier instant counts as the last one).
 * 3. In any window of length `t` that ends in a take, tokens taken and charged, without
 *    the takes that were undone, never exceed `burst + limit / interval * t`.
 */

/** How fast a pool may be drawn from. */
export interface Rate {
  /** Tokens that accrue in one interval: a positive safe integer. */
  readonly limit: number
  /** Length of the interval, in whole microseconds. */
  readonly intervalMicros: number
  /** The most tokens that can be saved up. The pool's capacity where `undefined`. */
  readonly burst: number | undefined
  /** What a token pays for: one `"unit"` of the amount, or one `"request"` of any amount. */
  readonly per: "unit" | "request"
}

const gcd = (a: number, b: number): number => {
  while (b !== 0) {
    const rest = a % b
    a = b
    b = rest
  }
  return a
}

/** The largest debt: sums with it stay exact. */
export const debtMax = Number.MAX_SAFE_INTEGER

/** Division that rounds down, of a number that may be negative. */
const floorDiv = (total: bigint, by: bigint): bigint => (total < 0n ? -((by - 1n - total) / by) : total / by)

/** A rate and a burst while they last. */
export interface Terms {
  readonly generation: number
  /** All that was given back under them, in `1 / interval` of a token. */
  readonly refunded: bigint
}

/** What a take left in the bucket: all that `undo` has to be told of it. */
export interface Left {
  readonly level: number
  readonly remainder: number
  readonly terms: Terms | undefined
}

export class Bucket {
  /** Whole tokens in the bucket at `refilledAt`; below 0 it is in debt. */
  level: number
  /** The fraction of the next token, in `1 / interval` of a token. */
  remainder = 0
  /** The instant, in microseconds, that `level` and `remainder` are true for. */
  refilledAt: number
  burst: number
  /** The rate in lowest terms: `limit` tokens in `interval` microseconds. */
  limit: number
  interval: number
  /** Under which rate and burst the level runs, and what was given back since they began. */
  terms: Terms

  /** `generation` is above that of any bucket that the pool had before. */
  constructor(limit: number, intervalMicros: number, burst: number, now: number, generation = 0) {
    this.terms = { generation, refunded: 0n }
    const divisor = gcd(limit, intervalMicros)
    this.limit = limit / divisor
    this.interval = intervalMicros / divisor
    this.burst = burst
    this.level = burst
    this.refilledAt = now
  }

  /** Brings the level up to `now`. O(1), allocates nothing. Small, so that it is inlined: mostly nothing is to be done. */
  refill(now: number): void {
    if (now > this.refilledAt) this.flow(now)
  }

  /** By one exact product; with BigInt where that leaves the safe integers, as bytes a second times a day do: rounded or not, it is above them then. */
  private flow(now: number): void {
    const elapsed = now - this.refilledAt
    this.refilledAt = now
    if (this.level >= this.burst) return
    const inflow = elapsed * this.limit + this.remainder
    const missing = (this.burst - this.level) * this.interval
    if (inflow <= Number.MAX_SAFE_INTEGER && missing <= Number.MAX_SAFE_INTEGER) {
      const isFull = inflow >= missing
      this.remainder = isFull ? 0 : inflow % this.interval
      this.level = isFull ? this.burst : this.level + (inflow - this.remainder) / this.interval
      return
    }
    const interval = BigInt(this.interval)
    const total = BigInt(elapsed) * BigInt(this.limit) + BigInt(this.remainder)
    const isFull = total >= (BigInt(this.burst) - BigInt(this.level)) * interval
    this.remainder = isFull ? 0 : Number(total % interval)
    this.level = isFull ? this.burst : Number(BigInt(this.level) + total / interval)
  }

  /**
   * Microseconds from `refilledAt` until the level reaches `tokens`, rounded up
   * to the first whole microsecond at which it has; `Infinity` above the burst.
   * `taken`: if so many that are there now were taken first.
   */
  microsUntil(tokens: number, taken = 0): number {
    const level = this.level - taken
    if (tokens <= level) return 0
    if (tokens > this.burst) return Infinity
    const missing = (tokens - level) * this.interval
    if (missing <= Number.MAX_SAFE_INTEGER) return Math.ceil((missing - this.remainder) / this.limit)
    const needed = (BigInt(tokens) - BigInt(level)) * BigInt(this.interval) - BigInt(this.remainder)
    const limit = BigInt(this.limit)
    return Number((needed + limit - 1n) / limit)
  }

  /** The first instant at which the level is at least `tokens`, if none are taken but `taken` now. */
  readyAt(tokens: number, taken = 0): number {
    return this.refilledAt + this.microsUntil(tokens, taken)
  }

  /** Takes tokens that are there: the caller has refilled and looked. */
  take(tokens: number): void {
    this.level -= tokens
  }

  /** Takes tokens whether they are there or not, at most down to a debt of `debtMax`: the caller has looked. */
  charge(tokens: number): void {
    this.level -= tokens
  }

  /** Gives tokens back. Never above the burst. */
  refund(tokens: number): void {
    this.level += tokens
    this.clamp()
    this.terms = { ...this.terms, refunded: this.terms.refunded + BigInt(tokens) * BigInt(this.interval) }
  }

  /**
   * Gives back a take that is to have never been: all of it, less what would have
   * flown over the burst in the meantime. Without the take the level would have been
   * higher by `tokens` until it reached the burst, so what is owed is the burst less
   * the highest level since; and that is at most what the take left and all that came
   * in. So it is exact while nothing else was taken, and never too much. Nothing goes
   * back where the rate changed meanwhile. Allocates: undoing is rare.
   */
  undo(tokens: number, left: Left, elapsed: number): void {
    if (left.terms === undefined || left.terms.generation !== this.terms.generation) return
    const interval = BigInt(this.interval)
    const full = BigInt(this.burst) * interval
    const inflow = BigInt(elapsed) * BigInt(this.limit) + this.terms.refunded - left.terms.refunded
    const owed = full - (BigInt(left.level) * interval + BigInt(left.remainder) + inflow)
    if (owed <= 0n) return
    const taken = BigInt(tokens) * interval
    const given = owed < taken ? owed : taken
    const total = BigInt(this.level) * interval + BigInt(this.remainder) + given
    const whole = floorDiv(total, interval)
    this.level = Number(whole)
    this.remainder = Number(total - whole * interval)
    this.clamp()
    this.terms = { ...this.terms, refunded: this.terms.refunded + given }
  }

  /** The fraction of a token under way is kept, rounded down: setting rates often must not stop the flow. */
  setRate(limit: number, intervalMicros: number): void {
    const divisor = gcd(limit, intervalMicros)
    const interval = intervalMicros / divisor
    if (this.limit === limit / divisor && this.interval === interval) return
    this.terms = { generation: this.terms.generation + 1, refunded: 0n }
    this.remainder = Number((BigInt(this.remainder) * BigInt(interval)) / BigInt(this.interval))
    this.limit = limit / divisor
    this.interval = interval
  }

  setBurst(burst: number): void {
    if (burst !== this.burst) this.terms = { generation: this.terms.generation + 1, refunded: 0n }
    this.burst = burst
    this.clamp()
  }

  private clamp(): void {
    if (this.level >= this.burst) {
      this.level = this.burst
      this.remainder = 0
    }
  }
}
