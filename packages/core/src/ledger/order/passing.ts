/**
 * Who may be granted out of turn: past a waiter that is the first short one of a
 * pool. A rule of passing is asked once nobody can be granted in order, after every
 * command that changed something, until it names nobody.
 */
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"
import type { BypassOrder } from "./Order.ts"

/** A waiter that fits without its turn, and the first short ones that it is counted against. */
export interface Passage {
  readonly request: Request
  readonly passed: ReadonlyArray<Request>
}

export interface PassingRule {
  /** `mayBe`: who is not kept waiting for another cause than order; the others pass nobody, and hold up nobody who would. */
  readonly next: (books: Books, mayBe: (request: Request) => boolean) => Passage | undefined
  /** Whether a claim that is only being asked about would pass, once it waited. */
  readonly admits: (request: Request, books: Books) => boolean
}

/**
 * Bounded bypass: a waiter may pass the first short one of a pool while that one was
 * passed fewer than `max` times, and for less than a duration since the first time.
 * Then it is pinned: nobody passes it any more, and what comes back is kept for it.
 * Who was rescued is never passed.
 */
export const bypassRule = ({ depth, max, withinMicros }: BypassOrder): PassingRule => {
  const mayPass = ({ turn }: Request, now: number): boolean =>
    !turn.rescued && turn.passed < max && (turn.passed === 0 || now < turn.passedSince + withinMicros)

  /** Whether a share fits beyond what is earmarked. */
  const fits = ({ amount, cost, pool, request }: Part, now: number): boolean =>
    amount <= pool.freeFor(request, now) - pool.earmarked &&
    (cost === 0 || cost <= pool.tokens(now) - pool.earmarkedTokens)

  const passage = (request: Request, now: number): Passage | undefined => {
    const passed: Array<Request> = []
    for (const part of request.parts) {
      if (part.earmarked) continue
      const head = part.pool.firstShort!.request
      if (head === request || !fits(part, now) || !mayPass(head, now)) return undefined
      if (!passed.includes(head)) passed.push(head)
    }
    return { request, passed }
  }

  const nextIn = (pool: Pool, now: number, mayBe: (request: Request) => boolean): Passage | undefined => {
    const head = pool.firstShort
    if (head === undefined || pool.free - pool.earmarked <= 0 || !mayPass(head.request, now)) return undefined
    let part = pool.after(head)
    for (let looked = 0; part !== undefined && looked < depth; looked++) {
      const found = fits(part, now) ? passage(part.request, now) : undefined
      if (found !== undefined && mayBe(found.request)) return found
      part = pool.after(part)
    }
    return undefined
  }

  /** Whether it comes behind the head of each pool that it is short in, and within the depth of one. */
  const standsBehind = (request: Request, { ordering }: Books): boolean => {
    const goesFirst = (other: Request): boolean => ordering !== undefined && ordering.order.compare(request, other) < 0
    let isWithin = false
    for (const { earmarked, pool } of request.parts) {
      if (earmarked) continue
      const head = pool.firstShort
      if (head === undefined || goesFirst(head.request)) return false
      let between = 0
      let part = pool.after(head)
      while (part !== undefined && between < depth && !goesFirst(part.request)) {
        between++
        part = pool.after(part)
      }
      isWithin ||= between < depth
    }
    return isWithin
  }

  return {
    admits: (request, books) => standsBehind(request, books) && passage(request, books.now) !== undefined,
    next: (books, mayBe) => {
      for (const pool of books.pools.values()) {
        const found = nextIn(pool, books.now, mayBe)
        if (found !== undefined) return found
      }
      return undefined
    }
  }
}
