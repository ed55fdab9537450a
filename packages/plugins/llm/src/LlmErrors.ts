/** What a provider's plugin says no with, beside the manager's own errors. */
import * as Schema from "effect/Schema"

/** The call might cost more than is left of today's budget. Nothing was taken. */
export class BudgetExceeded extends Schema.TaggedError<BudgetExceeded>()("BudgetExceeded", {
  message: Schema.String,
  provider: Schema.String,
  agent: Schema.String,
  /** Whose budget it is: the agent's own, or that of all agents together. */
  scope: Schema.Literals(["agent", "total"]),
  /** Millionths of a dollar. */
  requestedMicros: Schema.Number,
  leftMicros: Schema.Number,
  budgetMicros: Schema.Number,
  resetsInMillis: Schema.Number
}) {}

/** An option that makes no sense. */
export class InvalidLlmOption extends Schema.TaggedError<InvalidLlmOption>()("InvalidLlmOption", {
  message: Schema.String,
  provider: Schema.String,
  field: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}
