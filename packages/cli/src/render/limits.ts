/** Limits that adapt, what is spent of budgets, and what reports did. */
import type { BudgetState, LimitState, SettledLease } from "@resource-manager/daemon/Protocol"
import { formatMicros } from "@resource-manager/plugin-llm/Usage"
import { printableLine } from "../printable.ts"
import { amount, claimShort, count, frequency } from "./amounts.ts"
import { nameCell, named } from "./names.ts"
import { type Column, table } from "./table.ts"
import { span, type Text } from "./text.ts"
import type { Sheet } from "./views.ts"

const dash: Text = span("dim", "-")

export const noLimits =
  "No limit adapts. In the configuration, `adaptive` and `adaptiveRate` of a pool let it, and `plugins.llm` has limits of language models."

/** `50/s of 100/s`: as it is now, of what it is without overload. */
const rateCell = ({ rate }: LimitState): Text => {
  if (rate === undefined) return dash
  const configured = `${perTime(rate.configuredPerSecond)}`
  if (rate.pausedMillis > 0) return span("bad", `paused, of ${configured}`)
  return rate.share < 1 ? span("warn", `${perTime(rate.perSecond)} of ${configured}`) : configured
}

/** By the minute where less than one a second would be let out. */
const perTime = (perSecond: number): string =>
  perSecond < 1 ? `${frequency(perSecond * 60)}/min` : `${frequency(perSecond)}/s`

const atOnceCell = ({ concurrency }: LimitState, { types }: Sheet): Text =>
  concurrency === undefined
    ? dash
    : `${count(concurrency.inFlight)} of ${amount(types, concurrency.pool, concurrency.limit)}, at most ${count(concurrency.max)}`

const whyCell = ({ concurrency, rate }: LimitState): string =>
  [rate?.why, concurrency?.why].filter((why) => why !== undefined).join("; ")

interface BudgetRow extends BudgetState {
  readonly limit: string
}

const budgetColumns: ReadonlyArray<Column<BudgetRow>> = [
  { header: "LIMIT", cell: ({ limit }) => nameCell(limit), least: 8 },
  { header: "OF", cell: ({ agent }) => (agent === undefined ? span("dim", "all agents") : nameCell(agent)), least: 8 },
  { header: "SPENT TODAY", cell: ({ spentMicros }) => formatMicros(spentMicros), align: "right" },
  { header: "BUDGET", cell: ({ budgetMicros }) => formatMicros(budgetMicros), align: "right" }
]

export const limitList = (limits: ReadonlyArray<LimitState>, sheet: Sheet): ReadonlyArray<string> => {
  const columns: ReadonlyArray<Column<LimitState>> = [
    { header: "LIMIT", cell: ({ name }) => nameCell(name), least: 8 },
    { header: "RATE", cell: rateCell },
    { header: "AT ONCE", cell: (limit) => atOnceCell(limit, sheet) },
    { header: "WHY", cell: whyCell, least: 10, hide: 1 }
  ]
  const budgets = limits.flatMap(({ budgets = [], name }) => budgets.map((budget) => ({ ...budget, limit: name })))
  return [
    ...table(limits, columns, sheet, noLimits),
    ...(budgets.length === 0 ? [] : ["", ...table(budgets, budgetColumns, sheet)])
  ]
}

/** `lease 7 of alice: acme.inputTokens 812 tokens, $0.0038`. */
export const settledLine = ({ agent, costMicros, lease, tokens }: SettledLease, { types }: Sheet): string => {
  const told = claimShort(types, tokens)
  const parts = [...(told === "" ? [] : [told]), ...(costMicros === undefined ? [] : [formatMicros(costMicros)])]
  return printableLine(
    `lease ${lease} of ${named(agent)} is settled${parts.length === 0 ? "" : `: ${parts.join(", ")}`}`
  )
}

const overloadLine = ({ concurrency, name, rate }: LimitState): string =>
  rate === undefined
    ? `${name}: ${concurrency === undefined ? "told" : "its limit falls when the lease comes back"}`
    : `${name}: ${rate.why}`

export const overloadLines = (states: ReadonlyArray<LimitState>): ReadonlyArray<string> =>
  states.map((state) => printableLine(overloadLine(state)))
