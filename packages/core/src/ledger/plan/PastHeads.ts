/**
 * Backfill past heads: who is behind a blocked head starts now, where by all declared durations that
 * does not delay the head.
 *
 * - `easy` (Lifka 1995): the head of each pool keeps its start, the *shadow time*. A
 *   candidate ends before it, or takes what the heads leave to spare.
 * - `shadow`: only the former. Less is used, but no estimate of a long claim has to hold.
 *
 * Candidates are looked at in order of arrival, also where heads are chosen by size, as is
 * usual; with priorities or fair shares in that order. At most `depth` of a pool's waiters are looked
 * at: so a decision costs what it costs, however many wait.
 *
 * A pool is looked at again when something came back there or another waiter became its head; a
 * new waiter is asked about alone. Time alone admits nobody by its units: every end that a candidate
 * could have comes nearer to the heads' starts, not farther from them. Tokens come by time, so who may
 * pass once they are there is looked at then. So a look at any other instant finds nobody, and a
 * restored Ledger, which looks once more, decides as the first one.
 */
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"
import { byArrival, type Order } from "../order/Order.ts"
import type { Backfill } from "./Backfill.ts"
import { Plan } from "./Plan.ts"
import { PlanTimer } from "./PlanTimer.ts"

export class PastHeads implements Backfill {
  readonly decidesAll = false
  private readonly depth: number
  private readonly compare: (a: Request, b: Request) => number
  /** Whether candidates are looked at in the order of the heads. */
  private readonly inOrder: boolean
  private readonly endsFirst: boolean
  /** When tokens of a pool alone may let somebody pass there, and the first of these instants. */
  private readonly tokensAt = new Map<Pool, number>()
  private readonly timer = new PlanTimer()

  constructor(depth: number, order: Order | undefined, endsFirst: boolean) {
    this.depth = depth
    this.compare = order?.compare ?? byArrival
    this.inOrder = order?.keyed === true && order.policy.size === undefined
    this.endsFirst = endsFirst
  }

  picks(books: Books, newcomer: Request | undefined, mayBe: (request: Request) => boolean): ReadonlyArray<Request> {
    const picked = books.waiting === 0 ? [] : this.look(books, newcomer, mayBe)
    // Once they are gone others are within the depth, and nobody may be left whom tokens alone let pass.
    const isTimed = this.tokensAt.size > 0
    for (const { parts } of picked) {
      for (const { pool } of parts) if (isTimed || pool.waiting > this.depth) pool.stirred = true
    }
    if (books.waiting === 0) this.tokensAt.clear()
    this.arm(books)
    return picked
  }

  resume(books: Books): void {
    // Whoever could pass has; what is looked for is when somebody may next.
    this.among(books, this.candidates([...books.pools.values()], books.now), () => false)
    this.arm(books)
  }

  private arm(books: Books): void {
    books.timers.set(this.timer, Math.min(...this.tokensAt.values()))
  }

  private look(
    books: Books,
    newcomer: Request | undefined,
    mayBe: (request: Request) => boolean
  ): ReadonlyArray<Request> {
    const { now } = books
    const areTokensThere = this.timer.timerIndex >= 0 && this.timer.dueAt <= now
    // All of them: somebody may wait for tokens of a pool that is dormant too, at which nobody looks.
    if (areTokensThere) this.tokensAt.clear()
    const pools = this.changed(books, areTokensThere)
    for (const pool of pools) this.tokensAt.delete(pool)
    if (pools.length > 0) {
      // It is among the last of its pools, which may be others.
      for (const { pool } of newcomer?.parts ?? []) if (!pools.includes(pool)) pools.push(pool)
      return this.among(books, this.candidates(pools, books.now), mayBe)
    }
    return newcomer !== undefined && this.mayPass(newcomer, books.now) ? this.among(books, [newcomer], mayBe) : []
  }

