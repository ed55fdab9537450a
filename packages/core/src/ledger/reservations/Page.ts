/**
 * What of a pool is left at one instant, beyond what is promised there and not used, as
 * leases come back one by one. What a lease gives back to the promise that it draws from
 * is left for nobody else.
 *
 *     left = capacity − what is held then − Σ max(0, promised − used)
 *
 * The more have come back, the less another one adds: to the promise of each it gives at
 * most what it would have given first.
 */
import type { Request } from "../Request.ts"
import type { Draw, Draws, Promised } from "./Calendar.ts"

export class Page {
  /** Below 0 is how much too much is held. */
  left: number
  private readonly draws: Draws
  /** Whether a lease is still there at that instant. */
  private readonly counts: (draw: Draw) => boolean
  /** What is promised and not used, of the promises that count; below 0 where more is used. */
  private readonly unused: Map<Promised, number>

  constructor(left: number, unused: Map<Promised, number>, draws: Draws, counts: (draw: Draw) => boolean) {
    this.left = left
    for (const units of unused.values()) this.left -= Math.max(0, units)
    this.unused = unused
    this.draws = draws
    this.counts = counts
  }

  /** What is missing of what is promised. */
  get missing(): number {
    if (this.left >= 0) return 0
    // More may be held than there is, and nothing of it be promised to anybody else.
    for (const units of this.unused.values()) if (units > 0) return -this.left
    return 0
  }

  /** What there is more once a lease is back too. */
  gain(lease: Request): number {
    let gain = 0
    for (const part of lease.parts) {
      const draw = this.draws.get(part)
      if (draw !== undefined && this.counts(draw)) gain += draw.amount - this.kept(draw, draw.amount)
    }
    return gain
  }

  /** A lease is back; `-1`: it is held after all. */
  move(lease: Request, sign: 1 | -1): void {
    for (const part of lease.parts) {
      const draw = this.draws.get(part)
      if (draw !== undefined && this.counts(draw)) this.shift(draw, sign)
    }
  }

  /** The same for one share, whether it would be there or not. */
  shift(draw: Draw, sign: 1 | -1): void {
    const { amount, promised } = draw
    const by = sign * amount
    this.left += by - this.kept(draw, by)
    const unused = promised === undefined ? undefined : this.unused.get(promised)
    if (promised !== undefined && unused !== undefined) this.unused.set(promised, unused + by)
  }

  /** What of a change goes to the promise that a lease draws from. */
  private kept({ promised }: Draw, by: number): number {
    const unused = promised === undefined ? undefined : this.unused.get(promised)
    return unused === undefined ? 0 : Math.max(0, unused + by) - Math.max(0, unused)
  }
}
