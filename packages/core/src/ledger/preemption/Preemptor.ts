/**
 * Preemption by priority: a claim that must wait takes leases of lower priority.
 *
 * 1. *Strict improvement.* A lease is taken only for a claim of strictly higher
 *    priority, and only where that claim will be served: what is free, what comes
 *    back already and what the victims hold is enough for it and for all who wait
 *    before it, in each of its pools. Such a claim is *covered*.
 * 2. *Minimal.* None of the victims can be spared (see `victims`).
 * 3. *Nobody is forgotten.* After every command no waiter that victims would cover
 *    waits uncovered, among the first `depth` that are short in a pool.
 * 4. *Withdrawn.* A lease whose deadline has not come, that no wait is inside of, and
 *    without which everybody who may take it is covered too, is spared.
 *
 * Why it ends. Count, at each priority, the waiters that are not covered, highest
 * priority first. A preemption takes one from the count of its claim's priority, and
 * whoever is taken from can only wait again at a lower one. So with each preemption
 * these counts fall, read as one number; only what comes from outside raises them (a
 * new claim, a cut, a changed order or priority). A falling sequence of such counts
 * ends, so preemption never loops.
 *
 * The priority of a waiter is what the order goes by: with inheritance that of whoever
 * waits for it, if that is higher. A lease keeps the one that it was granted at, or
 * one that inherited could be taken, claim again at what it inherited, and so on.
 *
 * Units alone are reckoned. Tokens come by time, and a lease that is taken for a
 * claim that lacks them too is not taken in vain.
 */
import type { Pool } from "../Pool.ts"
import { leasesAround, type Part, type Request } from "../Request.ts"
import type { Reservation } from "../reservations/Reservation.ts"
import type { PreemptionCause } from "./Notice.ts"
import { type Deficit, pickVictims, Shortage, ShortPage } from "./victims.ts"

/** Who may take leases, and how long their holders have. */
export interface PreemptionPolicy {
  readonly name: string
  /** Whether claims of higher priority take leases of lower priority. */
  readonly byPriority: boolean
  /** Whether claims for what is their group's own take leases of those who borrowed it (see `Reclaimer`). Default false. */
  readonly reclaim?: boolean
  /** Whether leases are let into windows, and told to end before they begin (see `windows`). Unless given, where anything else is taken. */
  readonly windows?: boolean | undefined
  /** How long a holder has from the announcement on, in microseconds. */
  readonly grace: number
  /** How long its finalizers may take after that, before its units are taken by force. */
  readonly overrun: number
}

/** Nobody takes anything by priority. Deadlock policies that revoke still give this grace. */
export const preemptionOff: PreemptionPolicy = {
  name: "off",
  byPriority: false,
  grace: 10_000_000,
  overrun: 5_000_000
}

/** Whether leases are told to end for windows. */
export const takesForWindows = ({ byPriority, reclaim, windows }: PreemptionPolicy): boolean =>
  windows ?? (byPriority || reclaim === true)

/** How long before a window begins: a lease may have been granted as it is told, and hears of that first. */
export const leadOf = ({ grace, overrun }: PreemptionPolicy): number => Math.max(1, grace) + overrun

/** How many waiters that are short are looked at in one pool. */
export const preemptionDepth = 1_000

/** What the Ledger does for it. */
export interface Taking {
  readonly policy: PreemptionPolicy
  readonly now: () => number
  /** The priority that a waiter has now. */
  readonly rankOf: (waiter: Request) => number
  /** Tells leases to end. */
  readonly tellToEnd: (leases: ReadonlyArray<Request>, by: Request, cause: PreemptionCause) => void
  /** Tells leases to end for a window. */
  readonly tellToMakeRoom: (leases: ReadonlyArray<Request>, reservation: Reservation) => void
  /** Tells it that it need not. */
  readonly spare: (lease: Request) => void
}

