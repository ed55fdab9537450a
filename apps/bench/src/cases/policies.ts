/** What further policies cost beside first come, first served, and how that grows: shares of groups, deadlock policies, reclaim. */
import { Ledger } from "../core.ts"
import { handOff } from "../handOff.ts"
import { assertEqual, type BenchCase, type Prepared, type Side, timed } from "../harness.ts"
import { agentOf, agents } from "../manager.ts"

const capacity = 8
const groups = 10
const sizes = [10, 1_000, 100_000] as const

/**
 * From 10 to 100,000 waiters the depth of a balanced tree grows fivefold, and its nodes
 * leave the caches: see `order`.
 */
const growthMax = 6

const second = 1_000_000

/** A Ledger with a policy, and what its agents are and its claims say. */
interface Policy {
  readonly options: Ledger.LedgerOptions
  readonly setUp?: (ledger: Ledger.Ledger) => void
  readonly scheduling?: Ledger.Scheduling
}

/** Two organisations of five teams each, of different weights, and all agents in these. */
const teams = (ledger: Ledger.Ledger): void => {
  for (const root of ["one", "other"]) ledger.setGroup(root, { weight: root === "one" ? 2 : 1 }, 0)
  for (let group = 0; group < groups; group++) {
    ledger.setGroup(`team-${group}`, { parent: group % 2 === 0 ? "one" : "other", weight: 1 + (group % 3) }, 0)
  }
  agents.forEach((agent, at) => ledger.assign(agent, { group: `team-${at % groups}`, onQuota: undefined }, 0))
}

const fair = (fairShare: Ledger.FairShareOrder): Ledger.LedgerOptions => ({
  order: new Ledger.Order({ name: "fair share", fairShare })
})

const none: Policy = { options: {} }

const policies = {
  "fair share of groups": { options: fair({ by: "held" }), setUp: teams },
  "fair share of groups, half-life": { options: fair({ by: "served", halfLife: 60 * second }), setUp: teams },
  "wait-die": { options: { deadlock: Ledger.waitDie } },
  "wound-wait": {
    options: { deadlock: Ledger.woundWait },
    scheduling: { expected: 0, preemptible: true }
  },
  "Banker's": {
    options: { deadlock: Ledger.bankers },
    scheduling: { expected: 0, preemptible: false, maximum: { cpu: 2 } }
  }
} satisfies Readonly<Record<string, Policy>>

const names = Object.keys(policies) as ReadonlyArray<keyof typeof policies>

/** A pool of 8 that goes from one to the next: claims of one unit and of two. */
const side = (name: string, waiters: number, { options, scheduling, setUp }: Policy): Side => {
  const ledger = new Ledger.Ledger(options)
  const pool = ledger.definePool("cpu", { capacity }, 0)
  setUp?.(ledger)
  return handOff({
    name,
    ledger,
    pool,
    waiters,
    claim: (index, now) => ledger.claim(agentOf(index), { cpu: 1 + (index & 1) }, now, { scheduling })
  })
}

const beside = (name: keyof typeof policies, waiters: number): BenchCase => ({
  name: `policy: ${name}, ${waiters.toLocaleString("en")} waiting`,
  measures:
    `Units of a pool of 8 go from one to the next in the Ledger, with ${name}, while ${waiters.toLocaleString("en")} ` +
    "wait, against first come, first served; a grant with the claim that takes its place in the queue.",
  onlyFull: true,
  prepare: async ({ shrink }): Promise<Prepared> => {
    const size = Math.max(10, waiters / shrink)
    return {
      ours: side(name, size, policies[name]),
      peers: [{ ...side("first come, first served", size, none), goal: null }]
    }
  }
})

const growth = (name: keyof typeof policies): BenchCase => ({
  name: `policy growth: ${name}`,
  measures: `The same with ${name} and 100,000 waiting, against itself with 10.`,
  onlyFull: true,
  prepare: async ({ shrink }) => ({
    ours: side("100,000 waiting", 100_000 / shrink, policies[name]),
    peers: [{ ...side("itself, 10 waiting", 10, policies[name]), goal: growthMax }]
  })
})

const deadlocks = { "wait-die": Ledger.waitDie, "wound-wait": Ledger.woundWait } as const

/** A claim inside a lease that is younger than those which hold what it needs: it is refused at once, or waits and leaves. */
const younger = (name: string, waiters: number, deadlock: Ledger.DeadlockPolicy): Side => {
  const ledger = new Ledger.Ledger({ deadlock })
  ledger.definePool("cpu", { capacity }, 0)
  ledger.definePool("disk", { capacity: 1 }, 0)
  for (let index = 0; index < capacity + waiters; index++) ledger.claim(agentOf(index), { cpu: 1 }, 0)
  const lease = ledger.claim("young", { disk: 1 }, 1)
  const parent = lease instanceof Ledger.Request ? lease : undefined
  return {
    name,
    sample: async (operations) => {
      let refused = 0
      const timing = timed(operations, () => {
        for (let index = 0; index < operations; index++) {
          const answer = ledger.claim("young", { cpu: 1 }, 1, { parent })
          if (answer instanceof Ledger.Request) ledger.abandon(answer, 1)
          else refused++
        }
      })
      assertEqual("refused claims", refused, deadlock === Ledger.waitDie ? operations : 0)
      assertEqual("waiters", ledger.books.waiting, waiters)
      return timing
    }
  }
}

