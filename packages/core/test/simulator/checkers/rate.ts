/**
 * In any window of length t, at most `burst + rate * t` tokens leave a pool, net
 * of what is given back. For windows that end now the worst one is kept by
 * `worst = max(0, worst - rate * elapsed) + taken`, in exact integers (multiples
 * of one interval). A new rate or a smaller burst starts a new log.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import type { Need, WorldPool } from "../model.ts"

const name = "rate"
const fail = failing(name)

interface Log {
  worst: bigint
  at: number
}

export const rate = ({ ledger, seed, world }: Run): Checker => {
  const logs = new Map<WorldPool, Log>()
  const add = (pool: WorldPool, tokens: number, at: number) => {
    const current = pool.rate
    if (current === undefined || tokens === 0) return
    const interval = BigInt(current.intervalMicros)
    let log = logs.get(pool)
    if (log === undefined) {
      log = { worst: 0n, at }
      logs.set(pool, log)
    }
    log.worst -= BigInt(current.limit) * BigInt(at - log.at)
    if (log.worst < 0n) log.worst = 0n
    log.worst += BigInt(tokens) * interval
    if (log.worst < 0n) log.worst = 0n
    log.at = at
    const burst = current.burst ?? pool.capacity
    if (tokens > 0 && log.worst > BigInt(burst) * interval) {
      fail(`${pool.type}: ${log.worst / interval} tokens above the rate left in one window, with a burst of ${burst}`)
    }
  }
  const addAll = (needs: ReadonlyArray<Need>, sign: 1 | -1, at: number) => {
    for (const { cost, pool } of needs) add(pool, sign * cost, at)
  }
  return {
    name,
    onEvent: (event) => {
      switch (event._tag) {
        case "Granted":
          addAll(world.claim(event.id).needs, 1, event.at)
          break
        case "GrantedAtOnce":
          for (const [type, amount] of Object.entries(event.claim)) {
            const pool = world.pool(type)
            add(pool, pool.costOf(amount), event.at)
          }
          break
        case "Undone":
          addAll(world.claim(event.id).needs, -1, event.at)
          break
        case "Refunded":
          add(world.pool(event.type), -event.tokens, event.at)
          break
        case "RateSet":
          logs.delete(world.pool(event.type))
          break
        case "CapacitySet": {
          const pool = world.pool(event.type)
          if (event.capacity < pool.capacity) logs.delete(pool)
          break
        }
        default:
      }
    },
    afterCommand: () => {
      // Reading the level refills the bucket, so only every second seed does: the others
      // would show a decision that forgot to.
      if (seed % 2 !== 0) return
      for (const pool of world.pools) {
        if (pool.rate === undefined) continue
        const level = ledger.books.pools.get(pool.type)?.tokens(ledger.now)
        const expected = pool.tokens(ledger.now)
        if (level !== expected) fail(`${pool.type} has ${level} tokens, not ${expected}`)
      }
    }
  }
}
