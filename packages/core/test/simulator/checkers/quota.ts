/**
 * An agent is let in only while what it holds, waits for and asks for is within
 * its quota; after a cut its youngest waiters over it fail, no other, and leases stay.
 */
import { type Checker, failing, type Run } from "../checker.ts"

const name = "quota"
const fail = failing(name)

export const quota = ({ world }: Run): Checker => ({
  name,
  onEvent: (event) => {
    if (event._tag === "Queued" || event._tag === "GrantedAtOnce") {
      for (const [type, amount] of Object.entries(event.claim)) {
        const pool = world.pool(type)
        const used = world.sum(world.leases, event.agent, pool) + world.sum(world.waiters, event.agent, pool)
        const limit = world.quota(event.agent, pool)
        if (used + amount > limit) fail(`${event.agent} was let in with ${used} + ${amount} ${type} over ${limit}`)
      }
    }
    if (event._tag === "Left" && event.reason === "QuotaExceeded") {
      const victim = world.claim(event.id)
      const cut = victim.needs.some(({ pool }) => {
        const used = world.sum(world.leases, victim.agent, pool) + world.sum(world.waiters, victim.agent, pool)
        const youngest = world.waiters.findLast(
          (waiter) => waiter.agent === victim.agent && waiter.needs.some((need) => need.pool === pool)
        )
        return used > world.quota(victim.agent, pool) && youngest === victim
      })
      if (!cut) fail(`${victim.id} failed for quota, but is not the youngest over one`)
    }
  },
  afterCommand: () => {
    if (world.quotas.size === 0) return
    for (const waiter of world.waiters) {
      for (const { pool } of waiter.needs) {
        const limit = world.quota(waiter.agent, pool)
        if (limit === Infinity) continue
        const used = world.sum(world.leases, waiter.agent, pool) + world.sum(world.waiters, waiter.agent, pool)
        if (used > limit) fail(`${waiter.agent} waits with ${used} of ${pool.type} over its quota of ${limit}`)
      }
    }
  }
})
