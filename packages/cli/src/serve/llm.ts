/** The built-in plugin `llm`: limits of language models, for calls that clients of the daemon make. */
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import * as RatePolicy from "@resource-manager/core/RatePolicy"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import { LimitRefused } from "@resource-manager/daemon/Errors"
import type { LeaseExits } from "@resource-manager/daemon/LeaseExits"
import { LeaseReports, type ReportedLimit } from "@resource-manager/daemon/LeaseReports"
import type { BudgetState, LimitState } from "@resource-manager/daemon/Protocol"
import type { BudgetView } from "@resource-manager/plugin-llm"
import type { LlmError, LlmView } from "@resource-manager/plugin-llm/Llm"
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

const budgetState = ({ agent, budgetMicros, spentMicros, type }: BudgetView): BudgetState => ({
  pool: type,
  ...(agent === undefined ? {} : { agent }),
  budgetMicros,
  spentMicros
})

const stateOf = ({ name, pools }: LlmLeases.LlmLeases, { budgets, concurrent, rate }: LlmView): LimitState => ({
  name,
  pools: [...pools, ...budgets.map(({ type }) => type)],
  rate: rateState(rate),
  ...(concurrent === undefined ? {} : { concurrency: concurrencyState(concurrent) }),
  ...(budgets.length === 0 ? {} : { budgets: budgets.map(budgetState) })
})

const reportedLimit = (leases: LlmLeases.LlmLeases): ReportedLimit => ({
  name: leases.name,
  covers: (type) => type.startsWith(`${leases.name}.`),
  view: Effect.map(leases.view, (view) => stateOf(leases, view)),
  overload: leases.overload,
  calls: {
    plan: (agent, estimate) =>
      Effect.catchTag(
        leases.claimOf(agent, estimate),
        "BudgetExceeded",
        // What is more than a whole day's is more on every day.
        ({ budgetMicros, message, requestedMicros }) =>
          Effect.fail(
            new LimitRefused({ limit: leases.name, until: requestedMicros > budgetMicros ? "never" : "later", message })
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
  yield* reports.join(reportedLimit(leases))
})

export const llm = (
  limits: Readonly<Record<string, LlmLimit>>
): Layer.Layer<never, LlmError, ResourceManager | LeaseTable | LeaseExits | LeaseReports> =>
  Layer.effectDiscard(
    Effect.forEach(Object.entries(limits), ([name, limit]) => governed(name, limit), { discard: true })
  )
