/** What an order costs: the same hand-off by a policy and by arrival, with as many parked. */
import { Ledger } from "../core.ts"
import { handOff } from "../handOff.ts"
import { type BenchCase, type Prepared, type Side } from "../harness.ts"
import { agentOf } from "../manager.ts"

const orders = {
  /** Three classes, and a rescue in ten. */
  priority: new Ledger.Order({
    name: "priority",
    priority: { inherits: true, aging: { afterMicros: 0, oneIn: 10 } }
  }),
  "fair share": new Ledger.Order({ name: "fair share", fairShare: { by: "held" } }),
  bypass: new Ledger.Order({ name: "bypass", bypass: { max: 10, withinMicros: Infinity, depth: 1_000 } })
}

const capacity = 8

/** A pool of 8, and claims of which half are of 2 units, so that somebody who is short is often the first. */
const side = (name: string, waiters: number, order: Ledger.Order | undefined): Side => {
  const ledger = new Ledger.Ledger({ order })
  return handOff({
    name,
    ledger,
    pool: ledger.definePool("cpu", { capacity }, 0),
    waiters,
    claim: (index, now) => {
      const scheduling = { priority: index % 3, expected: 0, preemptible: false }
      return ledger.claim(agentOf(index), { cpu: 1 + (index & 1) }, now, { scheduling })
    }
  })
}

const beside = (name: keyof typeof orders, waiters: number): BenchCase => ({
  name: `order: ${name}, ${waiters.toLocaleString("en")} waiting`,
  measures:
    `Units of a pool of 8 go from one to the next in the Ledger, by ${name}, while ${waiters.toLocaleString("en")} wait, ` +
    "against first come, first served; a grant with the claim that takes its place in the queue.",
  onlyFull: waiters !== 100_000,
  prepare: async ({ shrink }): Promise<Prepared> => {
    const size = Math.max(10, waiters / shrink)
    return {
      ours: side(name, size, orders[name]),
      peers: [{ name: "first come, first served", goal: null, sample: side("", size, undefined).sample }]
    }
  }
})

/**
 * From 10 to 100,000 waiters the depth of a balanced tree grows fivefold, and its nodes leave the caches:
 * measured 1.4 to 2.8 times on two shared cores.
 */
const growthMax = 6

const growth = (name: keyof typeof orders): BenchCase => ({
  name: `order growth: ${name}`,
  measures: `The same by ${name} with 100,000 waiting, against itself with 10.`,
  prepare: async ({ shrink }) => ({
    ours: side("100,000 waiting", 100_000 / shrink, orders[name]),
    peers: [{ ...side("itself, 10 waiting", 10, orders[name]), goal: growthMax }]
  })
})

const names = ["priority", "fair share", "bypass"] as const

export const orderCases: ReadonlyArray<BenchCase> = names.flatMap((name) => [
  ...[10, 1_000, 100_000].map((waiters) => beside(name, waiters)),
  growth(name)
])
