/** What a tree of quotas costs: grants inside it, and hand-offs of quota with many parked for it. */
import { Ledger } from "../core.ts"
import { assertEqual, type BenchCase, type Prepared, type Side, timed } from "../harness.ts"
import { agentOf, agents } from "../manager.ts"

const depth = 3
const groups = 10

/** A chain of groups above all agents, each with limits of its own. */
const chained = (ledger: Ledger.Ledger): void => {
  for (let level = 0; level < depth; level++) {
    const parent = level === 0 ? undefined : `level-${level - 1}`
    const limits = { cpu: { nominal: 1_000_000, lendingLimit: 10, max: 2_000_000 } }
    ledger.setGroup(`level-${level}`, { parent, limits }, 0)
  }
  for (const agent of agents) ledger.assign(agent, { group: `level-${depth - 1}`, onQuota: undefined }, 0)
}

const grantAndReturn = (name: string, setUp: (ledger: Ledger.Ledger) => void): Side => {
  const ledger = new Ledger.Ledger()
  const pool = ledger.definePool("cpu", { capacity: 1_000_000 }, 0)
  setUp(ledger)
  let now = 0
  return {
    name,
    sample: async (operations) => {
      const before = pool.acquisitions
      const timing = timed(operations, () => {
        for (let index = 0; index < operations; index++) {
          const lease = ledger.claim(agentOf(index), { cpu: 1 }, now++)
          if (lease instanceof Ledger.Request) ledger.release(lease, now++)
        }
      })
      assertEqual("grants", pool.acquisitions - before, operations)
      return timing
    }
  }
}

const grant: BenchCase = {
  name: `quota tree: grant, ${depth} levels`,
  measures: `A claim granted at once and given back in the Ledger, of agents ${depth} levels below a root, against the same without groups.`,
  onlyFull: true,
  prepare: async (): Promise<Prepared> => ({
    ours: grantAndReturn("in groups", chained),
    peers: [{ ...grantAndReturn("without groups", () => {}), goal: null }]
  })
}

/** Ten groups that share eight units of quota, and so many that wait for it. */
const handOff = (name: string, waiters: number, grouped: boolean): Side => {
  const ledger = new Ledger.Ledger()
  const pool = ledger.definePool("cpu", { capacity: grouped ? 1_000_000 : 8 }, 0)
  if (grouped) {
    ledger.setGroup("root", { onQuota: "wait", limits: { cpu: { nominal: 8 } } }, 0)
    for (let group = 0; group < groups; group++) ledger.setGroup(`group-${group}`, { parent: "root" }, 0)
    agents.forEach((agent, at) => ledger.assign(agent, { group: `group-${at % groups}`, onQuota: undefined }, 0))
  }
  let held: Array<Ledger.Request> = []
  let asked = 0
  let now = 0
  const fill = () => {
    while (ledger.books.waiting < waiters) {
      const answer = ledger.claim(agentOf(asked++), { cpu: 1 }, now)
      if (answer instanceof Ledger.Request && answer.status === "held") held.push(answer)
    }
  }
  fill()
  return {
    name,
    sample: async (operations) => {
      const before = pool.acquisitions
      let returned = 0
      const timing = timed(operations, () => {
        while (pool.acquisitions - before < operations) {
          ledger.release(held[returned++]!, ++now)
          held.push(...ledger.settled.splice(0))
          fill()
        }
      })
      held = held.slice(returned)
      assertEqual("units in use", pool.inUse, 8)
      assertEqual("waiters", ledger.books.waiting, waiters)
      return { ...timing, operations: pool.acquisitions - before }
    }
  }
}

const beside = (waiters: number): BenchCase => ({
  name: `quota tree: hand-off, ${waiters.toLocaleString("en")} waiting for quota`,
  measures:
    `Eight units of quota of a tree of ${groups} groups go from one to the next in the Ledger, while ` +
    `${waiters.toLocaleString("en")} wait for quota, against eight units of a pool; with the claim that takes its place.`,
  onlyFull: waiters !== 100_000,
  prepare: async ({ shrink }): Promise<Prepared> => {
    const size = Math.max(10, waiters / shrink)
    return {
      ours: handOff("waits for quota", size, true),
      peers: [{ ...handOff("waits for the pool", size, false), goal: null }]
    }
  }
})

/** Whoever waits behind the first of its line is not looked at: measured 1.0 to 1.6 on two shared cores. */
const growthMax = 4

const growth: BenchCase = {
  name: "quota tree growth",
  measures: "The hand-off of quota with 100,000 waiting, against itself with 100.",
  prepare: async ({ shrink }) => ({
    ours: handOff("100,000 waiting", 100_000 / shrink, true),
    peers: [{ ...handOff("itself, 100 waiting", 100, true), goal: growthMax }]
  })
}

export const quotaTreeCases: ReadonlyArray<BenchCase> = [grant, ...[10, 1_000, 100_000].map(beside), growth]
