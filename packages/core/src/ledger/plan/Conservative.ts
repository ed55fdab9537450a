/**
 * Conservative backfill: every waiter within `depth` is promised a start, and nobody starts
 * where that would break a promise. It starts when it is its turn in the plan, never by
 * having become first: no pool earmarks anything, for all is in the plan.
 *
 * Whenever something came back, all are placed anew, in the order of the starts that they
 * were promised. What one is given then begins no later than what it was promised: after
 * its promised start only those are there that were placed before it, and each of them
 * starts and ends no later than it would have (Mu'alem and Feitelson, 2001, call it compression).
 * A new waiter is placed behind all promises, whatever the order; the order decides among
 * those that are promised nothing yet.
 *
 * Promises hold as long as leases return no later than they said, and no capacity
 * falls. Once one has passed, all are void, and everybody is placed anew in order: so whoever
 * is first and fits is never kept waiting for somebody who cannot start.
 *
 * A plan is kept for those who arrive, until something comes back or starts. Promises are not
 * in the journal: after a restart all are placed anew, in order.
 */
import type { Books } from "../Books.ts"
import type { Request } from "../Request.ts"
import type { Timed } from "../Timers.ts"
import { byArrival, type Order } from "../order/Order.ts"
import type { Backfill } from "./Backfill.ts"
import { Plan } from "./Plan.ts"
import { byItself } from "./Profile.ts"

/** When the next promise is due, or has passed. */
class PlanTimer implements Timed {
  dueAt = 0
  timerIndex = -1

  timerRank(): number {
    return 0
  }

  timerOrder(): number {
    return -1
  }
}

export class Conservative implements Backfill {
  readonly decidesAll = true
  private readonly depth: number
  private readonly compare: (a: Request, b: Request) => number
  private readonly timer = new PlanTimer()
  /** When each waiter within the depth starts at the latest. */
  private promises = new Map<Request, number>()
  private plan: Plan | undefined = undefined
  /** When promises are to be looked at again, whatever happens. */
  private dueAt = Infinity

  constructor(depth: number, order: Order | undefined) {
    this.depth = depth
    this.compare = order?.compare ?? byArrival
  }

  /** The waiters that start now. */
  picks(books: Books, newcomer: Request | undefined): ReadonlyArray<Request> {
    if (books.waiting === 0) return this.rest(books)
    const picked = this.isStale(books) ? this.placeAll(books) : this.placeNewcomer(books, newcomer)
    for (const pool of books.pools.values()) pool.stirred = false
    if (picked.length > 0) this.plan = undefined
    books.timers.set(this.timer, this.dueAt)
    return picked
  }

  startOf(_books: Books, request: Request): number | undefined {
    const promise = this.promises.get(request)
    return promise === Infinity ? undefined : promise
  }

  admits(books: Books, request: Request): boolean {
    if (!request.parts.some((part) => part.pool.waiting < this.depth)) return false
    const { plan } = this
    if (plan !== undefined && !this.isStale(books)) return plan.copy(books.now).place(request).at === -Infinity
    const anew = new Plan(books.now)
    for (const waiter of this.inTurn([...this.waiters(books), request], books.now)) {
      const { at } = anew.place(waiter)
      if (waiter === request) return at === -Infinity
    }
    return false
  }

  /** Whether all are to be placed anew. */
  private isStale(books: Books): boolean {
    if (this.plan === undefined || this.dueAt <= books.now) return true
    for (const pool of books.pools.values()) if (pool.stirred) return true
    return false
  }

  private rest(books: Books): ReadonlyArray<Request> {
    this.promises.clear()
    this.plan = undefined
    this.dueAt = Infinity
    books.timers.clear(this.timer)
    return []
  }

  private placeNewcomer(books: Books, newcomer: Request | undefined): ReadonlyArray<Request> {
    const { plan } = this
    if (plan === undefined || newcomer?.status !== "waiting") return []
    if (this.promises.has(newcomer) || !this.isWithinDepth(newcomer)) return []
    plan.now = books.now
    return this.placeIn(plan, newcomer) ? [newcomer] : []
  }

  private placeAll(books: Books): ReadonlyArray<Request> {
    const plan = new Plan(books.now)
    const waiters = this.inTurn(this.waiters(books), books.now)
    this.promises = new Map()
    this.plan = plan
    this.dueAt = Infinity
    return waiters.filter((request) => this.placeIn(plan, request))
  }

  /** Waiters in the order of what they were promised; where a promise has passed, in that of the policy. */
  private inTurn(waiters: ReadonlyArray<Request>, now: number): ReadonlyArray<Request> {
    const promiseOf = (request: Request) => this.promises.get(request) ?? Infinity
    const isVoid = waiters.some((request) => promiseOf(request) < now)
    return waiters.toSorted((a, b) => {
      const byPromise = isVoid || promiseOf(a) === promiseOf(b) ? 0 : promiseOf(a) - promiseOf(b)
      return byPromise === 0 ? this.compare(a, b) : byPromise
    })
  }

  /**
   * Places a waiter, and tells whether it starts now. Where that depends
   * on a lease that is overdue nobody knows when it is.
   *
   * We look again when a start comes by itself (it depends on tokens alone), or an instant after
   * one that depends on a return.
   */
  private placeIn(plan: Plan, request: Request): boolean {
    const { at, id } = plan.place(request)
    const startsNow = at === -Infinity
    const promise = startsNow || plan.isSure(request) ? at : Infinity
    this.promises.set(request, promise)
    if (!startsNow) this.dueAt = Math.min(this.dueAt, id === byItself ? promise : promise + 1)
    return startsNow
  }

  /** Those within the depth of one of their queues. */
  private waiters(books: Books): ReadonlyArray<Request> {
    const waiters = new Set<Request>()
    for (const pool of books.pools.values()) {
      let looked = 0
      for (let part = pool.waitersHead; part !== undefined && looked < this.depth; part = part.next) {
        looked++
        waiters.add(part.request)
      }
    }
    return [...waiters]
  }

  private isWithinDepth(request: Request): boolean {
    return request.parts.some((part) => part.pool.waiting <= this.depth)
  }
}
