/** What it costs to find whom to take a lease from, and what preemption costs those who take nothing. */
import { Ledger } from "../core.ts"
import { agentOf } from "../manager.ts"
import { assertEqual, type BenchCase, type Side, timed } from "../harness.ts"

const policy: Ledger.PreemptionPolicy = { name: "priority", byPriority: true, grace: 1_000_000, overrun: 0 }

const requestOf = (answer: Ledger.Request | { readonly _tag: string }): Ledger.Request => {
  if (answer instanceof Ledger.Request) return answer
  throw new Error(`refused: ${answer._tag}`)
}

const said = (priority: number, preemptible: boolean) => ({ scheduling: { priority, expected: 0, preemptible } })

/** A full pool of preemptible leases of ten priorities. A claim above them takes one, and leaves. */
const takesBeside = (holders: number): Side => {
  const ledger = new Ledger.Ledger({ preemption: policy })
  ledger.definePool("cpu", { capacity: holders }, 0)
  for (let index = 0; index < holders; index++) {
    requestOf(ledger.claim(agentOf(index), { cpu: 1 }, 0, said(index % 10, true)))
  }
  return {
    name: `claim that takes a lease, ${holders} holders`,
    sample: async (operations) => {
      let taken = 0
      const timing = timed(operations, () => {
        for (let index = 0; index < operations; index++) {
          const request = requestOf(ledger.claim(agentOf(index), { cpu: 1 }, 0, said(100, false)))
          taken += ledger.books.noticed.size
          ledger.abandon(request, 0)
        }
      })
      assertEqual("leases that were told to end", taken, operations)
      assertEqual("leases that still have to end", ledger.books.noticed.size, 0)
      return timing
    }
  }
}

/** Hand-offs in a pool that so many wait for, who may all take and be taken. */
const handsOff = (waiting: number, preemption: Ledger.PreemptionPolicy | undefined, name: string): Side => {
  const ledger = new Ledger.Ledger(preemption === undefined ? {} : { preemption })
  ledger.definePool("cpu", { capacity: 16 }, 0)
  const line = Array.from({ length: 16 + waiting }, (_, index) =>
    requestOf(ledger.claim(agentOf(index), { cpu: 1 }, 0, said(5, true)))
  )
  let first = 0
  return {
    name,
    sample: async (operations) => {
      const timing = timed(operations, () => {
        for (let index = 0; index < operations; index++) {
          ledger.release(line[first % line.length]!, 0)
          line[first % line.length] = requestOf(ledger.claim(agentOf(index), { cpu: 1 }, 0, said(5, true)))
          first++
          ledger.settled.length = 0
        }
      })
      assertEqual("claims that wait", ledger.books.waiting, waiting)
      return timing
    }
  }
}

export const preemptionTakes: BenchCase = {
  name: "claim that takes a lease",
  measures:
    "A claim of higher priority waits for a full pool, finds its victim, and leaves again, so that it is spared, in " +
    "the Ledger. 100,000 preemptible holders of ten priorities, against 1,000 and 10.",
  prepare: async ({ shrink }) => ({
    ours: takesBeside(100_000 / shrink),
    peers: [
      { ...takesBeside(1_000 / shrink), name: "itself, 1,000 holders", goal: 3 },
      { ...takesBeside(10), name: "itself, 10 holders", goal: 4 }
    ]
  })
}

export const preemptionHandoff: BenchCase = {
  name: "hand-off with preemption",
  measures:
    "A unit goes to the next of 100,000 waiters and another one comes, in the Ledger. With preemption by priority, all " +
    "preemptible and of one priority, against the same with it off, and against 1,000 and 10 waiters.",
  prepare: async ({ shrink }) => ({
    ours: handsOff(100_000 / shrink, policy, "with preemption"),
    peers: [
      { ...handsOff(100_000 / shrink, undefined, "first come, first served, without"), goal: 3 },
      { ...handsOff(1_000 / shrink, policy, "itself, 1,000 waiters"), goal: 3 },
      { ...handsOff(10, policy, "itself, 10 waiters"), goal: 3 }
    ]
  })
}
