/**
 * In any window of length t, at most `burst + rate * t` tokens leave a pool, as if
 * the takes that were undone had never been. For windows that end now the worst one
 * is kept by `worst = max(0, worst - rate * elapsed) + taken`, in exact integers
 * (multiples of one interval); an undo strikes its take out and counts again. A new
 * rate or a smaller burst starts a new log.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import type { WorldPool } from "../model.ts"

const name = "rate"
const fail = failing(name)

interface Take {
  /** The claim that took; none where tokens were given back to the rate itself. */
  readonly claim: number | undefined
  readonly tokens: number
  /** Whether a grant took it. */
  readonly granted: boolean
  readonly at: number
}

interface Log {
  /** The takes since the worst window was last empty: no window that ends later is worse without them. */
  takes: Array<Take>
  worst: bigint
  at: number
}

const positive = (value: bigint): bigint => (value < 0n ? 0n : value)

export const rate = ({ ledger, seed, world }: Run): Checker => {
  const logs = new Map<WorldPool, Log>()
  const append = (pool: WorldPool, log: Log, take: Take) => {
    const { intervalMicros, limit } = pool.rate!
    log.worst = positive(log.worst - BigInt(limit) * BigInt(take.at - log.at))
    if (log.worst === 0n) log.takes = []
    log.worst = positive(log.worst + BigInt(take.tokens) * BigInt(intervalMicros))
    log.takes.push(take)
    log.at = take.at
  }
  const add = (pool: WorldPool, take: Take) => {
    if (pool.rate === undefined || take.tokens === 0) return
    const log = logs.get(pool) ?? { takes: [], worst: 0n, at: take.at }
    logs.set(pool, log)
    append(pool, log, take)
    const burst = pool.rate.burst ?? pool.capacity
    const interval = BigInt(pool.rate.intervalMicros)
    // What was charged may be a debt; no grant adds to one.
    if (take.granted && log.worst > BigInt(burst) * interval) {
      fail(`${pool.type}: ${log.worst / interval} tokens above the rate left in one window, with a burst of ${burst}`)
    }
  }
  /** The window as it would be had the claim taken nothing. */
  const strike = (pool: WorldPool, claim: number) => {
    const log = logs.get(pool)
    if (log === undefined || !log.takes.some((take) => take.claim === claim)) return
    const rest = log.takes.filter((take) => take.claim !== claim)
    const again: Log = { takes: [], worst: 0n, at: rest[0]?.at ?? log.at }
    for (const take of rest) append(pool, again, take)
    logs.set(pool, again)
  }
  return {
    name,
    onEvent: (event) => {
      switch (event._tag) {
        case "Granted":
          for (const { cost, pool } of world.claim(event.id).needs) {
            add(pool, { claim: event.id, tokens: cost, granted: true, at: event.at })
          }
          break
        case "GrantedAtOnce":
          for (const [type, amount] of Object.entries(event.claim)) {
            const pool = world.pool(type)
            add(pool, { claim: event.id, tokens: pool.costOf(amount), granted: true, at: event.at })
          }
          break
        case "Undone":
          for (const { pool } of world.claim(event.id).needs) strike(pool, event.id)
          break
        case "Refunded":
          add(world.pool(event.type), { claim: undefined, tokens: -event.tokens, granted: false, at: event.at })
          break
        case "Settled":
          for (const { cost, pool } of world.claim(event.id).needs) {
            const tokens = event.costs[pool.type]
            if (tokens === undefined) continue
            // More was taken, or some came back.
            add(pool, { claim: event.id, tokens: tokens - cost, granted: false, at: event.at })
          }
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
