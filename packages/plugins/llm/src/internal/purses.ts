/** The budgets of a provider: of all agents together, and of each. */
import * as Errors from "@resource-manager/core/Errors"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { BudgetExceeded } from "../LlmErrors.ts"
import { budgetMicrosOf, type LlmLimits, owner, type Types } from "../LlmOptions.ts"
import { formatMicros } from "../Usage.ts"
import * as Purse from "./Purse.ts"

/** A day's budget, in millionths of a dollar. */
export interface BudgetView {
  /** The pool. */
  readonly type: string
  readonly scope: "agent" | "total"
  /** Whose it is; `undefined`: that of all agents together. */
  readonly agent: string | undefined
  readonly budgetMicros: number
  readonly spentMicros: number
}

const dayMillis = 86_400_000

export type Purses = Effect.Success<ReturnType<typeof makePurses>>

/** Every budget, and the fiber that refills them at midnight (UTC). */
export const makePurses = Effect.fnUntraced(function* (
  manager: ResourceManager["Service"],
  types: Types,
  options: LlmLimits
) {
  const clock = yield* Clock.Clock
  const agents = new Map<string, Purse.Purse>()
  const { agentsMax = 10_000, budget } = options
  const total =
    budget?.total === undefined
      ? undefined
      : yield* Purse.make(manager, {
          owner,
          type: types.spend,
          scope: "total",
          budgetMicros: Math.round(budget.total * 1_000_000)
        })
  const everyPurse = () => [...(total === undefined ? [] : [total]), ...agents.values()]
  const viewOf = ({ budgetMicros, scope, spentMicros, type }: Purse.Purse, agent: string | undefined): BudgetView => ({
    type,
    scope,
    agent,
    budgetMicros,
    spentMicros: spentMicros()
  })

  const untilMidnight = () => dayMillis - (clock.currentTimeMillisUnsafe() % dayMillis)
  const refillDaily = Effect.gen(function* () {
    const day = Math.floor(clock.currentTimeMillisUnsafe() / dayMillis)
    while (Math.floor(clock.currentTimeMillisUnsafe() / dayMillis) === day) {
      // A timer that fires a moment early, or a clock that was set back, is no new day.
      yield* clock.sleep(Duration.millis(untilMidnight()))
    }
    for (const purse of everyPurse()) yield* purse.refill
  })
  if (budget !== undefined) yield* Effect.forkScoped(Effect.forever(refillDaily))

  const agentPurse = (agent: string) =>
    Effect.gen(function* () {
      const known = agents.get(agent)
      const budgetMicros = budgetMicrosOf(options, agent)
      if (known !== undefined || budgetMicros === undefined) return known
      if (agents.size >= agentsMax) return yield* tooManyAgents(agent, agentsMax)
      const made = yield* Effect.orDie(
        Purse.make(manager, { owner, type: types.spendOf(agent), scope: "agent", budgetMicros })
      )
      // Another call of the same agent may have been quicker.
      const purse = agents.get(agent) ?? made
      agents.set(agent, purse)
      return purse
    })

  // What a journal has of a former start is refilled at midnight too, whether or not its agent calls again.
  if (budget !== undefined) {
    for (const { accounts, agent } of yield* manager.agents) {
      if (accounts[types.spendOf(agent)] !== undefined) yield* Effect.ignore(agentPurse(agent))
    }
  }

  const exceededBy = (purse: Purse.Purse, agent: string, requestedMicros: number) => {
    const leftMicros = Math.max(0, purse.budgetMicros - purse.spentMicros())
    const whose = purse.scope === "agent" ? agent : "all agents together"
    return new BudgetExceeded({
      message: `${options.name}: the call may cost ${formatMicros(requestedMicros)}, and ${formatMicros(leftMicros)} of the ${formatMicros(purse.budgetMicros)} a day of ${whose} are left`,
      provider: options.name,
      agent,
      scope: purse.scope,
      requestedMicros,
      leftMicros,
      budgetMicros: purse.budgetMicros,
      resetsInMillis: untilMidnight()
    })
  }

  return {
    /** What the agent's calls are paid from. */
    of: (agent: string) =>
      Effect.map(agentPurse(agent), (own) => [
        ...(own === undefined ? [] : [own]),
        ...(total === undefined ? [] : [total])
      ]),
    /** Which budget a call may cost more than is left of, if one. */
    shortOf: (own: ReadonlyArray<Purse.Purse>, agent: string, requestedMicros: number) =>
      Effect.sync(() => {
        const purse = own.find(({ budgetMicros, spentMicros }) => requestedMicros > budgetMicros - spentMicros())
        return purse === undefined ? undefined : exceededBy(purse, agent, requestedMicros)
      }),
    /** A refusal for want of money, as such; any other as it is. */
    exceeded: (
      own: ReadonlyArray<Purse.Purse>,
      agent: string,
      requestedMicros: number,
      error: Errors.ResourceExhausted
    ) =>
      Effect.sync(() => {
        const purse = own.find(({ type }) => type === error.resourceType)
        if (purse === undefined) return error
        return exceededBy(purse, agent, requestedMicros)
      }),
    view: (): ReadonlyArray<BudgetView> => [
      ...(total === undefined ? [] : [viewOf(total, undefined)]),
      ...Array.from(agents, ([agent, purse]) => viewOf(purse, agent))
    ]
  }
})

const tooManyAgents = (agent: string, agentsMax: number) =>
  new Errors.InvalidClaim({
    message: `${agent} would be the ${agentsMax + 1}th agent with a budget of its own; allowed: ${agentsMax}`,
    field: "agent",
    value: agent,
    allowed: `one of the ${agentsMax} agents that called first`
  })
