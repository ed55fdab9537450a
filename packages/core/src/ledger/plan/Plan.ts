/**
 * Who could start when, by what leases and claims say of how long they last. A plan is
 * made for one decision and thrown away; it takes nothing.
 *
 * Waiters are *placed*, in order: each gets the first place in time at which all that it
 * lacks is there for as long as it lasts, beside those placed before. What is earmarked counts as
 * kept for good. Who is placed is protected: a candidate is *admitted* only where it
 * fits now, and leaves everybody placed where they are, in every pool.
 *
 * Where nobody knows when a placed waiter can start (it waits for a lease that declared
 * no end, or for growth), it cannot be shown that somebody delays it not: then nobody
 * is admitted in any pool that it waits for.
 */
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"
import { durationOf, endFrom, Ends } from "./Ends.ts"
import { byItself, isBefore, never, type Place, Profile, rightNow } from "./Profile.ts"

/** What the plan knows of one pool. */
interface Page {
  readonly profile: Profile
  /** Tokens of those placed, and of those admitted in this plan. */
  tokensPlaced: number
  tokensAdmitted: number
  /** The first instant at which somebody placed starts here; `Infinity` while nobody is. */
  firstStart: number
  /** Whether somebody placed waits here for nobody knows how long. */
  closed: boolean
  /** Whether somebody placed waits here for a lease that is overdue: then later starts are guesses. */
  guessed: boolean
}

export class Plan {
  /** May move on while nothing came back and nobody started. */
  now: number
  private readonly pages = new Map<Pool, Page>()

  constructor(now: number) {
    this.now = now
  }

  /** The same plan as of now, to be tried out. */
  copy(now: number): Plan {
    const copy = new Plan(now)
    for (const [pool, page] of this.pages) copy.pages.set(pool, { ...page, profile: page.profile.copy() })
    return copy
  }

  /** Gives a waiter its place, after those that were given theirs. */
  place(request: Request): Place {
    const place = this.find(request)
    if (place.at === Infinity) this.close(request)
    this.keep(request, place)
    return place
  }

  /** The first place for a waiter, after those that were given theirs. */
  find(request: Request): Place {
    const closed = request.parts.some((part) => !part.earmarked && this.page(part.pool).closed)
    const until = (start: number) => endFrom(request, start)
    let place = closed ? never : this.afterTokens(request)
    for (let moved = true; moved && place.at < Infinity;) {
      moved = false
      for (const part of request.parts) {
        if (part.earmarked) continue
        const { profile } = this.page(part.pool)
        const earliest =
          place === rightNow && request.grows === undefined
            ? profile.earliestFor(part.amount, durationOf(request, this.now), this.now)
            : profile.earliest(part.amount, until, place, this.now)
        if (isBefore(place, earliest)) {
          place = earliest
          moved = true
        }
        // Not before a window in which others were promised what it would take.
        const start = this.instantOf(place)
        const duration = until(start) - start
        const clear = part.pool.calendar?.clearFrom(request, part.amount, start, duration, this.now) ?? start
        if (clear > start) {
          place = clear === Infinity ? never : { at: clear, id: byItself }
          moved = true
        }
      }
    }
    return place
  }

  /** A waiter takes what it needs at a place. */
  keep(request: Request, place: Place): void {
    const start = this.instantOf(place)
    const isGuess = place.at !== -Infinity && (place.at < this.now || !this.isSure(request))
    for (const part of request.parts) {
      if (part.earmarked) continue
      const page = this.page(part.pool)
      if (isGuess) page.guessed = true
      page.profile.reserve(part.amount, place, endFrom(request, start))
      page.tokensPlaced += part.cost
      page.firstStart = Math.min(page.firstStart, start)
    }
  }

  /**
   * Nobody knows when a waiter starts. Where there will be enough for it, its share is set aside from then
   * on for good, as an earmark is; where there will not, nobody behind it is given a place.
   */
  setAside(request: Request): void {
    for (const { amount, cost, pool } of request.parts) {
      const page = this.page(pool)
      page.tokensPlaced += cost
      page.guessed = true
      const from = page.profile.earliestFor(amount, Infinity, this.now)
      if (from.at === Infinity) page.closed = true
      else page.profile.reserve(amount, from, Infinity)
    }
  }