const youngerBeside = (name: keyof typeof deadlocks, waiters: number): BenchCase => ({
  name: `policy: ${name} inside a lease, ${waiters.toLocaleString("en")} waiting`,
  measures:
    `A claim inside a lease that is younger than those which hold what it needs, while ${waiters.toLocaleString("en")} wait: with ` +
    "wait-die it is refused, with wound-wait it waits, and leaves; against first come, first served with detection, where it waits too.",
  onlyFull: true,
  prepare: async ({ shrink }): Promise<Prepared> => {
    const size = Math.max(10, waiters / shrink)
    return {
      ours: younger(name, size, deadlocks[name]),
      peers: [{ ...younger("first come, first served", size, Ledger.failRequester), goal: null }]
    }
  }
})

const youngerGrowth = (name: keyof typeof deadlocks): BenchCase => ({
  name: `policy growth: ${name} inside a lease`,
  measures: `The same with ${name} and 100,000 waiting, against itself with 10.`,
  onlyFull: true,
  prepare: async ({ shrink }) => ({
    ours: younger("100,000 waiting", 100_000 / shrink, deadlocks[name]),
    peers: [{ ...younger("itself, 10 waiting", 10, deadlocks[name]), goal: growthMax }]
  })
})

const reclaims: Ledger.PreemptionPolicy = {
  name: "reclaim",
  byPriority: false,
  reclaim: true,
  grace: second,
  overrun: 0
}

/**
 * A group holds half the pool and has borrowed some of that, another one holds what is its own. A claim
 * for what is a third one's own takes some back, and leaves. `owned`: those that cannot be taken were granted
 * last, so that they come first in the order of victims.
 */
const takesBack = (
  name: string,
  leases: number,
  preemption: Ledger.PreemptionPolicy | undefined,
  owned = false
): Side => {
  const ledger = new Ledger.Ledger(preemption === undefined ? {} : { preemption })
  ledger.definePool("cpu", { capacity: leases }, 0)
  // What its children bring is all that it has.
  ledger.setGroup("root", { onQuota: "wait" }, 0)
  const half = leases / 2
  const nominal = { borrower: half - 1, owner: half, lender: 1 }
  for (const [group, units] of Object.entries(nominal)) {
    ledger.setGroup(group, { parent: "root", limits: { cpu: { nominal: units } } }, 0)
    ledger.assign(group, { group, onQuota: undefined }, 0)
  }
  const scheduling = { expected: 0, preemptible: true }
  for (const agent of owned ? ["borrower", "owner"] : ["owner", "borrower"]) {
    for (let index = 0; index < half; index++) ledger.claim(agent, { cpu: 1 }, 0, { scheduling })
  }
  return {
    name,
    sample: async (operations) => {
      let told = 0
      const timing = timed(operations, () => {
        for (let index = 0; index < operations; index++) {
          const claim = ledger.claim("lender", { cpu: 1 }, 0)
          if (!(claim instanceof Ledger.Request)) throw new Error(`refused: ${claim._tag}`)
          told += ledger.books.noticed.size
          ledger.abandon(claim, 0)
          ledger.settled.length = 0
        }
      })
      assertEqual("leases that were told to end", told, preemption === undefined ? 0 : operations)
      assertEqual("leases that still have to end", ledger.books.noticed.size, 0)
      return timing
    }
  }
}

const reclaimBeside = (leases: number): BenchCase => ({
  name: `policy: reclaim, ${leases.toLocaleString("en")} leases`,
  measures:
    `A claim for what is its group's own waits, takes one of ${leases.toLocaleString("en")} preemptible leases ` +
    "back, and leaves again, so that it is spared; against the same without reclaim, where it waits and leaves.",
  onlyFull: true,
  prepare: async ({ shrink }) => {
    const size = Math.max(10, leases / shrink)
    return {
      ours: takesBack("reclaim", size, reclaims),
      peers: [{ ...takesBack("without reclaim", size, undefined), goal: null }]
    }
  }
})

const reclaimGrowth: BenchCase = {
  name: "policy growth: reclaim",
  measures: "The same with 100,000 preemptible leases, against itself with 10.",
  onlyFull: true,
  prepare: async ({ shrink }) => ({
    ours: takesBack("100,000 leases", 100_000 / shrink, reclaims),
    peers: [{ ...takesBack("itself, 10 leases", 10, reclaims), goal: growthMax }]
  })
}

/** What is its group's own is not looked at. */
const reclaimPast: BenchCase = {
  name: "policy growth: reclaim past leases that are nobody else's",
  measures:
    "The same with 100,000 preemptible leases of which half are their group's own and were granted last, so that " +
    "they come before what is borrowed, against itself with 10.",
  onlyFull: true,
  prepare: async ({ shrink }) => ({
    ours: takesBack("100,000 leases", 100_000 / shrink, reclaims, true),
    peers: [{ ...takesBack("itself, 10 leases", 10, reclaims, true), goal: growthMax }]
  })
}

export const policyCases: ReadonlyArray<BenchCase> = [
  ...names.flatMap((name) => [...sizes.map((waiters) => beside(name, waiters)), growth(name)]),
  ...(["wait-die", "wound-wait"] as const).flatMap((name) => [
    ...sizes.map((waiters) => youngerBeside(name, waiters)),
    youngerGrowth(name)
  ]),
  ...sizes.map(reclaimBeside),
  reclaimGrowth,
  reclaimPast
]
