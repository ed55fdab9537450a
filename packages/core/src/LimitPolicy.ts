/**
 * How many calls may be in flight at once, learnt from how they went: a service
 * whose methods are plain synchronous functions.
 *
 * An algorithm is a pure function `(state, sample) -> state`. Every one of them keeps
 * these rules, whatever it is fed:
 * 1. The limit is a whole number from `min` to `max`.
 * 2. A sample with a drop never grows the limit, and lowers it unless it is at `min`:
 *    calls that all time out after the same time look like a steady latency, and are
 *    none. Nor does it say anything about the base latency.
 * 3. Where less than half of the limit was in flight, the limit does not grow: nothing
 *    was learnt about more of it.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Gradient2 from "./Gradient2.ts"
import type { OptionProblem } from "./internal/limitOptions.ts"

/** How calls went: one of them, or a round trip of them summed up. */
export interface LimitSample {
  /** How long they took, in microseconds. */
  readonly rttMicros: number
  /** Its standard error, where it is a mean: what differs by less is noise. Default 0. */
  readonly errorMicros?: number | undefined
  /** The most units in flight. */
  readonly inFlight: number
  /** Whether one was dropped: rejected for overload, or timed out. */
  readonly didDrop: boolean
}

export interface LimitState {
  /** The units that may be in flight. */
  readonly limit: number
}

export interface LimitAlgorithm<S extends LimitState> {
  readonly name: string
  readonly min: number
  readonly max: number
  /** The first state. The seed spreads what many clients would otherwise do at the same time. */
  readonly begin: (seed: number) => S
  readonly update: (state: S, sample: LimitSample) => S
  /** Why the limit is what it is, as a line for people. */
  readonly explain: (state: S) => string
  /** Whether it compares latencies, which a change of the limit takes a round trip to show in. Default true. */
  readonly comparesLatency?: boolean
  /** What is wrong with its options. */
  readonly problem?: OptionProblem | undefined
}

/** An algorithm at work: its state is its own. */
export interface Governor {
  readonly state: LimitState
  readonly update: (sample: LimitSample) => void
  readonly explain: () => string
}

export interface Policy {
  readonly name: string
  readonly min: number
  readonly max: number
  readonly comparesLatency: boolean
  readonly problem: OptionProblem | undefined
  readonly begin: (seed: number) => Governor
}

/** An algorithm as a policy. */
export const fromAlgorithm = <S extends LimitState>(algorithm: LimitAlgorithm<S>): Policy => ({
  name: algorithm.name,
  min: algorithm.min,
  max: algorithm.max,
  comparesLatency: algorithm.comparesLatency ?? true,
  problem: algorithm.problem,
  begin: (seed) => {
    let state = algorithm.begin(seed)
    return {
      get state() {
        return state
      },
      update: (sample) => {
        state = algorithm.update(state, sample)
      },
      explain: () => algorithm.explain(state)
    }
  }
})

/** The policy of limits built below. `Gradient2` unless provided. */
export const LimitPolicy = Context.Reference<Policy>("@resource-manager/core/LimitPolicy", {
  defaultValue: () => fromAlgorithm(Gradient2.make())
})

/** Limits built below follow an algorithm: `Aimd`, `Vegas`, `Gradient2` or one of your own. */
export const layer = <S extends LimitState>(algorithm: LimitAlgorithm<S>): Layer.Layer<never> =>
  Layer.succeed(LimitPolicy, fromAlgorithm(algorithm))
