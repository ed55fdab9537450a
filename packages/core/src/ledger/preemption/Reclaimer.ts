/**
 * Reclaim: a claim that waits for quota which is its group's own takes leases of those
 * who borrowed it (see `quota/reclaim` for whose).
 *
 * 1. *It helps.* Leases are taken only where the claim then has its quota, and the units
 *    for it and for all before it, in each of its pools. Such a claim is *covered*.
 * 2. *Minimal.* None of the victims can be spared; lowest priority first, of those the
 *    most recently granted.
 * 3. *In turn.* The gate of a tree is gone through in its order, as if what was told to
 *    end were back: who is covered has its quota from there on, who is not closes the
 *    levels that refuse it to all later ones.
 * 4. *Withdrawn.* What no covered claim needs any more is spared.
 * 5. *Units too.* A claim that has its quota and lacks units takes them from the leases that it
 *    might take for its quota, whenever that comes about. Not from one of higher priority where
 *    priority decides who goes first, nor in an order by shares or sizes: who was taken from and asks
 *    again might go before it, for ever.
 * 6. Where claims of higher priority take leases too, no lease of higher priority than
 *    the claim's is taken back: else each would take from the other for ever.
 *
 * Why it ends. Who is refused at a level closes it to all who would borrow, so while
 * anybody takes back there, only groups within their quota are granted anything, and
 * what they have cannot be taken back. So what is borrowed there falls with each lease
 * that is taken, and rises only by what comes from outside.
 */
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import { leasesAround, type Part, type Request } from "../Request.ts"
import { type Gate, Scan } from "../quota/Gate.ts"
import { obstacleOf, type Step } from "../quota/obstacles.ts"
import {
  borrowedLines,
  hasBorrowed,
  isAbove,
  nobodyLeft,
  Outlook,
  type Standing,
  standingOf,
  Without
} from "../quota/reclaim.ts"
import { mayBeTaken } from "./Notice.ts"
import { deficitsOf, isNeeded, preemptionDepth, type Taking } from "./Preemptor.ts"
import { type Deficit, leasesToTake, pickFrom } from "./victims.ts"

/** Whom a claim takes leases from. */
interface Decision {
  readonly request: Request
  readonly victims: ReadonlyArray<Request>
}

interface Claimant {
  readonly request: Request
  /** Whether it is inside a lease: then order does not keep it. */
  readonly nested: boolean
  /** The steps that those before it have closed to it. */
  readonly closed: ReadonlySet<Step> | undefined
}

/** What waiters in the queue of a pool need that would go before a claim which joins it. */
const aheadOf = (pool: Pool, claim: Request, books: Books): number => {
  const { ordering } = books
  if (ordering === undefined || !ordering.order.keyed) return pool.waitingAmount
  let ahead = 0
  let looked = 0
  for (let part = pool.first; part !== undefined && looked < preemptionDepth; part = pool.after(part), looked++) {
    if (ordering.order.compare(part.request, claim) > 0) break
    ahead += part.amount
  }
  return ahead
}

/**
 * Leases that a claim might take back of some pools, cheapest first, as long as their branch has borrowed anything
 * that cheaper ones do not account for: whoever reads them leaves each out of `without`.
 */
const lentLeases = (standing: Standing, pools: Iterable<Pool>, without: Without): Iterable<Request> => {
  const lines = borrowedLines(standing, pools)
  return leasesToTake(
    lines.map(({ leases }) => leases),
    (line) => isAbove(lines[line]!.branch, without)
  )
}

/** Whether a claim may take a lease back, by rule 6. */
const mayTake = (claim: Request, lease: Request, { policy, rankOf }: Taking): boolean =>
  !policy.byPriority || lease.leasePriority <= rankOf(claim)

/** One look at all who wait for quota, as if what was told to end were back. */
class Look {
  readonly covered = new Set<Request>()
  readonly decisions: Array<Decision> = []
  private readonly outlook = new Outlook()
  /** What those who pass in this look take of the pools, and what victims give back. */
  private readonly ahead = new Map<Pool, number>()
  private readonly back = new Map<Pool, number>()
  /** Those victims, and a lease that goes on although it was told to end. */
  private readonly taken = new Set<Request>()
  private staying: Request | undefined = undefined
  private readonly books: Books
  private readonly taking: Taking

  constructor(books: Books, taking: Taking) {
    this.books = books
    this.taking = taking
  }

  /** With `takes` victims are looked for; `gone` are back too. */
  run(gates: ReadonlyArray<Gate>, takes: boolean, gone: ReadonlyArray<Request> = []): this {
    for (const lease of this.books.noticed) this.outlook.leave(lease)
    for (const lease of gone) this.take(lease)
    for (const gate of gates) this.walk(gate, takes)
    this.outlook.end()
    return this
  }

