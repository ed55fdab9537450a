/**
 * When the leases of one pool are expected to come back, in order: by instant, and
 * at one instant by id. Kept from grant to return, so that a plan reads from the front
 * and sorts nothing. Leases that declare no end are not in it.
 *
 * Invariants:
 * 1. It has each holder of the pool whose `expectedEnd` is finite, once, in order.
 * 2. Nobody's expected end changes while it holds.
 */
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"

/** The instant, in microseconds, at which a lease is back at the latest, by what it says of itself; `Infinity` where it says nothing. */
export const expectedEnd = (lease: Request): number => {
  const { expected } = lease.scheduling
  const declared = expected === 0 ? Infinity : lease.grantedAt + expected
  const expires = lease.expiresAt
  return declared < expires ? declared : expires
}

/** How long a claim would hold what it is granted at `now`, by what it says. A growth stays for as long as its lease. */
export const durationOf = (request: Request, now: number): number => {
  const lease = request.grows
  if (lease !== undefined) return Math.max(0, expectedEnd(lease) - now)
  const declared = request.scheduling.expected
  const { ttl } = request
  return Math.min(declared === 0 ? Infinity : declared, ttl === 0 ? Infinity : ttl)
}

/**
 * The instant by which a claim that starts at `start` is back. A growth stays until its lease is: for a
 * moment at least, for one that is overdue is back nobody knows when.
 */
export const endFrom = (request: Request, start: number): number =>
  request.grows === undefined ? start + durationOf(request, start) : Math.max(expectedEnd(request.grows), start + 1)

export class Ends {
  /** In parallel: when, and who. */
  readonly instants: Array<number> = []
  readonly parts: Array<Part> = []

  /** Those of a pool, kept from now on. */
  static of(pool: Pool): Ends {
    if (pool.ends !== undefined) return pool.ends
    const ends = new Ends()
    for (let part = pool.holdersHead; part !== undefined; part = part.next) ends.add(part)
    pool.ends = ends
    return ends
  }

  add(part: Part): void {
    const end = expectedEnd(part.request)
    if (end === Infinity) return
    const at = this.place(end, part.request.id)
    this.instants.splice(at, 0, end)
    this.parts.splice(at, 0, part)
  }

  remove(part: Part): void {
    const end = expectedEnd(part.request)
    if (end === Infinity) return
    const at = this.place(end, part.request.id)
    if (this.parts[at] !== part) return
    this.instants.splice(at, 1)
    this.parts.splice(at, 1)
  }

  /** The first place that is not before (end, id). */
  private place(end: number, id: number): number {
    const { instants, parts } = this
    let low = 0
    let high = parts.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = instants[middle]!
      if (other < end || (other === end && parts[middle]!.request.id < id)) low = middle + 1
      else high = middle
    }
    return low
  }
}
