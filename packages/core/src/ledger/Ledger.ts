/**
 * The decision core. It holds the whole state, takes a command and the current
 * time, and decides; nothing else does. No input but its arguments: no Effect,
 * promise, clock or randomness, so it can be replayed, simulated and checked
 * against a model.
 *
 * What it promises, after every command:
 * 1. Nobody holds more than there is; a claim is granted whole or not at all.
 * 2. No waiter that could be granted is waiting, and an earlier waiter is never
 *    delayed by a later one (see `Pool`), but for a wait that only order would
 *    keep for ever (see `deadlock`).
 * 3. With a policy that detects, the waits can all be served (see `WaitForGraph`).
 * 4. What was due by `now` has happened, each at its own instant: a timer that
 *    fires late, or a machine that slept for a day, changes nothing.
 *
 * Waiters that were granted or failed meanwhile are in `settled`, for the edge to
 * resume; the Ledger never calls anybody.
 */
import {
  amountAllowed,
  invalid,
  isWeight,
  neverFits,
  type QueueLimits,
  queueFull,
  readAgent,
  readClaim,
  unavailable,
  unknownType,
  weightAllowed
} from "./admission.ts"
import { adopt } from "./adoption.ts"
import { Agent } from "./Agent.ts"
import { Books, claimOf } from "./Books.ts"
import { debtMax, type Rate } from "./Bucket.ts"
import { check, type Check, type CheckOptions, type CheckRules } from "./check.ts"
import { type Claim, isAmount, wholeNumber } from "./Claim.ts"
import { reasonsOf } from "./explain.ts"
import { findDeadlock, findOrderBlocked, needsNoGraph } from "./deadlock.ts"
import type { LeaveReason, LedgerEvent, ReturnReason } from "./Event.ts"
import { Index } from "./Index.ts"
import type { Order } from "./order/Order.ts"
import { Ordering } from "./order/Ordering.ts"
import { bypassRule, type PassingRule } from "./order/passing.ts"
import { toChoose } from "./order/heads.ts"
import { toRescue } from "./order/rescue.ts"
import { type Backfill, type BackfillOptions, makeBackfill } from "./plan/Backfill.ts"
import { Pool, type PoolOptions } from "./Pool.ts"
import { olderThan, woundedBy } from "./preemption/ages.ts"
import { isSafeWith, overMaximum, type SafetyReason, unsafeWith } from "./preemption/banker.ts"
import { mayBeTaken, type PreemptionCause } from "./preemption/Notice.ts"
import { takenBefore } from "./preemption/PreemptibleIndex.ts"
import { type PreemptionPolicy, preemptionOff, reconsider, takeFor, type Taking } from "./preemption/Preemptor.ts"
import {
  type ClaimTimedOut,
  type InvalidClaim,
  type LeaseRevoked,
  type Refusal,
  type ReservationRefused,
  type ResourceNotAcquired,
  takenReason,
  type UnknownResourceType
} from "./Refusal.ts"
import * as groups from "./quota/commands.ts"
import { obstaclesNow } from "./quota/Gate.ts"
import { Level } from "./quota/Level.ts"
import { lostQuota, type Obstacle } from "./quota/obstacles.ts"
import { modeOf, neverInGroups, overOwn, refusedBy } from "./quota/refusals.ts"
import { reviewAll } from "./quota/review.ts"
import type { Membership } from "./quota/transitions.ts"
import { isHeldBack, leasesAround, type Part, Request } from "./Request.ts"
import { refuseReservation, type ReservationWish } from "./reservations/admission.ts"
import { endOf, type Reservation } from "./reservations/Reservation.ts"
import { Reservations } from "./reservations/Reservations.ts"
import type { Scheduling } from "./Scheduling.ts"

/** What to do about a deadlock: a service at the edge, a plain value in here. */
export interface DeadlockPolicy {
  readonly name: string
  /** Whether waits are looked at; without, a deadlock waits until something times out. */
  readonly detects: boolean
  /**
   * The id of the waiter to fail, among those of the cycle (oldest first).
   * `requester` is the claim that closed it, or `undefined` where none did.
   */
  readonly victim: (waiters: ReadonlyArray<number>, requester: number | undefined) => number
  /**
   * The lease to take instead of failing a waiter, among those of the cycle that are
   * preemptible: lowest priority first, of those the youngest. `undefined`: none.
   */
  readonly revoke?: (leases: ReadonlyArray<RevocableLease>) => number | undefined
  /** Whether a claim inside a lease that must wait is judged by age first (see `ages`). */
  readonly ages?: "wait-die" | "wound-wait"
  /** Whether a claim is granted only where all that outermost leases declared can still be had (see `banker`). */
  readonly avoids?: boolean
}

/** A lease of a cycle that may be taken. */
export interface RevocableLease {
  readonly id: number
  readonly agent: string
  readonly priority: number
  readonly grantedAt: number
}

export interface LedgerOptions extends Partial<QueueLimits> {
  readonly deadlock?: DeadlockPolicy
  /** Who may start before a blocked head. Nobody unless given. */
  readonly backfill?: BackfillOptions | undefined
  /** Who goes first. First come, first served unless given. */
  readonly order?: Order | undefined
  readonly preemption?: PreemptionPolicy
  /** Receives every event; they are not built where nobody does. */
  readonly sink?: (event: LedgerEvent) => void
  /** Those of a former start. New ones unless given. */
  readonly books?: Books | undefined
  /** Whether claims can be found by id. */
  readonly indexed?: boolean
}

export interface ClaimOptions {
  /** The lease that the claim is made inside of. */
  readonly parent?: Request | undefined
  /** Whether it may wait. Default true. */
  readonly wait?: boolean
  /** The instant, in microseconds, at which waiting ends in `ClaimTimedOut`. */
  readonly deadline?: number | undefined
  /** How long the lease lasts at most, in microseconds. 0, the default, is for ever. */
  readonly ttl?: number
  /** Whether it is given back by `releaseManual`. */
  readonly manual?: boolean
  /** What it says of itself for the policies. */
  readonly scheduling?: Scheduling | undefined
}

