/**
 * A pool is told to grow exactly where its first waiter can, by the oracle with
 * every pool at its capacity, never be served for want of this pool; and what it
 * is told to grow to is enough, or all that growth can bring, or, for a claim of
 * more than there is, its amount. At every fourth command with at most 12 waiters.
 */
import { growthNeeded } from "../../../src/ledger/deadlock.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { type OracleState, roomAfter, search } from "../oracle.ts"
import { oracleState } from "./deadlock.ts"

const name = "growth"
const fail = failing(name)

export const growth = (run: Run): Checker => {
  const { ledger, world } = run
  const isServed = (state: OracleState, wait: number): boolean => (search(state, false).reachable & (1 << wait)) !== 0
  /** What is there of a pool for a wait once all that can come back has. */
  const left = (state: OracleState, wait: number, pool: number): number =>
    roomAfter(state, search(state, false).reachable, wait, pool)
  return {
    name,
    afterCommand: () => {
      if (run.step % 4 !== 0 || world.waiters.length === 0 || world.waiters.length > 12) return
      if (world.pools.every((pool) => pool.limit === pool.capacity)) return
      const asIs = oracleState(world, ledger.now)
      const line = world.line
      const at = (capacityOf: (index: number) => number): OracleState => ({
        ...asIs,
        pools: asIs.pools.map(({ burst }, index) => ({ burst: Math.max(burst, 2 ** 53), limit: capacityOf(index) }))
      })
      for (const pool of world.pools) {
        const actual = ledger.books.pools.get(pool.type)!
        const needed = growthNeeded(actual)
        const wait = line.findIndex((waiter) => waiter.id === actual.firstShort?.request.id)
        if (wait < 0 || pool.limit === pool.capacity) {
          if (needed !== undefined) fail(`${pool.type} needs ${needed}, though nobody can be served by growth`)
          continue
        }
        const amount = line[wait]!.needs.find((need) => need.pool === pool)!.amount
        const lacks = (state: OracleState) => !isServed(state, wait) && amount > left(state, wait, pool.index)
        const now = at((index) => world.pools[index]!.capacity)
        if (needed === undefined) {
          if (lacks(now)) fail(`${pool.type} need not grow, though ${line[wait]!.id} waits for that`)
          run.count("oracle: no growth needed")
        } else {
          if (needed <= pool.capacity || needed > pool.limit)
            fail(`${pool.type} needs ${needed} of at most ${pool.limit}`)
          if (!lacks(now)) fail(`${pool.type} needs ${needed}, though ${pool.capacity} is enough`)
          const grown = at((index) => (index === pool.index ? needed : world.pools[index]!.capacity))
          // A claim of more than there is first gets that; what is blocked is seen at the next look.
          if (amount <= pool.capacity && needed < pool.limit && lacks(grown))
            fail(`${pool.type} needs ${needed}, which is not enough`)
          run.count("oracle: growth needed")
        }
      }
    }
  }
}
