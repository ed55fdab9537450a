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

export class ModelBucket {
  private scaled: bigint
  private interval: bigint
  private limit: bigint
  private burst: bigint
  private at: number
  private whole: number

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
    this.add(BigInt(tokens) * this.interval)
  }

  /** A new rate starts with the whole tokens that are there: a fraction has no meaning in it. */
  setRate(limit: number, intervalMicros: number, now: number): void {
    const whole = this.level(now)
    this.limit = BigInt(limit)
    this.interval = BigInt(intervalMicros)
    this.scaled = BigInt(whole) * this.interval
  }

  setBurst(burst: number, now: number): void {
    this.level(now)
    this.burst = BigInt(burst)
    this.add(0n)
  }

  private add(scaled: bigint): void {
    const full = this.burst * this.interval
    this.scaled += scaled
    if (this.scaled > full) this.scaled = full
    this.whole = Number(this.scaled / this.interval)
  }
}
