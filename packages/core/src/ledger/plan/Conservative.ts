/**
 * Conservative backfill: every waiter within `depth` is told by when it starts, and nobody starts
 * where that would make one later who was told. It starts when it is its turn in the plan, never by
 * having become first: no pool earmarks anything, for all is in the plan.
 *
 * 1. *State.* What was told (`Request.toldStart`) is the plan: each is there from its start on, for as
 *    long as it says. It is in the books and in the journal (`Planned`), and a decision is a function
 *    of it, of the books and of the time alone: a restored Ledger decides the same.
 * 2. *Who comes* is given the first start beside all that were told, whatever the order.
 * 3. *Compression.* Whenever something came back, all are placed anew, earliest told start first. What
 *    one is given then is no later than what it was told: at its told start only those are there that
 *    were placed before it, and each of them starts and ends no later than it would have (Mu'alem and
 *    Feitelson, 2001).
 * 4. *Void.* Starts hold as long as leases return no later than they said, and nothing is taken away
 *    (a capacity falls, tokens are charged, a reservation or an exemption goes first). What does not
 *    hold any more is told anew; and once a told start has passed, everybody is placed in the order of the
 *    policy: so whoever is first and fits is never kept waiting for somebody who cannot start.
 * 5. *Unknown.* Who waits for a lease that is overdue or declares no end is told nothing, nor is anybody
 *    who comes behind it in one of its pools. Among those the order of the policy decides. As long as
 *    there are any, all are placed anew at every look.
 *
 * An instant is one place in the plan: what is told to start and to end at one instant does so behind
 * all returns of that instant. So what was told gives the same plan in whatever order it is put together.
 *
 * A look costs O(waiters² + waiters x leases) within the depth at worst, and O(waiters) for one who comes.
 */
import type { Books } from "../Books.ts"
import type { Request } from "../Request.ts"
import { byArrival, type Order } from "../order/Order.ts"
import type { Backfill } from "./Backfill.ts"
import { Plan } from "./Plan.ts"
import { PlanTimer } from "./PlanTimer.ts"
import { last } from "./Profile.ts"
import { tell } from "./transitions.ts"

/** What placing a waiter has come to; `told` is by when it starts, where it does not start now. */
interface Placed {
  readonly startsNow: boolean
  readonly told: number | undefined
}

const paysNothing = ({ parts }: Request): boolean => parts.every(({ cost }) => cost === 0)

/** When to look at a start that was told: as it may come by itself, with tokens; and an instant after it should have come. */
const lookFor = (request: Request, told: number, now: number): number =>
  paysNothing(request) || told <= now ? told + 1 : told

export class Conservative implements Backfill {
  readonly decidesAll = true
  private readonly depth: number
  private readonly compare: (a: Request, b: Request) => number
  /** Whether each grant is a new order. */
  private readonly isFair: boolean
  /** For when the next told start is due, or has passed. */
  private readonly timer = new PlanTimer()
  /** What was told, as a plan; `undefined` until somebody asks for it. */
  private plan: Plan | undefined = undefined
  /** Whether everybody within the depth was told; `undefined` where nobody has looked. */
  private complete: boolean | undefined = undefined
  /** When starts are to be looked at again, whatever happens; `undefined` while that is another instant than before. */
  private dueAt: number | undefined = Infinity

  constructor(depth: number, order: Order | undefined) {
    this.depth = depth
    this.compare = order?.compare ?? byArrival
    this.isFair = order?.fair !== undefined
  }

  /** Goes on with what was told: of what came back before that everything was made. */
  resume(books: Books): void {
    this.settled(books)
    this.dueAt = this.nextLook(books)
    books.timers.set(this.timer, this.dueAt)
  }

  /** The waiters that start now. */
  picks(books: Books, newcomer: Request | undefined): ReadonlyArray<Request> {
    if (books.waiting === 0) return this.rest(books)
    const picked =
      this.isStale(books) || !this.isComplete(books, newcomer)
        ? this.placeAll(books)
        : this.placeNewcomer(books, newcomer)
    this.settled(books)
    if (picked.length > 0) {
      // They are in the plan as waiters, and in the books as leases. It is asked again once they are.
      this.plan = undefined
      this.dueAt = undefined
      return picked
    }
    this.dueAt ??= this.nextLook(books)
    books.timers.set(this.timer, this.dueAt)
    return picked
  }

  startOf(_books: Books, request: Request): number | undefined {
    return request.toldStart
  }

  admits(books: Books, request: Request): boolean {
    if (!request.parts.some((part) => part.pool.waiting < this.depth)) return false
    if (!this.isStale(books) && this.isComplete(books, undefined))
      return this.planOf(books).copy(books.now).find(request).at === -Infinity
    const anew = new Plan(books.now)
    for (const waiter of this.inTurn([...this.waiters(books), request], books.now)) {
      const { startsNow } = this.placeIn(anew, waiter)
      if (waiter === request) return startsNow
    }
    return false
  }

