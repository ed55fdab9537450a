/**
 * The limits of `Llm` for leases whose calls are made elsewhere, by clients of a home of
 * the manager (a daemon): what a call claims, what it is settled with, and what becomes of
 * one that says nothing.
 *
 * - `claimOf` is what a call has to claim: one atomic claim that passes all limits or none.
 * - `settle` says what the call took, while its lease is held; it may be said again as more
 *   becomes known. What a lease holds of a budget is given back when it is charged.
 * - `overload` is the provider's "too many requests": the rate backs off, and the call is a
 *   drop where calls at once are learnt.
 * - `ended` is for whoever knows how a call ended before its lease comes back: one that was
 *   not settled and failed took nothing, or all that was estimated, as `failed` says.
 * - A lease that comes back without a word took what was estimated. It is charged a moment
 *   after it came back: until then the money is anybody's.
 */
import * as AdaptiveLeases from "@resource-manager/core/AdaptiveLeases"
import * as AdaptiveRateLeases from "@resource-manager/core/AdaptiveRateLeases"
import type { Claim } from "@resource-manager/core/Claim"
import * as Errors from "@resource-manager/core/Errors"
import { follow } from "@resource-manager/core/LeaseLives"
import { LeaseTable } from "@resource-manager/core/LeaseTable"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { learnt, viewOf } from "./internal/calls.ts"
import { Charges } from "./internal/Charges.ts"
import { perMinute, registerPools } from "./internal/pools.ts"
import { makePurses } from "./internal/purses.ts"
import type { LlmError, LlmView } from "./Llm.ts"
import type { BudgetExceeded } from "./LlmErrors.ts"
import { amountsOf, check, type Estimate, type LlmLimits, tokensOf, typesOf } from "./LlmOptions.ts"
import { costMicros, isUsage, nothing, type Usage } from "./Usage.ts"

export interface LlmLeasesOptions extends LlmLimits {
  /** What a lease that its holder gave back came to, where somebody knows. Served unless told. */
  readonly outcomeOf?: (lease: number) => AdaptiveLeases.LeaseOutcome | undefined
  /** The longest that the provider is left alone for, whatever it asks. Default 1 day. */
  readonly retryAfterMax?: Duration.Input
  /** What a call took that failed and was not settled. Default `refund`: nothing but the request. */
  readonly failed?: "refund" | "keep"
}

/** What a lease was settled with. */
export interface Settled {
  /** Tokens, by pool: of those that are limited. */
  readonly tokens: Claim
  /** Millionths of a dollar. `undefined` where there is no price, or a former home charged it. */
  readonly costMicros: number | undefined
}

export interface LlmLeases {
  readonly name: string
  /** The pools that every call claims, but for budgets. The first is that of requests, whose rate adapts. */
  readonly pools: ReadonlyArray<string>
  /** The claim of a call, and the pools of it that are budgets. */
  readonly claimOf: (
    agent: string,
    estimate: Estimate
  ) => Effect.Effect<
    { readonly claim: Claim; readonly budgets: ReadonlyArray<string> },
    BudgetExceeded | Errors.InvalidClaim
  >
  /** What the call of a held lease took. */
  readonly settle: (lease: number, usage: Usage) => Effect.Effect<Settled, Errors.InvalidClaim | Errors.LeaseRevoked>
  /** The provider said "too many requests". */
  readonly overload: (overload: AdaptiveRateLeases.Overload) => Effect.Effect<void>
  /** The call of a held lease is over. Nothing where it was settled. */
  readonly ended: (lease: number, how: "served" | "failed" | "unknown") => Effect.Effect<void>
  readonly view: Effect.Effect<LlmView>
}

/** One of several providers, until the scope closes. */
export const make: (
  options: LlmLeasesOptions
) => Effect.Effect<LlmLeases, LlmError, ResourceManager | LeaseTable | Scope.Scope> = Effect.fnUntraced(
  function* (options) {
    yield* check(options)
    const manager = yield* ResourceManager
    const table = yield* LeaseTable
    const types = typesOf(options.name)
    yield* registerPools(manager, types, options)
    const outcomeOf = options.outcomeOf === undefined ? {} : { outcomeOf: options.outcomeOf }
    const rate = yield* AdaptiveRateLeases.make({
      resourceType: types.requests,
      rate: perMinute(options.requestsPerMinute, "request"),
      ...outcomeOf,
      ...(options.retryAfterMax === undefined ? {} : { retryAfterMax: options.retryAfterMax })
    })
    const limit = yield* learnt(options, AdaptiveLeases.make({ resourceType: types.calls, ...outcomeOf }))
    const purses = yield* makePurses(manager, types, options)
    const charges = new Charges(table, purses, types)
    yield* follow(charges)
    const { price } = options
    const priceOf = (usage: Usage) => (price === undefined ? 0 : costMicros(price, usage))

    const claimOf: LlmLeases["claimOf"] = Effect.fnUntraced(function* (agent, estimate) {
      const most = priceOf(estimate)
      yield* checkUsage(estimate, most)
      const own = yield* purses.of(agent)
      const short = yield* purses.shortOf(own, agent, most)
      if (short !== undefined) return yield* short
      const budgets = own.map(({ type }) => type)
      const money = Object.fromEntries(budgets.map((type) => [type, most]))
      return { claim: { ...amountsOf(types, options, estimate), ...money }, budgets }
    })

    const settle: LlmLeases["settle"] = Effect.fnUntraced(function* (lease, usage) {
      const cost = priceOf(usage)
      yield* checkUsage(usage, cost)
      const { claim } = table.ticket(lease) ?? {}
      if (claim !== undefined && claim[types.requests] === undefined) return yield* noCall(lease, options.name)
      const tokens = tokensOf(types, usage, claim ?? {})
      // What is refused costs nothing. Settling waits for nothing, so both are in one batch of a journal.
      yield* table.settle(lease, tokens)
      const charged = yield* charges.charge(lease, cost)
      return { tokens, costMicros: price === undefined ? undefined : charged }
    })

    const ended: LlmLeases["ended"] = (lease, how) =>
      Effect.suspend(() => {
        if (charges.isCharged(lease)) return Effect.void
        if (how !== "failed" || options.failed === "keep") return Effect.asVoid(charges.charge(lease, "estimate"))
        return Effect.catch(Effect.asVoid(settle(lease, nothing)), (error) =>
          Effect.logWarning(`lease ${lease} was not settled: ${error.message}`)
        )
      })

    return {
      name: options.name,
      pools: Object.keys(amountsOf(types, options, nothing)),
      claimOf,
      settle,
      overload: rate.overload,
      ended,
      view: viewOf(rate, limit, purses)
    }
  }
)

const checkUsage = (usage: Usage, cost: number): Effect.Effect<void, Errors.InvalidClaim> => {
  if (isUsage(usage) && Number.isSafeInteger(cost)) return Effect.void
  const allowed = isUsage(usage) ? "what costs less than nine billion dollars" : "whole numbers from 0"
  return Effect.fail(
    new Errors.InvalidClaim({
      message: `the tokens of a call are ${usage.input} and ${usage.output}; allowed: ${allowed}`,
      field: "tokens",
      value: `${usage.input}, ${usage.output}`,
      allowed
    })
  )
}

const noCall = (lease: number, name: string) =>
  new Errors.InvalidClaim({
    message: `lease ${lease} is of no call of ${name}`,
    field: "lease",
    value: lease,
    allowed: `a lease that holds ${name}.requests`
  })