/** The requester fails, or the youngest where no request closed the cycle. */
export const failRequester: DeadlockPolicy = {
  name: "fail",
  detects: true,
  victim: (waiters, requester) => requester ?? waiters.at(-1)!
}

/** A preemptible lease of the cycle is taken; where there is none the requester fails. */
export const revokeVictim: DeadlockPolicy = { ...failRequester, name: "revoke", revoke: (leases) => leases[0]?.id }

/** A younger claim does not wait for an older lease. What a hand-off or a cut closes later is found by detection. */
export const waitDie: DeadlockPolicy = { ...failRequester, name: "wait-die", ages: "wait-die" }

/** An older claim takes preemptible leases of younger ones; the rest is found by detection. */
export const woundWait: DeadlockPolicy = { ...revokeVictim, name: "wound-wait", ages: "wound-wait" }

/** Only what keeps the state safe is granted. What a cut closes later is found by detection. */
export const bankers: DeadlockPolicy = { ...failRequester, name: "banker", avoids: true }

export const detectionOff: DeadlockPolicy = { ...failRequester, name: "off", detects: false }

const noOptions: ClaimOptions = {}
const noObstacles: ReadonlyArray<Obstacle> = []

export class Ledger {
  readonly books: Books
  /** Waiters that are no longer waiting, oldest decision first. Whoever reads it empties it. */
  readonly settled: Array<Request> = []
  deadlock: DeadlockPolicy
  private readonly backfill: Backfill | undefined
  readonly preemption: PreemptionPolicy
  private readonly limits: QueueLimits
  private readonly order: Order | undefined
  /** Who may be granted out of turn, once nobody can be in turn. */
  private readonly passing: ReadonlyArray<PassingRule>
  /** How many of those that are ready stand in order, last first. */
  private readyInOrder = 0
  private readonly taking: Taking
  /** What the policies say of a claim that is only being asked about. */
  private readonly rules: CheckRules = {
    refuse: (request) => (this.deadlock.avoids === true ? overMaximum(request) : undefined),
    safety: (request) => (this.deadlock.avoids === true ? unsafeWith([...this.books.everyPool()], request) : []),
    passing: (request) => {
      if (this.passing.some((rule) => rule.admits(request, this.books))) return "bypass"
      return this.backfill?.admits(this.books, request) === true ? "backfill" : undefined
    }
  }
  /** Told of each lease that is taken by force. It must not call back. */
  onOverrun: ((lease: Request) => void) | undefined = undefined

  constructor(options: LedgerOptions = {}) {
    this.deadlock = options.deadlock ?? failRequester
    this.backfill = options.backfill && makeBackfill(options.backfill, options.order)
    this.limits = {
      waitersMax: options.waitersMax ?? 1_000_000,
      waitersPerAgentMax: options.waitersPerAgentMax ?? Infinity
    }
    this.books = options.books ?? new Books()
    this.preemption = options.preemption ?? preemptionOff
    if (this.preemption.byPriority) this.books.changed = new Set(this.books.everyPool())
    this.books.sink = options.sink
    if (this.decidedByPlan) this.books.leaveToPlan()
    if (options.indexed === true) this.books.index ??= new Index()
    this.taking = {
      now: () => this.books.now,
      rankOf: (waiter) => this.books.rankOf(waiter),
      tellToEnd: (leases, by, cause) => this.tellToEnd(leases, by, cause),
      spare: (lease) => {
        this.books.spare(lease)
        this.settled.push(lease)
      }
    }
    this.order = options.order
    this.passing = options.order?.bypass === undefined ? [] : [bypassRule(options.order.bypass)]
    this.installOrder()
    if (this.deadlock.avoids === true) this.findHeldBack()
  }

  /** Who was kept waiting because to grant it was not safe. */
  private findHeldBack(): void {
    for (const agent of this.books.agents.values()) {
      for (const waiter of agent.waiters) if (isHeldBack(waiter)) this.books.heldBack.add(waiter)
    }
  }

  /** Whether nobody starts but by a plan. */
  private get decidedByPlan(): boolean {
    return this.backfill?.decidesAll === true
  }

  /** Puts this order over the books, whatever they were kept by before. */
  installOrder(): void {
    const { books, order } = this
    if (order === undefined) return
    books.ordering = new Ordering(order, books)
    books.ordering.install()
  }

  /** The instant of the last decision, in microseconds. */
  get now(): number {
    return this.books.now
  }

  /** By when a waiter starts, if leases return by when they say; `undefined` where no backfill plans for it. */
  plannedStart(request: Request): number | undefined {
    return request.status === "waiting" ? this.backfill?.startOf(this.books, request) : undefined
  }

  /** Would a claim be granted now, and if not, why: by the policies of this Ledger. Takes nothing. */
  check(agentId: string, claim: Claim, options?: CheckOptions): Check {
    return check(this.books, agentId, claim, options, this.rules)
  }

  /** Why to grant a waiter would not be safe, where that alone keeps it. */
  safetyOf(request: Request): ReadonlyArray<SafetyReason> {
    const mayBe = this.deadlock.avoids === true && (isHeldBack(request) || request.exempt)
    return mayBe ? unsafeWith([...this.books.everyPool()], request) : []
  }

  /** When something happens by itself next; `Infinity` where nothing will. */
  get nextDueAt(): number {
    return this.books.timers.nextAt()
  }

  /** Brings the state up to `now`. An earlier instant than the last one counts as the last one. */
  advance(now: number): void {
    const books = this.books
    if (books.timers.nextAt() <= now) this.runDue(now)
    books.moveTo(now)
    if (books.ready.length > 0) this.settle()
  }

