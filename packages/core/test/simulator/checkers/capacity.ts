/** No grant takes more than there is, whatever shrinks below what is in use. */
import { type Checker, failing, type Run } from "../checker.ts"

const name = "capacity"
const fail = failing(name)

export const capacity = ({ ledger, world }: Run): Checker => ({
  name,
  onEvent: (event) => {
    if (event._tag !== "Granted" && event._tag !== "GrantedAtOnce") return
    const needs =
      event._tag === "Granted"
        ? world.claim(event.id).needs
        : Object.entries(event.claim).map(([type, amount]) => ({ pool: world.pool(type), amount }))
    for (const { amount, pool } of needs) {
      if (amount > pool.free) fail(`${event.id} was granted ${amount} of ${pool.type} where ${pool.free} were free`)
    }
  },
  afterCommand: () => {
    for (const pool of world.pools) {
      const actual = ledger.books.pools.get(pool.type)
      if (actual?.capacity !== pool.capacity) fail(`${pool.type} has a capacity of ${actual?.capacity}`)
      if (actual?.maxCapacity !== pool.maxCapacity) fail(`${pool.type} has a maximum of ${actual?.maxCapacity}`)
      for (const { needs, id } of world.waiters) {
        for (const need of needs) {
          if (need.pool !== pool) continue
          if (need.amount > pool.limit)
            fail(`${id} waits for ${need.amount} ${pool.type}; there are never more than ${pool.limit}`)
          if (need.cost > pool.burstLimit)
            fail(`${id} waits for ${need.cost} tokens over a burst of ${pool.burstLimit}`)
        }
      }
    }
  }
})
