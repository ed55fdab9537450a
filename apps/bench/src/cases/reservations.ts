/** What reservations cost: the same hand-off in a pool of which something is promised, and in one of which nothing is. */
import { Ledger } from "../core.ts"
import { handOff } from "../handOff.ts"
import { type BenchCase, type Prepared, type Side } from "../harness.ts"
import { agentOf } from "../manager.ts"

const units = 8

/** Instants are microseconds; the first window begins after all that is measured. */
const year = 31_536_000_000_000

interface Promised {
  readonly name: string
  /** Units that are promised to somebody who asks for nothing, beside those that are handed out. */
  readonly kept: number
  readonly make: (ledger: Ledger.Ledger) => void
}

const nothing: Promised = { name: "nothing is promised", kept: 0, make: () => {} }

const standing = (holder: Ledger.Holder, name: string): Promised => ({
  name,
  kept: 1,
  make: (ledger) => void ledger.reserve({ holder, claim: { cpu: 1 }, from: 0 }, 0)
})

/** So many windows, one after the other, each of another agent. */
const windows = (count: number): Promised => ({
  name: `${count.toLocaleString("en")} windows`,
  kept: 0,
  make: (ledger) => {
    for (let index = 0; index < count; index++) {
      const from = year + 2 * index
      const holder = { _tag: "Agent", agent: `holder-${index}` } as const
      ledger.reserve({ holder, claim: { cpu: units }, from, until: from + 1 }, 0)
    }
  }
})

/** Eight units go from one to the next. Claims say that they are done long before the first window. */
const side = (waiters: number, promised: Promised): Side => {
  const ledger = new Ledger.Ledger()
  const pool = ledger.definePool("cpu", { capacity: units + promised.kept }, 0)
  promised.make(ledger)
  const scheduling = { expected: 1_000, preemptible: false }
  const claim = (index: number, now: number) => ledger.claim(agentOf(index), { cpu: 1 }, now, { scheduling })
  return handOff({ name: promised.name, ledger, pool, waiters, claim, inUse: units })
}

const forAgent = standing({ _tag: "Agent", agent: "demo" }, "one unit is an agent's")
const forClass = standing({ _tag: "Priority", atLeast: 10 }, "one unit is a class's")

const beside = (waiters: number): BenchCase => ({
  name: `reservations: hand-off, ${waiters.toLocaleString("en")} waiting`,
  measures:
    `Eight units of a pool go from one to the next in the Ledger while a ninth is kept for an agent that asks for nothing, with ` +
    `${waiters.toLocaleString("en")} waiting: against a pool of eight, first come, first served, of which nothing is promised, ` +
    "and against one kept for a class, whose waiters are looked for among the first 1,000.",
  onlyFull: waiters !== 100_000,
  prepare: async ({ shrink }): Promise<Prepared> => {
    const size = Math.max(10, waiters / shrink)
    return {
      ours: side(size, forAgent),
      peers: [
        { ...side(size, nothing), goal: null },
        { ...side(size, forClass), goal: null }
      ]
    }
  }
})

/** No decision walks the queue for an agent's promise: measured 0.7 to 1.1 on two shared cores. */
const growthMax = 6

const growth: BenchCase = {
  name: "reservations growth",
  measures: "The same with 100,000 waiting, against itself with 10.",
  prepare: async ({ shrink }) => ({
    ours: { ...side(100_000 / shrink, forAgent), name: "100,000 waiting" },
    peers: [{ ...side(10, forAgent), name: "itself, 10 waiting", goal: growthMax }]
  })
}

const calendar = (count: number): BenchCase => ({
  name: `reservations: ${count.toLocaleString("en")} in the calendar`,
  measures:
    `The hand-off with 100 waiting and ${count.toLocaleString("en")} windows of as many agents to come, none of which the claims ` +
    "run into, against none. A look costs as much as there are promises.",
  onlyFull: count !== 1_000,
  prepare: async (): Promise<Prepared> => ({
    ours: side(100, windows(count)),
    peers: [{ ...side(100, nothing), goal: null }]
  })
})

export const reservationCases: ReadonlyArray<BenchCase> = [
  ...[10, 1_000, 100_000].map(beside),
  growth,
  ...[10, 1_000].map(calendar)
]
