/** The four sections of `top`, each as a header and rows for a width. */
import { amount, claimShort, count, counted, frequency, percent } from "../amounts.ts"
import { failedCell, heldCell, quotaCell } from "../agents.ts"
import { bar } from "../bar.ts"
import { isNoted, leaseNote } from "../leases.ts"
import { nameCell } from "../names.ts"
import { fairnessCell, rateCell, usedCell, waitingCell } from "../pools.ts"
import { whyShort } from "../reasons.ts"
import { type Column, widthNeeded } from "../table.ts"
import { span, type Text } from "../text.ts"
import { duration } from "../time.ts"
import type { AgentStatistics, HeldLease, OverviewView, PoolStatistics, Sheet, WaiterView } from "../views.ts"
import { agentShare } from "./order.ts"
import type { Rates } from "./rates.ts"

const dash: Text = span("dim", "-")

const perSecond = (rate: number | undefined): Text => (rate === undefined || rate === 0 ? dash : frequency(rate))

const some = <Row>(has: boolean, column: Column<Row>): ReadonlyArray<Column<Row>> => (has ? [column] : [])

const poolColumnsOf = (
  { pools }: OverviewView,
  rates: Rates,
  sheet: Sheet,
  barWidth: number
): ReadonlyArray<Column<PoolStatistics>> => {
  const { style, types } = sheet
  return [
    { header: "POOL", cell: ({ resourceType }) => nameCell(resourceType), least: 6 },
    { header: "USE", cell: (pool) => bar(pool, barWidth, style), hide: 5 },
    { header: "IN USE", cell: (pool) => usedCell(pool, sheet), least: 12 },
    ...some(
      pools.some(({ earmarked }) => earmarked > 0),
      {
        header: "KEPT",
        cell: ({ earmarked, resourceType }: PoolStatistics) =>
          earmarked === 0 ? dash : span("accent", amount(types, resourceType, earmarked)),
        wide: 8,
        hide: 2
      }
    ),
    { header: "WAITING", cell: ({ waiting }) => waitingCell(waiting), align: "right", hide: 4 },
    { header: "/S", cell: (pool) => perSecond(rates.pool(pool)), align: "right", wide: 5, hide: 1 },
    ...some(
      pools.some(({ rate, tokens }) => rate !== undefined || tokens !== undefined),
      { header: "RATE", cell: rateCell, hide: 3 }
    ),
    ...some(
      pools.some(({ fairness }) => fairness !== undefined),
      { header: "FAIR", cell: fairnessCell, align: "right" as const, wide: 4, hide: 1 }
    ),
    ...some(
      pools.some(({ note }) => note !== undefined),
      { header: "NOTE", cell: ({ note }: PoolStatistics) => note ?? "", least: 10, hide: 1 }
    )
  ]
}

const barWidths = [40, 32, 24, 20, 16, 12] as const

/** With the longest bars that leave the figures whole. */
export const poolColumns = (
  overview: OverviewView,
  rates: Rates,
  sheet: Sheet
): ReadonlyArray<Column<PoolStatistics>> => {
  const candidates = barWidths.map((width) => poolColumnsOf(overview, rates, sheet, width))
  return (
    candidates.find((columns) => widthNeeded(overview.pools, columns) <= sheet.width) ??
    poolColumnsOf(overview, rates, sheet, 8)
  )
}

export const agentColumns = (
  overview: OverviewView,
  rates: Rates,
  { types }: Sheet
): ReadonlyArray<Column<AgentStatistics>> => [
  { header: "AGENT", cell: ({ agent }) => nameCell(agent), wide: 12, least: 8 },
  {
    header: "SHARE",
    cell: (agent) => {
      const share = agentShare(agent, overview)
      return share === 0 ? dash : percent(100 * share)
    },
    align: "right",
    wide: 6,
    hide: 3
  },
  { header: "HELD", cell: (agent) => heldCell(agent, types), wide: 20, least: 14 },
  ...some(
    overview.agents.some(({ accounts }) => Object.values(accounts).some(({ quota }) => quota !== undefined)),
    { header: "QUOTA", cell: (agent: AgentStatistics) => quotaCell(agent, types), least: 14, hide: 1 }
  ),
  { header: "WAITING", cell: ({ waiting }) => waitingCell(waiting), align: "right", hide: 5 },
  { header: "/S", cell: (agent) => perSecond(rates.agent(agent)), align: "right", wide: 5, hide: 2 },
  { header: "FAILED", cell: failedCell, align: "right", hide: 4 }
]

export const waiterColumns = (
  { waiters }: OverviewView,
  positions: ReadonlyMap<WaiterView, number>,
  { types }: Sheet
): ReadonlyArray<Column<WaiterView>> => [
  { header: "#", cell: (waiter) => String(positions.get(waiter) ?? "-"), align: "right", wide: 3, hide: 3 },
  { header: "WAITER", cell: ({ id }) => String(id), align: "right" },
  { header: "AGENT", cell: ({ agent }) => nameCell(agent), wide: 12, least: 8 },
  { header: "CLAIM", cell: ({ claim }) => claimShort(types, claim), wide: 12, least: 16, hide: 2 },
  { header: "WAITED", cell: ({ waitedMillis }) => duration(waitedMillis), align: "right", wide: 9 },
  ...some(
    waiters.some(({ timesOutInMillis }) => timesOutInMillis !== undefined),
    {
      header: "GIVES UP",
      cell: ({ timesOutInMillis }: WaiterView) => (timesOutInMillis === undefined ? dash : duration(timesOutInMillis)),
      align: "right" as const,
      wide: 9,
      hide: 1
    }
  ),
  { header: "WHY", cell: (waiter) => whyShort(waiter, types), least: 24, hide: 4 }
]

export const leaseColumns = ({ leases }: OverviewView, { types }: Sheet): ReadonlyArray<Column<HeldLease>> => [
  { header: "LEASE", cell: ({ id }) => String(id), align: "right", wide: 6 },
  { header: "AGENT", cell: ({ agent }) => nameCell(agent), wide: 12, least: 8 },
  { header: "CLAIM", cell: ({ claim }) => claimShort(types, claim) || dash, wide: 20, least: 14 },
  { header: "HELD", cell: ({ heldMillis }) => duration(heldMillis), align: "right", wide: 9, hide: 4 },
  ...some(
    leases.some(({ expiresInMillis }) => expiresInMillis !== undefined),
    {
      header: "EXPIRES IN",
      cell: ({ expiresInMillis }: HeldLease) => (expiresInMillis === undefined ? dash : duration(expiresInMillis)),
      align: "right" as const,
      hide: 2
    }
  ),
  ...some(
    leases.some(({ parent }) => parent !== undefined),
    {
      header: "INSIDE",
      cell: ({ parent }: HeldLease) => (parent === undefined ? dash : String(parent)),
      align: "right" as const,
      hide: 1
    }
  ),
  ...some(leases.some(isNoted), { header: "NOTE", cell: leaseNote, hide: 3 })
]

/** What a section says where it has no rows. */
export const emptyTexts = {
  pools: "No pools.",
  agents: "No agents yet.",
  waiters: "Nobody waits.",
  leases: "Nothing is held."
} as const

/** `3 sessions, 6 leases, 5 waiting`. */
export const totals = ({ leases, status, waiters }: OverviewView): Text => [
  ...(status === undefined ? [] : [`${counted(status.sessions, "session")}, `]),
  `${counted(leases.length, "lease")}, `,
  waiters.length === 0 ? "nobody waits" : span("warn", `${count(waiters.length)} waiting`)
]
