/** What a claim says of itself for the policies, as a journal keeps it. */
import * as Schema from "effect/Schema"
import { NoticeCause } from "../../Statistics.ts"
import { OnQuotaField } from "./quotaSchema.ts"

export const SchedulingFields = Schema.Struct({
  priority: Schema.optionalKey(Schema.Int),
  expected: Schema.Finite,
  preemptible: Schema.Boolean,
  lingers: Schema.optionalKey(Schema.Literal(true)),
  onQuota: Schema.optionalKey(OnQuotaField),
  maximum: Schema.optionalKey(Schema.Record(Schema.String, Schema.Int))
})

/** What a lease was told that has to end. */
export const NoticeFields = Schema.Struct({
  by: Schema.Int,
  cause: NoticeCause,
  reservation: Schema.optionalKey(Schema.Int),
  deadline: Schema.Finite,
  forcedAt: Schema.Finite,
  ending: Schema.optionalKey(Schema.Literal(true))
})
