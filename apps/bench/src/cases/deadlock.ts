/** What it costs to know that a wait is no deadlock, or that it is one. */
import { Ledger } from "../core.ts"
import { assertEqual, type BenchCase, type Side, timed } from "../harness.ts"

interface Chain {
  readonly ledger: Ledger.Ledger
  readonly leases: ReadonlyArray<Ledger.Request>
  now: number
}

/** Agent `i` of `links + 1` holds lock `i` and, but for the first and last, waits for lock `i + 1` inside of it. */
const build = (links: number): Chain => {
  const locks: Record<string, number> = {}
  const names: Array<string> = []
  for (let index = 0; index <= links; index++) {
    locks[`lock-${index}`] = 1
    names.push(`agent-${index}`)
  }
  const ledger = new Ledger.Ledger()
  let now = 0
  const options = { capacity: 1, rate: { limit: 1e9, intervalMicros: 1_000_000, burst: 1e9, per: "unit" } } as const
  const leases = names.map((name, index) => {
    ledger.definePool(`lock-${index}`, options, now++)
    return request(ledger, name, index, now++, undefined)
  })
  for (let index = 0; index <= links; index++) {
    for (const lock of [index, index + 1]) if (lock <= links) ledger.setQuota(`agent-${index}`, `lock-${lock}`, 1, now)
  }
  for (let index = 1; index < links; index++) {
    const wait = request(ledger, `agent-${index}`, index + 1, now++, leases[index])
    if (wait.status !== "waiting") throw new Error(`agent-${index} was to wait, its claim is ${wait.status}`)
  }
  return { ledger, leases, now }
}

const request = (
  ledger: Ledger.Ledger,
  agent: string,
  lock: number,
  now: number,
  parent: Ledger.Request | undefined
): Ledger.Request => {
  const answer = ledger.claim(agent, { [`lock-${lock}`]: 1 }, now, { parent })
  if (answer instanceof Ledger.Request) return answer
  throw new Error(`${agent} was refused lock ${lock}: ${answer._tag}`)
}

/** A wait at the head of the chain, which depends on all of it, and is given up again. */
const head = (links: number, per: "link" | "wait"): Side => {
  const chain = build(links)
  const parent = chain.leases[0]!
  return {
    name: `chain of ${links}`,
    sample: async (operations) => {
      const waits = per === "link" ? Math.max(1, Math.round(operations / links)) : operations
      let waited = 0
      const timing = timed(per === "link" ? waits * links : waits, () => {
        for (let index = 0; index < waits; index++) {
          const wait = request(chain.ledger, "agent-0", 1, chain.now++, parent)
          if (wait.status === "waiting") waited += 1
          chain.ledger.abandon(wait, chain.now++)
        }
      })
      assertEqual("claims that waited", waited, waits)
      return timing
    }
  }
}

/** The claim that closes a cycle of so many waits, and is refused. */
const cycle = (links: number): Side => {
  const chain = build(links)
  const { ledger, leases } = chain
  request(ledger, "agent-0", 1, chain.now++, leases[0])
  const claim = (agent: string) => ledger.claim(agent, { "lock-0": 1 }, chain.now++, { parent: leases[links] })
  return {
    name: `cycle of ${links + 1}`,
    sample: async (operations) => {
      let found = 0
      const timing = timed(operations, () => {
        for (let index = 0; index < operations; index++) {
          const answer = claim(`agent-${links}`)
          if (!(answer instanceof Ledger.Request) && answer._tag === "DeadlockDetected") found += answer.cycle.length
        }
      })
      assertEqual("steps of the deadlocks found", found, operations * (links + 1))
      return timing
    }
  }
}

export const chainGrowth: BenchCase = {
  name: "detection in a chain, per link",
  measures:
    "Each of 2,000 agents holds a lock and waits inside of it for the next one's. A wait at the head, which depends on " +
    "all others, is found to be no deadlock and given up; its cost by link, against shorter chains. " +
    "Linear is 1, quadratic would be 8 against a chain of 250.",
  prepare: async ({ shrink }) => ({
    ours: head(2_000 / shrink, "link"),
    peers: [
      { ...head(Math.ceil(250 / shrink), "link"), name: "itself, chain of 250", goal: 2 },
      { ...head(500 / shrink, "link"), name: "itself, chain of 500", goal: null },
      { ...head(1_000 / shrink, "link"), name: "itself, chain of 1,000", goal: null }
    ]
  })
}

export const cycleFound: BenchCase = {
  name: "deadlock of 1,000",
  measures:
    "The claim that closes a cycle of 1,000 waits is refused with the whole cycle in the error, " +
    "against a wait at the head of a chain of 1,000, which is found to be none.",
  prepare: async ({ shrink }) => ({
    ours: cycle(1_000 / shrink - 1),
    peers: [{ ...head(1_000 / shrink, "wait"), name: "itself, no deadlock", goal: null }]
  })
}
