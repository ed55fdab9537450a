/** Figures over many values. Everything is exact: sorted, not sampled or binned. */

export interface Distribution {
  readonly mean: number | null
  readonly p50: number | null
  readonly p90: number | null
  readonly p95: number | null
  readonly p99: number | null
  readonly max: number | null
}

const none: Distribution = { mean: null, p50: null, p90: null, p95: null, p99: null, max: null }

/** A sum whose error does not grow with the number of values (Neumaier 1974). */
export const sumOf = (values: Iterable<number>): number => {
  let sum = 0
  let lost = 0
  for (const value of values) {
    const next = sum + value
    lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    sum = next
  }
  return sum + lost
}

/** Nearest rank: the smallest value with at least `fraction` of all values at or below it. */
export const quantileOf = (sorted: Float64Array, fraction: number): number | null =>
  sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? null

export const distributionOf = (values: Float64Array): Distribution => {
  if (values.length === 0) return none
  const sorted = values.toSorted()
  return {
    mean: sumOf(values) / values.length,
    p50: quantileOf(sorted, 0.5),
    p90: quantileOf(sorted, 0.9),
    p95: quantileOf(sorted, 0.95),
    p99: quantileOf(sorted, 0.99),
    max: quantileOf(sorted, 1)
  }
}

/**
 * Jain's index (1984): (sum x)^2 / (n * sum x^2), 1 where all are equal and 1/n
 * where one has everything. All zeros are equal.
 */
export const jainIndexOf = (values: ReadonlyArray<number>): number | null => {
  if (values.length === 0) return null
  const sum = sumOf(values)
  const squares = sumOf(values.map((value) => value * value))
  return squares === 0 ? 1 : (sum * sum) / (values.length * squares)
}
