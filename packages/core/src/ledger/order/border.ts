/**
 * Moves in a queue that is kept in the order of a policy. What they keep true is
 * what `Pool` says of its queue: a prefix of earmarked waiters, then `firstShort`,
 * then waiters that nobody looks at. So a waiter that comes in before the border is
 * earmarked, and the last of the prefix give theirs up for it; and what moves takes
 * the border back with it before it goes, and is earmarked again where it belongs.
 *
 * Whoever has called any of these calls `advance` for the pool, once its keys are
 * true again.
 */
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"
import { firstOf, lastOf, type Queue, type Row } from "./Queue.ts"

/** Puts a waiter where it belongs. O(log n), and what gives up its earmark for it. */
export const place = (pool: Pool, queue: Queue, part: Part, now: number): void => {
  queue.add(part)
  // Behind the border nobody looks at it.
  const border = pool.firstShort
  const isBehind = border !== undefined && queue.order.compare(border.request, part.request) < 0
  if (isBehind || pool.planned) {
    part.request.shortIn++
    if (!isBehind) pool.firstShort = part
    return
  }
  pool.earmark(part)
  pool.retreat(now)
}

/** Takes a waiter out, its earmark with it. */
export const displace = (pool: Pool, queue: Queue, part: Part): void => {
  if (part.earmarked) pool.unearmark(part)
  else {
    part.request.shortIn--
    if (pool.firstShort === part) pool.firstShort = queue.after(part)
  }
  queue.remove(part)
}

/**
 * Earmarks for waiters what has become free, in order. With fair shares it stops at the
 * first that has all it needs: its grant decides who comes next. The simulator finds nobody
 * granted otherwise without that pause; but each grant would take back what is set aside behind
 * it: O(n²) for n.
 */
export const advanceInOrder = (
  pool: Pool,
  queue: Queue,
  now: number,
  ready: Array<Request>,
  advanced: Set<Request> | undefined
): void => {
  const tokens = pool.tokens(now)
  let part = pool.firstShort
  while (part !== undefined) {
    if (part.amount > pool.freeFor(part.request, now) - pool.earmarked) break
    if (part.cost > tokens - pool.earmarkedTokens) break
    pool.earmark(part)
    const { request } = part
    part = queue.after(part)
    if (--request.shortIn > 0) {
      advanced?.add(request)
      continue
    }
    ready.push(request)
    if (!queue.fair) continue
    pool.paused = true
    break
  }
  pool.firstShort = part
}

/** Takes earmarks back, latest first, until the border is before a waiter. */
const cutBefore = (pool: Pool, queue: Queue, part: Part): void => {
  for (;;) {
    const last = pool.firstShort === undefined ? queue.last : queue.before(pool.firstShort)
    if (last === undefined || queue.order.compare(last.request, part.request) < 0) return
    pool.giveUp(last)
  }
}

/** Takes a row out, before its share changes. */
export const displaceRow = (pool: Pool, queue: Queue, row: Row): void => {
  const first = firstOf(row)
  cutBefore(pool, queue, first)
  if (pool.firstShort === first) pool.firstShort = queue.after(lastOf(row))
  queue.takeOut(row)
}

/** Puts a row that was taken out where it belongs now. */
export const placeRow = (pool: Pool, queue: Queue, row: Row): void => {
  const first = firstOf(row)
  cutBefore(pool, queue, first)
  queue.putIn(row)
  if (pool.firstShort === undefined || queue.order.compare(first.request, pool.firstShort.request) < 0) {
    pool.firstShort = first
  }
}

/** Whether a claim that arrives gets its share now: its own place decides what is earmarked before it. */
export const fitsInOrder = (pool: Pool, queue: Queue, part: Part, now: number): boolean => {
  const { request } = part
  let last = pool.firstShort
  if (last === undefined) last = queue.last
  else {
    if (queue.order.compare(last.request, request) < 0) return false
    last = queue.before(last)
  }
  const tokens = pool.tokens(now)
  let units = pool.freeFor(request, now) - pool.earmarked
  let rest = tokens - pool.earmarkedTokens
  for (;;) {
    if (part.amount <= units && (part.cost === 0 || part.cost <= rest)) return true
    if (last === undefined || queue.order.compare(last.request, request) < 0) return false
    units += last.amount
    rest += last.cost
    last = queue.before(last)
  }
}