  /** The caller has checked the options: they come from configuration, not from agents. */
  definePool(type: string, options: PoolOptions, now: number): Pool {
    this.advance(now)
    const books = this.books
    // Here, for whoever keeps the events listens by now.
    const fair = this.order?.fair
    if ((fair !== undefined) !== (books.shares !== undefined) || fair?.halfLife !== books.shares?.halfLife) {
      books.keepShares(fair !== undefined, fair?.halfLife)
      // Who waits since a former start stands by what was kept until now.
      if (books.waiting > 0) this.installOrder()
    }
    const former = books.dormant.get(type)
    if (former === undefined) return books.definePool(type, options)
    books.wake(former)
    const adoption = adopt(former, options)
    if (adoption === undefined) return former
    books.configure(former, adoption)
    this.review(former)
    this.settle()
    return former
  }

  /**
   * Grants, queues or refuses a claim in one decision. The answer is a request
   * that is held or waiting, or the refusal. O(types of the claim), but for the
   * deadlock reduction of a nested claim that must wait.
   */
  claim(agentId: string, claim: Claim, now: number, options: ClaimOptions = noOptions): Request | Refusal {
    this.advance(now)
    const books = this.books
    const agent = readAgent(books, agentId)
    if (!(agent instanceof Agent)) return agent
    return this.decide(
      new Request(
        agent,
        books.now,
        options.parent,
        undefined,
        options.manual === true,
        options.ttl ?? 0,
        options.deadline,
        options.scheduling
      ),
      claim,
      options.wait !== false
    )
  }

  /**
   * A claim of the lease's agent, inside the lease, that the lease holds once
   * granted. `options.parent` is the innermost lease around the place of the call,
   * where that is another one.
   */
  grow(lease: Request, claim: Claim, now: number, options: ClaimOptions = noOptions): Request | Refusal {
    this.advance(now)
    if (lease.status !== "held" || lease.grows !== undefined) {
      return { _tag: "LeaseRevoked", lease: lease.id, agent: lease.agent.id, reason: "returned" }
    }
    const request = new Request(
      lease.agent,
      this.books.now,
      options.parent ?? lease,
      lease,
      false,
      0,
      options.deadline,
      options.scheduling
    )
    // What is granted at once is beyond all earmarks: it takes nothing that a wait
    // needs, so it closes no cycle. What is granted later is judged then.
    return this.decide(request, claim, options.wait !== false)
  }

  /** Whether a lease came back now; `false` where it already had. */
  release(lease: Request, now: number): boolean {
    this.advance(now)
    // What grew a lease is part of that lease, and comes back with it.
    if (lease.status !== "held" || lease.grows !== undefined) return false
    if (lease.notice?.ending === true) {
      this.settled.push(lease)
      this.takeBack(lease, "preempted")
    } else this.takeBack(lease, "released")
    this.settle()
    return true
  }

  /** The holder of a lease that was told to end has stopped, before its deadline. `false` where it had come back. */
  yieldUp(lease: Request, now: number): boolean {
    this.advance(now)
    if (lease.status === "held" && lease.notice?.ending === false) this.books.end(lease)
    return this.release(lease, now)
  }

  /** Gives back some of what a lease holds: all of the amounts or, where it holds less, none. */
  shrink(lease: Request, amounts: Claim, now: number): InvalidClaim | undefined {
    this.advance(now)
    const parts: Array<readonly [Pool, number]> = []
    for (const type in amounts) {
      const amount = amounts[type]
      const held =
        lease.status === "held" && lease.grows === undefined
          ? (lease.parts.find((part) => part.pool.type === type)?.amount ?? 0)
          : 0
      if (!isAmount(amount) || amount > held) {
        return invalid(`amounts.${type}`, amount, `a whole number from 0 to the ${held} that the lease holds`)
      }
      if (amount > 0) parts.push([this.books.pools.get(type)!, amount])
    }
    if (parts.length === 0) return undefined
    this.books.shrink(lease, parts)
    this.settle()
    return undefined
  }

  /**
   * Says what a lease cost in the end, in tokens of its pools' rates: what it paid too
   * much goes back, never above the burst; what it paid too little is charged, and where
   * that is not there the pool is in debt, and grants nothing until it is paid. All of
   * the types or, with a refusal, none. What has no rate costs nothing. May be said again.
   * What a growth paid is not the lease's, and stays.
   */
  settleLease(lease: Request, actual: Claim, now: number): InvalidClaim | undefined {
    this.advance(now)
    const costs: Array<readonly [Part, number]> = []
    for (const type in actual) {
      const tokens = actual[type]
      if (!isAmount(tokens)) return invalid(`actual.${type}`, tokens, wholeNumber)
      const held = lease.status === "held" && lease.grows === undefined
      const part = held ? lease.parts.find((candidate) => candidate.pool.type === type) : undefined
      if (part === undefined) return invalid(`actual.${type}`, tokens, "a type that the lease holds")
      if (part.pool.bucket === undefined || tokens === part.cost) continue
      const most = part.cost + part.pool.tokens(this.now) + debtMax
      if (tokens > most) return invalid(`actual.${type}`, tokens, `at most ${most}: a larger debt would not be exact`)
      costs.push([part, tokens])
    }
    if (costs.length === 0) return undefined
    this.books.settle(lease, costs)
    this.settle()
    return undefined
  }

