/** Policies that do not go together, and options that an order refuses: told of a file as the manager that is built by it tells it. */
import { backfillProblem, preemptionOff } from "@resource-manager/core/Ledger"
import { make as makeOrder } from "@resource-manager/core/Order"
import { make as makePreemption } from "@resource-manager/core/Preemption"
import type { Problem } from "./problems.ts"
import type { Config } from "./schema.ts"

type Manager = NonNullable<Config["manager"]>

/** Who takes leases from whom, as the manager is told it. */
export const preemptionOptions = ({ priority, ...rest }: Exclude<NonNullable<Manager["preemption"]>, "off">) => ({
  ...rest,
  ...(priority === undefined ? {} : { byPriority: priority })
})

export const policyProblems = ({ manager = {} }: Config): ReadonlyArray<Problem> => {
  const { deadlock, order: options, preemption = "off" } = manager
  if (options === undefined || options === "arrival") return []
  const { backfill, order, problem } = makeOrder(options)
  const path = ["manager", "order"]
  const refused = backfillProblem(backfill, {
    deadlock: { avoids: deadlock === "banker" },
    order,
    preemption: preemption === "off" ? preemptionOff : makePreemption(preemptionOptions(preemption))
  })
  const refusal = refused === undefined ? [] : [{ path: [...path, "backfill"], message: `allowed: ${refused}` }]
  // Names of classes are looked at with all that is said of priorities.
  const isOwn = problem !== undefined && !problem.field.startsWith("priority.classes")
  const wrong = isOwn ? [{ path: [...path, ...problem.field.split(".")], message: `allowed: ${problem.allowed}` }] : []
  return [...wrong, ...refusal].map((each) => ({ ...each, at: "value" as const }))
}
