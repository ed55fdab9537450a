/** What backfill costs: hand-offs with a blocked head, by a kind of backfill and without, with as many parked. */
import { Ledger } from "../core.ts"
import { handOff } from "../handOff.ts"
import { type BenchCase, type Prepared, type Side } from "../harness.ts"
import { agentOf } from "../manager.ts"

const capacity = 64

const expectedOf = (index: number): number => 1_000 + ((index * 7_919) % 9_000)

/** A pool of 64, and claims of 1 to 16 units, so that somebody who is short is always next. */
const side = (name: string, waiters: number, backfill: Ledger.BackfillOptions | undefined): Side => {
  const ledger = new Ledger.Ledger({ backfill })
  return handOff({
    name,
    ledger,
    pool: ledger.definePool("cpu", { capacity }, 0),
    waiters,
    claim: (index, now) => {
      const scheduling = { expected: expectedOf(index), preemptible: false }
      return ledger.claim(agentOf(index), { cpu: 1 + ((index * 31) & 15) }, now, { scheduling })
    }
  })
}

type Kind = Ledger.BackfillOptions["kind"]

const beside = (kind: Kind, waiters: number): BenchCase => ({
  name: `backfill: ${kind}, ${waiters.toLocaleString("en")} waiting`,
  measures:
    `Units of a pool of 64 go from one to the next in the Ledger, with backfill ${kind}, while ${waiters.toLocaleString("en")} ` +
    "wait, against none; a grant with the claim that takes its place in the queue.",
  onlyFull: waiters !== 1_000 || kind !== "easy",
  prepare: async ({ shrink }): Promise<Prepared> => {
    const size = Math.max(10, waiters / shrink)
    return {
      ours: side(kind, size, { kind }),
      peers: [{ name: "no backfill", goal: null, sample: side("", size, undefined).sample }]
    }
  }
})

/** Bounded by the depth, of 1,000: measured 0.7 to 1.1 times on two shared cores. */
const growthMax = 3

const growth: BenchCase = {
  name: "backfill growth: easy",
  measures: "The same with backfill easy and 100,000 waiting, against itself with 1,000, which is its depth.",
  onlyFull: true,
  prepare: async ({ shrink }) => ({
    ours: side("100,000 waiting", 100_000 / shrink, { kind: "easy" }),
    peers: [{ ...side("itself, 1,000 waiting", 1_000 / shrink, { kind: "easy" }), goal: growthMax }]
  })
}

export const backfillCases: ReadonlyArray<BenchCase> = [
  ...(["easy", "shadow"] as const).flatMap((kind) => [10, 1_000, 100_000].map((waiters) => beside(kind, waiters))),
  ...[10, 1_000, 100_000].map((waiters) => beside("conservative", waiters)),
  growth
]