  /**
   * Gives back amounts of an agent's manual acquisitions, newest first, all or
   * nothing.
   */
  releaseManual(
    agentId: string,
    claim: Claim,
    now: number
  ): InvalidClaim | UnknownResourceType | ResourceNotAcquired | undefined {
    this.advance(now)
    const books = this.books
    const rest = new Map<Pool, number>()
    for (const type in claim) {
      const amount = claim[type]
      if (!isAmount(amount)) return invalid(`claim.${type}`, amount, amountAllowed)
      const pool = books.pool(type)
      if (pool === undefined) return unknownType(books, type)
      rest.set(pool, amount)
    }
    const manual = books.agents.get(agentId)?.manual ?? []
    const taken: Array<readonly [Request, ReadonlyArray<readonly [Pool, number]>]> = []
    let missing = Array.from(rest.values()).filter((amount) => amount > 0).length
    for (let at = manual.length - 1; at >= 0; at--) {
      if (missing === 0) break
      const lease = manual[at]!
      const amounts = lease.parts.flatMap((part) => {
        const wanted = rest.get(part.pool) ?? 0
        const amount = Math.min(part.amount, wanted)
        if (amount === 0) return []
        rest.set(part.pool, wanted - amount)
        if (amount === wanted) missing--
        return [[part.pool, amount] as const]
      })
      if (amounts.length > 0) taken.push([lease, amounts])
    }
    if (missing > 0) return { _tag: "ResourceNotAcquired", agent: agentId, requested: claim, held: heldBy(manual) }
    for (const [lease, amounts] of taken) {
      const whole =
        amounts.length === lease.parts.length && amounts.every(([, amount], at) => amount === lease.parts[at]!.amount)
      if (whole) this.takeBack(lease, "released")
      else books.shrink(lease, amounts)
    }
    this.settle()
    return undefined
  }

  /** Takes a lease from its holder; `false` where it already had come back. */
  revoke(lease: Request, reason: "revoked" | "lost", now: number): boolean {
    this.advance(now)
    if (lease.status !== "held" || lease.grows !== undefined) return false
    this.settled.push(lease)
    this.takeBack(lease, reason)
    this.settle()
    return true
  }

  /**
   * Takes back a grant whose body never began, tokens included. A growth of a lease
   * that came back meanwhile has come back with it.
   */
  undo(request: Request, now: number): void {
    this.advance(now)
    if (request.status !== "held" || (request.grows !== undefined && request.grows.status !== "held")) return
    this.books.undo(request)
    this.settle()
  }

  /** The caller of a growth has it: from now on it is the lease's, and undone no more. */
  keep(request: Request, now: number): void {
    this.advance(now)
    if (request.grows?.status === "held" && request.status === "held") this.books.keep(request)
  }

  /** Nobody will use the request: it leaves the queue, or its grant is undone. */
  giveUp(request: Request, now: number): void {
    if (request.status === "waiting") this.abandon(request, now)
    // It may be granted at this very instant, by what is due.
    this.undo(request, now)
  }

  /** A waiter gives up. Whoever it kept waiting is granted in the same decision. */
  abandon(request: Request, now: number): void {
    this.advance(now)
    if (request.status !== "waiting") return
    this.fail(request, "Interrupted", undefined)
    this.settle()
  }

  /**
   * Changes what a pool has. Growing serves waiters at once; shrinking below what
   * is in use takes effect as leases return. Waiters that can now never be served
   * fail. With `bounds` its maximum changes too: claims up to it wait for growth.
   */
  setCapacity(
    pool: Pool,
    capacity: number,
    now: number,
    bounds: { readonly maxCapacity: number | undefined } = pool
  ): void {
    this.advance(now)
    const before = pool.capacity
    const limit = pool.limit
    this.books.setCapacity(pool, capacity, bounds.maxCapacity)
    const falls = capacity < before || pool.limit < limit
    if (falls) this.review(pool)
    this.settle()
  }

  setRate(pool: Pool, rate: Rate | undefined, now: number): void {
    this.advance(now)
    this.books.setRate(pool, rate)
    this.review(pool)
    this.settle()
  }

  /** Gives tokens back to a pool's rate, never above the burst. */
  refund(pool: Pool, tokens: number, now: number): void {
    this.advance(now)
    this.books.refund(pool, tokens)
    this.settle()
  }

  /** Sets or, with `Infinity`, removes a quota. After a cut the youngest waiters over it fail; leases stay. */
  setQuota(agentId: string, type: string, quota: number, now: number): InvalidClaim | UnknownResourceType | undefined {
    this.advance(now)
    const pool = this.books.pools.get(type)
    if (pool === undefined) return unknownType(this.books, type)
    const agent = readAgent(this.books, agentId)
    if ("_tag" in agent) return agent
    const account = agent.account(pool)
    this.books.setQuota(account, quota)
    if (agent.gate === undefined && account.held + account.waiting <= quota) return undefined
    for (const waiter of Array.from(agent.waiters).toReversed()) {
      const part = waiter.parts.find((candidate) => candidate.account === account)
      const isOver = account.held + account.waiting - account.parked > quota
      if (part === undefined || (!isOver && part.amount <= quota)) continue
      if (part.amount <= quota && modeOf(waiter) === "wait") {
        if (waiter.quota?.parked === undefined) this.books.withdraw(waiter)
        continue
      }
      this.fail(waiter, "QuotaExceeded", {
        _tag: "QuotaExceeded",
        reason: part.amount > quota ? "neverFits" : "inUse",
        agent: agent.id,
        resourceType: type,
        requested: part.amount,
        quota,
        held: account.held,
        waiting: account.waiting - part.amount
      })
    }
    if (this.deadlock.detects && account.parked > 0) {
      // What waits for quota may wait for ever now, inside a lease that has what there is of it.
      this.resolveDeadlocks(() => [...agent.waiters], undefined)
    }
    this.settle()
    return undefined
  }

  /**
   * Says what an agent is to the policies: its weight beside its siblings and the
   * priority of its claims that say none. What is not said stays.
   */
  setAgent(
    agentId: string,
    attributes: { readonly weight?: number | undefined; readonly priority?: number | undefined },
    now: number
  ): InvalidClaim | undefined {
    this.advance(now)
    const { priority, weight } = attributes
    if (weight !== undefined && !isWeight(weight)) return invalid("weight", weight, weightAllowed)
    if (priority !== undefined && !Number.isSafeInteger(priority)) {
      return invalid("priority", priority, "a whole number")
    }
    const agent = readAgent(this.books, agentId)
    if ("_tag" in agent) return agent
    this.books.setAgent(agent, { weight: weight ?? agent.weight, priority: priority ?? agent.priority })
    this.settle()
    return undefined
  }

