/** What the limit algorithms share: bounds, and what may be wrong with options. */
import { isAmount } from "../ledger/Claim.ts"

export interface LimitBounds {
  /** The limit to begin with. Default 20. */
  readonly initial?: number
  /** The least. Default 1. Keep it at the largest claim or above, or that claim may wait for growth that never comes. */
  readonly min?: number
  /** The most. Default 200. */
  readonly max?: number
}

/** An option that makes no sense: the value, and what is allowed. */
export interface OptionProblem {
  readonly field: string
  readonly value: unknown
  readonly allowed: string
}

export interface Bounds {
  readonly initial: number
  readonly min: number
  readonly max: number
}

export const readBounds = (options: LimitBounds): Bounds => {
  const min = options.min ?? 1
  const max = options.max ?? Math.max(200, min)
  return { min, max, initial: options.initial ?? Math.min(max, Math.max(min, 20)) }
}

/** An option, whether it is allowed, and what is. */
export type OptionCheck = readonly [field: string, value: unknown, isAllowed: boolean, allowed: string]

/** The first thing that is wrong. */
export const problemOf = (checks: ReadonlyArray<OptionCheck>): OptionProblem | undefined => {
  const bad = checks.find(([, , isAllowed]) => !isAllowed)
  return bad === undefined ? undefined : { field: bad[0], value: bad[1], allowed: bad[3] }
}

export const boundsChecks = ({ initial, max, min }: Bounds): ReadonlyArray<OptionCheck> => [
  ["min", min, isAmount(min) && min > 0, "a whole number from 1"],
  ["max", max, isAmount(max) && max >= min, `a whole number from the minimum of ${min}`],
  ["initial", initial, isAmount(initial) && initial >= min && initial <= max, `a whole number from ${min} to ${max}`]
]

/** A share: above one number, up to another. */
export const within = (field: string, value: number, above: number, upTo: number): OptionCheck => [
  field,
  value,
  value > above && value <= upTo,
  `a number above ${above}, at most ${upTo}`
]

export const clamp = (value: number, { max, min }: Pick<Bounds, "min" | "max">): number =>
  Math.min(max, Math.max(min, value))

/** Less than half of the limit was in flight: the callers had no use for more. */
export const isAppLimited = (inFlight: number, limit: number): boolean => inFlight * 2 < limit

/** The limit after a drop: at least one less, however small it is. */
export const dropped = (estimate: number, backoff: number): number =>
  Math.min(estimate * backoff, Math.floor(estimate) - 1)

export const formatMicros = (micros: number): string =>
  micros < 1_000
    ? `${Math.round(micros)} us`
    : micros < 1e6
      ? `${round(micros / 1_000)} ms`
      : `${round(micros / 1e6)} s`

const round = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0))
