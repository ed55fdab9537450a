/**
 * `top` where nobody looks at a screen: a line for each pool and for each agent that
 * changed, at every interval. `key=value` in fixed order, amounts in the smallest
 * unit, values with blanks in JSON's quotes: for grep, awk and logfmt.
 */
import { failuresTotal } from "../failures.ts"
import type { AgentStatistics, PoolStatistics } from "../views.ts"
import { Rates, type Sample } from "./rates.ts"

const bare = /^[^\s"=\\\p{C}]+$/u

const value = (text: string | number): string => {
  const plain = String(text)
  // Whatever is invisible is written by its code, in JSON's way.
  return bare.test(plain)
    ? plain
    : JSON.stringify(plain).replaceAll(/[\p{C}\u2028\u2029]/gu, (character) =>
        Array.from(
          { length: character.length },
          (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`
        ).join("")
      )
}

const pair = (key: string, told: string | number | undefined): ReadonlyArray<string> =>
  told === undefined ? [] : [`${key}=${value(told)}`]

const amounts = (all: ReadonlyArray<readonly [string, number]>): string =>
  all
    .filter(([, amount]) => amount > 0)
    .map(([type, amount]) => `${type}:${amount}`)
    .join(",") || "-"

const rounded = (rate: number | undefined): number | undefined =>
  rate === undefined ? undefined : Math.round(rate * 100) / 100

const poolLine = (pool: PoolStatistics, rates: Rates): ReadonlyArray<string> => [
  ...pair("pool", pool.resourceType),
  ...pair("in_use", pool.inUse),
  ...pair("capacity", pool.capacity),
  ...pair("kept", pool.earmarked),
  ...pair("waiting", pool.waiting),
  ...pair("waiting_amount", pool.waitingAmount),
  ...pair("tokens", pool.tokens),
  ...pair("granted", pool.acquisitions),
  ...pair("granted_per_s", rounded(rates.pool(pool))),
  ...pair("failed", failuresTotal(pool.failures)),
  ...pair("fairness", rounded(pool.fairness)),
  ...pair("note", pool.note)
]

const agentLine = (agent: AgentStatistics, rates: Rates): ReadonlyArray<string> => {
  const accounts = Object.entries(agent.accounts)
  return [
    ...pair("agent", agent.agent),
    ...pair("held", amounts(accounts.map(([type, { held }]) => [type, held]))),
    ...pair("asks", amounts(accounts.map(([type, { waiting }]) => [type, waiting]))),
    ...pair("waiting", agent.waiting),
    ...pair("granted", agent.acquisitions),
    ...pair("granted_per_s", rounded(rates.agent(agent))),
    ...pair("failed", failuresTotal(agent.failures))
  ]
}

/** What would be said of it, but for rates: whether it changed. */
const facts = (agent: AgentStatistics): string =>
  JSON.stringify([agent.waiting, agent.acquisitions, failuresTotal(agent.failures), agent.accounts])

/** The lines of one look. At the first one, every agent. */
export const topLines = (sample: Sample, previous: Sample | undefined): ReadonlyArray<string> => {
  const time = `time=${new Date(sample.takenAt).toISOString()}`
  const rates = new Rates(sample, previous)
  const before = new Map(previous?.overview.agents.map((agent) => [agent.agent, facts(agent)]))
  const changed = sample.overview.agents.filter((agent) => before.get(agent.agent) !== facts(agent))
  return [
    ...sample.overview.pools.map((pool) => poolLine(pool, rates)),
    ...changed.map((agent) => agentLine(agent, rates))
  ].map((pairs) => [time, ...pairs].join(" "))
}