  /**
   * Promises an amount to somebody for a window, or at all times. Refused at once where it
   * cannot be kept, given what is promised already and what leases hold into the window by
   * the durations that they declare. O(holders of its pools).
   */
  reserve(wish: ReservationWish, now: number): Reservation | InvalidClaim | UnknownResourceType | ReservationRefused {
    this.advance(now)
    const { books } = this
    const refusal = refuseReservation(books, wish)
    if (refusal !== undefined) return refusal
    const reservation: Reservation = { id: books.reservations?.nextId ?? 1, ...wish }
    books.reserve(reservation)
    for (const type in wish.claim) this.review(books.pools.get(type)!)
    this.settle()
    return reservation
  }

  /** Ends a promise early; `false` where there is none with that id. */
  endReservation(id: number, reason: "cancelled" | "released", now: number): boolean {
    this.advance(now)
    const reservation = this.books.reservations?.byId.get(id)
    if (reservation === undefined) return false
    this.books.endReservation(reservation, reason)
    this.settle()
    return true
  }

  /** Refuses new claims from now on, and fails all waiters. Leases stay until they return. */
  stop(now: number): void {
    this.advance(now)
    if (this.books.stopped) return
    this.books.stop()
    for (const agent of this.books.agents.values()) {
      // A copy: failing takes them out of the list.
      for (const waiter of Array.from(agent.waiters)) this.fail(waiter, "ManagerStopped", { _tag: "ManagerStopped" })
    }
    this.books.ready.length = 0
    this.settle()
  }

  /** Takes every lease back by force, and tells how many. For the end of a grace period. */
  revokeAll(now: number): Array<Request> {
    this.advance(now)
    const leases = new Set<Request>()
    for (const pool of this.books.everyPool()) {
      for (let part = pool.holdersHead; part !== undefined; part = part.next) leases.add(part.request)
    }
    for (const lease of leases) {
      this.settled.push(lease)
      this.takeBack(lease, "stopped")
    }
    return [...leases]
  }

  /** Everything but what is kept is given up by who is not there any more: waiters leave, leases are lost. */
  forsake(kept: (request: Request) => boolean, now: number): void {
    this.advance(now)
    const gone = [...(this.books.index?.values() ?? [])].filter((request) => !kept(request))
    // Waiters first, or they would be granted what the leases give back.
    for (const request of gone) if (request.status === "waiting") this.fail(request, "Interrupted", undefined)
    for (const request of gone) {
      if (request.status !== "held") continue
      if (request.grows?.status === "held") this.books.keep(request)
      else if (request.grows === undefined) this.takeBack(request, "lost")
    }
    this.settle()
  }

  /** Sets all that a group is and is limited by. After a cut the youngest waiters over it fail or wait for quota again. */
  setGroup(id: string, options: groups.GroupOptions, now: number): groups.GroupRefusal | undefined {
    this.advance(now)
    const former = this.books.groups.byId.get(id)?.root
    const refusal = groups.setGroup(this.books, id, options)
    if (refusal !== undefined) return refusal
    const { root } = this.books.groups.byId.get(id)!
    for (const tree of new Set([former?.parent === undefined ? former : undefined, root])) {
      if (tree !== undefined) this.reviewTree(groups.waitersBelow(tree))
    }
    this.settle()
    return undefined
  }

  removeGroup(id: string, now: number): InvalidClaim | undefined {
    this.advance(now)
    const root = this.books.groups.byId.get(id)?.root
    const refusal = groups.removeGroup(this.books, id)
    if (refusal !== undefined) return refusal
    if (root !== undefined && root.id !== id) this.reviewTree(groups.waitersBelow(root))
    this.settle()
    return undefined
  }

  /** Puts an agent into a group, or into none. Its leases go with it, and stay whatever the group has. */
  assign(agentId: string, membership: Membership, now: number): InvalidClaim | undefined {
    this.advance(now)
    const former = this.books.agents.get(agentId)?.group
    const agent = groups.assign(this.books, agentId, membership)
    if (!(agent instanceof Agent)) return agent
    if (former !== undefined) this.reviewTree(groups.waitersBelow(former.root))
    this.reviewTree(agent.group === undefined ? [...agent.waiters].toReversed() : groups.waitersBelow(agent.group.root))
    this.settle()
    return undefined
  }

  /** After what a tree may have has changed: who is over it now, and what that deadlocks. */
  private reviewTree(waiters: ReadonlyArray<Request>): void {
    reviewAll(waiters, this.books.now, {
      fail: (waiter, refusal) => this.fail(waiter, "QuotaExceeded", refusal),
      withdraw: (waiter) => this.books.withdraw(waiter)
    })
    if (!this.deadlock.detects) return
    this.resolveDeadlocks(() => waiters.filter((waiter) => waiter.status === "waiting"), undefined)
  }

