/** What the limits of calls share, wherever the calls are made. */
import type { LimitView } from "@resource-manager/core/AdaptiveLimit"
import type { RateView } from "@resource-manager/core/AdaptiveRate"
import * as Aimd from "@resource-manager/core/Aimd"
import * as LimitPolicy from "@resource-manager/core/LimitPolicy"
import * as Effect from "effect/Effect"
import type { LlmView } from "../Llm.ts"
import type { LlmLimits } from "../LlmOptions.ts"
import type { BudgetView } from "./purses.ts"

/** Calls at once where they are learnt: by refusals and time-outs, as answers take long and short for reasons of their own. */
export const learnt = <A, E, R>(
  { concurrent }: Pick<LlmLimits, "concurrent">,
  limit: Effect.Effect<A, E, R>
): Effect.Effect<A | undefined, E, R> =>
  concurrent === undefined || typeof concurrent === "number"
    ? Effect.succeed(undefined)
    : Effect.provideService(limit, LimitPolicy.LimitPolicy, LimitPolicy.fromAlgorithm(Aimd.make(concurrent)))

/** What the limits are now. */
export const viewOf = (
  rate: { readonly view: Effect.Effect<RateView> },
  limit: { readonly view: Effect.Effect<LimitView> } | undefined,
  purses: { readonly view: () => ReadonlyArray<BudgetView> }
): Effect.Effect<LlmView> =>
  Effect.gen(function* () {
    return {
      rate: yield* rate.view,
      concurrent: limit === undefined ? undefined : yield* limit.view,
      budgets: purses.view()
    }
  })
