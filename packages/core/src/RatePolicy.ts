/**
 * What share of its configured rate a pool runs at, learnt from overload: a service
 * whose methods are plain synchronous functions.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Layer from "effect/Layer"
import { type OptionProblem, problemOf, within } from "./internal/limitOptions.ts"

export interface Policy {
  readonly name: string
  /** The share after an overload, this long after it fell last. Of calls that were on their way together, one is told. */
  readonly backOff: (share: number, sinceBackOffMicros: number) => number
  /** The share after a call that went well, this long after the share changed last. */
  readonly recover: (share: number, sinceChangeMicros: number) => number
  /** What is wrong with its options. */
  readonly problem?: OptionProblem | undefined
}

export interface MultiplicativeOptions {
  /** What an overload multiplies the rate by. Default 0.5. */
  readonly backoff?: number
  /** How long one overload is taken for the same as the last: a backend that counts by the second refuses for the rest of it. Default 1 second. */
  readonly cooldown?: Duration.Input
  /** The share of the configured rate that comes back in each `every`. Default 0.05. */
  readonly step?: number
  /** Default 1 second. */
  readonly every?: Duration.Input
  /** The least share. Default 0.01. */
  readonly min?: number
}

/** Backs off by a factor, and recovers by steps: additive increase, multiplicative decrease. */
export const multiplicative = (options: MultiplicativeOptions = {}): Policy => {
  const backoff = options.backoff ?? 0.5
  const step = options.step ?? 0.05
  const min = options.min ?? 0.01
  const cooldownMicros = Duration.toMicros(options.cooldown ?? "1 second")
  const everyMicros = Duration.toMicros(options.every ?? "1 second")
  return {
    name: "multiplicative",
    problem: problemOf([
      within("backoff", backoff, 0, 0.999),
      [
        "cooldown",
        options.cooldown,
        cooldownMicros >= 0 && cooldownMicros < Infinity,
        "a finite duration, not negative"
      ],
      within("step", step, 0, 1),
      within("min", min, 0, 1),
      ["every", options.every, everyMicros > 0 && everyMicros < Infinity, "a finite duration above zero"]
    ]),
    backOff: (share, sinceBackOffMicros) =>
      sinceBackOffMicros < cooldownMicros ? share : Math.max(min, share * backoff),
    recover: (share, sinceChangeMicros) => share + step * Math.floor(sinceChangeMicros / everyMicros)
  }
}

/** The policy of rates built below. `multiplicative()` unless provided. */
export const RatePolicy = Context.Reference<Policy>("@resource-manager/core/RatePolicy", {
  defaultValue: () => multiplicative()
})

export const layer = (policy: Policy): Layer.Layer<never> => Layer.succeed(RatePolicy, policy)