  /** Whether all are to be placed anew. */
  private isStale(books: Books): boolean {
    if (this.dueAt !== undefined && this.dueAt <= books.now) return true
    for (const pool of books.everyPool()) if (pool.stirred) return true
    return false
  }

  private settled(books: Books): void {
    for (const pool of books.everyPool()) pool.stirred = false
  }

  private rest(books: Books): ReadonlyArray<Request> {
    this.settled(books)
    this.plan = undefined
    this.complete = true
    this.dueAt = Infinity
    books.timers.clear(this.timer)
    return []
  }

  private isComplete(books: Books, newcomer: Request | undefined): boolean {
    this.complete ??= this.waiters(books).every((waiter) => waiter === newcomer || waiter.toldStart !== undefined)
    return this.complete
  }

  /** The plan that follows from what was told. */
  private planOf(books: Books): Plan {
    if (this.plan !== undefined) return this.plan
    const plan = new Plan(books.now)
    for (const waiter of this.waiters(books)) {
      if (waiter.toldStart !== undefined) plan.keep(waiter, { at: waiter.toldStart, id: last })
    }
    this.plan = plan
    return plan
  }

  private placeNewcomer(books: Books, newcomer: Request | undefined): ReadonlyArray<Request> {
    if (newcomer?.status !== "waiting" || newcomer.toldStart !== undefined || !this.isWithinDepth(newcomer)) return []
    const plan = this.planOf(books)
    plan.now = books.now
    const { startsNow, told } = this.placeIn(plan, newcomer)
    if (startsNow) return [newcomer]
    if (told === undefined) {
      this.complete = false
      this.plan = undefined
      this.dueAt = undefined
    } else {
      tell(books, [[newcomer, told]], [])
      if (this.dueAt !== undefined) this.dueAt = Math.min(this.dueAt, lookFor(newcomer, told, books.now))
    }
    return []
  }

  /** `again`: for those that are told nothing any more the order decides. */
  private placeAll(books: Books, again = false): ReadonlyArray<Request> {
    const plan = new Plan(books.now)
    const picked: Array<Request> = []
    const starts: Array<readonly [Request, number]> = []
    const unknown: Array<Request> = []
    let complete = true
    for (const request of this.inTurn(this.waiters(books), books.now)) {
      const { startsNow, told } = this.placeIn(plan, request)
      if (startsNow) {
        picked.push(request)
        complete &&= !this.isNext(request)
        // Who comes behind it is for the next look.
        if (this.isNext(request)) break
      } else if (told === undefined) {
        complete = false
        if (request.toldStart !== undefined) unknown.push(request)
      } else if (told !== request.toldStart) starts.push([request, told])
    }
    if (starts.length > 0 || unknown.length > 0) tell(books, starts, unknown)
    this.complete = complete
    this.plan = complete ? plan : undefined
    this.dueAt = undefined
    return unknown.length > 0 && picked.length === 0 && !again ? this.placeAll(books, true) : picked
  }

  /** Whether it starts by the order alone, and that is another one once it has. */
  private isNext({ toldStart }: Request): boolean {
    return this.isFair && toldStart === undefined
  }

  /** Waiters in the order of what they were told; where one is late, in that of the policy. */
  private inTurn(waiters: ReadonlyArray<Request>, now: number): ReadonlyArray<Request> {
    const toldTo = ({ toldStart = Infinity }: Request) => toldStart
    if (waiters.some((request) => toldTo(request) < now)) return waiters.toSorted(this.compare)
    return waiters.toSorted((a, b) => {
      const [x, y] = [toldTo(a), toldTo(b)]
      return x === y ? this.compare(a, b) : x - y
    })
  }

  private placeIn(plan: Plan, request: Request): Placed {
    const place = plan.find(request)
    if (place.at === -Infinity) {
      plan.keep(request, place)
      return { startsNow: true, told: undefined }
    }
    if (place.at === Infinity) {
      plan.setAside(request)
      return { startsNow: false, told: undefined }
    }
    // Where it is overdue what it waits for, nobody knows when it is.
    plan.keep(request, place.at < plan.now ? place : { at: place.at, id: last })
    return { startsNow: false, told: plan.isSure(request) ? place.at : undefined }
  }

  /** When starts are to be looked at again: by what was told, and by tokens for those that were told nothing. */
  private nextLook(books: Books): number {
    const { now } = books
    const waiters = this.waiters(books)
    const told = Math.min(
      ...waiters.map((waiter) => (waiter.toldStart === undefined ? Infinity : lookFor(waiter, waiter.toldStart, now)))
    )
    if (waiters.every((waiter) => waiter.toldStart !== undefined || paysNothing(waiter))) return told
    let next = told
    const plan = new Plan(now)
    for (const waiter of this.inTurn(waiters, now)) {
      const { at } = plan.afterTokens(waiter)
      if (waiter.toldStart === undefined && at > now) next = Math.min(next, at)
      plan.keepTokens(waiter)
    }
    return next
  }

  /** Those within the depth of one of their queues. */
  private waiters(books: Books): ReadonlyArray<Request> {
    const waiters = new Set<Request>()
    for (const pool of books.everyPool()) {
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