  private decide(request: Request, claim: Claim, mayWait: boolean): Request | Refusal {
    const books = this.books
    const now = books.now
    if (books.stopped) return this.refuse(request, { _tag: "ManagerStopped" })
    const malformed = readClaim(books, request, claim)
    if (malformed !== undefined) return this.refuse(request, malformed)
    const { avoids } = this.deadlock
    const over = avoids === true ? overMaximum(request) : undefined
    if (over !== undefined) return this.refuse(request, over)
    let fits = true
    const waits = modeOf(request) === "wait"
    for (const part of request.parts) {
      const { pool } = part
      const final = neverFits(part) ?? overOwn(part, waits) ?? neverInGroups(part)
      if (final !== undefined) return this.refuse(request, final)
      fits &&= pool.fits(part, now) || pool.isKeptFor(part, now)
    }
    const { ordering } = books
    if (ordering !== undefined) fits = ordering.admits(request, fits)
    const lacks = waits || request.agent.gate !== undefined ? obstaclesNow(request, waits, now) : noObstacles
    const parked = lacks.length > 0
    if (parked) {
      // What is its group's own is lent, and comes back: it waits for that whatever it says.
      const refusedAt = mayWait && !waits ? lacks.find((obstacle) => !obstacle.entitled) : lacks[0]
      if (refusedAt !== undefined && !(mayWait && waits)) return this.refuse(request, refusedBy(refusedAt, now))
    } else if (fits && this.isSafe(request)) {
      books.grant(request)
      if (ordering !== undefined) this.settleAfter(request)
      else if (books.dirtyGates.length > 0 || this.mayLetPass(request)) this.settle()
      return request
    } else if (!mayWait) {
      for (const part of request.parts) {
        const refusal = unavailable(part, now)
        if (refusal !== undefined) return this.refuse(request, refusal)
      }
      if (fits) return this.refuse(request, unsafe(request.parts[0]!))
    }
    const full = queueFull(books, request, this.limits)
    if (full !== undefined) return this.refuse(request, full)
    books.queue(request, parked)
    // To arm the instant of its tokens; and what is kept for waiters outside leases is not kept from one inside.
    if (parked && (leasesAround(request).length > 0 || lacks.some((obstacle) => obstacle.limit === "rate"))) {
      books.quotaFreed(request.agent)
    }
    // First, for what comes back by time is no deadlock.
    if (this.preemption.byPriority && !parked) takeFor(request, this.taking)
    if (avoids === true && !parked) this.putBack(request, fits)
    this.judgeWait(request)
    this.settle(parked ? undefined : request)
    if (request.deadline !== undefined && request.deadline <= now) this.runDue(now)
    if (request.status === "waiting") return request
    // It was decided in the decision that it arrived in: nobody has to be woken for it.
    const at = this.settled.lastIndexOf(request)
    if (at >= 0) this.settled.splice(at, 1)
    return request.refusal ?? request
  }

  private refuse(request: Request, refusal: Refusal): Refusal {
    this.books.refuse(
      request.agent,
      request.parts.map((part) => part.pool),
      refusal._tag
    )
    return refusal
  }

  private fail(request: Request, reason: LeaveReason, refusal: Refusal | undefined): void {
    request.refusal = refusal
    this.books.leave(request, reason)
    if (refusal !== undefined) this.settled.push(request)
  }

  /** A lease comes back. What waits to become part of it has nothing to become part of. */
  private takeBack(lease: Request, reason: ReturnReason): void {
    if (lease.waitsInside !== undefined && lease.waitsInside.size > 0) {
      const revoked: LeaseRevoked = {
        _tag: "LeaseRevoked",
        lease: lease.id,
        agent: lease.agent.id,
        reason: takenReason(reason)
      }
      for (const wait of Array.from(lease.waitsInside)) {
        if (wait.grows === lease) this.fail(wait, "LeaseRevoked", revoked)
      }
    }
    this.books.giveBack(lease, reason)
  }

  /** Looks for a deadlock that a claim closes by waiting, and for waits that only order keeps. */
  private judgeWait(request: Request): void {
    if (this.deadlock.ages !== undefined) this.judgeByAge(request, this.deadlock.ages)
    if (!this.deadlock.detects || request.status !== "waiting" || needsNoGraph(request, this.books.hardPools)) return
    this.resolveDeadlocks(() => (request.status === "waiting" ? [request] : []), request)
  }

  /** A claim inside a lease waits for younger ones, or takes what they hold, by the policy. */
  private judgeByAge(request: Request, by: "wait-die" | "wound-wait"): void {
    if (request.quota?.parked !== undefined) return
    if (by === "wound-wait") {
      const wounded = woundedBy(request, this.now)
      if (wounded.length > 0) this.tellToEnd(wounded, request, "age")
      return
    }
    const refusal = olderThan(request, this.now)
    if (refusal !== undefined) this.fail(request, "DeadlockDetected", refusal)
  }

  private isSafe(request: Request): boolean {
    return this.deadlock.avoids !== true || isSafeWith([...this.books.everyPool()], request)
  }

  /** It waits where deadlocks are avoided: inside a lease for no order, else until it is safe. */
  private putBack(request: Request, fits: boolean): void {
    if (leasesAround(request).length > 0) this.books.exemptFromOrder(request)
    else if (fits) this.books.heldBack.add(request)
  }

  /** Fails what a smaller pool can never serve, then what it deadlocks. */
  private review(pool: Pool): void {
    const waiters = () => {
      const found: Array<Request> = []
      for (let part = pool.waitersHead; part !== undefined; part = part.next) found.push(part.request)
      for (const waiter of this.books.waitingForQuota()) {
        if (waiter.parts.some((part) => part.pool === pool)) found.push(waiter)
      }
      return found
    }
    for (const waiter of waiters()) {
      const part = waiter.parts.find((candidate) => candidate.pool === pool)!
      const refusal = neverFits(part)
      if (refusal !== undefined) this.fail(waiter, "ResourceExhausted", refusal)
    }
    if (this.deadlock.detects) this.resolveDeadlocks(waiters, undefined)
  }

  private resolveDeadlocks(roots: () => Iterable<Request>, requester: Request | undefined): void {
    for (;;) {
      const deadlock = findDeadlock(roots())
      if (deadlock === undefined) break
      const taken = this.toRevoke(deadlock.leases)
      if (taken !== undefined) {
        this.tellToEnd([taken], requester ?? deadlock.waits.at(-1)!, "deadlock")
        continue
      }
      const closedBy = requester !== undefined && deadlock.waits.includes(requester) ? requester.id : undefined
      const chosen = this.deadlock.victim(
        deadlock.waits.map((wait) => wait.id),
        closedBy
      )
      const victim = deadlock.waits.find((wait) => wait.id === chosen) ?? deadlock.waits.at(-1)!
      this.fail(victim, "DeadlockDetected", deadlock.refusalFor(victim))
    }
    this.letThrough(roots())
  }

