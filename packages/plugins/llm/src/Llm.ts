/**
 * The limits of a language model's provider as one plugin: requests and tokens a minute,
 * calls at once, money by agent and day.
 *
 * - One atomic claim passes all of them or none: a call that is refused, gives up, or is
 *   interrupted while it waits has burnt neither a request nor a token nor a cent.
 * - A call takes what it may need at most, and is settled with what it really took: what
 *   was too much comes back, what was too little is charged.
 * - The provider's own "too many requests" halves the rate, lowers the calls at once
 *   where they are learnt, and is left alone for its `Retry-After`.
 * - A budget is of a day (UTC). What calls that run may still cost is kept for them, so
 *   no more than the budget is spent where calls cost no more than was estimated; a call
 *   that might cost more than is left fails at once with `BudgetExceeded`.
 */
import { AdaptiveLimit, type LimitView } from "@resource-manager/core/AdaptiveLimit"
import { AdaptiveRate, type RateView } from "@resource-manager/core/AdaptiveRate"
import type { Claim } from "@resource-manager/core/Claim"
import * as Errors from "@resource-manager/core/Errors"
import type { Lease } from "@resource-manager/core/Lease"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { learnt, viewOf } from "./internal/calls.ts"
import { perMinute, registerPools } from "./internal/pools.ts"
import { type BudgetView, makePurses } from "./internal/purses.ts"
import type { BudgetExceeded, InvalidLlmOption } from "./LlmErrors.ts"
import {
  amountsOf,
  type CallOptions,
  check,
  type Estimate,
  type LlmOptions,
  tokensOf,
  type Types,
  typesOf
} from "./LlmOptions.ts"
import { costMicros, isUsage, nothing, type Usage } from "./Usage.ts"

export interface LlmView {
  readonly rate: RateView
  /** Where the calls at once are learnt. */
  readonly concurrent: LimitView | undefined
  readonly budgets: ReadonlyArray<BudgetView>
}

export type CallError = Errors.ClaimError | Errors.LeaseRevoked | BudgetExceeded

export type LlmError =
  | InvalidLlmOption
  | Errors.ResourceTypeTaken
  | Errors.InvalidCapacity
  | Errors.InvalidRate
  | Errors.UnknownResourceType

export class Llm extends Context.Service<
  Llm,
  {
    readonly name: string
    /** Calls the provider once everything that the call may need is there. */
    readonly call: <A, E, R>(
      agent: string,
      estimate: Estimate,
      body: Effect.Effect<A, E, R>,
      options: CallOptions<A, E>
    ) => Effect.Effect<A, E | CallError, R>
    readonly view: Effect.Effect<LlmView>
  }
>()("@resource-manager/plugin-llm/Llm") {
  /** One of several providers, until the scope closes. */
  static readonly make = (options: LlmOptions) => make(options)

  static readonly layer = (options: LlmOptions): Layer.Layer<Llm, LlmError, ResourceManager> =>
    Layer.effect(Llm, make(options))
}

/** One of several providers, until the scope closes. */
export const make: (options: LlmOptions) => Effect.Effect<Llm["Service"], LlmError, ResourceManager | Scope.Scope> =
  Effect.fnUntraced(function* (options) {
    yield* check(options)
    const manager = yield* ResourceManager
    const types = typesOf(options.name)
    yield* registerPools(manager, types, options)
    const rate = yield* AdaptiveRate.make({
      resourceType: types.requests,
      rate: perMinute(options.requestsPerMinute, "request"),
      isOverload: options.isOverload,
      ...(options.retryAfter === undefined ? {} : { retryAfter: options.retryAfter })
    })
    const limit = yield* learnt(options, AdaptiveLimit.make({ resourceType: types.calls, isDrop: options.isOverload }))
    const purses = yield* makePurses(manager, types, options)
    const priceOf = (usage: Usage) => (options.price === undefined ? 0 : costMicros(options.price, usage))

    const call = <A, E, R>(
      agent: string,
      estimate: Estimate,
      body: Effect.Effect<A, E, R>,
      more: CallOptions<A, E>
    ): Effect.Effect<A, E | CallError, R> =>
      Effect.gen(function* () {
        const own = yield* purses.of(agent)
        const most = priceOf(estimate)
        const amounts = amountsOf(types, options, estimate)
        const claim: Claim = Object.fromEntries([...Object.entries(amounts), ...own.map(({ type }) => [type, most])])
        const lease = yield* Effect.catchTag(manager.lease(agent, claim, more), "ResourceExhausted", (error) =>
          Effect.flatMap(purses.exceeded(own, agent, most, error), Effect.fail)
        )
        const observed = rate.observe(limit === undefined ? body : limit.observe()(body))
        const settled = Effect.onExit(observed, (exit) =>
          Effect.flatMap(usageOf(exit, more), (usage) => {
            const cost = usage === "estimate" ? most : priceOf(usage)
            const spent = Effect.forEach(own, (purse) => purse.spend(cost), { discard: true })
            return usage === "estimate" ? spent : Effect.andThen(settle(lease, types, usage), spent)
          })
        )
        return yield* more.expiresAfter === undefined ? settled : lease.guard(settled)
      }).pipe(Effect.scoped)

    return Llm.of({
      name: options.name,
      call,
      view: viewOf(rate, limit, purses)
    })
  })

/** What the call took. Where its caller tells nonsense, what was estimated: money must not be counted by it. */
const usageOf = <A, E>(
  exit: Exit.Exit<A, E>,
  { failed, usage }: CallOptions<A, E>
): Effect.Effect<Usage | "estimate"> =>
  Effect.sync((): Usage | "estimate" => {
    const told = Exit.isSuccess(exit)
      ? usage(exit.value)
      : (failed?.(exit.cause) ?? (Cause.hasFails(exit.cause) ? nothing : "estimate"))
    if (told !== "estimate" && !isUsage(told)) {
      throw new RangeError(`the usage of a call is ${JSON.stringify(told)}; allowed: whole numbers from 0`)
    }
    return told
  }).pipe(
    Effect.catchCause((cause) =>
      Effect.as(Effect.logWarning("a call is taken to have used what was estimated", cause), "estimate" as const)
    )
  )

/** Tokens that the call really took. Of a lease that was taken away meanwhile the estimate stands. */
const settle = (lease: Lease, types: Types, usage: Usage): Effect.Effect<void> =>
  lease.settle(tokensOf(types, usage, lease.claim)).pipe(
    Effect.catchTag("LeaseRevoked", () => Effect.void),
    Effect.catchCause((cause) => Effect.logWarning(`lease ${lease.id} was not settled`, cause))
  )
