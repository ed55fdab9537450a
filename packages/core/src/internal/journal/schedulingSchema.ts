/** What a claim says of itself for the policies, as a journal keeps it. */
import * as Schema from "effect/Schema"
import { OnQuotaField } from "./quotaSchema.ts"

export const SchedulingFields = Schema.Struct({
  priority: Schema.optionalKey(Schema.Int),
  expected: Schema.Finite,
  preemptible: Schema.Boolean,
  onQuota: Schema.optionalKey(OnQuotaField)
})