  /** Whether one of some claims is covered no more where a lease goes on that it may take back. */
  needs(gates: ReadonlyArray<Gate>, lease: Request, claims: ReadonlySet<Request>): boolean {
    for (const other of this.books.noticed) if (other !== lease) this.outlook.leave(other)
    this.move(this.back, lease, -1)
    this.staying = lease
    for (const gate of gates) this.walk(gate, false)
    const missing = [...claims].filter((claim) => !this.covered.has(claim))
    const standings = missing.map((claim) => standingOf(claim, leasesAround(claim).length > 0 ? "held" : "used"))
    this.outlook.end()
    // Dearer ones that end too are what its group had borrowed least: they count as if they went on.
    return missing.some((claim, at) => this.hasLent(claim, standings[at]!, lease))
  }

  /** Whether a claim may take a lease back, of whatever types. */
  hasLent(claim: Request, standing: Standing, lease: Request): boolean {
    if (!mayTake(claim, lease, this.taking) || leasesAround(claim).includes(lease)) return false
    return hasBorrowed(lease, standing, new Set(claim.parts.map(({ pool }) => pool)), nobodyLeft)
  }

  private walk(gate: Gate, takes: boolean): void {
    const { now } = this.books
    const scan = new Scan(now)
    gate.walk(now, (request, nested) => {
      const claim = { request, nested, closed: nested ? undefined : scan.closed }
      const lacking = this.lackingOf(claim)
      const victims = takes && lacking.size > 0 ? this.pick(claim, lacking) : undefined
      if (victims !== undefined) this.decisions.push({ request, victims })
      if (victims !== undefined || lacking.size === 0) this.covered.add(request)
      else if (scan.look(request, nested).length > 0) return false
      scan.pass(request)
      this.move(this.ahead, request, 1)
      return true
    })
    scan.end()
  }

  private move(figures: Map<Pool, number>, { parts }: Request, sign: 1 | -1): void {
    for (const { amount, pool } of parts) figures.set(pool, (figures.get(pool) ?? 0) + sign * amount)
  }

  private obstacleOf(part: Part, { closed, nested }: Claimant) {
    return obstacleOf(part, nested ? "held" : "used", this.books.now, closed)
  }

  /** The pools in which it has no quota, or not enough units. */
  private lackingOf(claim: Claimant): ReadonlySet<Pool> {
    const { books } = this
    const lacking = new Set<Pool>()
    for (const part of claim.request.parts) {
      const { amount, pool } = part
      const there = this.thereFor(claim.request, pool)
      const needed = amount + aheadOf(pool, claim.request, books) + (this.ahead.get(pool) ?? 0)
      if (needed > there || this.obstacleOf(part, claim) !== undefined) lacking.add(pool)
    }
    return lacking
  }

  /** What of a pool there is for a claim, with what was told to end and what is taken: not what goes back to promises of others. */
  private thereFor(request: Request, pool: Pool): number {
    if (pool.calendar === undefined) return pool.free + pool.announced + (this.back.get(pool) ?? 0)
    const pages = pool.calendar.pagesFor(request, this.books.now, this.staying)
    for (const lease of this.taken) for (const page of pages) page.move(lease, 1)
    return Math.min(...pages.map(({ left }) => left))
  }

  /** Whether something keeps it from its quota that no lease which comes back changes, or order. */
  private isBarred(claim: Claimant): boolean {
    return claim.request.parts.some((part) => {
      const obstacle = this.obstacleOf(part, claim)
      if (obstacle === undefined) return false
      const { level, limit } = obstacle
      return level === undefined || limit === "leases" || limit === "rate" || limit === "order"
    })
  }

  /** The victims for a claim, cheapest first; `undefined` where all that it may take are not enough. */
  private pick(claim: Claimant, lacking: ReadonlySet<Pool>): ReadonlyArray<Request> | undefined {
    const { nested, request } = claim
    const standing = standingOf(request, nested ? "held" : "used")
    if (!standing.within.includes(true) || this.isBarred(claim)) return undefined
    const around = leasesAround(request)
    const without = new Without()
    const taken: Array<Request> = []
    let left = lacking
    for (const lease of lentLeases(standing, lacking, without)) {
      // Taken for somebody before it.
      if (this.outlook.has(lease)) continue
      // Nor any that is dearer.
      if (!mayTake(request, lease, this.taking)) break
      const helps =
        lease.parts.some(({ pool }) => left.has(pool)) &&
        !around.includes(lease) &&
        hasBorrowed(lease, standing, lacking, without)
      // What is taken before it is not what its group has of its own.
      without.leave(lease)
      if (!helps) continue
      taken.push(lease)
      this.take(lease)
      left = this.lackingOf(claim)
      if (left.size === 0) break
    }
    const isCovered = left.size === 0
    const victims = taken.toReversed().filter((lease) => {
      this.giveBack(lease)
      if (!isCovered || this.lackingOf(claim).size === 0) return false
      this.take(lease)
      return true
    })
    if (!isCovered) return undefined
    return victims.toReversed()
  }

