/**
 * Whom to take leases from: a set of which none can be spared, that spares the most
 * valuable leases first. Of all sets that are enough it is the one that spares the
 * lease of the highest priority, the longest held among equals, if any set does;
 * then the next one, and so on.
 *
 * Candidates come cheapest first and are taken until there is enough; then the
 * dearest are given back while the rest is still enough. O(candidates taken).
 */
import type { Pool } from "../Pool.ts"
import type { Part, Request } from "../Request.ts"
import type { Page } from "../reservations/Page.ts"
import { mayBeTaken } from "./Notice.ts"
import { type PreemptibleIndex, takenBefore } from "./PreemptibleIndex.ts"

/**
 * What a claim lacks in a pool, beyond what is free or coming back, as leases are taken for
 * it. Where something of the pool is promised there is one for each instant at which the
 * claim lacks something.
 */
export interface Deficit {
  readonly pool: Pool
  /** Above 0 as long as it lacks some. */
  readonly units: number
  /** The units that it has more once a lease is taken too. */
  readonly gain: (lease: Request) => number
  /** A lease is taken; `-1`: it is spared after all. */
  readonly move: (lease: Request, sign: 1 | -1) => void
}

/** Of a pool of which nothing is promised: what comes back is there. */
export class Shortage implements Deficit {
  readonly pool: Pool
  units: number

  constructor(pool: Pool, units: number) {
    this.pool = pool
    this.units = units
  }

  gain(lease: Request): number {
    return shareOf(lease, this.pool)
  }

  move(lease: Request, sign: 1 | -1): void {
    this.units -= sign * shareOf(lease, this.pool)
  }
}

/** Of what is left at one instant, where something is promised. */
export class ShortPage implements Deficit {
  readonly pool: Pool
  private readonly page: Page
  private readonly needed: number

  constructor(pool: Pool, page: Page, needed: number) {
    this.pool = pool
    this.page = page
    this.needed = needed
  }

  get units(): number {
    return this.needed - this.page.left
  }

  gain(lease: Request): number {
    return this.page.gain(lease)
  }

  move(lease: Request, sign: 1 | -1): void {
    this.page.move(lease, sign)
  }
}

/** Shares of candidates in several pools as one line of leases, cheapest first. */
function* merged(lines: ReadonlyArray<Iterator<Part, void>>, isOpen: (line: number) => boolean): Generator<Request> {
  const heads = lines.map((line) => line.next())
  for (;;) {
    let first = -1
    heads.forEach((head, at) => {
      if (head.done === true || !isOpen(at)) return
      const best = first < 0 ? undefined : heads[first]?.value
      if (best === undefined || takenBefore(head.value.request, best.request)) first = at
    })
    if (first < 0) return
    const { value } = heads[first]!
    heads[first] = lines[first]!.next()
    if (value !== undefined) yield value.request
  }
}

/** All leases of some indexes, cheapest first, each once: of those whose index is open still. */
export const leasesToTake = function* (
  indexes: ReadonlyArray<PreemptibleIndex>,
  isOpen: (index: number) => boolean = () => true
): Generator<Request, void> {
  const seen = new Set<Request>()
  const lines = indexes.map((index) => index.below(Infinity))
  for (const lease of merged(lines, isOpen)) {
    if (seen.has(lease)) continue
    seen.add(lease)
    yield lease
  }
}

const shareOf = (lease: Request, pool: Pool): number => {
  for (const part of lease.parts) if (part.pool === pool) return part.amount
  return 0
}

const enough = ({ units }: Deficit): boolean => units <= 0

/**
 * The victims among `candidates`, which come cheapest first; `undefined` where all
 * of them together are not enough.
 */
export const pickFrom = (
  deficits: ReadonlyArray<Deficit>,
  candidates: Iterable<Request>
): ReadonlyArray<Request> | undefined => {
  const taken = takeFrom(deficits, candidates)
  return deficits.every(enough) ? spare(deficits, taken) : undefined
}

/** The same where as much is made up for as can be, if all together are not enough. */
export const pickMost = (deficits: ReadonlyArray<Deficit>, candidates: Iterable<Request>): ReadonlyArray<Request> => {
  const taken = takeFrom(deficits, candidates)
  return spare(
    deficits,
    taken,
    deficits.map(({ units }) => Math.max(0, units))
  )
}

/** Those that help, until there is enough. */
const takeFrom = (deficits: ReadonlyArray<Deficit>, candidates: Iterable<Request>): ReadonlyArray<Request> => {
  const taken = new Set<Request>()
  for (const lease of candidates) {
    if (taken.has(lease)) continue
    if (!deficits.some((deficit) => deficit.units > 0 && deficit.gain(lease) > 0)) continue
    taken.add(lease)
    for (const deficit of deficits) deficit.move(lease, 1)
    if (deficits.every(enough)) break
  }
  return [...taken]
}

/** Gives back, the dearest first, whom the others make unnecessary: no more than `lacking` may be missing then. */
const spare = (
  deficits: ReadonlyArray<Deficit>,
  taken: ReadonlyArray<Request>,
  lacking: ReadonlyArray<number> = deficits.map(() => 0)
) =>
  taken
    .toReversed()
    .filter((lease) => {
      for (const deficit of deficits) deficit.move(lease, -1)
      if (deficits.every(({ units }, at) => units <= lacking[at]!)) return false
      for (const deficit of deficits) deficit.move(lease, 1)
      return true
    })
    .toReversed()

/**
 * The victims for a claim of some priority, from the leases below it, without those
 * in `kept`. Where all of them are not enough it is told from sums.
 */
export const pickVictims = (
  deficits: ReadonlyArray<Deficit>,
  priority: number,
  kept: ReadonlyArray<Request>
): ReadonlyArray<Request> | undefined => {
  for (const { pool, units } of deficits) {
    let most = pool.preemptible?.unitsBelow(priority) ?? 0
    for (const lease of kept) if (isCandidate(lease, priority)) most -= shareOf(lease, pool)
    if (most < units) return undefined
  }
  const lines = deficits.map(({ pool }) => pool.preemptible!.below(priority))
  const candidates = function* () {
    for (const lease of merged(lines, (at) => deficits[at]!.units > 0)) if (!kept.includes(lease)) yield lease
  }
  return pickFrom(deficits, candidates())
}

const isCandidate = (lease: Request, priority: number): boolean => mayBeTaken(lease) && lease.leasePriority < priority
