/** After something changed: everybody is covered who can be, and nobody ends in vain. */
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import type { Request } from "../Request.ts"
import { takenBefore } from "./PreemptibleIndex.ts"
import {
  isNeeded,
  lookAt,
  preemptionDepth,
  type PreemptionPolicy,
  takeFor,
  takesForWindows,
  type Taking,
  withinReach
} from "./Preemptor.ts"
import { neededBack, takeBack, takeUnitsFor } from "./Reclaimer.ts"
import { isNeededForWindows, makeRoom } from "./windows.ts"

/** Whether anybody takes leases of others who are not in a deadlock. */
export const takesAny = (policy: PreemptionPolicy): boolean =>
  policy.byPriority || policy.reclaim === true || takesForWindows(policy)

/** Who may be told that it need not end. */
const mayBeSpared = ({ notice, waitsInside }: Request): boolean =>
  (notice?.cause === "priority" || notice?.cause === "reclaim" || notice?.cause === "reservation") &&
  !notice.ending &&
  // Waits inside were judged in view of its coming back: without that they may be a deadlock.
  (waitsInside === undefined || waitsInside.size === 0)

/** Withdraws what nobody needs any more, the dearest first. */
const withdraw = (books: Books, taking: Taking, spared: Set<Request>): void => {
  const { byPriority, reclaim } = taking.policy
  const candidates = [...books.noticed]
    .slice(0, preemptionDepth)
    .filter((lease) => mayBeSpared(lease) && !spared.has(lease))
  if (candidates.length === 0) return
  candidates.sort((a, b) => (takenBefore(a, b) ? 1 : -1))
  const isNeededBack = reclaim === true ? neededBack(books, taking) : undefined
  for (const lease of candidates) {
    const byRank = (waiter: Request) => taking.rankOf(waiter) > lease.leasePriority
    if (byPriority && isNeeded(lease, taking, byRank)) continue
    if (isNeededBack?.(lease) === true) continue
    if (isNeededForWindows(books, lease)) continue
    spared.add(lease)
    taking.spare(lease)
  }
}

/** A claim waits: it takes what it may, before anybody asks whether it is in a deadlock. */
export const takeAs = (books: Books, request: Request, taking: Taking): void => {
  const { byPriority, reclaim } = taking.policy
  if (request.quota?.parked === undefined) {
    if (byPriority) takeFor(request, taking)
    if (reclaim === true) takeUnitsFor(request, books, taking)
  } else if (reclaim === true) takeBack(books, taking)
}

/** Where something changed: pools, and waiters that have got their share of one and wait for others. */
interface Changes {
  readonly pools: ReadonlyArray<Pool>
  readonly waiters: ReadonlyArray<Request>
}

const changesOf = ({ advanced }: Books, changed: Set<Pool>): Changes => {
  const pools = changed.size < 2 ? [...changed] : [...changed].toSorted((a, b) => a.index - b.index)
  const waiters = advanced.size < 2 ? [...advanced] : [...advanced].toSorted((a, b) => a.id - b.id)
  changed.clear()
  advanced.clear()
  return { pools, waiters }
}

/** Waiters take by priority what they may. */
const takeByPriority = ({ pools, waiters }: Changes, taking: Taking): void => {
  for (const waiter of waiters) if (waiter.status === "waiting") takeFor(waiter, taking)
  for (const pool of pools) lookAt(pool, taking)
}

/** Waiters that have their quota take back the units that they lack. Where quota was freed others may have borrowed. */
const takeUnits = ({ pools, waiters }: Changes, freed: boolean, books: Books, taking: Taking): void => {
  for (const waiter of waiters) takeUnitsFor(waiter, books, taking)
  for (const pool of freed ? books.pools.values() : pools) {
    if (pool.preemptible === undefined) continue
    for (const waiter of withinReach(pool)) takeUnitsFor(waiter, books, taking)
  }
}

/**
 * Tells whether there was anything to look at: then something may have come of it.
 * `spared`: whom it spared in this decision, and spares no more if they are told again.
 */
export const reconsider = (books: Books, taking: Taking, spared: Set<Request>): boolean => {
  const { policy } = taking
  const { changed, groups, noticed } = books
  if (changed === undefined || (changed.size === 0 && !(policy.reclaim === true && books.quotaStirred))) return false
  const freed = books.quotaStirred
  books.quotaStirred = false
  const changes = changesOf(books, changed)
  if (policy.byPriority) takeByPriority(changes, taking)
  else if (groups.byId.size === 0 && noticed.size === 0 && books.reservations === undefined) return false
  if (policy.reclaim === true) {
    takeBack(books, taking)
    if (groups.byId.size > 0) takeUnits(changes, freed, books, taking)
  }
  if (books.reservations !== undefined && books.lead !== undefined) makeRoom(books, taking)
  if (noticed.size > 0) withdraw(books, taking, spared)
  return true
}
