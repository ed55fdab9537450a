/** The fields that files are made of, as Schemas over what people write (see `units.ts`). */
import * as Effect from "effect/Effect"
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import * as SchemaIssue from "effect/SchemaIssue"
import * as units from "./units.ts"

/** A getter that reads by one of the functions of `units.ts`. */
const reading = <A, E>(read: (input: E) => units.Read<A>) =>
  SchemaGetter.transformEffect<A, E>((input, options) =>
    Effect.mapError(
      Effect.fromResult(read(input)),
      (expected) => new SchemaIssue.InvalidValue({ expected }, input, options)
    )
  )

const wholeNumber = (least: number) =>
  Schema.Number.check(
    Schema.isInt({ expected: `a whole number from ${least} to ${Number.MAX_SAFE_INTEGER}` }),
    Schema.isBetween(
      { minimum: least, maximum: Number.MAX_SAFE_INTEGER },
      { expected: `a whole number from ${least} to ${Number.MAX_SAFE_INTEGER}` }
    )
  )

export const Count = wholeNumber(0)
export const Positive = wholeNumber(1)

/** Units of a resource: a number, or a size in bytes. */
export const Amount = Schema.Union([
  Count,
  Schema.String.check(Schema.isPattern(/^\s*\d+(\.\d+)? ?(B|kB|KiB|MB|MiB|GB|GiB|TB|TiB|PB|PiB)?\s*$/u))
])
  .annotate({
    expected: units.amountAllowed,
    description: 'Units of a resource: a whole number, or a size in bytes such as "4GiB".'
  })
  .pipe(
    Schema.decodeTo(Schema.Number, {
      decode: reading(units.readAmount),
      encode: SchemaGetter.passthroughSupertype()
    })
  )

/** Decoded as a `Duration`. */
export const TimeSpan = Schema.String.check(
  Schema.isPattern(/^\s*(\d+(\.\d+)? ?[a-z]+ ?)+\s*$/u, { expected: units.durationAllowed })
)
  .annotate({
    expected: units.durationAllowed,
    description: 'A duration such as "10s", "5 minutes" or "1h 30m".'
  })
  .pipe(
    Schema.decodeTo(Schema.Duration, {
      decode: reading(units.readDuration),
      encode: SchemaGetter.transform((duration: Duration.Duration) => `${Duration.toMillis(duration)}ms`)
    })
  )

const RateText = Schema.String.check(
  Schema.isPattern(/^\s*\d+ ?\/ ?\d*(\.\d+)? ?[a-z]+( ?: ?\d+)?\s*$/u, { expected: units.rateAllowed })
).annotate({ expected: units.rateAllowed })

const RateFields = Schema.Struct({
  limit: Positive.annotate({ description: "Tokens that accrue in one interval." }),
  interval: Schema.optionalKey(TimeSpan).annotate({ description: "Default one second." }),
  burst: Schema.optionalKey(Amount).annotate({
    description: "The most tokens that can be saved up. The pool's capacity unless given."
  }),
  per: Schema.optionalKey(Schema.Literals(["unit", "request"])).annotate({
    description: 'What a token pays for: one "unit" of the amount (default), or one "request" of any amount.'
  })
})

const rateOf = (written: string): units.Read<units.Rate> => units.readRate(written)

/** A rate as text, or field by field. Decoded as the fields. */
export const Rate = Schema.Union([
  RateText.pipe(
    Schema.decodeTo(Schema.toType(RateFields), {
      decode: reading((text: string) => rateOf(text)),
      encode: SchemaGetter.transform(
        (rate) => `${rate.limit}/${Duration.toMillis(rate.interval ?? Duration.seconds(1))}ms`
      )
    })
  ),
  RateFields
]).annotate({
  expected: `${units.rateAllowed}, or its fields: limit, interval, burst, per`
})

/** What pools count. Not longer, and nothing that a terminal or a metric could trip over. */
export const ResourceName = Schema.String.check(
  Schema.isPattern(/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/u, {
    expected: 'a name of 1 to 64 letters, digits, "_", "." and "-" that begins with a letter'
  })
)

/** Who is charged. As in the core, without control characters. */
export const AgentName = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}]{1,256}$/u, { expected: "a name of 1 to 256 characters" })
)
