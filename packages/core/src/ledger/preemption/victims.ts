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
import { mayBeTaken } from "./Notice.ts"
import { type PreemptibleIndex, takenBefore } from "./PreemptibleIndex.ts"

/** Units that a claim lacks in a pool, beyond what is free or coming back. Above 0. */
export interface Deficit {
  readonly pool: Pool
  readonly units: number
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

/** All leases of some indexes, cheapest first, each once. */
export const mergedLeases = function* (indexes: ReadonlyArray<PreemptibleIndex>): Generator<Request, void> {
  const seen = new Set<Request>()
  const lines = indexes.map((index) => index.below(Infinity))
  for (const lease of merged(lines, () => true)) {
    if (seen.has(lease)) continue
    seen.add(lease)
    yield lease
  }
}

const shareOf = (lease: Request, pool: Pool): number => {
  for (const part of lease.parts) if (part.pool === pool) return part.amount
  return 0
}

/**
 * The victims among `candidates`, which come cheapest first; `undefined` where all
 * of them together are not enough.
 */
export const pickFrom = (
  deficits: ReadonlyArray<Deficit>,
  candidates: Iterable<Request>
): ReadonlyArray<Request> | undefined => {
  const missing = deficits.map(({ units }) => units)
  return pick(deficits, candidates, missing)
}

const pick = (deficits: ReadonlyArray<Deficit>, candidates: Iterable<Request>, missing: Array<number>) => {
  const taken = new Set<Request>()
  for (const lease of candidates) {
    if (taken.has(lease)) continue
    if (!deficits.some(({ pool }, at) => missing[at]! > 0 && shareOf(lease, pool) > 0)) continue
    taken.add(lease)
    deficits.forEach(({ pool }, at) => {
      missing[at] = missing[at]! - shareOf(lease, pool)
    })
    if (missing.every((units) => units <= 0)) return spare(deficits, [...taken], missing)
  }
  return undefined
}

/** Gives back, the dearest first, whom the others make unnecessary. `missing` is what there is too much, below 0. */
const spare = (deficits: ReadonlyArray<Deficit>, taken: ReadonlyArray<Request>, missing: Array<number>) =>
  taken
    .toReversed()
    .filter((lease) => {
      const shares = deficits.map(({ pool }) => shareOf(lease, pool))
      if (!shares.every((share, at) => share <= -missing[at]!)) return true
      shares.forEach((share, at) => {
        missing[at] = missing[at]! + share
      })
      return false
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
  const missing = deficits.map(({ units }) => units)
  const lines = deficits.map(({ pool }) => pool.preemptible!.below(priority))
  const candidates = function* () {
    for (const lease of merged(lines, (at) => missing[at]! > 0)) if (!kept.includes(lease)) yield lease
  }
  return pick(deficits, candidates(), missing)
}

const isCandidate = (lease: Request, priority: number): boolean => mayBeTaken(lease) && lease.leasePriority < priority