/** What the waiters before a short one need, `Infinity` where it is too far behind to be looked at. */
const aheadOf = (part: Part): number => {
  const { pool } = part
  if (pool.after(part) === undefined) return pool.waitingAmount - part.amount
  let ahead = pool.earmarked
  let looked = 0
  for (
    let other = pool.firstShort;
    other !== undefined && looked < preemptionDepth;
    other = pool.after(other), looked++
  ) {
    if (other === part) return ahead
    ahead += other.amount
  }
  return Infinity
}

/**
 * What a waiter lacks of one pool, once what was told to end is back, but for `staying`.
 * `needed`: with all that those before it need. Where something is promised, only what
 * comes back to nobody's promise, and is held when it is lacked, is there for it.
 */
const deficitsIn = ({ pool, request }: Part, needed: number, now: number, staying?: Part): ReadonlyArray<Deficit> => {
  const { calendar } = pool
  if (calendar === undefined) {
    const units = needed - pool.free - pool.announced + (staying === undefined ? 0 : staying.amount)
    return units > 0 ? [new Shortage(pool, units)] : []
  }
  return calendar
    .pagesFor(request, now, staying?.request)
    .filter((page) => page.left < needed)
    .map((page) => new ShortPage(pool, page, needed))
}

/** What a waiter lacks in its pools, beyond what is free or comes back already; empty where it is covered. */
export const deficitsOf = (waiter: Request, now: number): ReadonlyArray<Deficit> => {
  const deficits: Array<Deficit> = []
  for (const part of waiter.parts) {
    // An earmarked one has its share there.
    if (part.earmarked) continue
    deficits.push(...deficitsIn(part, part.amount + aheadOf(part), now))
  }
  return deficits
}

/** A claim waits, or could take more than before. */
export const takeFor = (waiter: Request, taking: Taking): void => {
  // Who waits for quota is in no queue.
  if (waiter.quota?.parked !== undefined) return
  const rank = taking.rankOf(waiter)
  // Most find nobody below them, which is cheaper to tell than what they lack.
  if (!waiter.parts.some(({ pool }) => pool.preemptible !== undefined && pool.preemptible.lowest < rank)) return
  const deficits = deficitsOf(waiter, taking.now())
  if (deficits.length === 0) return
  const victims = pickVictims(deficits, rank, leasesAround(waiter))
  if (victims !== undefined) taking.tellToEnd(victims, waiter, "priority")
}

/** The waiters of a pool in which something changed that all its preemptible leases together could serve, in order. */
export const withinReach = function* (pool: Pool): Generator<Request, void> {
  const most = pool.free + pool.announced + (pool.preemptible?.units ?? 0)
  let ahead = pool.earmarked
  let looked = 0
  for (let part = pool.firstShort; part !== undefined && looked < preemptionDepth; part = pool.after(part), looked++) {
    // Not enough for it, and less for those behind it.
    if (ahead + part.amount > most) return
    // What is taken for it may be back at once, and it in no queue any more.
    const { amount } = part
    yield part.request
    ahead += amount
  }
}

/** Looks at the waiters of a pool in which something changed. */
export const lookAt = (pool: Pool, taking: Taking): void => {
  const lowest = pool.preemptible?.lowest ?? Infinity
  for (const request of withinReach(pool)) {
    if (request.parts.length > 1 || taking.rankOf(request) > lowest) takeFor(request, taking)
  }
}

/** Whether somebody who may take the lease is covered only with it. */
export const isNeeded = (lease: Request, taking: Taking, mayTake: (waiter: Request) => boolean): boolean =>
  lease.parts.some((own) => {
    const { pool } = own
    const most = pool.free + pool.announced
    let ahead = pool.earmarked
    let looked = 0
    for (
      let part = pool.firstShort;
      part !== undefined && looked < preemptionDepth;
      part = pool.after(part), looked++
    ) {
      ahead += part.amount
      if (ahead > most) return false
      const waiter = part.request
      if (!mayTake(waiter) || deficitsIn(part, ahead, taking.now(), own).length === 0) continue
      if (deficitsOf(waiter, taking.now()).length === 0) return true
    }
    return false
  })
