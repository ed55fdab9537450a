/**
 * The token bucket as it is defined, in BigInt: `level(t) = min(burst, level(t0) +
 * limit / interval * (t - t0))`, kept as a multiple of `1 / interval`. No clamping
 * before multiplying, no lowest terms: nothing in common with the one under test.
 */
export interface ModelRate {
  readonly limit: number
  readonly intervalMicros: number
  readonly burst: number | undefined
  readonly per: "unit" | "request"
}

/** The bucket just after a take. */
export interface Taken {
  readonly bucket: ModelBucket
  readonly terms: number
  readonly scaled: bigint
  readonly refunded: bigint
}

export class ModelBucket {
  private scaled: bigint
  private interval: bigint
  private limit: bigint
  private burst: bigint
  private at: number
  private whole: number
  private refunded = 0n
  private terms = 0

  constructor(limit: number, intervalMicros: number, burst: number, now: number) {
    this.interval = BigInt(intervalMicros)
    this.limit = BigInt(limit)
    this.burst = BigInt(burst)
    this.scaled = this.burst * this.interval
    this.whole = burst
    this.at = now
  }

  /** Whole tokens at `now`. */
  level(now: number): number {
    if (now > this.at) {
      this.add(this.limit * BigInt(now - this.at))
      this.at = now
    }
    return this.whole
  }

  /** Whether it is in debt by more than that at an instant, which may lie behind what happens next: nothing changes. */
  owesMore(than: number, now: number): boolean {
    return this.scaled + this.limit * BigInt(Math.max(0, now - this.at)) < -BigInt(than) * this.interval
  }

  /** The first whole microsecond from `now` at which there are that many, if none are taken. */
  readyAt(tokens: number, now: number): number {
    if (tokens <= this.level(now)) return this.at
    if (BigInt(tokens) > this.burst) return Infinity
    const missing = BigInt(tokens) * this.interval - this.scaled
    return this.at + Number((missing + this.limit - 1n) / this.limit)
  }

  take(tokens: number, now: number): void {
    this.level(now)
    this.add(-BigInt(tokens) * this.interval)
  }

  refund(tokens: number, now: number): void {
    this.level(now)
    this.refunded += BigInt(tokens) * this.interval
    this.add(BigInt(tokens) * this.interval)
  }

  /** A new rate keeps the fraction of a token, rounded down to the steps that the new one has in lowest terms. */
  setRate(limit: number, intervalMicros: number, now: number): void {
    const whole = BigInt(this.level(now))
    const newLimit = BigInt(limit)
    const newInterval = BigInt(intervalMicros)
    if (newLimit * this.interval === this.limit * newInterval) return
    this.terms++
    let [divisor, rest] = [newLimit, newInterval]
    while (rest > 0n) [divisor, rest] = [rest, divisor % rest]
    const fraction = this.scaled - whole * this.interval
    const steps = (fraction * (newInterval / divisor)) / this.interval
    this.limit = newLimit
    this.interval = newInterval
    this.scaled = whole * newInterval + steps * divisor
  }

  /** Remembers a take, for `undo`. */
  remember(): Taken {
    return { bucket: this, terms: this.terms, scaled: this.scaled, refunded: this.refunded }
  }

  /**
   * Gives back what a take made at `takenAt` would have left in the bucket: all of
   * it, less what would have flown over since, with all that came in counted as if
   * nothing had gone out.
   */
  undo(tokens: number, taken: Taken, takenAt: number, now: number): void {
    this.level(now)
    if (taken.bucket !== this || taken.terms !== this.terms) return
    const highest = taken.scaled + (this.refunded - taken.refunded) + this.limit * BigInt(now - takenAt)
    const room = this.burst * this.interval - highest
    const all = BigInt(tokens) * this.interval
    const given = room < 0n ? 0n : room < all ? room : all
    this.refunded += given
    this.add(given)
  }

  /** Takes tokens that may not be there: the level goes below 0. */
  charge(tokens: number, now: number): void {
    this.take(tokens, now)
  }

  setBurst(burst: number, now: number): void {
    this.level(now)
    if (BigInt(burst) !== this.burst) this.terms++
    this.burst = BigInt(burst)
    this.add(0n)
  }

  private add(scaled: bigint): void {
    const full = this.burst * this.interval
    this.scaled += scaled
    if (this.scaled > full) this.scaled = full
    // Rounded down, below 0 too.
    const fraction = ((this.scaled % this.interval) + this.interval) % this.interval
    this.whole = Number((this.scaled - fraction) / this.interval)
  }
}
