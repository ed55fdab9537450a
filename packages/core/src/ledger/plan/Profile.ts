/**
 * What of one pool will be free, as a step function of time: an availability profile.
 *
 * It has one step for each return, also where several are due at one instant: returns
 * come one by one, and who fits after the third does not wait for the fourth. So a
 * place in time is a pair: the instant, and the id of the lease that comes back then.
 * What is planned ends behind all else of its instant (`last`): to end *at* an instant
 * is not to end before it.
 *
 * Step 0 is what is free now. A lease that is overdue keeps its place in the order, but
 * nothing starts before `now`: it is expected at any moment.
 *
 * Returns are read from the pool's `Ends` as far as a question reaches, and no further:
 * beyond, what is free only grows.
 *
 * Invariants:
 * 1. Places grow strictly from step to step.
 * 2. `free[i]` is what is left from step `i` to the next one, after all that was reserved.
 * 3. Whatever is reserved ends within the steps that were read, or never.
 */
import type { Ends } from "./Ends.ts"

export const last = Infinity

/** The place at which something is there by itself (tokens), behind the returns of its instant. */
export const byItself = Number.MAX_SAFE_INTEGER

/** A place in time. */
export interface Place {
  readonly at: number
  readonly id: number
}

export const rightNow: Place = { at: -Infinity, id: 0 }

export const never: Place = { at: Infinity, id: last }

export const isBefore = (a: Place, b: Place): boolean => a.at < b.at || (a.at === b.at && a.id < b.id)

/** From now on, so much for so long is there from a place on, and not before. */
interface Found {
  readonly amount: number
  readonly duration: number
  readonly place: Place
}

export class Profile {
  private readonly ends: Ends
  /** What was found from now on: what is reserved since only moves it back. None is of more, or longer, and no later than another. */
  private found: Array<Found> = []
  /** How many of the ends were read. */
  private read = 0
  private readonly at: Array<number> = [-Infinity]
  private readonly id: Array<number> = [0]
  private readonly free: Array<number>

  constructor(ends: Ends, free: number) {
    this.ends = ends
    this.free = [free]
  }

  /** The same, to be reserved from apart. */
  copy(): Profile {
    const copy = new Profile(this.ends, this.current)
    copy.read = this.read
    for (let step = 1; step < this.free.length; step++) {
      copy.at.push(this.at[step]!)
      copy.id.push(this.id[step]!)
      copy.free.push(this.free[step]!)
    }
    return copy
  }

  /** What is free now. */
  get current(): number {
    return this.free[0]!
  }

  /**
   * The first place from `from` on at which `amount` is there, until the end that a start at an instant
   * has; `never` where there is none. A later start has no earlier end.
   */
  earliest(amount: number, until: (start: number) => number, from: Place, now: number): Place {
    const { at, free, id } = this
    this.readThrough(from.at)
    let begins = from
    let end = until(Math.max(now, from.at))
    for (let step = this.stepAt(from); step < free.length; step++) {
      if (at[step]! > end && isBefore(begins, { at: at[step]!, id: id[step]! })) return begins
      if (free[step]! >= amount) continue
      do {
        step++
        if (step === free.length && !this.readNext()) return never
      } while (free[step]! < amount)
      begins = { at: at[step]!, id: id[step]! }
      end = until(Math.max(now, begins.at))
    }
    return begins
  }

  /** The same from now on for a duration, by what was found before: O(steps that this one meets). */
  earliestFor(amount: number, duration: number, now: number): Place {
    let from = rightNow
    for (const other of this.found) {
      if (other.amount <= amount && other.duration <= duration && isBefore(from, other.place)) from = other.place
    }
    const place = this.earliest(amount, (start) => start + duration, from, now)
    if (place === from && from !== rightNow) return place
    this.found = this.found.filter(
      (other) => other.amount < amount || other.duration < duration || isBefore(place, other.place)
    )
    this.found.push({ amount, duration, place })
    return place
  }

  /** The least that is free from now until an end at `until`. */
  least(until: number): number {
    const { at, free } = this
    let least = free[0]!
    for (let step = 1; step < free.length && at[step]! <= until; step++) {
      if (free[step]! < least) least = free[step]!
    }
    return least
  }

  /** Takes `amount` away from `from` until `until`, which may be `Infinity`. */
  reserve(amount: number, from: Place, until: number): void {
    const { at, free, id } = this
    if (from.at === Infinity) return
    this.readThrough(until === Infinity ? from.at : until)
    let step = this.stepAt(from)
    if (isBefore({ at: at[step]!, id: id[step]! }, from)) {
      // It begins between two returns: when there are tokens, or in another pool.
      step++
      this.insert(step, from, free[step - 1]!)
    }
    const end: Place = { at: until, id: last }
    for (; step < free.length; step++) {
      if (!isBefore({ at: at[step]!, id: id[step]! }, end)) break
      free[step] = free[step]! - amount
    }
    if (until === Infinity || (at[step] === until && id[step] === last)) return
    this.insert(step, end, free[step - 1]! + amount)
  }

  private insert(step: number, place: Place, free: number): void {
    this.at.splice(step, 0, place.at)
    this.id.splice(step, 0, place.id)
    this.free.splice(step, 0, free)
  }

  /** Reads all returns up to the instant, and one beyond: so what is read last is later than that. */
  private readThrough(at: number): void {
    while (this.at.at(-1)! <= at && this.readNext()) {
      // The next one.
    }
  }

  private readNext(): boolean {
    const { ends } = this
    const at = ends.instants[this.read]
    const part = ends.parts[this.read]
    if (at === undefined || part === undefined) return false
    this.read++
    this.at.push(at)
    this.id.push(part.request.id)
    this.free.push(this.free.at(-1)! + part.amount)
    return true
  }

  /** The step that a place is in. */
  private stepAt(place: Place): number {
    const { at, id } = this
    if (place.at === -Infinity) return 0
    let low = 0
    let high = at.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if (at[middle]! < place.at || (at[middle] === place.at && id[middle]! <= place.id)) low = middle
      else high = middle - 1
    }
    return low
  }
}
