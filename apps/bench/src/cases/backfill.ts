/** What backfill costs: hand-offs with a blocked head, by a kind of backfill and without, with as many parked. */
import { Ledger } from "../core.ts"
import { assertEqual, type BenchCase, type Prepared, type Side, timed } from "../harness.ts"
import { agentOf } from "../manager.ts"

const capacity = 64

const expectedOf = (index: number): number => 1_000 + ((index * 7_919) % 9_000)

/**
 * A pool of 64. The oldest lease comes back, who is served by that is in hand, and so many new claims
 * come that as many wait as before: of 1 to 16 units, so that somebody who is short is always next.
 */
const handOff = (name: string, waiters: number, backfill: Ledger.BackfillOptions | undefined): Side => {
  const ledger = new Ledger.Ledger({ backfill })
  const pool = ledger.definePool("cpu", { capacity }, 0)
  let held: Array<Ledger.Request> = []
  let asked = 0
  let now = 0
  const fill = () => {
    while (pool.waiting < waiters) {
      const index = asked++
      const scheduling = { expected: expectedOf(index), preemptible: false }
      const answer = ledger.claim(agentOf(index), { cpu: 1 + ((index * 31) & 15) }, now, { scheduling })
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
      const inHand = held.reduce((sum, lease) => sum + lease.parts[0]!.amount, 0)
      assertEqual("units in use", pool.inUse, inHand)
      return { ...timing, operations: pool.acquisitions - before }
    }
  }
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
      ours: handOff(kind, size, { kind }),
      peers: [{ name: "no backfill", goal: null, sample: handOff("", size, undefined).sample }]
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
    ours: handOff("100,000 waiting", 100_000 / shrink, { kind: "easy" }),
    peers: [{ ...handOff("itself, 1,000 waiting", 1_000 / shrink, { kind: "easy" }), goal: growthMax }]
  })
}

export const backfillCases: ReadonlyArray<BenchCase> = [
  ...(["easy", "shadow"] as const).flatMap((kind) => [10, 1_000, 100_000].map((waiters) => beside(kind, waiters))),
  ...[10, 1_000, 100_000].map((waiters) => beside("conservative", waiters)),
  growth
]
