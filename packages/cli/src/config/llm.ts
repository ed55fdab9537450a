/** The limits of language models, as settings say them: each by its name, as its provider states them. */
import * as Schema from "effect/Schema"
import { optional } from "./adaptive.ts"
import { RateFields } from "./adaptiveRate.ts"
import { AgentName, Positive } from "./fields.ts"

const nameAllowed = 'a name of 1 to 40 letters, digits, "_" and "-" that begins with a letter'

/** Its pools are called `NAME.requests` and so on. */
const LimitName = Schema.String.check(Schema.isPattern(/^[A-Za-z][A-Za-z0-9_-]{0,39}$/u, { expected: nameAllowed }))

const dollarsAllowed = "an amount of dollars from 0 to 1,000,000,000"

const Dollars = Schema.Finite.check(
  Schema.isBetween({ minimum: 0, maximum: 1_000_000_000 }, { expected: dollarsAllowed })
)

const Concurrent = Schema.Union([
  Positive,
  Schema.Struct({
    initial: optional(Positive, "Where it begins. Default 20, within the bounds."),
    min: optional(Positive, "The least. Default 1."),
    max: Positive.annotate({ description: "The most." })
  })
]).annotate({ expected: "a whole number from 1, or { initial, min, max } to learn it" })

const Budget = Schema.Struct({
  total: optional(Dollars, "Of all agents together."),
  perAgent: optional(Dollars, "Of each agent."),
  agents: optional(Schema.Record(AgentName, Dollars), "Of these agents instead: agent to dollars.")
}).annotate({ expected: "the fields total, perAgent, agents" })

export const LlmLimit = Schema.Struct({
  requestsPerMinute: Positive.annotate({ description: "Requests a minute; less for a while after an overload." }),
  inputTokensPerMinute: optional(Positive, "Tokens of prompts a minute. Unlimited unless given."),
  outputTokensPerMinute: optional(Positive, "Tokens of answers a minute. Unlimited unless given."),
  concurrent: optional(Concurrent, "Calls at once: so many, or learnt from overloads. Unlimited unless given."),
  price: optional(
    Schema.Struct({
      input: Dollars.annotate({ description: "Of prompts." }),
      output: Dollars.annotate({ description: "Of answers." })
    }).annotate({ expected: "{ input: DOLLARS, output: DOLLARS }" }),
    "Dollars for a million tokens. Needed for a budget."
  ),
  budget: optional(Budget, "Dollars a day (UTC). Unlimited unless given."),
  agentsMax: optional(Positive, "The most agents with a budget of their own. Default 10,000."),
  adaptiveRate: optional(RateFields, "How the requests a minute back off and recover."),
  failed: optional(
    Schema.Literals(["refund", "keep"]),
    "What a call took whose command failed without a word: nothing but the request (refund, default), or what was estimated."
  )
}).annotate({
  expected:
    "the fields requestsPerMinute, inputTokensPerMinute, outputTokensPerMinute, concurrent, price, budget, agentsMax, adaptiveRate, failed"
})
export type LlmLimit = typeof LlmLimit.Type

export const LlmLimits = Schema.Record(LimitName, LlmLimit)
