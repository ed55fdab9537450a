/**
 * What a wait is inside of is what the caller said, without what came back; and
 * the figures that let the detection skip its graph (units that blocked leases
 * hold, pools that are hard) are true.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import { around, type WorldClaim } from "../model.ts"

const name = "nesting"
const fail = failing(name)

export const nesting = ({ ledger, world }: Run): Checker => ({
  name,
  onEvent: (event) => {
    if (event._tag !== "Queued" && event._tag !== "GrantedAtOnce") return
    let lease = world.asking.parent
    while (lease !== undefined && lease.status !== "held") lease = lease.parent
    if (event.parent !== lease?.id) fail(`${event.id} was asked inside ${lease?.id}, not ${event.parent}`)
    if (event.grows !== world.asking.grows?.id) fail(`${event.id} grows ${world.asking.grows?.id}, not ${event.grows}`)
  },
  afterCommand: () => {
    const blocked = new Set<WorldClaim>()
    for (const waiter of world.waiters) {
      for (const lease of around(waiter)) if (lease.ttl === 0 && lease.notice === undefined) blocked.add(lease)
      if (waiter.grows !== undefined && waiter.grows.status !== "held") {
        fail(`${waiter.id} waits to grow ${waiter.grows.id}, which came back`)
      }
    }
    const held = world.pools.map(() => 0)
    for (const lease of blocked) for (const { amount, pool } of lease.needs) held[pool.index]! += amount
    let hard = 0
    for (const pool of ledger.books.pools.values()) {
      if (pool.hard) hard++
      const expected = held[pool.index]!
      if (pool.blockedHeld !== expected)
        fail(`${pool.type}: ${pool.blockedHeld} held by blocked leases, not ${expected}`)
    }
    if (ledger.books.hardPools !== hard) fail(`${ledger.books.hardPools} pools are counted as hard, not ${hard}`)
    for (const waiter of world.waiters) {
      if (waiter.parked) continue
      for (const { amount, pool } of waiter.needs) {
        const actual = ledger.books.pools.get(pool.type)!
        if (!actual.hard && amount > pool.limit - held[pool.index]!) fail(`${pool.type} is hard, and not called so`)
      }
    }
  }
})