  /** The lease of a cycle that the policy takes. */
  private toRevoke(leases: ReadonlyArray<Request>): Request | undefined {
    const { revoke } = this.deadlock
    if (revoke === undefined) return undefined
    const candidates = leases.filter(mayBeTaken).toSorted((a, b) => (takenBefore(a, b) ? -1 : 1))
    const chosen = revoke(
      candidates.map(({ agent, grantedAt, id, leasePriority }) => ({
        id,
        agent: agent.id,
        priority: leasePriority,
        grantedAt
      }))
    )
    return candidates.find(({ id }) => id === chosen)
  }

  private letThrough(roots: Iterable<Request>): void {
    this.books.ordering?.inherit()
    for (const request of findOrderBlocked(roots, this.order)) this.books.exemptFromOrder(request)
  }

  /** Grants everything that can be granted, and takes what may be taken for it. */
  private settle(newcomer?: Request): void {
    const { heldBack, ready } = this.books
    if (heldBack.size > 0) {
      // What was not safe may be now.
      ready.push(...heldBack)
      heldBack.clear()
      this.readyInOrder = -1
    }
    this.serve(newcomer)
    while (this.preemption.byPriority && reconsider(this.books, this.taking)) this.serve()
  }

  /** Grants everything that can be granted: in order, then out of turn where a policy lets that be. */
  private serve(newcomer?: Request): void {
    this.settleInOrder()
    if (this.books.reservations !== undefined) this.settlePromised()
    if (this.backfill === undefined) return
    for (;;) {
      const picked = this.backfill.picks(this.books, newcomer)
      if (picked.length === 0 || !picked.some((request) => this.isSafe(request))) return
      // A growth that is granted may fail somebody who was picked too.
      for (const request of picked) if (request.status === "waiting") this.grantWaiter(request)
      this.settleInOrder()
    }
  }

  /** Leases are told to end. */
  private tellToEnd(leases: ReadonlyArray<Request>, by: Request, cause: PreemptionCause): void {
    const { books, preemption } = this
    const deadline = books.now + preemption.grace
    const forcedAt = deadline + preemption.overrun
    for (const lease of leases) {
      books.announce(lease, { by: by.id, cause, deadline, forcedAt, ending: false })
      this.settled.push(lease)
    }
    if (deadline <= books.now) for (const lease of leases) this.end(lease)
  }

  /** The deadline of a lease has come. */
  private end(lease: Request): void {
    this.books.end(lease)
    this.settled.push(lease)
    if (lease.notice!.forcedAt <= this.books.now) this.force(lease)
  }

  /** The time for the finalizers of a lease is over. */
  private force(lease: Request): void {
    this.settled.push(lease)
    this.onOverrun?.(lease)
    this.takeBack(lease, "overrun")
  }

  /** Grants what is kept for its holders, whoever waits before them. */
  private settlePromised(): void {
    const { books } = this
    for (const pool of books.pools.values()) {
      if (pool.calendar === undefined || pool.waitersHead === undefined) continue
      // All of them first: who is granted leaves the list that this goes through.
      const entitled = Array.from(pool.calendar.entitled(books.now, books.agents))
      for (const request of entitled) {
        // Who waits for quota is in no queue.
        if (request.status !== "waiting" || request.quota?.parked !== undefined) continue
        if (request.parts.every((part) => part.earmarked || part.pool.isKeptFor(part, books.now))) {
          this.grantWaiter(request)
          this.settleInOrder()
        }
      }
    }
  }

  private settleInOrder(): void {
    const books = this.books
    if (books.ordering !== undefined) return this.settleByPolicy(books.ordering)
    const ready = books.ready
    while (ready.length > 0 || books.exempt.length > 0 || books.dirtyGates.length > 0) {
      if (ready.length > 1) ready.sort((a, b) => b.id - a.id)
      // Oldest first, from the end: popping keeps the array's memory for the next hand-off.
      for (let request = ready.pop(); request !== undefined; request = ready.pop()) {
        // An exempt grant may have taken an earmark back, or the request is in here twice.
        if (request.status === "waiting" && request.shortIn === 0 && request.quota?.parked === undefined) {
          this.grantWaiter(request)
        }
      }
      if (books.dirtyGates.length > 0) {
        this.openGates()
        continue
      }
      const through = this.nextExempt()
      if (through !== undefined) this.grantWaiter(through)
      else if (ready.length === 0) {
        for (const request of books.exempt) for (const part of request.parts) books.schedule(part.pool)
        return
      }
    }
  }

  /** The same by the order of a policy, in which a grant may change who comes next. */
  private settleByPolicy(ordering: Ordering): void {
    const { books } = this
    for (;;) {
      this.keepOrder(ordering)
      const request = this.firstReady(ordering.order)
      if (request !== undefined) this.grantWaiter(request)
      else if (books.dirtyGates.length > 0) this.openGates()
      else if (!this.resume() && !this.grantExempt() && !this.chooseNext(ordering.order) && !this.grantPassing()) break
    }
    for (const request of books.exempt) for (const part of request.parts) books.schedule(part.pool)
  }

  /** Brings up to date who goes first: who inherits, who is rescued, whom only a new order keeps. */
  private keepOrder(ordering: Ordering): void {
    const { books } = this
    ordering.inherit()
    const { aging } = ordering.order
    if (aging !== undefined) {
      for (const pool of books.pools.values()) {
        const request = toRescue(pool, aging, books.now)
        if (request !== undefined) books.rescue(request, pool)
      }
    }
    if (!ordering.reordered) return
    ordering.reordered = false
    if (!this.deadlock.detects || books.hardPools === 0) return
    const roots: Array<Request> = []
    for (const pool of books.everyPool()) {
      if (pool.hard && pool.waitersHead !== undefined) roots.push(pool.waitersHead.request)
    }
    this.letThrough(roots)
  }

