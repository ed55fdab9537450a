/**
 * An exponential average that begins as a plain one: with the weight of one sample
 * in a long window, it would take most of the window to leave its first value.
 */
export interface LongAverage {
  readonly value: number
  /** Samples of the beginning: at most as many as the warm-up takes. */
  readonly count: number
  readonly sum: number
}

export interface LongAverageOptions {
  /** Samples that the average runs over. */
  readonly window: number
  /** Samples whose plain average is the first value. */
  readonly warmup: number
}

export const empty: LongAverage = { value: 0, count: 0, sum: 0 }

export const add = (average: LongAverage, sample: number, { warmup, window }: LongAverageOptions): LongAverage => {
  if (average.count < warmup) {
    const count = average.count + 1
    const sum = average.sum + sample
    return { value: sum / count, count, sum }
  }
  const weight = 2 / (window + 1)
  return { ...average, value: average.value * (1 - weight) + sample * weight }
}

/** Sets the value, and what follows goes on from there. */
export const set = (average: LongAverage, value: number): LongAverage => ({
  value,
  count: average.count,
  sum: value * average.count
})
