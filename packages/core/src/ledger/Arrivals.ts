/**
 * Decides a claim as it comes: it is refused, granted at once, or waits. Whoever may go on,
 * or must end, because of that is settled in the same decision.
 */
import { neverFits, type QueueLimits, queueFull, readClaim, unavailable } from "./admission.ts"
import type { Books } from "./Books.ts"
import type { Claim } from "./Claim.ts"
import type { DeadlockJudge } from "./DeadlockJudge.ts"
import type { Endings } from "./Endings.ts"
import { overMaximum } from "./preemption/banker.ts"
import type { Taking } from "./preemption/Preemptor.ts"
import { takeAs } from "./preemption/reconsider.ts"
import * as gates from "./quota/gates.ts"
import { obstaclesNow } from "./quota/Gate.ts"
import type { Obstacle } from "./quota/obstacles.ts"
import { modeOf, neverInGroups, overOwn, refusedBy } from "./quota/refusals.ts"
import type { Refusal } from "./Refusal.ts"
import { leasesAround, type Part, type Request } from "./Request.ts"
import type { Settling } from "./Settling.ts"

const noObstacles: ReadonlyArray<Obstacle> = []

export class Arrivals {
  private readonly books: Books
  private readonly endings: Endings
  private readonly judge: DeadlockJudge
  private readonly limits: QueueLimits
  private readonly settling: Settling
  private readonly taking: Taking | undefined

  constructor(
    books: Books,
    parts: {
      readonly endings: Endings
      readonly judge: DeadlockJudge
      readonly limits: QueueLimits
      readonly settling: Settling
      readonly taking: Taking | undefined
    }
  ) {
    this.books = books
    this.endings = parts.endings
    this.judge = parts.judge
    this.limits = parts.limits
    this.settling = parts.settling
    this.taking = parts.taking
  }

  /** O(types of the claim), but for the deadlock reduction of a nested claim that must wait. */
  decide(request: Request, claim: Claim, mayWait: boolean): Refusal | "granted" | "queued" {
    const { books } = this
    const { now } = books
    const waits = modeOf(request) === "wait"
    const never = this.readAndBound(request, claim, waits)
    if (never !== undefined) return this.endings.refuse(request, never)
    let fits = true
    for (const part of request.parts) fits &&= part.pool.fits(part, now) || part.pool.isKeptFor(part, now)
    if (books.ordering !== undefined) fits = books.ordering.admits(request, fits)
    const lacks = waits || request.agent.gate !== undefined ? obstaclesNow(request, waits, now) : noObstacles
    if (lacks.length === 0 && fits && this.judge.isSafe(request)) {
      this.grantAtOnce(request)
      return "granted"
    }
    const refusal = this.mayNotWait(request, { fits, lacks, mayWait, waits }) ?? queueFull(books, request, this.limits)
    if (refusal !== undefined) return this.endings.refuse(request, refusal)
    this.queue(request, lacks)
    return "queued"
  }

  /** Reads the claim into the request. Why it can never be granted, if so. */
  private readAndBound(request: Request, claim: Claim, waits: boolean): Refusal | undefined {
    const { books } = this
    if (books.stopped) return { _tag: "ManagerStopped" }
    const malformed = readClaim(books, request, claim)
    if (malformed !== undefined) return malformed
    const over = this.judge.avoids ? overMaximum(request) : undefined
    if (over !== undefined) return over
    for (const part of request.parts) {
      const never = neverFits(part) ?? overOwn(part, waits) ?? neverInGroups(part)
      if (never !== undefined) return never
    }
    return this.judge.neverHad(request)
  }

  private grantAtOnce(request: Request): void {
    const { books } = this
    books.grant(request)
    const stirs = stirPromises(books, request)
    // Who waits for quota may have counted on what it took, or wait inside the lease that it grew.
    if (books.ordering !== undefined || books.groups.busyGates.size > 0) {
      this.settling.settleAfter(request)
      return
    }
    // Quota that a wait inside needs is kept from nobody; what is promised is taken whatever is set aside.
    if (isNeededInside(request) || takesPromised(request)) this.judge.judgeGrowth(request)
    const mayLetGo = stirs || (books.heldBack.size > 0 && this.judge.makesSafer(request))
    if (mayLetGo || books.dirtyGates.length > 0 || this.settling.mayLetPass(request)) this.settling.settle()
  }

  /** Why a claim that is not granted at once is refused rather than queued, if so. */
  private mayNotWait(
    request: Request,
    asked: {
      readonly fits: boolean
      readonly lacks: ReadonlyArray<Obstacle>
      readonly mayWait: boolean
      readonly waits: boolean
    }
  ): Refusal | undefined {
    const { fits, lacks, mayWait, waits } = asked
    const { now } = this.books
    if (lacks.length > 0) {
      // What is its group's own is lent, and comes back: it waits for that whatever it says.
      const refusedAt = mayWait && !waits ? lacks.find((obstacle) => !obstacle.entitled) : lacks[0]
      return refusedAt === undefined || (mayWait && waits) ? undefined : refusedBy(refusedAt, now)
    }
    if (mayWait) return undefined
    for (const part of request.parts) {
      const refusal = unavailable(part, now)
      if (refusal !== undefined) return refusal
    }
    return fits ? unsafe(request.parts[0]!) : undefined
  }

  private queue(request: Request, lacks: ReadonlyArray<Obstacle>): void {
    const { books } = this
    const parked = lacks.length > 0
    books.queue(request, parked)
    // To arm the instant of its tokens; and what is kept for waiters outside leases is not kept from one inside.
    if (parked && (leasesAround(request).length > 0 || lacks.some((obstacle) => obstacle.limit === "rate"))) {
      gates.quotaFreed(books, request.agent)
    }
    // What it inherits decides who is before it, for all that follows.
    if (!parked) books.ordering?.inherit()
    // First, for what comes back by time is no deadlock.
    if (this.taking !== undefined) takeAs(books, request, this.taking)
    if (this.judge.avoids && !parked) this.judge.putBack(request)
    this.judge.judgeWait(request)
    this.settling.settle(parked ? undefined : request)
  }
}

/**
 * Has those pools looked at of which something is promised, and tells whether there are any: it may have what
 * is promised to several that it is of, and others make up for what it used of more than one.
 */
const stirPromises = ({ changed, lead }: Books, { parts }: Request): boolean => {
  if (lead === undefined || changed === undefined) return false
  for (const { pool } of parts) if (pool.calendar !== undefined) changed.add(pool)
  return changed.size > 0
}

/** A claim that is there, and not safe to grant now. */
const unsafe = ({ amount, pool }: Part): Refusal => ({
  _tag: "ResourceExhausted",
  reason: "unavailable",
  short: "order",
  resourceType: pool.type,
  requested: amount,
  available: pool.free,
  limit: pool.limit
})

/** Whether a growth may have taken what is kept for its holder. */
const takesPromised = ({ grows, parts }: Request): boolean =>
  grows?.waitsInside !== undefined && parts.some(({ pool }) => pool.standing > 0)

/** Whether a growth took quota while somebody inside its lease waits for some. */
const isNeededInside = ({ grows }: Request): boolean => {
  if (grows?.waitsInside === undefined) return false
  for (const wait of grows.waitsInside) if (wait.quota?.parked !== undefined) return true
  return false
}
