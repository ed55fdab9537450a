/** Rates that adapt, as settings say them: how far they back off and how they recover, and which exit codes are overload. */
import * as Schema from "effect/Schema"
import { Above0To1, Below1, Drop, optional } from "./adaptive.ts"
import { TimeSpan } from "./fields.ts"

/** What an exit code is unless `drop` says otherwise: `EX_TEMPFAIL`. A command that took too long is not refused. */
export const overloadDefault: ReadonlyArray<number> = [75]

export const RateFields = Schema.Struct({
  backoff: optional(Below1, "What an overload multiplies the rate by. Default 0.5."),
  cooldown: optional(TimeSpan, "How long no further overload lowers it again. Default 1 second."),
  step: optional(Above0To1, "The part of the configured rate that a step of recovery adds. Default 0.05."),
  every: optional(TimeSpan, "How long a step of recovery takes, while calls go well. Default 1 second."),
  min: optional(Above0To1, "The least part of the configured rate. Default 0.01."),
  retryAfterMax: optional(TimeSpan, "The longest that a backend is left alone for, whatever it asks. Default 1 day."),
  drop: optional(Drop, "Exit codes of commands that say that they were refused as too many. Default [75].")
}).annotate({ expected: "true, or the fields backoff, cooldown, step, every, min, retryAfterMax, drop" })

/** The options of a rate that adapts; `true`: those that are built in. */
export const AdaptiveRate = Schema.Union([Schema.Literal(true), RateFields]).annotate({
  expected: "true, or the fields backoff, cooldown, step, every, min, retryAfterMax, drop"
})
export type AdaptiveRate = typeof AdaptiveRate.Type
export type AdaptiveRateOptions = typeof RateFields.Type

export const rateOptionsOf = (adaptive: AdaptiveRate | undefined): AdaptiveRateOptions =>
  adaptive === undefined || adaptive === true ? {} : adaptive
