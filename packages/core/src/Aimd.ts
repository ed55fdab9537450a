/**
 * Additive increase, multiplicative decrease: one more after every round trip that
 * went well, a tenth less after one with a drop (Chiu and Jain 1989, "Analysis of the
 * increase and decrease algorithms for congestion avoidance in computer networks").
 *
 * It looks at drops alone, so it finds the point at which the backend refuses or
 * times out, and swings between there and nine tenths of it. Where clients share a
 * backend, their limits become equal.
 */
import * as Duration from "effect/Duration"
import {
  type Bounds,
  boundsChecks,
  clamp,
  formatMicros,
  isAppLimited,
  type LimitBounds,
  problemOf,
  readBounds,
  within
} from "./internal/limitOptions.ts"
import type { LimitAlgorithm, LimitState } from "./LimitPolicy.ts"

export interface AimdOptions extends LimitBounds {
  /** What a round trip without a drop adds. Default 1. */
  readonly increase?: number
  /** What a drop multiplies the limit by. Default 0.9. */
  readonly backoff?: number
  /** A latency above this is a drop. None unless given. */
  readonly timeout?: Duration.Input
}

export interface AimdState extends LimitState {
  readonly move: "begin" | "grow" | "idle" | "drop" | "slow"
  readonly rttMicros: number
}

export const make = (options: AimdOptions = {}): LimitAlgorithm<AimdState> => {
  const bounds = readBounds(options)
  const increase = options.increase ?? 1
  const backoff = options.backoff ?? 0.9
  const timeoutMicros = Duration.toMicros(options.timeout ?? "Infinity")
  return {
    name: "aimd",
    min: bounds.min,
    max: bounds.max,
    comparesLatency: false,
    problem: problemOf([
      ...boundsChecks(bounds),
      ["increase", increase, Number.isSafeInteger(increase) && increase > 0, "a whole number from 1"],
      within("backoff", backoff, 0, 0.999),
      ["timeout", options.timeout, timeoutMicros > 0, "a duration above zero"]
    ]),
    begin: () => ({ limit: bounds.initial, move: "begin", rttMicros: 0 }),
    update: ({ limit }, { didDrop, inFlight, rttMicros }) => {
      const slow = rttMicros > timeoutMicros
      if (didDrop || slow) {
        return { limit: clamp(Math.floor(limit * backoff), bounds), move: didDrop ? "drop" : "slow", rttMicros }
      }
      if (isAppLimited(inFlight, limit)) return { limit, move: "idle", rttMicros }
      return { limit: clamp(limit + increase, bounds), move: "grow", rttMicros }
    },
    explain: (state) => `aimd: ${explain(state, bounds)}`
  }
}

const explain = ({ limit, move, rttMicros }: AimdState, { max, min }: Bounds): string => {
  switch (move) {
    case "begin":
      return `begins at ${limit}`
    case "grow":
      return limit === max ? `at its maximum of ${max}` : `grows to ${limit}, calls go well`
    case "idle":
      return `stays at ${limit}, less than half was in use`
    case "drop":
      return `falls to ${limit}, a call was dropped${limit === min ? " (its minimum)" : ""}`
    case "slow":
      return `falls to ${limit}, calls took ${formatMicros(rttMicros)}${limit === min ? " (its minimum)" : ""}`
  }
}
