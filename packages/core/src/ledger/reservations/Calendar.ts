/**
 * What of one pool is promised to whom, and what of it is in use: so that nobody else
 * is granted it.
 *
 * A claim may take what is free beyond what others were promised and do not use now,
 * and only if that also holds at the start of each window that it runs into, by the
 * duration that it declares. A claim that declares none runs into all of them.
 *
 *     room = free − Σ max(0, promised − used), over the promises that are not its own
 *     room at a start s = capacity − what runs into s − Σ max(0, promised at s − own that runs into s)
 *
 * What is kept for a claim is there for it whoever waits before it: none of them could have it.
 *
 * A lease draws from one promise, the narrowest that it is for; what it holds beyond that is
 * as anybody's.
 *
 * Invariants, between commands:
 * 1. Each holder of the pool has its `Draw`, with the amount that it holds.
 * 2. `used` and `runs` of a promise are the sums of its draws; `starts` has each instant
 *    after now at which a window begins, in order.
 *
 * A look costs O(promises + starts within the claim's duration); a grant or return
 * O(starts). Neither grows with holders or waiters.
 */
import type { Agent } from "../Agent.ts"
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"
import { durationOf, expectedEnd } from "../plan/Ends.ts"
import { Page } from "./Page.ts"
import { endOf, holderKey, type Holder, isFor, narrowestFor, type Reservation } from "./Reservation.ts"
import { type Standing, standingOf } from "./standing.ts"

/** How many of a pool's waiters are looked at for those of a class that something is kept for. */
const classDepth = 1_000

/** All reservations of one holder. */
export interface Promised {
  readonly holder: Holder
  readonly entries: Array<{ readonly from: number; readonly until: number; readonly amount: number }>
  /** What its leases hold now. */
  used: number
}

/** The beginning of a window. */
interface Start {
  readonly at: number
  /** What all leases hold that run into it. */
  runs: number
  /** Of that, what leases hold that draw from a promise. */
  readonly own: Map<Promised, number>
}

/** What a lease holds of the pool, and of which promise. */
export interface Draw {
  readonly promised: Promised | undefined
  readonly end: number
  amount: number
}

export type Draws = ReadonlyMap<Part, Draw>

const always = (): boolean => true

export class Calendar {
  private readonly pool: Pool
  private readonly promises: Array<Promised> = []
  /** What is promised at all times from the making of this calendar on. */
  readonly standing: ReadonlyArray<Standing>
  private starts: Array<Start> = []
  private readonly draws = new Map<Part, Draw>()
  /** Leases here that were told to end. */
  private readonly noticed = new Set<Request>()

  constructor(pool: Pool, reservations: ReadonlyArray<Reservation>, now: number) {
    this.pool = pool
    this.standing = standingOf(reservations, pool.type, now)
    const byHolder = new Map<string, Promised>()
    const instants = new Set<number>()
    for (const reservation of reservations) {
      const { claim, from, holder } = reservation
      const amount = claim[pool.type]
      if (amount === undefined || amount === 0) continue
      const key = holderKey(holder)
      let promised = byHolder.get(key)
      if (promised === undefined) {
        promised = { holder, entries: [], used: 0 }
        byHolder.set(key, promised)
        this.promises.push(promised)
      }
      promised.entries.push({ from, until: endOf(reservation), amount })
      if (from > now) instants.add(from)
    }
    for (const at of Array.from(instants).toSorted((a, b) => a - b)) this.starts.push({ at, runs: 0, own: new Map() })
    for (let part = pool.holdersHead; part !== undefined; part = part.next) this.add(part)
  }

  /** The units that a claim may be granted, whatever is earmarked. */
  room(request: Request, now: number): number {
    const { capacity, free } = this.pool
    let room = free
    for (const promised of this.promises) {
      if (!isFor(promised.holder, request)) room -= Math.max(0, promisedAt(promised, now) - promised.used)
    }
    const end = now + durationOf(request, now)
    for (const start of this.starts) {
      if (start.at >= end) break
      if (start.at <= now) continue
      let later = capacity - start.runs
      for (const promised of this.promises) {
        if (isFor(promised.holder, request)) continue
        later -= Math.max(0, promisedAt(promised, start.at) - (start.own.get(promised) ?? 0))
      }
      if (later < room) room = later
    }
    return room
  }

