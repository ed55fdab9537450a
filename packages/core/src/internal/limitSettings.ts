/** How calls are summed up for a limit, and what is wrong with that. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { type OptionCheck, problemOf } from "./limitOptions.ts"
import { invalidCapacity } from "./refusal.ts"

export interface FeedSettings {
  /** The pool that it governs. Its bounds must hold the policy's. */
  readonly resourceType: string
  /** The fewest calls that make a sample. Default 10. */
  readonly samplesMin?: number
  /** The most that it waits for: it takes as many as were in flight. Default 1,000. */
  readonly samplesMax?: number
  /** The least time between two samples. Default 10 milliseconds. */
  readonly window?: Duration.Input
}

export const readSettings = Effect.fnUntraced(function* (
  options: FeedSettings,
  ofPolicy: ReturnType<typeof problemOf>
) {
  const samplesMin = options.samplesMin ?? 10
  const samplesMax = options.samplesMax ?? Math.max(1_000, samplesMin)
  const windowMicros = Duration.toMicros(options.window ?? "10 millis")
  const count = (field: string, value: number, from: number): OptionCheck => [
    field,
    value,
    Number.isSafeInteger(value) && value >= from,
    `a whole number from ${from}`
  ]
  const problem =
    ofPolicy ??
    problemOf([
      count("samplesMin", samplesMin, 1),
      count("samplesMax", samplesMax, samplesMin),
      ["window", options.window, windowMicros >= 0 && windowMicros < Infinity, "a finite duration, not negative"]
    ])
  if (problem !== undefined) {
    return yield* invalidCapacity(options.resourceType, problem.field, problem.value, problem.allowed)
  }
  return { samplesMin, samplesMax, windowMicros }
})