  /** Somebody who is next in some pool, and not granted, is that from now on; whether there was one. */
  private chooseNext(order: Order): boolean {
    if (!order.committedHead || this.decidedByPlan) return false
    const next = toChoose(this.books, order)
    if (next !== undefined) this.books.choose(next)
    return next !== undefined
  }

  /** The first in order of those whose shares are whole. */
  private firstReady(order: Order): Request | undefined {
    const { ready } = this.books
    // In order unless somebody came in since; with fair shares every grant is a new order.
    if (ready.length > 1 && (ready.length !== this.readyInOrder || order.fair !== undefined)) {
      ready.sort((a, b) => order.compare(b, a))
    }
    let first: Request | undefined = undefined
    while (first === undefined && ready.length > 0) {
      const request = ready.pop()!
      if (request.status === "waiting" && request.shortIn === 0 && request.quota?.parked === undefined) first = request
    }
    this.readyInOrder = ready.length
    return first
  }

  /** Goes on in the pools that stopped at a waiter whose grant decides who is next; whether one has. */
  private resume(): boolean {
    let resumed = false
    for (const pool of this.books.everyPool()) {
      if (!pool.paused) continue
      pool.paused = false
      this.books.rebalance(pool)
      resumed = true
    }
    return resumed
  }

  /** The first of those that order alone must not keep, for which there is enough. */
  private nextExempt(): Request | undefined {
    const { books } = this
    return books.exempt.find(
      (request) =>
        request.parts.every(
          ({ amount, cost, pool }) => amount <= pool.freeFor(request, books.now) && cost <= pool.tokens(books.now)
        ) && this.isSafe(request)
    )
  }

  private grantExempt(): boolean {
    const request = this.nextExempt()
    if (request !== undefined) this.grantWaiter(request)
    return request !== undefined
  }

  private grantPassing(): boolean {
    for (const rule of this.passing) {
      const passage = rule.next(this.books)
      if (passage === undefined) continue
      this.grantWaiter(passage.request, passage.passed)
      return passage.request.status !== "waiting" || this.deadlock.avoids !== true
    }
    return false
  }

  /** A claim was granted as it came, before others by its place in the order. */
  /** Whether somebody may pass who could not before: a lease that grew brings more back, and who went first delays the heads. */
  private mayLetPass({ grows, parts }: Request): boolean {
    return this.backfill !== undefined && (grows !== undefined || parts.some(({ pool }) => pool.stirred))
  }

  private settleAfter(request: Request): void {
    this.judgeGrowth(request)
    this.settle()
  }

  private grantWaiter(request: Request, passed?: ReadonlyArray<Request>): void {
    if (lostQuota(request, this.books.now)) {
      // A claim inside a lease was granted what was kept for this one, or there is less than there was.
      this.books.withdraw(request)
      this.judgeWait(request)
      return
    }
    if (!this.isSafe(request)) {
      this.books.heldBack.add(request)
      return
    }
    this.books.grant(request, passed)
    this.settled.push(request)
    this.judgeGrowth(request)
  }

  /** A lease that grows while waits are inside it may have taken what they need. */
  private judgeGrowth(request: Request): void {
    const lease = request.grows
    if (lease?.waitsInside === undefined || lease.waitsInside.size === 0 || !this.deadlock.detects) return
    this.resolveDeadlocks(() => lease.waitsInside ?? [], undefined)
  }

  /** Lets those pass who may have their quota now. */
  private openGates(): void {
    const { books } = this
    const admitted: Array<Request> = []
    for (let gate = books.dirtyGates.pop(); gate !== undefined; gate = books.dirtyGates.pop()) {
      gate.open(books.now, books.timers, (request) => {
        books.admit(request)
        admitted.push(request)
      })
    }
    // It stands behind who came to its queues while it waited for quota, or by its key before others.
    for (const request of admitted) this.judgeWait(request)
  }

  /** A window begins or ends. */
  private turnPages(reservations: Reservations): void {
    const { books } = this
    for (const reservation of Array.from(reservations.byId.values())) {
      if (endOf(reservation) <= books.now) books.endReservation(reservation, "expired")
    }
    const types = new Set<string>()
    for (const { claim, from } of reservations.byId.values()) {
      if (from === books.now) for (const type in claim) types.add(type)
    }
    books.replan(types)
    for (const type of types) {
      const pool = books.pools.get(type)
      if (pool !== undefined) this.review(pool)
    }
  }

  /** Does what was due, each thing at its own instant. */
  private runDue(now: number): void {
    const books = this.books
    for (;;) {
      const due = books.timers.first()
      if (due === undefined || due.dueAt > now) return
      books.moveTo(due.dueAt)
      if (due instanceof Pool) books.rebalance(due)
      else if (due instanceof Level) books.touch(due)
      else if (due instanceof Reservations) this.turnPages(due)
      else if (due instanceof Request && due.status === "held") {
        if (due.expiresAt <= books.now) {
          this.settled.push(due)
          this.takeBack(due, "expired")
        } else if (due.notice?.ending === false) this.end(due)
        else this.force(due)
      } else if (due instanceof Request) {
        this.fail(due, "ClaimTimedOut", timedOut(due, books.now, this.safetyOf(due)))
      }
      this.settle()
    }
  }
}

/** What leases hold together, by type. */
const heldBy = (leases: ReadonlyArray<Request>): Claim => {
  const held = new Map<string, number>()
  for (const lease of leases) {
    for (const { amount, pool } of lease.parts) held.set(pool.type, (held.get(pool.type) ?? 0) + amount)
  }
  return Object.fromEntries(held)
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

const timedOut = (request: Request, now: number, safety: ReadonlyArray<SafetyReason>): ClaimTimedOut => ({
  _tag: "ClaimTimedOut",
  agent: request.agent.id,
  claim: claimOf(request),
  waitedMicros: now - request.askedAt,
  reasons: [...reasonsOf(request, now), ...safety]
})
