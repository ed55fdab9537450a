/**
 * Grants all that can be granted after a change: in order, then out of turn where a policy
 * lets that be, and takes what may be taken for who still waits.
 */
import type { Books } from "./Books.ts"
import type { DeadlockJudge } from "./DeadlockJudge.ts"
import type { Endings } from "./Endings.ts"
import { toChoose } from "./order/heads.ts"
import type { Order } from "./order/Order.ts"
import type { Ordering } from "./order/Ordering.ts"
import { bypassRule, type PassingRule } from "./order/passing.ts"
import { toRescue } from "./order/rescue.ts"
import * as turns from "./order/transitions.ts"
import type { Backfill } from "./plan/Backfill.ts"
import type { Taking } from "./preemption/Preemptor.ts"
import { reconsider } from "./preemption/reconsider.ts"
import * as gates from "./quota/gates.ts"
import { lostQuota } from "./quota/obstacles.ts"
import { hasShares, type Request } from "./Request.ts"

export class Settling {
  private readonly books: Books
  private readonly judge: DeadlockJudge
  private readonly endings: Endings
  private readonly backfill: Backfill | undefined
  /** How leases are taken for who waits; nobody's where absent. */
  private readonly taking: Taking | undefined
  /** Who may be granted out of turn, once nobody can be in turn. */
  private readonly passing: ReadonlyArray<PassingRule>
  /** Whom this decision spared. */
  private readonly spared = new Set<Request>()
  /** Whether something was granted by which who was kept waiting may be safe. */
  private madeSafer = false
  /** How many of those that are ready stand in order, last first. */
  private readyInOrder = 0

  constructor(
    books: Books,
    judge: DeadlockJudge,
    endings: Endings,
    policies: {
      readonly order: Order | undefined
      readonly backfill: Backfill | undefined
      readonly taking: Taking | undefined
    }
  ) {
    this.books = books
    this.judge = judge
    this.endings = endings
    this.backfill = policies.backfill
    this.taking = policies.taking
    this.passing = policies.order?.bypass === undefined ? [] : [bypassRule(policies.order.bypass)]
  }

  /** Whether anybody may be granted out of turn. */
  get letsPass(): boolean {
    return this.passing.length > 0 || this.backfill !== undefined
  }

  /** Grants everything that can be granted, and takes what may be taken for it. */
  settle(newcomer?: Request): void {
    this.serveAll(newcomer)
    if (this.taking === undefined) return
    // Without a grace what was taken is back already.
    while (reconsider(this.books, this.taking, this.spared)) this.serveAll()
    this.spared.clear()
  }

  private serveAll(newcomer?: Request): void {
    this.resumeHeldBack()
    this.serve(newcomer)
    while (this.madeSafer) {
      this.madeSafer = false
      this.resumeHeldBack()
      this.serve()
    }
  }

  /**
   * Tokens may let somebody start by the plan. With nothing else there nothing else is looked at: a Ledger may be
   * woken where nobody can start any more, and a restored one is not.
   */
  wake(backfill: Backfill): void {
    const picked = backfill.picks(this.books, undefined, this.isSafe)
    if (picked.length === 0) return
    this.grantPicked(picked)
    this.settle()
  }

  /** What was not safe may be now. */
  private resumeHeldBack(): void {
    const { heldBack, ready } = this.books
    if (heldBack.size === 0) return
    ready.push(...heldBack)
    heldBack.clear()
    this.readyInOrder = -1
  }

  /** Grants everything that can be granted: in order, then out of turn where a policy lets that be. */
  private serve(newcomer?: Request): void {
    this.settleInOrder()
    if (this.books.reservations !== undefined) this.settlePromised()
    if (this.backfill === undefined) return
    // What is safe depends on all pools: whoever was not may be since something came back in any of them.
    if (this.judge.avoids) for (const pool of this.books.everyPool()) pool.stirred = true
    for (;;) {
      const picked = this.backfill.picks(this.books, newcomer, this.isSafe)
      if (picked.length === 0) return
      this.grantPicked(picked)
      this.settleInOrder()
    }
  }

