/** What groups are limited by, as journals and snapshots keep it. */
import * as Schema from "effect/Schema"

const Whole = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

export const OnQuotaField = Schema.Literals(["fail", "wait"])

export const GroupLimitsFields = Schema.Struct({
  nominal: Schema.optionalKey(Whole),
  borrowingLimit: Schema.optionalKey(Whole),
  lendingLimit: Schema.optionalKey(Whole),
  max: Schema.optionalKey(Whole),
  leases: Schema.optionalKey(Whole),
  rate: Schema.optionalKey(
    Schema.Struct({
      limit: Whole,
      intervalMicros: Whole,
      burst: Schema.optionalKey(Whole),
      per: Schema.Literals(["unit", "request"])
    })
  )
})
