/** Units that go from one to the next in a Ledger: what the cases of policies measure. */
import { Ledger } from "./core.ts"
import { assertEqual, type Side, timed } from "./harness.ts"

export interface HandOff {
  readonly name: string
  readonly ledger: Ledger.Ledger
  readonly pool: Ledger.Pool
  /** How many wait, all the time. */
  readonly waiters: number
  /** Makes the claim that comes next, the first one being 0. */
  readonly claim: (index: number, now: number) => ReturnType<Ledger.Ledger["claim"]>
  /** What of the pool is in use between two hand-offs, where that is always as much. */
  readonly inUse?: number
}

/**
 * The oldest lease comes back, who is served by that is in hand, and so many new claims
 * come that as many wait as before.
 */
export const handOff = ({ claim, inUse, ledger, name, pool, waiters }: HandOff): Side => {
  let held: Array<Ledger.Request> = []
  let asked = 0
  let now = 0
  const fill = () => {
    while (ledger.books.waiting < waiters) {
      const answer = claim(asked++, now)
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
      if (inUse !== undefined) assertEqual("units in use", pool.inUse, inUse)
      assertEqual("waiters", ledger.books.waiting, waiters)
      return { ...timing, operations: pool.acquisitions - before }
    }
  }
}
