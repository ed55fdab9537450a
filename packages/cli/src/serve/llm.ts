/** The built-in plugin `llm`: limits of language models, for calls that clients of the daemon make. */
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import * as RatePolicy from "@resource-manager/core/RatePolicy"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import { LimitRefused } from "@resource-manager/daemon/Errors"
import type { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import { LeaseReports, type ReportedLimit } from "@resource-manager/daemon/LeaseReports"
import type { LimitState } from "@resource-manager/daemon/Protocol"
import type { LlmError } from "@resource-manager/plugin-llm/Llm"
import * as LlmLeases from "@resource-manager/plugin-llm/LlmLeases"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { overloadDefault } from "../config/adaptiveRate.ts"
import type { LlmLimit } from "../config/llm.ts"
import { ratePolicyOf } from "./adaptiveRate.ts"
import { concurrencyState, rateState } from "./limitStates.ts"
import { outcomesBy } from "./outcomes.ts"

type Outcome = Parameters<LlmLeases.LlmLeases["ended"]>[1]

/** A command that a signal ended may have made its call, or not. */
const howEnded = (code: number): Outcome => (code === 0 ? "served" : code < 128 ? "failed" : "unknown")

const stateOf = ({ budgets, name, pools, view }: Shown): LimitState => ({
  name,
  pools: [...pools, ...budgets.map(({ pool }) => pool)],
  rate: rateState(view.rate),
  ...(view.concurrent === undefined ? {} : { concurrency: concurrencyState(view.concurrent) }),
  ...(budgets.length === 0 ? {} : { budgets })
})

interface Shown {
  readonly name: string
  readonly pools: ReadonlyArray<string>
  readonly budgets: NonNullable<LimitState["budgets"]>
  readonly view: Effect.Success<LlmLeases.LlmLeases["view"]>
}

/** The pools of a limit that have a rate or a capacity of their own; budgets are besides. */
const poolsOf = (name: string, limit: LlmLimit): ReadonlyArray<string> => [
  `${name}.requests`,
  ...(limit.inputTokensPerMinute === undefined ? [] : [`${name}.inputTokens`]),
  ...(limit.outputTokensPerMinute === undefined ? [] : [`${name}.outputTokens`]),
  ...(limit.concurrent === undefined ? [] : [`${name}.calls`])
]

const budgetsOf = (name: string, { budgets }: Shown["view"]): Shown["budgets"] =>
  budgets.map(({ budgetMicros, scope, spentMicros, type }) => ({
    pool: type,
    ...(scope === "agent" ? { agent: type.slice(`${name}.spend of `.length) } : {}),
    budgetMicros,
    spentMicros
  }))

const reportedLimit = (name: string, limit: LlmLimit, leases: LlmLeases.LlmLeases): ReportedLimit => ({
  name,
  covers: (type) => type.startsWith(`${name}.`),
  view: Effect.map(leases.view, (view) =>
    stateOf({ name, pools: poolsOf(name, limit), budgets: budgetsOf(name, view), view })
  ),
  overload: leases.overload,
  calls: {
    plan: (agent, estimate) =>
      Effect.catchTag(
        leases.claimOf(agent, estimate),
        "BudgetExceeded",
        // What is more than a whole day's is more on every day.
        ({ budgetMicros, message, requestedMicros }) =>
          Effect.fail(
            new LimitRefused({ limit: name, until: requestedMicros > budgetMicros ? "never" : "later", message })
          )
      ),
    settle: leases.settle,
    ended: (lease, code) => leases.ended(lease, howEnded(code))
  }
})

const governed = Effect.fnUntraced(function* (name: string, limit: LlmLimit) {
  const reports = yield* LeaseReports
  const { adaptiveRate = {}, ...limits } = limit
  const { drop = overloadDefault, retryAfterMax } = adaptiveRate
  const leases = yield* Effect.provideService(
    LlmLeases.make({
      ...limits,
      name,
      outcomeOf: yield* outcomesBy(drop),
      ...(retryAfterMax === undefined ? {} : { retryAfterMax })
    }),
    RatePolicy.RatePolicy,
    ratePolicyOf(adaptiveRate)
  )
  yield* reports.join(reportedLimit(name, limit, leases))
})

export const llm = (
  limits: Readonly<Record<string, LlmLimit>>
): Layer.Layer<never, LlmError, ResourceManager | LeaseTable | LeaseExits | LeaseReports> =>
  Layer.effectDiscard(
    Effect.forEach(Object.entries(limits), ([name, limit]) => governed(name, limit), { discard: true })
  )