  /**
   * With fair shares each grant is a new order, with other heads; where deadlocks are avoided others are safe
   * after it: then the rest is picked anew, and so it is where somebody was rescued meanwhile, who is a head then.
   * Who decides about everybody has seen to that.
   */
  private grantPicked(picked: ReadonlyArray<Request>): void {
    const { ordering } = this.books
    const decidesAll = this.backfill?.decidesAll === true
    let oneByOne = (ordering?.order.fair !== undefined && !decidesAll) || this.judge.avoids
    let granted = false
    for (const request of picked) {
      // Each grant counts for who is rescued next.
      if (granted && ordering !== undefined && this.rescue(ordering) && !decidesAll) oneByOne = true
      if (granted && oneByOne) {
        for (const { pool } of request.parts) pool.stirred = true
        continue
      }
      // A growth that is granted may fail somebody who was picked too.
      if (request.status === "waiting") this.grantWaiter(request)
      granted ||= request.status !== "waiting"
    }
  }

  private settleInOrder(): void {
    const books = this.books
    if (books.ordering !== undefined) return this.settleByPolicy(books.ordering)
    const ready = books.ready
    while (ready.length > 0 || books.exempt.length > 0 || books.dirtyGates.length > 0) {
      if (ready.length > 1) ready.sort((a, b) => b.id - a.id)
      // Oldest first, from the end: popping keeps the array's memory for the next hand-off.
      for (let request = ready.pop(); request !== undefined; request = ready.pop()) {
        // An exempt grant may have taken an earmark back, or the request is in here twice.
        if (request.status === "waiting" && request.shortIn === 0 && request.quota?.parked === undefined) {
          this.grantWaiter(request)
        }
      }
      if (books.dirtyGates.length > 0) {
        this.openGates()
        continue
      }
      const through = this.nextExempt()
      if (through !== undefined) this.grantWaiter(through)
      else if (ready.length === 0) {
        for (const request of books.exempt) for (const part of request.parts) books.schedule(part.pool)
        return
      }
    }
  }

  /** The same by the order of a policy, in which a grant may change who comes next. */
  private settleByPolicy(ordering: Ordering): void {
    const { books } = this
    for (;;) {
      this.keepOrder(ordering)
      const request = this.firstReady(ordering.order)
      if (request !== undefined) this.grantWaiter(request)
      else if (books.dirtyGates.length > 0) this.openGates()
      else if (!this.resume() && !this.grantExempt() && !this.chooseNext(ordering.order) && !this.grantPassing()) break
    }
    for (const request of books.exempt) for (const part of request.parts) books.schedule(part.pool)
  }

  /** Brings up to date who goes first: who inherits, who is rescued, whom only a new order keeps. */
  private keepOrder(ordering: Ordering): void {
    const { books } = this
    ordering.inherit()
    this.rescue(ordering)
    if (!ordering.reordered) return
    ordering.reordered = false
    if (!this.judge.detects || books.hardPools === 0) return
    const roots: Array<Request> = []
    for (const pool of books.everyPool()) {
      if (pool.hard && pool.waitersHead !== undefined) roots.push(pool.waitersHead.request)
    }
    this.judge.letThrough(roots)
  }

  /** Pools whose turn it is to rescue somebody do so; whether one has. */
  private rescue({ order: { aging } }: Ordering): boolean {
    if (aging === undefined) return false
    const { books } = this
    let rescued = false
    for (const pool of books.pools.values()) {
      const request = toRescue(pool, aging, books.now)
      if (request === undefined) continue
      turns.rescue(books, request, pool)
      rescued = true
    }
    return rescued
  }

  /** The first in order of those whose shares are whole. */
  private firstReady(order: Order): Request | undefined {
    const { ready } = this.books
    // In order unless somebody came in since; with fair shares every grant is a new order.
    if (ready.length > 1 && (ready.length !== this.readyInOrder || order.fair !== undefined)) {
      ready.sort((a, b) => order.compare(b, a))
    }
    let first: Request | undefined = undefined
    while (first === undefined && ready.length > 0) {
      const request = ready.pop()!
      if (request.status === "waiting" && request.shortIn === 0 && request.quota?.parked === undefined) first = request
    }
    this.readyInOrder = ready.length
    return first
  }

