/**
 * A log-linear histogram of durations in microseconds: each power of two is cut
 * into 32 equal cells, so a reported quantile is at most 1/32 (3.2 %) above a
 * value that was recorded. Recording costs O(1) and allocates only when a longer
 * duration than ever before is seen. (The layout of HdrHistogram, G. Tene.)
 */
const CELL_BITS = 5
const CELLS = 1 << CELL_BITS

const cellOf = (micros: number): number => {
  if (micros < CELLS) return micros
  if (micros < 0x8000_0000) {
    const small = 31 - CELL_BITS - Math.clz32(micros)
    return small * CELLS + (micros >>> small)
  }
  const exponent =
    micros < 0x1_0000_0000 ? 31 - Math.clz32(micros) : 63 - Math.clz32(Math.floor(micros / 0x1_0000_0000))
  const shift = exponent - CELL_BITS
  return shift * CELLS + Math.floor(micros / 2 ** shift)
}

/** The largest duration that falls into a cell. */
const upperBound = (cell: number): number => {
  if (cell < 2 * CELLS) return cell
  const shift = Math.floor(cell / CELLS) - 1
  return ((cell % CELLS) + CELLS + 1) * 2 ** shift - 1
}

/** A distribution of durations, all in microseconds. */
export interface Distribution {
  readonly count: number
  readonly mean: number
  readonly max: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
}

export class Histogram {
  count = 0
  sum = 0
  max = 0
  /** Zeros are the common case (nobody waited), and cost no cell. */
  zeros = 0
  cells: Array<number> = []

  record(micros: number): void {
    this.count++
    if (micros <= 0) {
      this.zeros++
      return
    }
    this.sum += micros
    if (micros > this.max) this.max = micros
    const cell = cellOf(micros)
    const cells = this.cells
    // Holes would make the array slow for ever: fill up to the new cell once.
    while (cells.length <= cell) cells.push(0)
    cells[cell] = (cells[cell] ?? 0) + 1
  }

  /** Takes back a value recorded before: an undone grant never waited. */
  forget(micros: number): void {
    this.count--
    if (micros <= 0) {
      this.zeros--
      return
    }
    this.sum -= micros
    const cell = cellOf(micros)
    this.cells[cell] = (this.cells[cell] ?? 0) - 1
  }

  /** The smallest recorded value with at least `fraction` of all values at or below it. O(cells). */
  quantile(fraction: number): number {
    const rank = Math.ceil(fraction * this.count)
    let seen = this.zeros
    if (rank <= seen) return 0
    for (let cell = 0; cell < this.cells.length; cell++) {
      seen += this.cells[cell] ?? 0
      if (seen >= rank) return Math.min(upperBound(cell), this.max)
    }
    return this.max
  }

  /**
   * How many recorded values are at most each of the bounds, which ascend. Whole
   * cells are counted: a value in the cell of a bound counts as at it. O(cells).
   */
  atMost(bounds: ReadonlyArray<number>): Array<number> {
    let seen = this.zeros
    let cell = 0
    return bounds.map((bound) => {
      const last = bound > 0 ? Math.min(cellOf(Math.floor(bound)), this.cells.length - 1) : -1
      for (; cell <= last; cell++) seen += this.cells[cell] ?? 0
      return seen
    })
  }

  distribution(): Distribution {
    return {
      count: this.count,
      mean: this.count === 0 ? 0 : this.sum / this.count,
      max: this.max,
      p50: this.quantile(0.5),
      p90: this.quantile(0.9),
      p99: this.quantile(0.99)
    }
  }
}
