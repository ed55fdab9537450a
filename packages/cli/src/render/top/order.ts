/** The order of the rows in each section. Stable: equals stay as they came. */
import { amountIn } from "../amounts.ts"
import { failuresTotal } from "../failures.ts"
import type { AgentStatistics, HeldLease, OverviewView, PoolStatistics, WaiterView } from "../views.ts"
import type { Rates } from "./rates.ts"
import type { TopState } from "./state.ts"

const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The largest part of any pool that the amounts are: what makes a claim large where pools are of different units. */
export const shareOf = (amounts: Readonly<Record<string, number>>, overview: OverviewView): number =>
  overview.pools.reduce((most, { capacity, resourceType }) => {
    const value = amountIn(amounts, resourceType)
    return value === 0 ? most : Math.max(most, capacity === 0 ? Infinity : value / capacity)
  }, 0)

export const agentShare = (agent: AgentStatistics, overview: OverviewView): number =>
  shareOf(Object.fromEntries(Object.entries(agent.accounts).map(([type, { held }]) => [type, held])), overview)

/** A figure for each row, taken once. */
const byFigure = <Row>(rows: ReadonlyArray<Row>, figure: (row: Row) => number): ReadonlyArray<Row> =>
  rows
    .map((row) => ({ row, figure: figure(row) }))
    .toSorted((a, b) => (a.figure === b.figure ? 0 : b.figure - a.figure))
    .map(({ row }) => row)

export const sortPools = ({ pools }: OverviewView, key: TopState["sort"]["pools"]): ReadonlyArray<PoolStatistics> => {
  if (key === "use") return byFigure(pools, ({ capacity, inUse }) => (capacity === 0 ? inUse : inUse / capacity))
  return key === "waiting" ? byFigure(pools, ({ waiting }) => waiting) : pools
}

export const sortAgents = (
  overview: OverviewView,
  key: TopState["sort"]["agents"],
  rates: Rates
): ReadonlyArray<AgentStatistics> => {
  const named = overview.agents.toSorted((a, b) => byText(a.agent, b.agent))
  switch (key) {
    case "name":
      return named
    case "share":
      return byFigure(named, (agent) => agentShare(agent, overview))
    case "waiting":
      return byFigure(named, ({ waiting }) => waiting)
    case "rate":
      return byFigure(named, (agent) => rates.agent(agent) ?? 0)
    case "failures":
      return byFigure(named, ({ failures }) => failuresTotal(failures))
  }
}

export const sortWaiters = (overview: OverviewView, key: TopState["sort"]["waiters"]): ReadonlyArray<WaiterView> => {
  if (key === "agent") return overview.waiters.toSorted((a, b) => byText(a.agent, b.agent) || a.id - b.id)
  return key === "size" ? byFigure(overview.waiters, ({ claim }) => shareOf(claim, overview)) : overview.waiters
}

export const sortLeases = (overview: OverviewView, key: TopState["sort"]["leases"]): ReadonlyArray<HeldLease> => {
  if (key === "agent") return overview.leases.toSorted((a, b) => byText(a.agent, b.agent) || a.id - b.id)
  if (key === "size") return byFigure(overview.leases, ({ claim }) => shareOf(claim, overview))
  return byFigure(overview.leases, ({ heldMillis }) => heldMillis)
}