  private take(lease: Request): void {
    this.outlook.leave(lease)
    this.taken.add(lease)
    this.move(this.back, lease, 1)
  }

  private giveBack(lease: Request): void {
    this.outlook.comeBack(lease)
    this.taken.delete(lease)
    this.move(this.back, lease, -1)
  }
}

const gatesOf = ({ groups }: Books): ReadonlyArray<Gate> => {
  const { busyGates } = groups
  return busyGates.size < 2 ? [...busyGates] : [...busyGates].toSorted((a, b) => a.oldest - b.oldest)
}

/** Every claim takes back what it may. */
export const takeBack = (books: Books, taking: Taking): void => {
  const gates = gatesOf(books)
  if (gates.length === 0) return
  const look = new Look(books, taking).run(gates, true)
  if (look.decisions.length === 0) return
  let { covered } = new Look(books, taking).run(gates, false)
  for (const { request, victims } of look.decisions) {
    // One that was taken at once may have been the lease that another claim, or victim, was part of.
    if (request.status !== "waiting" || !victims.every(mayBeTaken)) continue
    // Once they are back another may be next, of their own group perhaps, that is within its quota again.
    const then = new Look(books, taking).run(gates, false, victims).covered
    if (!then.has(request) || ![...covered].every((other) => then.has(other))) continue
    covered = then
    taking.tellToEnd(victims, request, "reclaim")
  }
}

/** Whether who was taken from and asks again comes behind: by arrival, or by its priority. */
const staysBehind = (lease: Request, { ordering }: Books, rank: number): boolean => {
  if (ordering === undefined || !ordering.order.keyed) return true
  const { fair, policy } = ordering.order
  return fair === undefined && policy.size === undefined && lease.leasePriority <= rank
}

/** Leases that a claim which has its quota may take back for units, cheapest first. */
const lentUnits = function* (
  claim: Request,
  deficits: ReadonlyArray<Deficit>,
  books: Books,
  taking: Taking
): Generator<Request, void> {
  const around = leasesAround(claim)
  const standing = standingOf(claim, around.length > 0 ? "held" : "used")
  if (!standing.within.includes(true)) return
  const rank = taking.rankOf(claim)
  const pools = new Set(deficits.map(({ pool }) => pool))
  const without = new Without()
  for (const lease of lentLeases(standing, pools, without)) {
    // Nor any that is dearer.
    if (!mayTake(claim, lease, taking)) return
    const isLent = staysBehind(lease, books, rank) && hasBorrowed(lease, standing, pools, without)
    // What is cheaper is what its group has borrowed first, whether it is taken or not.
    without.leave(lease)
    if (isLent && !around.includes(lease)) yield lease
  }
}

/** A claim that has its quota takes back the units that it lacks, where that is enough. */
export const takeUnitsFor = (claim: Request, books: Books, taking: Taking): void => {
  if (claim.status !== "waiting" || claim.agent.group === undefined || claim.quota?.parked !== undefined) return
  if (claim.parts.every(({ pool }) => pool.preemptible === undefined)) return
  const deficits = deficitsOf(claim, books.now)
  if (deficits.length === 0) return
  // As if what was told to end were back.
  const outlook = new Outlook()
  for (const lease of books.noticed) outlook.leave(lease)
  const victims = pickFrom(deficits, lentUnits(claim, deficits, books, taking))
  outlook.end()
  if (victims !== undefined) taking.tellToEnd(victims, claim, "reclaim")
}

/**
 * Tells of leases that were told to end whether a covered claim which may take it needs
 * it: one that waits for quota or, once it has that, for the units.
 */
export const neededBack = (books: Books, taking: Taking): ((lease: Request) => boolean) => {
  const gates = gatesOf(books)
  const all = new Look(books, taking).run(gates, false)
  return (lease) =>
    new Look(books, taking).needs(gates, lease, all.covered) ||
    isNeeded(lease, taking, (waiter) => all.hasLent(waiter, standingOf(waiter, "used"), lease))
}
