/**
 * Levels over time (units in use, jobs that wait), for plots. How long the replay
 * will take is not known while it runs: the cells begin one microsecond wide, and
 * whenever time leaves the last one, pairs are merged and the width doubles. So
 * memory is constant, each event costs O(1) amortized, and at the end between half
 * of and all of the cells are in use.
 *
 * Per cell: the integral (so means are exact) and the highest level that lasted.
 */
const cellCount = 1024

export interface Series {
  readonly means: ReadonlyArray<number>
  readonly peaks: ReadonlyArray<number>
}

export interface TimelineView {
  readonly cellMicros: number
  /** The end of the last cell may lie beyond it. */
  readonly endMicros: number
  readonly series: ReadonlyArray<Series>
}

export class Timeline {
  private width = 1
  private at = 0
  private readonly levels: Float64Array
  private readonly sums: ReadonlyArray<Float64Array>
  private readonly peaks: ReadonlyArray<Float64Array>

  constructor(series: number) {
    this.levels = new Float64Array(series)
    this.sums = Array.from({ length: series }, () => new Float64Array(cellCount))
    this.peaks = Array.from({ length: series }, () => new Float64Array(cellCount))
  }

  /** The level of a series from `at` on. Instants never decrease. */
  change(series: number, by: number, at: number): void {
    if (at > this.at) this.advance(at)
    this.levels[series] = (this.levels[series] ?? 0) + by
  }

  view(end: number): TimelineView {
    if (end > this.at) this.advance(end)
    const used = Math.max(1, Math.ceil(this.at / this.width))
    return {
      cellMicros: this.width,
      endMicros: this.at,
      series: this.sums.map((sums, index) => ({
        means: Array.from(sums.subarray(0, used), (sum, cell) => {
          // The last cell may be covered in part.
          const covered = Math.min(this.width, this.at - cell * this.width)
          return covered > 0 ? sum / covered : (this.levels[index] ?? 0)
        }),
        peaks: Array.from(this.peaks[index]?.subarray(0, used) ?? [])
      }))
    }
  }

  private advance(to: number): void {
    while (to > this.width * cellCount) this.widen()
    const width = this.width
    let cell = Math.floor(this.at / width)
    for (let from = this.at; from < to; cell++) {
      const until = Math.min(to, (cell + 1) * width)
      for (let i = 0; i < this.levels.length; i++) {
        const level = this.levels[i]!
        if (level === 0) continue
        const sums = this.sums[i]!
        const peaks = this.peaks[i]!
        sums[cell] = sums[cell]! + level * (until - from)
        if (level > peaks[cell]!) peaks[cell] = level
      }
      from = until
    }
    this.at = to
  }

  private widen(): void {
    this.width *= 2
    for (let i = 0; i < this.sums.length; i++) {
      const sums = this.sums[i]!
      const peaks = this.peaks[i]!
      for (let cell = 0; cell < cellCount / 2; cell++) {
        sums[cell] = sums[2 * cell]! + sums[2 * cell + 1]!
        peaks[cell] = Math.max(peaks[2 * cell]!, peaks[2 * cell + 1]!)
      }
      sums.fill(0, cellCount / 2)
      peaks.fill(0, cellCount / 2)
    }
  }
}
