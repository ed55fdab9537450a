/** The quotas of agents, as what they have of each type. */
import type { AgentStatistics } from "@resource-manager/core/Statistics"
import type { Quota } from "../../output/daemon.ts"

type Account = AgentStatistics["accounts"][string]

const quotaOf = (agent: string, resourceType: string, account: Account): Quota => ({
  agent,
  resourceType,
  quota: account.quota ?? null,
  held: account.held,
  waiting: account.waiting
})

const nothing: Account = { held: 0, waiting: 0, peak: 0 }

/** Those that are set. */
export const quotasOf = (agents: ReadonlyArray<AgentStatistics>): ReadonlyArray<Quota> =>
  agents.flatMap(({ accounts, agent }) =>
    Object.entries(accounts).flatMap(([type, account]) =>
      account.quota === undefined ? [] : [quotaOf(agent, type, account)]
    )
  )

/** The one of a type, set or not. */
export const quotaOfType = (agents: ReadonlyArray<AgentStatistics>, agent: string, type: string): Quota => {
  const accounts = agents.find((one) => one.agent === agent)?.accounts ?? {}
  return quotaOf(agent, type, Object.entries(accounts).find(([name]) => name === type)?.[1] ?? nothing)
}
