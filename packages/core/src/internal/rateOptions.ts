/** What a rate that adapts is given, checked: the same whoever feeds it. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type RateConfig, readRate } from "../PoolConfig.ts"
import type { Policy } from "../RatePolicy.ts"
import { invalidRate } from "./refusal.ts"

export interface RateOptions {
  readonly resourceType: string
  /** The rate without overload, which is never exceeded. */
  readonly rate: RateConfig
  /** The longest that the backend is left alone for. Default 1 day. */
  readonly retryAfterMax?: Duration.Input
}

export const readRateOptions = Effect.fnUntraced(function* (options: RateOptions, problem: Policy["problem"]) {
  const { resourceType } = options
  if (problem !== undefined) return yield* invalidRate(resourceType, problem.field, problem.value, problem.allowed)
  const configured = yield* readRate(resourceType, options.rate)
  const retryAfterMaxMicros = Duration.toMicros(options.retryAfterMax ?? "1 day")
  if (!(retryAfterMaxMicros > 0) || retryAfterMaxMicros > Number.MAX_SAFE_INTEGER / 4) {
    return yield* invalidRate(resourceType, "retryAfterMax", options.retryAfterMax, "a duration above zero")
  }
  return { configured, retryAfterMaxMicros }
})
