/**
 * Nothing is lost or made: in each pool what the leases hold is what is in use,
 * for each agent what it holds and waits for is what its account says, and the
 * lists name exactly the claims that there are.
 */
import { type Checker, failing, type Run } from "../checker.ts"

const name = "conservation"
const fail = failing(name)

export const conservation = ({ ledger, world }: Run): Checker => {
  const checkAccounts = () => {
    for (const agent of ledger.books.agents.values()) {
      let waiters = 0
      for (const waiter of world.waiters) if (waiter.agent === agent.id) waiters++
      if (agent.waiters.size !== waiters) fail(`${agent.id} has ${agent.waiters.size} waiters, not ${waiters}`)
      for (const account of agent.accounts.values()) {
        const pool = world.pool(account.pool.type)
        const held = world.sum(world.leases, agent.id, pool)
        const waiting = world.sum(world.waiters, agent.id, pool)
        if (account.held !== held) fail(`${agent.id} holds ${held} of ${pool.type}, its account says ${account.held}`)
        if (account.waiting !== waiting) {
          fail(`${agent.id} waits for ${waiting} of ${pool.type}, its account says ${account.waiting}`)
        }
      }
    }
  }
  return {
    name,
    afterCommand: () => {
      const { books } = ledger
      const held = world.pools.map(() => 0)
      const holders = world.pools.map(() => 0)
      const queued = world.pools.map(() => 0)
      for (const lease of world.leases) {
        for (const { amount, pool } of lease.needs) {
          held[pool.index]! += amount
          holders[pool.index]!++
        }
      }
      for (const waiter of world.waiters) {
        if (waiter.parked) continue
        for (const { amount, pool } of waiter.needs) queued[pool.index]! += amount
      }
      if (books.waiting !== world.waiters.length) fail(`${books.waiting} wait, not ${world.waiters.length}`)
      for (const pool of books.pools.values()) {
        const index = pool.index
        if (pool.inUse !== held[index]) fail(`${pool.type}: ${pool.inUse} in use, but leases hold ${held[index]}`)
        if (pool.waitingAmount !== queued[index]) {
          fail(`${pool.type}: ${pool.waitingAmount} waited for, but waiters ask for ${queued[index]}`)
        }
        let listed = 0
        let sum = 0
        for (let part = pool.holdersHead; part !== undefined; part = part.next) {
          listed++
          sum += part.amount
          if (listed > holders[index]!) fail(`${pool.type}: more holders than leases`)
        }
        if (listed !== holders[index] || sum !== held[index]) {
          fail(`${pool.type}: the list of holders has ${listed} with ${sum}, not ${holders[index]} with ${held[index]}`)
        }
      }
      checkAccounts()
      const { index } = books
      if (index === undefined) return
      if (index.size !== world.claims.size) fail(`${index.size} claims have an id, not ${world.claims.size}`)
      for (const id of world.claims.keys()) if (index.get(id)?.id !== id) fail(`claim ${id} is not found by its id`)
    },
    atEnd: () => {
      for (const pool of ledger.books.pools.values()) {
        if (pool.inUse !== 0) fail(`${pool.type}: ${pool.inUse} still in use after everything was returned`)
      }
    }
  }
}
