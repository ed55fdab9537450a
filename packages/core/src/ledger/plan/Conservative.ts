/**
 * Conservative backfill: every waiter within `depth` (or inside a lease that waits for that) is told by
 * when it starts, and nobody starts where that would make one later who was told. It starts when it is
 * its turn in the plan, never by having become first: no pool earmarks anything, for all is in the plan.
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
 * 5. *Unknown.* Who starts as soon as a lease is back that is overdue, or waits for one that declares no
 *    end, is told nothing, nor is anybody who comes behind it in one of its pools. They are placed anew at
 *    every look, behind all that were told: among them the order of the policy decides.
 *
 * An instant is one place in the plan: what is told to start and to end at one instant does so behind
 * all returns of that instant. So what was told gives the same plan in whatever order it is put together.
 *
 * To place all costs O(waiters² + waiters x leases) within the depth at worst; to place one who comes O(waiters).
 */
import { isBlocked } from "../blocking.ts"
import type { Books } from "../Books.ts"
import { isQueued, leasesAround, type Request } from "../Request.ts"
import { byArrival, type Order } from "../order/Order.ts"
import type { Backfill } from "./Backfill.ts"
import { Plan } from "./Plan.ts"
import { PlanTimer } from "./PlanTimer.ts"
import { last } from "./Profile.ts"
import { tell, toldIn } from "./transitions.ts"

/** What placing a waiter has come to; `told` is by when it starts, where it does not start now. */
interface Placed {
  readonly startsNow: boolean
  readonly told: number | undefined
}

/** Gives a waiter its place behind those that were given theirs. */
const placeIn = (plan: Plan, request: Request): Placed => {
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
  /** Who was told a start, and who was once. */
  private readonly told = new Set<Request>()
  /** Whether everybody who is looked at was told; `undefined` where nobody has looked. */
  private complete: boolean | undefined = undefined
  /** Whether somebody has to start before the rest are placed anew. */
  private interrupted = false
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
    for (const waiter of toldIn(books)) this.told.add(waiter)
    this.dueAt = this.nextLook(books)
    books.timers.set(this.timer, this.dueAt)
  }

  /** The waiters that start now. */
  picks(books: Books, newcomer: Request | undefined): ReadonlyArray<Request> {
    if (books.waiting === 0) return this.rest(books)
    const picked = this.isStale(books) ? this.placeAll(books) : this.placeOthers(books, this.untold(books, newcomer))
    this.settled(books)
    if (picked.length > 0) {
      // They are in the plan as waiters, and in the books as leases; others come into the depth. It is asked again then.
      this.plan = undefined
      this.complete = undefined
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
    // It is asked outside of all leases.
    if (!request.parts.some((part) => part.pool.waiting < this.depth)) return false
    const plan = this.planOf(books).copy(books.now)
    for (const waiter of [...this.untold(books, undefined), request].toSorted(this.compare)) {
      const { startsNow } = placeIn(plan, waiter)
      if (waiter === request) return startsNow
    }
    return false
  }

  /** Whether all are to be placed anew. */
  private isStale(books: Books): boolean {
    if (this.interrupted || (this.dueAt !== undefined && this.dueAt <= books.now)) return true
    for (const pool of books.everyPool()) if (pool.stirred) return true
    return false
  }

  private settled(books: Books): void {
    for (const pool of books.everyPool()) pool.stirred = false
  }

  private rest(books: Books): ReadonlyArray<Request> {
    this.settled(books)
    this.told.clear()
    this.plan = undefined
    this.complete = true
    this.dueAt = Infinity
    books.timers.clear(this.timer)
    return []
  }

  /** Those that are looked at and were told nothing. */
  private untold(books: Books, newcomer: Request | undefined): ReadonlyArray<Request> {
    if (this.complete === true) {
      const isNew = newcomer?.status === "waiting" && newcomer.toldStart === undefined && this.isLookedAt(newcomer)
      return isNew ? [newcomer] : []
    }
    const untold = this.waiters(books).filter(({ toldStart }) => toldStart === undefined)
    this.complete = untold.length === 0
    return untold
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

  /** All are placed anew. For those that are told nothing any more the order decides then. */
  private placeAll(books: Books): ReadonlyArray<Request> {
    const waiters = this.inTurn(this.waiters(books), books.now)
    const { lost, picked, placed } = this.place(books, new Plan(books.now), waiters)
    this.interrupted = placed < waiters.length
    this.dueAt = undefined
    return lost && picked.length === 0 ? this.placeOthers(books, this.untold(books, undefined)) : picked
  }

  /** Places those that were told nothing, behind all that were told. */
  private placeOthers(books: Books, others: ReadonlyArray<Request>): ReadonlyArray<Request> {
    if (others.length === 0) return []
    const plan = this.planOf(books)
    plan.now = books.now
    const { picked } = this.place(books, plan, others.toSorted(this.compare))
    for (const other of others) {
      if (other.toldStart === undefined) this.dueAt = undefined
      else if (this.dueAt !== undefined) this.dueAt = Math.min(this.dueAt, lookFor(other, other.toldStart, books.now))
    }
    return picked
  }

  /** Places waiters in a plan, one after the other, and tells those that do not start now what is new. `lost`: whether somebody is told nothing any more; `placed`: how many it came to. */
  private place(books: Books, plan: Plan, waiters: ReadonlyArray<Request>) {
    const picked: Array<Request> = []
    const starts: Array<readonly [Request, number]> = []
    const unknown: Array<Request> = []
    let complete = true
    let placed = 0
    for (const request of waiters) {
      placed++
      const { startsNow, told } = placeIn(plan, request)
      if (startsNow) {
        picked.push(request)
        // By the order alone, and that is another one once it has started: who comes behind it is for the next look.
        if (this.isFair && request.toldStart === undefined) break
      } else if (told === undefined) {
        complete = false
        if (request.toldStart !== undefined) unknown.push(request)
      } else if (told !== request.toldStart) starts.push([request, told])
    }
    for (const [request] of starts) this.told.add(request)
    if (starts.length > 0 || unknown.length > 0) tell(books, starts, unknown)
    this.complete = complete
    this.plan = complete ? plan : undefined
    return { lost: unknown.length > 0, picked, placed }
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

  /** When starts are to be looked at again: by what was told, and by tokens for those that were told nothing. */
  private nextLook(books: Books): number {
    const { now } = books
    const waiters = this.waiters(books)
    let told = Infinity
    for (const waiter of waiters) {
      if (waiter.toldStart !== undefined) told = Math.min(told, lookFor(waiter, waiter.toldStart, now))
    }
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

  /**
   * Those that are looked at: within the depth of one of their queues, or told already. Whoever waits inside a
   * lease that waits for that is, however far behind: those before it may wait for that very lease.
   */
  private waiters(books: Books): ReadonlyArray<Request> {
    const waiters = new Set<Request>()
    for (const request of this.told) {
      if (request.toldStart === undefined) this.told.delete(request)
      else waiters.add(request)
    }
    for (const pool of books.everyPool()) {
      let looked = 0
      for (let part = pool.waitersHead; part !== undefined && looked < this.depth; part = part.next) {
        looked++
        waiters.add(part.request)
      }
      for (const lease of pool.blocked) for (const wait of lease.waitsInside!) if (isQueued(wait)) waiters.add(wait)
    }
    return [...waiters]
  }

  private isLookedAt(request: Request): boolean {
    const isHeld = (lease: Request) => isBlocked(lease) && lease.parts.length > 0
    return request.parts.some(({ pool }) => pool.waiting <= this.depth) || leasesAround(request).some(isHeld)
  }
}