  private close(request: Request): void {
    for (const part of request.parts) if (!part.earmarked) this.page(part.pool).closed = true
  }

  /** Whether where a waiter was placed last is no guess: it depends on no lease that is overdue. */
  isSure(request: Request): boolean {
    return request.parts.every((part) => part.earmarked || !this.page(part.pool).guessed)
  }

  /** The instant of a place: nothing starts before now. */
  instantOf(place: Place): number {
    return Math.max(this.now, place.at)
  }

  /**
   * Whether a waiter fits now and delays nobody placed. With `endsFirst` it has to end before
   * anybody placed starts, where they meet: what they leave to spare is not used.
   */
  admits(request: Request, endsFirst: boolean): boolean {
    const until = this.now + durationOf(request, this.now)
    return request.parts.every((part) => part.earmarked || this.admitsShare(part, until, endsFirst))
  }

  /** It starts now: what it takes is gone for those who are asked about next. */
  admit(request: Request): void {
    const until = this.now + durationOf(request, this.now)
    for (const part of request.parts) {
      if (part.earmarked) continue
      const page = this.page(part.pool)
      page.profile.reserve(part.amount, rightNow, until)
      page.tokensAdmitted += part.cost
    }
  }

  private admitsShare(part: Part, until: number, endsFirst: boolean): boolean {
    const { amount, cost, pool } = part
    const page = this.page(pool)
    if (page.closed || amount > page.profile.current) return false
    if (endsFirst && until >= page.firstStart) return false
    return page.profile.least(until) >= amount && (cost === 0 || this.admitsTokens(pool, page, cost))
  }

  /** Whether the tokens are there, and those placed have theirs when they start all the same. */
  private admitsTokens(pool: Pool, page: Page, cost: number): boolean {
    const wanted = page.tokensAdmitted + cost
    if (wanted > pool.tokens(this.now) - pool.earmarkedTokens) return false
    if (pool.bucket === undefined || page.tokensPlaced === 0) return true
    return pool.bucket.readyAt(pool.earmarkedTokens + page.tokensPlaced, wanted) <= page.firstStart
  }

  /**
   * The next instant at which the tokens of a pool alone may let somebody be admitted who is not now: its own
   * are there then, or those of the placed ones beside them. `Infinity` where there is none.
   */
  tokensAt({ cost, earmarked, pool }: Part): number {
    const { bucket } = pool
    if (cost === 0 || earmarked || bucket === undefined) return Infinity
    bucket.refill(this.now)
    const { tokensAdmitted, tokensPlaced } = this.page(pool)
    const own = tokensAdmitted + cost
    // Above the burst all of them are never there at once: waiting for that would only be put off, again and again.
    for (const ready of [
      bucket.readyAt(pool.earmarkedTokens + own),
      bucket.readyAt(pool.earmarkedTokens + tokensPlaced + own)
    ]) {
      if (ready > this.now) return ready
    }
    return Infinity
  }

  /** Its tokens alone are kept for a waiter. */
  keepTokens({ parts }: Request): void {
    for (const { cost, earmarked, pool } of parts) {
      if (cost > 0 && !earmarked) this.page(pool).tokensPlaced += cost
    }
  }

  /** The place from which on tokens are there, behind those placed and earmarked for others. */
  afterTokens(request: Request): Place {
    let after = rightNow
    for (const { cost, earmarked, pool } of request.parts) {
      const { bucket } = pool
      if (cost === 0 || earmarked || bucket === undefined) continue
      bucket.refill(this.now)
      const needed = pool.earmarkedTokens + this.page(pool).tokensPlaced + cost
      if (needed > bucket.burst) return never
      const ready = bucket.readyAt(needed)
      if (ready > this.now && ready > after.at) after = { at: ready, id: byItself }
    }
    return after
  }

  private page(pool: Pool): Page {
    const known = this.pages.get(pool)
    if (known !== undefined) return known
    const page: Page = {
      profile: new Profile(Ends.of(pool), pool.free - pool.earmarked),
      tokensPlaced: 0,
      tokensAdmitted: 0,
      firstStart: Infinity,
      closed: false,
      guessed: false
    }
    this.pages.set(pool, page)
    return page
  }
}