  /**
   * What a claim could take, now and at each start that it runs into, were those back that
   * were told to end, but for `staying`. The room is the least of them.
   */
  pagesFor(request: Request, now: number, staying?: Request): ReadonlyArray<Page> {
    const { capacity, free } = this.pool
    const unused = (of: (promised: Promised) => number) =>
      new Map(this.promises.filter(({ holder }) => !isFor(holder, request)).map((promised) => [promised, of(promised)]))
    const pages = [
      new Page(
        free,
        unused((promised) => promisedAt(promised, now) - promised.used),
        this.draws,
        always
      )
    ]
    const end = now + durationOf(request, now)
    for (const { at, own, runs } of this.starts) {
      if (at >= end) break
      if (at <= now) continue
      const counts = (draw: Draw) => draw.end > at
      const left = unused((promised) => promisedAt(promised, at) - (own.get(promised) ?? 0))
      pages.push(new Page(capacity - runs, left, this.draws, counts))
    }
    for (const lease of this.noticed) if (lease !== staying) for (const page of pages) page.move(lease, 1)
    return pages
  }

  /** A lease was told to end, or that it need not. */
  noticeChanged({ request }: Part): void {
    if (request.notice === undefined) this.noticed.delete(request)
    else this.noticed.add(request)
  }

  /** What leases that draw from a holder's promise hold. */
  usedBy(holder: Holder): number {
    const key = holderKey(holder)
    return this.promises.find((promised) => holderKey(promised.holder) === key)?.used ?? 0
  }

  /** Units that are kept for this claim: nobody else can have them, so it waits for nobody to take them. */
  keptFor(request: Request, now: number): number {
    const promised = this.drawnFrom(request)
    return promised === undefined ? 0 : Math.max(0, promisedAt(promised, now) - promised.used)
  }

  /** Waiters that something is kept for, in the order of their arrival: of a class only among the first `classDepth` of the pool. */
  *entitled(now: number, agents: ReadonlyMap<string, Agent>): Generator<Request> {
    for (const promised of this.promises) {
      if (promisedAt(promised, now) <= promised.used) continue
      if (promised.holder._tag === "Agent") {
        yield* agents.get(promised.holder.agent)?.waiters ?? []
        continue
      }
      let looked = 0
      for (let part = this.pool.waitersHead; part !== undefined && looked < classDepth; part = part.next) {
        looked++
        if (isFor(promised.holder, part.request)) yield part.request
      }
    }
  }

  /** The first instant from `at` on at which what others were promised leaves room for a claim of a duration. */
  clearFrom(request: Request, amount: number, at: number, duration: number, now: number): number {
    let from = at
    // Now it is known to the unit what is there; later only what was promised is.
    if (at <= now && amount > this.room(request, now)) from = this.nextChange(now)
    for (let moved = true; moved && from < Infinity;) {
      moved = false
      const until = from + duration
      for (const instant of [from, ...this.starts.map((start) => start.at)]) {
        if (instant < from || (instant > from && instant >= until)) continue
        const [promised, ends] = this.promisedToOthers(request, instant)
        if (promised === 0 || amount <= this.pool.capacity - promised) continue
        from = ends
        moved = true
        break
      }
    }
    return from
  }

  private nextChange(now: number): number {
    let next = Infinity
    for (const promised of this.promises) {
      for (const entry of promised.entries) {
        if (entry.until > now) next = Math.min(next, entry.until)
        if (entry.from > now) next = Math.min(next, entry.from)
      }
    }
    return next
  }

