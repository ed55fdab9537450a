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
 * Where leases are told to end for windows, those that may be are let into one that is `lead`
 * away or more: such a start does not count for them, nor they for it (see `Stay`). Once it
 * is nearer it is *due*: they count as all others do, but for those that were told to be
 * back by then.
 *
 * Invariants, between commands:
 * 1. Each holder of the pool has its `Draw`, with the amount that it holds.
 * 2. `used` and `runs` of a promise are the sums of its draws; `starts` has each instant
 *    after now at which a window begins, in order.
 * 3. `noticed` has the shares of those that were told to end.
 *
 * A look costs O(promises + starts within the claim's duration); a grant or return
 * O(starts). Neither grows with holders or waiters.
 */
import type { Agent } from "../Agent.ts"
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"
import { durationOf } from "../plan/Ends.ts"
import { Page } from "./Page.ts"
import { endOf, holderKey, type Holder, isFor, narrowestFor, type Reservation } from "./Reservation.ts"
import { type Standing, standingOf } from "./standing.ts"
import { type Stay, stayOf, staysInto, wouldStayInto, yieldsTo } from "./Stay.ts"

/** How many of a pool's waiters are looked at for those of a class that something is kept for. */
const classDepth = 1_000

/** All reservations of one holder. */
export interface Promised {
  readonly holder: Holder
  readonly entries: Array<{ readonly from: number; readonly until: number; readonly amount: number }>
  /** What its leases hold now. */
  used: number
}

/** What leases hold that are there at an instant: of all, and of those that draw from a promise. */
interface Held {
  all: number
  readonly own: Map<Promised, number>
}

/** The beginning of a window. */
interface Start {
  readonly at: number
  /** Who runs into it, but for those that yield; */
  readonly runs: Held
  /** those of them that stay, which count once it is due; */
  readonly yielding: Held
  /** and who may not be taken and should have been back as it became due. A claim believes that they will be, a promise does not. */
  readonly overdue: Held
}

const nothingHeld = (): Held => ({ all: 0, own: new Map() })

const ownOf = (held: Held, promised: Promised): number => held.own.get(promised) ?? 0

/** What a lease holds of the pool, of which promise, and for how long. */
export interface Draw {
  readonly promised: Promised | undefined
  stay: Stay
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
  private readonly noticed = new Set<Part>()
  /** How long before a start those that yield are told to end; `Infinity` where nobody is. */
  private readonly lead: number

  constructor(pool: Pool, reservations: ReadonlyArray<Reservation>, now: number, lead = Infinity) {
    this.pool = pool
    this.standing = standingOf(reservations, pool.type, now)
    this.lead = lead
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
    for (const at of Array.from(instants).toSorted((a, b) => a - b)) {
      this.starts.push({ at, runs: nothingHeld(), yielding: nothingHeld(), overdue: nothingHeld() })
    }
    for (let part = pool.holdersHead; part !== undefined; part = part.next) this.add(part)
  }

  /** The units that a claim may be granted, whatever is earmarked. */
  room(request: Request, now: number): number {
    const { capacity, free } = this.pool
    let room = free
    for (const promised of this.promises) {
      if (!isFor(promised.holder, request)) room -= Math.max(0, promisedAt(promised, now) - promised.used)
    }
    const into = this.startsInto(request, now)
    for (const start of into) {
      const due = this.isDue(start, now)
      let later = capacity - start.runs.all
      if (due) later -= start.yielding.all
      for (const promised of this.promises) {
        if (isFor(promised.holder, request)) continue
        const own = ownOf(start.runs, promised) + (due ? ownOf(start.yielding, promised) : 0)
        later -= Math.max(0, promisedAt(promised, start.at) - own)
      }
      if (later < room) room = later
    }
    return room
  }

  /** Whether a start is so near that nobody more can be told in time. */
  private isDue({ at }: Start, now: number): boolean {
    return at - this.lead <= now
  }

  /** The starts to come that a claim has to leave what is promised at: it runs into them, and could not be told to end. */
  private startsInto(request: Request, now: number): ReadonlyArray<Start> {
    const { lead, starts } = this
    if (starts.length === 0) return starts
    const yields = lead < Infinity && yieldsTo(request)
    const stay = yields && request.grows !== undefined ? stayOf(request.grows, lead) : undefined
    const end = now + durationOf(request, now)
    const into: Array<Start> = []
    for (const start of starts) {
      const { at } = start
      if (at <= now) continue
      if (yields && !this.isDue(start, now)) break
      if (stay === undefined && at >= end) break
      if (stay === undefined || staysInto(stay, at, lead)) into.push(start)
    }
    return into
  }

  /**
   * What a claim could take, now and at each start that it runs into, were those back that
   * were told to end, but for `staying`. The room is the least of them.
   */
  pagesFor(request: Request, now: number, staying?: Request): ReadonlyArray<Page> {
    const others = this.promises.filter(({ holder }) => !isFor(holder, request))
    return [
      this.pageNow(others, now, staying),
      ...this.startsInto(request, now).map((start) =>
        this.pageAt(start, others, {
          now,
          staying,
          counted: this.isDue(start, now) ? [start.runs, start.yielding] : [start.runs]
        })
      )
    ]
  }

  /**
   * What is left beyond all that is promised, now and at each start that is due, were those
   * back that were told to end, but for `staying`. Below 0 something promised is missing.
   */
  duePages(now: number, staying?: Request): ReadonlyArray<{ readonly at: number; readonly page: Page }> {
    if (this.lead === Infinity) return []
    const pages = [{ at: now, page: this.pageNow(this.promises, now, staying) }]
    for (const start of this.starts) {
      if (start.at <= now) continue
      if (!this.isDue(start, now)) break
      const counted = [start.runs, start.yielding, start.overdue]
      pages.push({ at: start.at, page: this.pageAt(start, this.promises, { now, staying, counted }) })
    }
    return pages
  }

  private pageNow(promises: ReadonlyArray<Promised>, now: number, staying: Request | undefined): Page {
    const unused = new Map(promises.map((promised) => [promised, promisedAt(promised, now) - promised.used]))
    const page = new Page(this.pool.free, unused, this.draws, always)
    for (const part of this.noticed) if (part.request !== staying) page.shift(this.draws.get(part)!, 1)
    return page
  }

  private pageAt(
    start: Start,
    promises: ReadonlyArray<Promised>,
    {
      counted: held,
      now,
      staying
    }: { readonly now: number; readonly staying: Request | undefined; readonly counted: ReadonlyArray<Held> }
  ): Page {
    const { lead } = this
    const { at } = start
    const due = this.isDue(start, now)
    let left = this.pool.capacity
    for (const { all } of held) left -= all
    const unused = new Map(
      promises.map((promised) => {
        let units = promisedAt(promised, at)
        for (const each of held) units -= ownOf(each, promised)
        return [promised, units]
      })
    )
    const counts = ({ stay }: Draw) => (due || !stay.yields) && wouldStayInto(stay, at, lead)
    const page = new Page(left, unused, this.draws, counts)
    for (const part of this.noticed) {
      const draw = this.draws.get(part)!
      // Who is back by then is not in the sums.
      const counted = counts(draw) && staysInto(draw.stay, at, lead)
      if (part.request !== staying) {
        if (counted) page.shift(draw, 1)
      } else if (counts(draw) && !counted) page.shift(draw, -1)
    }
    return page
  }

  /** A lease was told to end, or that it need not; or it takes time to end once it expires. */
  stayChanged(part: Part): void {
    if (part.request.notice === undefined) this.noticed.delete(part)
    else this.noticed.add(part)
    const draw = this.draws.get(part)
    if (draw === undefined) return
    const { amount } = draw
    this.count(draw, -amount)
    draw.stay = stayOf(part.request, this.lead)
    this.count(draw, amount)
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
    const yields = this.lead < Infinity && yieldsTo(request)
    // Now it is known to the unit what is there; later only what was promised is.
    if (at <= now && amount > this.room(request, now)) from = this.nextChange(now)
    for (let moved = true; moved && from < Infinity;) {
      moved = false
      const until = from + duration
      for (const instant of [from, ...this.starts.map((start) => start.at)]) {
        if (instant < from || (instant > from && instant >= until)) continue
        // It is told to end in time.
        if (yields && instant > from && instant - this.lead > from) continue
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
    const into = this.startsInto(request, now)
    return this.promises.flatMap((promised) => {
      if (isFor(promised.holder, request)) return []
      const amount = Math.max(0, promisedAt(promised, now) - promised.used)
      if (amount > 0) return [{ holder: promised.holder, amount, from: now }]
      const start = into.find(({ at }) => promisedAt(promised, at) > 0)
      return start === undefined
        ? []
        : [{ holder: promised.holder, amount: promisedAt(promised, start.at), from: start.at }]
    })
  }

  /** The most units that would be promised or in use within a window beyond what there is, with what it adds. 0 is that all promises can be kept. */
  static shortfall(
    pool: Pool,
    reservations: ReadonlyArray<Reservation>,
    added: Reservation,
    now: number,
    lead = Infinity
  ): number {
    const calendar = new Calendar(pool, [...reservations, added], Math.min(now, added.from) - 1, lead)
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
    for (const { amount, promised, stay } of this.draws.values()) {
      // Who is overdue is there until it is back.
      if (at > now && ((stay.declared <= at && stay.declared > now) || stay.forced <= at)) continue
      // It can be told to end in time.
      if (stay.yields && at - this.lead >= now) continue
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
      stay: stayOf(part.request, this.lead),
      amount: 0
    }
    this.draws.set(part, draw)
    this.count(draw, part.amount)
    if (part.request.notice !== undefined) this.noticed.add(part)
  }

  remove(part: Part): void {
    const draw = this.draws.get(part)
    if (draw === undefined) return
    this.count(draw, -draw.amount)
    this.draws.delete(part)
    this.noticed.delete(part)
  }

  /** A holder has more or less than before. */
  changed(part: Part, by: number): void {
    const draw = this.draws.get(part)
    if (draw !== undefined) this.count(draw, by)
  }

  private count(draw: Draw, by: number): void {
    draw.amount += by
    const { promised, stay } = draw
    if (promised !== undefined) promised.used += by
    for (const start of this.starts) {
      const held = this.countedAt(start, stay)
      if (held === undefined) {
        // Back before all those that follow.
        if (this.lead === Infinity) break
        continue
      }
      held.all += by
      if (promised !== undefined) held.own.set(promised, ownOf(held, promised) + by)
    }
  }

  /** Among whom a lease counts at a start; `undefined` where it is back by then. */
  private countedAt({ at, overdue, runs, yielding }: Start, stay: Stay): Held | undefined {
    if (stay.yields) return staysInto(stay, at, this.lead) ? yielding : undefined
    if (stay.declared > at) return runs
    return stay.declared <= at - this.lead && !stay.told ? overdue : undefined
  }
}

const promisedAt = (promised: Promised, at: number): number => {
  let amount = 0
  for (const entry of promised.entries) if (entry.from <= at && at < entry.until) amount += entry.amount
  return amount
}
