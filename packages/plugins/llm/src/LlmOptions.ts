/** What a provider allows, as its documentation says it, and what is wrong with it. */
import type { Claim, WaitOptions } from "@resource-manager/core/Claim"
import type * as Cause from "effect/Cause"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { InvalidLlmOption } from "./LlmErrors.ts"
import { microsPerDollar, type Price, type Usage } from "./Usage.ts"

/** Who registers the pools. */
export const owner = "@resource-manager/plugin-llm"

/** The limits of a provider. */
export interface LlmLimits {
  /** The provider, or the model where its limits are its own: its pools are called `NAME.requests` and so on. */
  readonly name: string
  readonly requestsPerMinute: number
  /** Unlimited unless given. A call must fit: its estimate is at most this. */
  readonly inputTokensPerMinute?: number
  readonly outputTokensPerMinute?: number
  /** Calls at once: so many, or learnt between bounds from refusals and time-outs. Unlimited unless given. */
  readonly concurrent?: number | { readonly initial?: number; readonly min?: number; readonly max: number }
  /** Dollars for a million tokens. Needed for a budget. */
  readonly price?: Price
  /** Dollars a day (UTC). */
  readonly budget?: {
    /** Of all agents together. */
    readonly total?: number
    /** Of each agent. */
    readonly perAgent?: number
    /** Of these agents instead. */
    readonly agents?: Readonly<Record<string, number>>
  }
  /** The most agents that may have a budget of their own. Default 10,000. */
  readonly agentsMax?: number
}

/** The same for calls that this program makes. */
export interface LlmOptions extends LlmLimits {
  /** Whether a failure of a call is the provider's "too many requests": 429, 529, 503. */
  readonly isOverload: (error: unknown) => boolean
  /** How long the provider asks to be left alone: the `Retry-After` header as it came, a date or a duration. */
  readonly retryAfter?: (error: unknown) => string | Date | Duration.Duration | undefined
}

/** What a call will take at most, as far as its caller knows. */
export interface Estimate {
  /** Tokens of the prompt. */
  readonly input: number
  /** The most tokens of the answer: what was asked for as `max_tokens`. */
  readonly output: number
}

export interface CallOptions<A, E> extends WaitOptions {
  /** What the call really took, as its answer says. */
  readonly usage: (answer: A) => Usage
  /**
   * What a call that failed took. Unless given, a typed failure took nothing, and an
   * interruption or a defect what was estimated: nobody knows how far it came.
   */
  readonly failed?: (cause: Cause.Cause<E>) => Usage | "estimate"
}

/** The types of a provider's pools. */
export interface Types {
  readonly requests: string
  readonly input: string
  readonly output: string
  readonly calls: string
  readonly spend: string
  readonly spendOf: (agent: string) => string
}

export const typesOf = (name: string): Types => ({
  requests: `${name}.requests`,
  input: `${name}.inputTokens`,
  output: `${name}.outputTokens`,
  calls: `${name}.calls`,
  spend: `${name}.spend`,
  spendOf: (agent) => `${name}.spend of ${agent}`
})

/** A day's budget of an agent in millionths of a dollar; `undefined` is without limit. */
export const budgetMicrosOf = ({ budget }: LlmLimits, agent: string): number | undefined => {
  const agents = budget?.agents ?? {}
  // By its own key: an agent may be called `constructor`.
  const dollars = Object.hasOwn(agents, agent) ? agents[agent] : budget?.perAgent
  return dollars === undefined ? undefined : Math.round(dollars * microsPerDollar)
}

/** A claim of the amounts that are limited. Tokens are at least one: a type that is not claimed cannot be settled. */
export const amountsOf = (types: Types, options: LlmLimits, { input, output }: Estimate): Claim => ({
  [types.requests]: 1,
  ...(options.inputTokensPerMinute === undefined ? {} : { [types.input]: input === 0 ? 1 : input }),
  ...(options.outputTokensPerMinute === undefined ? {} : { [types.output]: output === 0 ? 1 : output }),
  ...(options.concurrent === undefined ? {} : { [types.calls]: 1 })
})

/** What a call took, as its lease is settled with: of the types that it claimed. */
export const tokensOf = (types: Types, { input, output }: Usage, claim: Claim): Claim =>
  Object.fromEntries(
    [[types.input, input] as const, [types.output, output] as const].filter(([type]) => claim[type] !== undefined)
  )

const count = "a whole number from 1"
const money = "an amount of dollars from 0 to 1,000,000,000"

const isCount = (value: number) => Number.isSafeInteger(value) && value > 0
const isMoney = (value: number) => value >= 0 && value <= 1e9

/** Checks the options; the amounts of pools and policies are checked where those are made. */
export const check = (options: LlmLimits): Effect.Effect<void, InvalidLlmOption> => {
  const { agentsMax, budget, inputTokensPerMinute, name, outputTokensPerMinute, price, requestsPerMinute } = options
  const checks: ReadonlyArray<readonly [field: string, value: unknown, isAllowed: boolean, allowed: string]> = [
    ["name", name, typeof name === "string" && name.length > 0, "a string that is not empty"],
    ["requestsPerMinute", requestsPerMinute, isCount(requestsPerMinute), count],
    ["inputTokensPerMinute", inputTokensPerMinute, isCount(inputTokensPerMinute ?? 1), count],
    ["outputTokensPerMinute", outputTokensPerMinute, isCount(outputTokensPerMinute ?? 1), count],
    ["agentsMax", agentsMax, isCount(agentsMax ?? 1), count],
    ["price.input", price?.input, isMoney(price?.input ?? 0), money],
    ["price.output", price?.output, isMoney(price?.output ?? 0), money],
    ["price", price, budget === undefined || price !== undefined, "a price, as there is a budget"],
    ["budget.total", budget?.total, isMoney(budget?.total ?? 0), money],
    ["budget.perAgent", budget?.perAgent, isMoney(budget?.perAgent ?? 0), money],
    ...Object.entries(budget?.agents ?? {}).map(
      ([agent, value]) => [`budget.agents.${agent}`, value, isMoney(value), money] as const
    )
  ]
  const bad = checks.find(([, , isAllowed]) => !isAllowed)
  if (bad === undefined) return Effect.void
  const [field, value, , allowed] = bad
  return Effect.fail(
    new InvalidLlmOption({
      message: `${String(name)}: ${field} is ${String(value)}; allowed: ${allowed}`,
      provider: String(name),
      field,
      value: typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
      allowed
    })
  )
}