  /** How much at an instant, and when the first of it ends. */
  private promisedToOthers(request: Request, at: number): readonly [amount: number, ends: number] {
    let amount = 0
    let ends = Infinity
    for (const promised of this.promises) {
      if (isFor(promised.holder, request)) continue
      for (const entry of promised.entries) {
        if (at < entry.from || at >= entry.until) continue
        amount += entry.amount
        ends = Math.min(ends, entry.until)
      }
    }
    return [amount, ends]
  }

  /** What others than a claim were promised at all times: it is never there for that claim. */
  standingFor(request: Request): number {
    let sum = 0
    for (const { amount, holder } of this.standing) if (!isFor(holder, request)) sum += amount
    return sum
  }

  /** For explanations: what is kept from a claim now, and for whom. */
  keptFrom(
    request: Request,
    now: number
  ): ReadonlyArray<{ readonly holder: Holder; readonly amount: number; readonly from: number }> {
    const end = now + durationOf(request, now)
    return this.promises.flatMap((promised) => {
      if (isFor(promised.holder, request)) return []
      const amount = Math.max(0, promisedAt(promised, now) - promised.used)
      if (amount > 0) return [{ holder: promised.holder, amount, from: now }]
      const start = this.starts.find(({ at }) => at > now && at < end && promisedAt(promised, at) > 0)
      return start === undefined
        ? []
        : [{ holder: promised.holder, amount: promisedAt(promised, start.at), from: start.at }]
    })
  }

  /** The most units that would be promised or in use within a window beyond what there is, with what it adds. 0 is that all promises can be kept. */
  static shortfall(pool: Pool, reservations: ReadonlyArray<Reservation>, added: Reservation, now: number): number {
    const calendar = new Calendar(pool, [...reservations, added], Math.min(now, added.from) - 1)
    const from = Math.max(now, added.from)
    let worst = 0
    for (const at of [from, ...calendar.starts.map((start) => start.at)]) {
      if (at < from || at >= endOf(added)) continue
      worst = Math.max(worst, calendar.demandAt(at, now) - pool.capacity)
    }
    return worst
  }

  /** What is promised at an instant or runs into it, each unit once. */
  private demandAt(at: number, now: number): number {
    const used = new Map<Promised, number>()
    let others = 0
    for (const { amount, end, promised } of this.draws.values()) {
      // Who is overdue is there until it is back.
      if (at > now && end <= at && end > now) continue
      if (promised === undefined) others += amount
      else used.set(promised, (used.get(promised) ?? 0) + amount)
    }
    let demand = others
    for (const promised of this.promises) demand += Math.max(promisedAt(promised, at), used.get(promised) ?? 0)
    return demand
  }

  /** The narrowest promise that a claim is of. */
  private drawnFrom(request: Request): Promised | undefined {
    return narrowestFor(this.promises, request)
  }

  add(part: Part): void {
    const draw: Draw = {
      promised: this.drawnFrom(part.request),
      end: expectedEnd(part.request),
      amount: 0
    }
    this.draws.set(part, draw)
    this.count(draw, part.amount)
    if (part.request.notice !== undefined) this.noticed.add(part.request)
  }

  remove(part: Part): void {
    const draw = this.draws.get(part)
    if (draw === undefined) return
    this.count(draw, -draw.amount)
    this.draws.delete(part)
    this.noticed.delete(part.request)
  }

  /** A holder has more or less than before. */
  changed(part: Part, by: number): void {
    const draw = this.draws.get(part)
    if (draw !== undefined) this.count(draw, by)
  }

  private count(draw: Draw, by: number): void {
    draw.amount += by
    const { end, promised } = draw
    if (promised !== undefined) promised.used += by
    for (const start of this.starts) {
      if (start.at >= end) break
      start.runs += by
      if (promised !== undefined) start.own.set(promised, (start.own.get(promised) ?? 0) + by)
    }
  }
}

const promisedAt = (promised: Promised, at: number): number => {
  let amount = 0
  for (const entry of promised.entries) if (entry.from <= at && at < entry.until) amount += entry.amount
  return amount
}
