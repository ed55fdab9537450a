/** What a tree of quotas costs: grants inside it, and hand-offs of quota with many parked for it. */
import { Ledger } from "../core.ts"
import { handOff } from "../handOff.ts"
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
const side = (name: string, waiters: number, grouped: boolean): Side => {
  const ledger = new Ledger.Ledger()
  const pool = ledger.definePool("cpu", { capacity: grouped ? 1_000_000 : 8 }, 0)
  if (grouped) {
    ledger.setGroup("root", { onQuota: "wait", limits: { cpu: { nominal: 8 } } }, 0)
    for (let group = 0; group < groups; group++) ledger.setGroup(`group-${group}`, { parent: "root" }, 0)
    agents.forEach((agent, at) => ledger.assign(agent, { group: `group-${at % groups}`, onQuota: undefined }, 0))
  }
  const claim = (index: number, now: number) => ledger.claim(agentOf(index), { cpu: 1 }, now)
  return handOff({ name, ledger, pool, waiters, claim, inUse: 8 })
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
      ours: side("waits for quota", size, true),
      peers: [{ ...side("waits for the pool", size, false), goal: null }]
    }
  }
})

/** Whoever waits behind the first of its line is not looked at: measured 1.0 to 1.6 on two shared cores. */
const growthMax = 4

const growth: BenchCase = {
  name: "quota tree growth",
  measures: "The hand-off of quota with 100,000 waiting, against itself with 100.",
  prepare: async ({ shrink }) => ({
    ours: side("100,000 waiting", 100_000 / shrink, true),
    peers: [{ ...side("itself, 100 waiting", 100, true), goal: growthMax }]
  })
}

export const quotaTreeCases: ReadonlyArray<BenchCase> = [grant, ...[10, 1_000, 100_000].map(beside), growth]
