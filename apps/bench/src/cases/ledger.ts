/** The decision core alone, against the least that could do any of it. */
import { Ledger } from "../core.ts"
import { assertEqual, type BenchCase, timed } from "../harness.ts"
import { agentOf, agents, quota, startLedger } from "../manager.ts"

const capacity = 1_000

/** The floor: a counter by pool and one by agent, a grant and a release with two look-ups each. */
class Counters {
  readonly pools = new Map<string, { used: number; readonly capacity: number; grants: number }>()
  readonly agents = new Map<string, { held: number; readonly quota: number }>()

  grant(agent: string, type: string, amount: number): boolean {
    const pool = this.pools.get(type)
    const account = this.agents.get(agent)
    if (pool === undefined || account === undefined) return false
    if (pool.used + amount > pool.capacity || account.held + amount > account.quota) return false
    pool.used += amount
    pool.grants += 1
    account.held += amount
    return true
  }

  release(agent: string, type: string, amount: number): boolean {
    const pool = this.pools.get(type)
    const account = this.agents.get(agent)
    if (pool === undefined || account === undefined || account.held < amount) return false
    pool.used -= amount
    account.held -= amount
    return true
  }
}

export const ledgerGrant: BenchCase = {
  name: "ledger grant + release",
  measures:
    "A claim of 1 of a pool of 1,000 is granted and released by the Ledger, without fibers, for 16 agents in turn, " +
    "against a counter by pool and by agent with two Map look-ups a call.",
  prepare: async () => {
    const ledger = startLedger({ cpu: capacity })
    const pool = ledger.books.pools.get("cpu")!
    let now = 0
    const floor = new Counters()
    const counter = { used: 0, capacity, grants: 0 }
    floor.pools.set("cpu", counter)
    for (const agent of agents) floor.agents.set(agent, { held: 0, quota })
    return {
      ours: {
        name: "Ledger claim + release",
        sample: async (operations) => {
          const before = pool.acquisitions
          const timing = timed(operations, () => {
            for (let index = 0; index < operations; index++) {
              const lease = ledger.claim(agentOf(index), { cpu: 1 }, now++)
              if (lease instanceof Ledger.Request) ledger.release(lease, now++)
            }
          })
          assertEqual("grants of the Ledger", pool.acquisitions - before, operations)
          assertEqual("units out of the Ledger", pool.inUse, 0)
          return timing
        }
      },
      peers: [
        {
          name: "counter with two Map look-ups",
          goal: 6,
          sample: async (operations) => {
            const before = counter.grants
            let released = 0
            const timing = timed(operations, () => {
              for (let index = 0; index < operations; index++) {
                const agent = agentOf(index)
                if (floor.grant(agent, "cpu", 1) && floor.release(agent, "cpu", 1)) released += 1
              }
            })
            assertEqual("grants of the floor", counter.grants - before, operations)
            assertEqual("releases of the floor", released, operations)
            return timing
          }
        }
      ]
    }
  }
}
