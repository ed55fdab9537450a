/** Limits that adapt, as settings say them: the algorithm with its options, and which exit codes are drops. */
import * as Schema from "effect/Schema"
import { Positive, TimeSpan } from "./fields.ts"

export const optional = <S extends Schema.Top>(field: S, description: string) =>
  Schema.optionalKey(field.pipe(Schema.annotateEncoded({ description })))

export const Above0To1 = Schema.Finite.check(
  Schema.isGreaterThan(0, { expected: "a number over 0 up to 1" }),
  Schema.isLessThanOrEqualTo(1, { expected: "a number over 0 up to 1" })
)

export const Below1 = Schema.Finite.check(
  Schema.isGreaterThan(0, { expected: "a number over 0 and below 1" }),
  Schema.isLessThan(1, { expected: "a number over 0 and below 1" })
)

const From1 = Schema.Finite.check(Schema.isGreaterThanOrEqualTo(1, { expected: "a number from 1" }))

const exitCodeAllowed = "an exit code from 1 to 255"

export const Drop = Schema.Array(
  Schema.Number.check(
    Schema.isInt({ expected: exitCodeAllowed }),
    Schema.isBetween({ minimum: 1, maximum: 255 }, { expected: exitCodeAllowed })
  )
)

/** What an exit code is unless `drop` says otherwise: `EX_TEMPFAIL`, and what `timeout` ends with. */
export const dropDefault: ReadonlyArray<number> = [75, 124]

const dropSays =
  "Exit codes of commands that say that there is too much. Default [75, 124]. 0 is a sample; others say nothing."

const shared = {
  backoff: optional(Below1, "What a drop multiplies the limit by. Default 0.9."),
  drop: optional(Drop, dropSays),
  samplesMin: optional(Positive, "The fewest leases that make a sample. Default 10."),
  samplesMax: optional(Positive, "The most. Default 1,000."),
  window: optional(TimeSpan, "The least time between two samples. Default 10 ms.")
}

const probes = {
  probeEvery: optional(Positive, "Round trips between two probes of the base latency."),
  probeAt: optional(Above0To1, "The part of the limit that a probe runs at. Default 0.5."),
  smoothing: optional(Above0To1, "The part of the way to a new limit that is gone.")
}

const queue = "Leases that wait at the backend"

const Aimd = Schema.Struct({
  limit: Schema.Literal("aimd").annotate({ description: "By drops alone." }),
  increase: optional(Positive, "What a round trip without a drop adds. Default 1."),
  timeout: optional(TimeSpan, "A lease that was held for longer is a drop. None unless given."),
  ...shared
})

const Vegas = Schema.Struct({
  limit: Schema.Literal("vegas").annotate({ description: "By how long leases are held, against the least." }),
  alpha: optional(Positive, `${queue}: fewer let the limit grow.`),
  beta: optional(Positive, `${queue}: more make it fall.`),
  threshold: optional(Positive, `${queue}: up to so many are almost none.`),
  ...probes,
  ...shared
})

const Gradient2 = Schema.Struct({
  limit: Schema.Literal("gradient2").annotate({ description: "By how long leases are held, against the average." }),
  tolerance: optional(From1, "How much longer than for a long time they may be held before it falls. Default 1."),
  queueSize: optional(Positive, "How many may queue. Default half of the square root of the limit."),
  longWindow: optional(Positive, "Samples of the long average. Default 600."),
  ...probes,
  ...shared
})

export const algorithms = ["aimd", "vegas", "gradient2"] as const

export const Adaptive = Schema.Union([Schema.Literals(algorithms), Aimd, Vegas, Gradient2]).annotate({
  expected: "aimd, vegas, gradient2, or { limit: one of these, with its options }"
})
export type Adaptive = typeof Adaptive.Type

/** The same with the algorithm always as a field. */
export type AdaptiveOptions = Exclude<Adaptive, string>

export const optionsOf = (adaptive: Adaptive): AdaptiveOptions =>
  typeof adaptive === "string" ? { limit: adaptive } : adaptive
