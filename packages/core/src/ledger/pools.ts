/**
 * What the books do with a pool that is changed while it is used: each does what one
 * event says.
 */
import type { Adoption } from "./adoption.ts"
import { countHard } from "./blocking.ts"
import type { Books } from "./Books.ts"
import type { Rate } from "./Bucket.ts"
import type { Pool } from "./Pool.ts"
import { waitingForQuota } from "./quota/gates.ts"

/** A pool of a former start is configured otherwise than it was. */
export const configure = (books: Books, pool: Pool, { capacity, configured, rate }: Adoption): void => {
  const before = pool.rate
  pool.configured = configured
  pool.minCapacity = configured.minCapacity
  pool.setCapacity(capacity, configured.maxCapacity, books.now)
  pool.setRate(rate, books.now)
  if (before?.per !== rate?.per) reprice(books, pool)
  books.sink?.({ _tag: "PoolConfigured", at: books.now, type: pool.type, capacity, rate, configured })
  books.rebalance(pool)
  countHard(books, pool)
  capacityChanged(books)
}

export const setCapacity = (books: Books, pool: Pool, capacity: number, maxCapacity: number | undefined): void => {
  pool.setCapacity(capacity, maxCapacity, books.now)
  books.sink?.({ _tag: "CapacitySet", at: books.now, type: pool.type, capacity, maxCapacity })
  books.rebalance(pool)
  countHard(books, pool)
  capacityChanged(books)
}

export const setRate = (books: Books, pool: Pool, rate: Rate | undefined): void => {
  const before = pool.rate
  pool.setRate(rate, books.now)
  if (before?.per !== rate?.per) reprice(books, pool)
  books.sink?.({ _tag: "RateSet", at: books.now, type: pool.type, rate })
  books.rebalance(pool)
}

export const refund = (books: Books, pool: Pool, tokens: number): void => {
  pool.refund(tokens, books.now)
  books.sink?.({ _tag: "Refunded", at: books.now, type: pool.type, tokens })
  books.rebalance(pool)
}

/** The shares of all agents are of what there is. */
const capacityChanged = (books: Books): void => {
  if (books.ordering?.order.fair === undefined) return
  for (const agent of books.agents.values()) books.ordering.shareChanged(agent)
}

/** What a token pays for has changed: so has what the waiters need. */
const reprice = (books: Books, pool: Pool): void => {
  for (let part = pool.waitersHead; part !== undefined; part = part.next) {
    const cost = pool.costOf(part.amount)
    if (part.earmarked) pool.earmarkedTokens += cost - part.cost
    part.cost = cost
  }
  for (const waiter of waitingForQuota(books)) {
    for (const part of waiter.parts) if (part.pool === pool) part.cost = pool.costOf(part.amount)
  }
}
