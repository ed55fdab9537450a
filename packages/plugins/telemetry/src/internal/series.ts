/** What is told of one instant: each metric's series with their values. */
import type { AttributeName, Metric } from "../Metrics.ts"

export type Attributes = { readonly [Name in AttributeName]?: string }

/** A distribution of durations in seconds, as cumulative counts. */
export interface Durations {
  readonly count: number
  readonly sum: number
  /** Upper bounds, and how many durations are at most each. */
  readonly buckets: ReadonlyArray<readonly [bound: number, count: number]>
}

export interface Series {
  readonly metric: Metric
  readonly attributes: Attributes
  readonly value: number | Durations
}