  startOf(books: Books, request: Request): number | undefined {
    const plan = new Plan(books.now)
    for (const head of this.heads(books)) {
      const place = plan.place(head)
      if (head === request) return place.at === Infinity || !plan.isSure(head) ? undefined : plan.instantOf(place)
    }
    return undefined
  }

  admits(books: Books, request: Request): boolean {
    return (
      request.parts.every((part) => part.earmarked || part.pool.waiting < this.depth) &&
      fitsNow(request, books.now) &&
      this.planned(books).admits(request, this.endsFirst)
    )
  }

  private among(
    books: Books,
    candidates: Iterable<Request>,
    mayBe: (request: Request) => boolean
  ): ReadonlyArray<Request> {
    const picked: Array<Request> = []
    let plan: Plan | undefined
    for (const candidate of candidates) {
      // Heads are placed for the first candidate that fits at all: most decisions have none.
      plan ??= this.planned(books)
      if (!plan.admits(candidate, this.endsFirst)) {
        for (const part of candidate.parts) this.wakeFor(part.pool, plan.tokensAt(part))
        continue
      }
      if (!mayBe(candidate)) continue
      plan.admit(candidate)
      picked.push(candidate)
    }
    return picked
  }

  private wakeFor(pool: Pool, at: number): void {
    if (at < (this.tokensAt.get(pool) ?? Infinity)) this.tokensAt.set(pool, at)
  }

  /** A plan in which the head of each pool has its place. */
  planned(books: Books): Plan {
    const plan = new Plan(books.now)
    for (const head of this.heads(books)) plan.place(head)
    return plan
  }

  /** The first short waiter of each pool, in order. */
  heads(books: Books): ReadonlyArray<Request> {
    const heads: Array<Request> = []
    for (const pool of books.pools.values()) {
      const head = pool.firstShort?.request
      if (head !== undefined && !heads.includes(head)) heads.push(head)
    }
    return heads.length > 1 ? heads.toSorted(this.compare) : heads
  }

  /** Pools in which somebody may have become able to pass: all of them where there are tokens that somebody lacked. */
  private changed(books: Books, all: boolean): Array<Pool> {
    const pools: Array<Pool> = []
    let several = false
    let changed = false
    for (const pool of books.pools.values()) {
      const head = pool.firstShort
      // Where more wait than are looked at, the order says who they are, and each decision may change that.
      const areOthers = this.inOrder && pool.waiting > this.depth
      if (all || areOthers || pool.stirred || pool.passedOver !== head) {
        pool.stirred = false
        pool.passedOver = head
        changed = true
        if (pool.waiting > 1) pools.push(pool)
        else this.tokensAt.delete(pool)
      }
      several ||= pool.waitingSeveral > 0
    }
    // Who waits in several pools ties them together.
    return changed && several ? [...books.pools.values()].filter((pool) => pool.waiting > 1) : pools
  }

  private *candidates(pools: ReadonlyArray<Pool>, now: number): Generator<Request> {
    const seen = new Set<Request>()
    for (const pool of pools) {
      if (pool.firstShort === undefined || pool.free <= pool.earmarked) continue
      let looked = 0
      let next = this.inOrder ? pool.firstShort : pool.waitersHead
      while (next !== undefined && looked < this.depth) {
        const part: Part = next
        next = this.inOrder ? pool.after(part) : part.next
        looked++
        const { request } = part
        if (part.earmarked || !fitsNow(request, now)) continue
        if (request.parts.length > 1) {
          if (seen.has(request)) continue
          seen.add(request)
        }
        yield request
      }
    }
  }

  private mayPass(newcomer: Request, now: number): boolean {
    return (
      newcomer.status === "waiting" &&
      newcomer.parts.every((part) => part.earmarked || part.pool.waiting <= this.depth) &&
      fitsNow(newcomer, now)
    )
  }
}

/** Whether what a waiter lacks is free beyond all earmarks, and promised to nobody else. */
const fitsNow = (request: Request, now: number): boolean =>
  request.parts.every(
    ({ amount, earmarked, pool }) => earmarked || amount <= pool.freeFor(request, now) - pool.earmarked
  )