  /** Goes on in the pools that stopped at a waiter whose grant decides who is next; whether one has. */
  resume(): boolean {
    let resumed = false
    for (const pool of this.books.everyPool()) {
      if (!pool.paused) continue
      pool.paused = false
      this.books.goOn(pool)
      resumed = true
    }
    return resumed
  }

  /** Somebody who is next in some pool, and not granted, is that from now on; whether there was one. */
  private chooseNext(order: Order): boolean {
    if (!order.committedHead || this.backfill?.decidesAll === true) return false
    const next = toChoose(this.books, order)
    if (next !== undefined) turns.choose(this.books, next)
    return next !== undefined
  }

  /** The first of those that order alone must not keep, for which there is enough. */
  private nextExempt(): Request | undefined {
    const { books } = this
    return books.exempt.find(
      (request) =>
        request.parts.every(
          ({ amount, cost, pool }) => amount <= pool.freeFor(request, books.now) && cost <= pool.tokens(books.now)
        ) && this.judge.isSafe(request)
    )
  }

  private grantExempt(): boolean {
    const request = this.nextExempt()
    if (request !== undefined) this.grantWaiter(request)
    return request !== undefined
  }

  private readonly isSafe = (request: Request): boolean => this.judge.isSafe(request)

  private grantPassing(): boolean {
    for (const rule of this.passing) {
      const passage = rule.next(this.books, this.isSafe)
      if (passage === undefined) continue
      this.grantWaiter(passage.request, passage.passed)
      return true
    }
    return false
  }

  /** Grants what is kept for its holders, whoever waits before them. */
  private settlePromised(): void {
    const { books } = this
    for (const pool of books.pools.values()) {
      if (pool.calendar === undefined || pool.waitersHead === undefined) continue
      // All of them first: who is granted leaves the list that this goes through.
      const entitled = Array.from(pool.calendar.entitled(books.now, books.agents))
      for (const request of entitled) {
        // Who waits for quota is in no queue.
        if (request.status === "waiting" && hasShares(request, books.now)) {
          this.grantWaiter(request)
          // It goes before what was planned.
          if (books.planned) for (const { pool: own } of request.parts) own.stirred = true
          this.settleInOrder()
        }
      }
    }
  }

  private grantWaiter(request: Request, passed?: ReadonlyArray<Request>): void {
    if (lostQuota(request, this.books.now)) {
      // A claim inside a lease was granted what was kept for this one, or there is less than there was.
      gates.withdraw(this.books, request)
      this.judge.judgeWait(request)
      return
    }
    if (!this.judge.isSafe(request)) {
      this.books.heldBack.add(request)
      return
    }
    this.books.grant(request, passed)
    this.madeSafer ||= this.judge.makesSafer(request)
    this.endings.settled.push(request)
    this.judge.judgeGrowth(request)
  }

  /** Lets those pass who may have their quota now. */
  private openGates(): void {
    const { books } = this
    const admitted: Array<Request> = []
    for (let gate = books.dirtyGates.pop(); gate !== undefined; gate = books.dirtyGates.pop()) {
      gate.open(books.now, books.timers, (request) => {
        gates.admit(books, request)
        admitted.push(request)
      })
    }
    if (this.judge.avoids) for (const request of admitted) this.judge.putBack(request)
    // It stands behind who came to its queues while it waited for quota, or by its key before others.
    for (const request of admitted) this.judge.judgeWait(request)
  }

  /** By which rule a claim would be granted out of turn now, if one lets it. */
  passageOf(request: Request): "bypass" | "backfill" | undefined {
    if (this.passing.some((rule) => rule.admits(request, this.books))) return "bypass"
    return this.backfill?.admits(this.books, request) === true ? "backfill" : undefined
  }

  /** Whether somebody may pass who could not before: a lease that grew brings more back, and who went first delays the heads. */
  mayLetPass({ grows, parts }: Request): boolean {
    return this.backfill !== undefined && (grows !== undefined || parts.some(({ pool }) => pool.stirred))
  }

  /** A claim was granted as it came, before others by its place in the order. */
  settleAfter(request: Request): void {
    this.judge.judgeGrowth(request)
    this.settle()
  }
}
