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
 *    keep for ever (see `DeadlockJudge`).
 * 3. With a policy that detects, the waits can all be served (see `WaitForGraph`).
 * 4. What was due by `now` has happened, each at its own instant: a timer that
 *    fires late, or a machine that slept for a day, changes nothing.
 *
 * Waiters that were granted or failed meanwhile are in `settled`, for the edge to
 * resume; the Ledger never calls anybody.
 */
import { invalid, isWeight, type QueueLimits, readAgent, unknownType, weightAllowed } from "./admission.ts"
import { adopt } from "./adoption.ts"
import { Agent } from "./Agent.ts"
import { Books, claimOf } from "./Books.ts"
import type { Rate } from "./Bucket.ts"
import { Arrivals } from "./Arrivals.ts"
import { check, type Check, type CheckOptions, type CheckRules } from "./check.ts"
import type { Claim } from "./Claim.ts"
import { DeadlockJudge } from "./DeadlockJudge.ts"
import { type DeadlockPolicy, failRequester } from "./DeadlockPolicy.ts"
import { Endings } from "./Endings.ts"
import type { LedgerEvent } from "./Event.ts"
import { reasonsOf } from "./explain.ts"
import { Index } from "./Index.ts"
import type { Order } from "./order/Order.ts"
import { Ordering } from "./order/Ordering.ts"
import * as turns from "./order/transitions.ts"
import { type Backfill, type BackfillOptions, backfillProblem, makeBackfill } from "./plan/Backfill.ts"
import { PlanTimer } from "./plan/PlanTimer.ts"
import * as plans from "./plan/transitions.ts"
import { Pool, type PoolOptions } from "./Pool.ts"
import * as pools from "./pools.ts"
import { announcedStart } from "./preemption/announced.ts"
import { overMaximum, type SafetyReason } from "./preemption/banker.ts"
import { leadOf, type PreemptionPolicy, preemptionOff, takesForWindows, type Taking } from "./preemption/Preemptor.ts"
import { takesAny } from "./preemption/reconsider.ts"
import * as preempting from "./preemption/transitions.ts"
import * as quotas from "./quota/changes.ts"
import * as groups from "./quota/commands.ts"
import * as gates from "./quota/gates.ts"
import { Level } from "./quota/Level.ts"
import { modeOf } from "./quota/refusals.ts"
import type { Membership } from "./quota/transitions.ts"
import {
  type ClaimTimedOut,
  type InvalidClaim,
  type Refusal,
  type ReservationRefused,
  type ResourceNotAcquired,
  type UnknownResourceType
} from "./Refusal.ts"
import { hasShares, isHeldBack, Request } from "./Request.ts"
import { refuseReservation, type ReservationWish } from "./reservations/admission.ts"
import { endOf, type Reservation } from "./reservations/Reservation.ts"
import { Reservations } from "./reservations/Reservations.ts"
import * as promises from "./reservations/transitions.ts"
import { manualReturns, readCosts, readShrink } from "./returns.ts"
import type { Scheduling } from "./Scheduling.ts"
import { Settling } from "./Settling.ts"

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

const noOptions: ClaimOptions = {}

export class Ledger {
  readonly books: Books
  readonly deadlock: DeadlockPolicy
  readonly preemption: PreemptionPolicy
  private readonly arrivals: Arrivals
  readonly order: Order | undefined
  private readonly backfill: Backfill | undefined
  private readonly endings: Endings
  private readonly judge: DeadlockJudge
  private readonly settling: Settling
  /** What the policies say of a claim that is only being asked about. */
  private readonly rules: CheckRules

  constructor(options: LedgerOptions = {}) {
    const { order } = options
    const books = options.books ?? new Books()
    this.books = books
    this.order = order
    this.deadlock = options.deadlock ?? failRequester
    this.preemption = options.preemption ?? preemptionOff
    const problem = backfillProblem(options.backfill, this)
    if (problem !== undefined) throw new Error(`backfill has to be ${problem}`)
    this.backfill = options.backfill && makeBackfill(options.backfill, order)
    books.sink = options.sink
    if (takesAny(this.preemption)) {
      books.changed = new Set(books.everyPool())
      books.quotaStirred = true
    }
    if (this.backfill?.decidesAll === true) books.leaveToPlan()
    if (options.indexed === true) books.index ??= new Index()
    const endings = new Endings(books, this.preemption)
    this.endings = endings
    const judge = new DeadlockJudge(books, this.deadlock, order, endings)
    const taking = takesAny(this.preemption) ? takingBy(books, endings, this.preemption) : undefined
    const settling = new Settling(books, judge, endings, { order, backfill: this.backfill, taking })
    this.judge = judge
    this.settling = settling
    const limits = {
      waitersMax: options.waitersMax ?? 1_000_000,
      waitersPerAgentMax: options.waitersPerAgentMax ?? Infinity
    }
    this.arrivals = new Arrivals(books, { endings, judge, limits, settling, taking })
    this.rules = {
      refuse: (request) => (this.judge.avoids ? overMaximum(request) : undefined),
      never: (request) => this.judge.neverHad(request),
      safety: (request) => this.judge.unsafe(request),
      passing: (request) => this.settling.passageOf(request)
    }
    this.installOrder()
    if (this.judge.avoids) this.findHeldBack()
    // Who has its share since the order was put over the books had it before: it takes nothing first for that.
    books.advanced.clear()
    this.backfill?.resume?.(books)
  }

  /** Waiters that are no longer waiting, oldest decision first. Whoever reads it empties it. */
  get settled(): Array<Request> {
    return this.endings.settled
  }

  /** Tells `listener` of each lease that is taken by force. It must not call back. */
  set onOverrun(listener: (lease: Request) => void) {
    this.endings.onOverrun = listener
  }

  /** Who was kept waiting because to grant it was not safe. */
  private findHeldBack(): void {
    // An order stops at who is next. Here that one is kept waiting, and others have their shares behind it.
    while (this.settling.resume());
    this.books.ready.length = 0
    for (const agent of this.books.agents.values()) {
      for (const waiter of agent.waiters) if (isHeldBack(waiter)) this.books.heldBack.add(waiter)
    }
  }

  /** Puts this order over the books, whatever they were kept by before. */
  private installOrder(): void {
    const { books, order } = this
    if (order === undefined) return
    books.ordering = new Ordering(order, books)
    books.ordering.install()
  }

  /** The instant of the last decision, in microseconds. */
  get now(): number {
    return this.books.now
  }

  /**
   * By when a waiter starts, if leases return by when they say: with backfill by its plan, else
   * where it is the first and what was told to end is enough for it; `undefined` where neither is known.
   */
  plannedStart(request: Request): number | undefined {
    // Where deadlocks are avoided what is enough may not be safe.
    if (request.status !== "waiting" || this.judge.avoids) return undefined
    if (this.backfill !== undefined) return this.backfill.startOf(this.books, request)
    return announcedStart(this.books, request, this.now)
  }

  /** Would a claim be granted now, and if not, why: by the policies of this Ledger. Takes nothing. */
  check(agentId: string, claim: Claim, options?: CheckOptions): Check {
    return check(this.books, agentId, claim, options, this.rules)
  }

  /** Why to grant a waiter would not be safe, where that alone keeps it. */
  safetyOf(request: Request): ReadonlyArray<SafetyReason> {
    return request.exempt || hasShares(request, this.now) ? this.judge.unsafe(request) : []
  }

  /** When something happens by itself next; `Infinity` where nothing will. */
  get nextDueAt(): number {
    return this.books.timers.nextAt()
  }

  /** Brings the state up to `now`. An earlier instant than the last one counts as the last one. */
  advance(now: number): void {
    const books = this.books
    if (books.timers.nextAt() <= now) this.runDue(now)
    // Somebody may have lost its share to a window that is nearer now, and be next: it stays that from now on.
    const commits = books.reservations !== undefined && this.order?.committedHead === true && now > books.now
    books.moveTo(now)
    if (books.ready.length > 0 || commits) this.settling.settle()
  }

  /** The caller has checked the options: they come from configuration, not from agents. */
  definePool(type: string, options: PoolOptions, now: number): Pool {
    this.advance(now)
    const books = this.books
    // Here, for whoever keeps the events listens by now.
    const fair = this.order?.fair
    if ((fair !== undefined) !== (books.shares !== undefined) || fair?.halfLife !== books.shares?.halfLife) {
      turns.keepShares(books, fair !== undefined, fair?.halfLife)
      // Who waits since a former start stands by what was kept until now.
      if (books.waiting > 0) this.installOrder()
    }
    // With the first one: of this start nobody is told.
    if (books.pools.size === 0 && this.backfill?.decidesAll !== true) plans.forgetTold(books)
    const lead = takesForWindows(this.preemption) ? leadOf(this.preemption) : undefined
    if (lead !== books.lead) promises.setLead(books, lead)
    const former = books.dormant.get(type)
    if (former === undefined) return books.definePool(type, options)
    books.wake(former)
    const adoption = adopt(former, options)
    if (adoption === undefined) {
      // Its plan begins now: while it was dormant nobody was looked at there.
      this.backfill?.resume?.(books)
      return former
    }
    pools.configure(books, former, adoption)
    this.judge.review([former])
    this.settling.settle()
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
      this.endings.settled.push(lease)
      this.endings.takeBack(lease, lease.notice.cause === "expiry" ? "expired" : "preempted")
    } else this.endings.takeBack(lease, "released")
    this.settling.settle()
    return true
  }

  /** The holder of a lease that was told to end has stopped, before its deadline. `false` where it had come back. */
  yieldUp(lease: Request, now: number): boolean {
    this.advance(now)
    if (lease.status === "held" && lease.notice?.ending === false) preempting.end(this.books, lease)
    return this.release(lease, now)
  }

  /**
   * What works under a lease takes time to end (processes). When it expires it is told to
   * end then, and its units come back when its holder gives it back, or by force after the
   * time for finalizers. `false` where it is back already.
   */
  linger(lease: Request, now: number): boolean {
    this.advance(now)
    if (lease.status !== "held" || lease.grows !== undefined) return false
    if (lease.ttl !== 0 && lease.scheduling.lingers !== true) preempting.linger(this.books, lease)
    return true
  }

  /** Gives back some of what a lease holds: all of the amounts or, where it holds less, none. */
  shrink(lease: Request, amounts: Claim, now: number): InvalidClaim | undefined {
    this.advance(now)
    const parts = readShrink(lease, amounts)
    if ("_tag" in parts) return parts
    if (parts.length === 0) return undefined
    this.books.shrink(lease, parts)
    this.settling.settle()
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
    const costs = readCosts(lease, actual, this.now)
    if ("_tag" in costs) return costs
    if (costs.length === 0) return undefined
    this.books.settle(lease, costs)
    this.settling.settle()
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
    const taken = manualReturns(books, agentId, claim)
    if ("_tag" in taken) return taken
    for (const [lease, amounts] of taken) {
      const whole =
        amounts.length === lease.parts.length && amounts.every(([, amount], at) => amount === lease.parts[at]!.amount)
      if (whole) this.endings.takeBack(lease, "released")
      else books.shrink(lease, amounts)
    }
    this.settling.settle()
    return undefined
  }

  /** Takes a lease from its holder; `false` where it already had come back. */
  revoke(lease: Request, reason: "revoked" | "lost", now: number): boolean {
    this.advance(now)
    if (lease.status !== "held" || lease.grows !== undefined) return false
    this.endings.settled.push(lease)
    this.endings.takeBack(lease, reason)
    this.settling.settle()
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
    this.settling.settle()
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
    this.endings.fail(request, "Interrupted", undefined)
    this.settling.settle()
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
    pools.setCapacity(this.books, pool, capacity, bounds.maxCapacity)
    const falls = capacity < before || pool.limit < limit
    if (falls) this.judge.review([pool])
    this.settling.settle()
  }

  setRate(pool: Pool, rate: Rate | undefined, now: number): void {
    this.advance(now)
    pools.setRate(this.books, pool, rate)
    this.judge.review([pool])
    this.settling.settle()
  }

  /** Gives tokens back to a pool's rate, never above the burst. */
  refund(pool: Pool, tokens: number, now: number): void {
    this.advance(now)
    pools.refund(this.books, pool, tokens)
    this.settling.settle()
  }

  /** Sets or, with `Infinity`, removes a quota. After a cut the youngest waiters over it fail; leases stay. */
  setQuota(agentId: string, type: string, quota: number, now: number): InvalidClaim | UnknownResourceType | undefined {
    this.advance(now)
    const pool = this.books.pools.get(type)
    if (pool === undefined) return unknownType(this.books, type)
    const agent = readAgent(this.books, agentId)
    if ("_tag" in agent) return agent
    const account = agent.account(pool)
    quotas.setQuota(this.books, account, quota)
    // A gate of its own may be left over: only who waits there counts.
    const isGated = agent.group !== undefined || (agent.gate?.waiting ?? 0) > 0
    // What is safe, and what can ever be had, depends on the quotas that are waited for.
    if (!isGated && account.held + account.waiting <= quota && !this.judge.avoids) return undefined
    for (const waiter of Array.from(agent.waiters).toReversed()) {
      const part = waiter.parts.find((candidate) => candidate.account === account)
      const isOver = account.held + account.waiting - account.parked > quota
      if (part === undefined || (!isOver && part.amount <= quota)) continue
      if (part.amount <= quota && modeOf(waiter) === "wait") {
        if (waiter.quota?.parked === undefined) gates.withdraw(this.books, waiter)
        continue
      }
      this.endings.fail(waiter, "QuotaExceeded", {
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
    this.judge.failNeverHad()
    if (this.judge.detects && account.parked > 0) {
      // What waits for quota may wait for ever now, inside a lease that has what there is of it.
      this.judge.resolveDeadlocks(() => [...agent.waiters], undefined)
    }
    this.settling.settle()
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
    turns.setAgent(this.books, agent, { weight: weight ?? agent.weight, priority: priority ?? agent.priority })
    if (priority !== undefined) this.judge.reviewPromised()
    this.settling.settle()
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
    promises.reserve(books, reservation)
    this.reviewPools(Object.keys(wish.claim))
    this.settling.settle()
    return reservation
  }

  /** Ends a promise early; `false` where there is none with that id. */
  endReservation(id: number, reason: "cancelled" | "released", now: number): boolean {
    this.advance(now)
    const reservation = this.books.reservations?.byId.get(id)
    if (reservation === undefined) return false
    promises.endReservation(this.books, reservation, reason)
    // What was kept for somebody goes by the order now, and what drew from it may draw from another promise.
    this.reviewPools(Object.keys(reservation.claim))
    this.settling.settle()
    return true
  }

  /** Refuses new claims from now on, and fails all waiters. Leases stay until they return. */
  stop(now: number): void {
    this.advance(now)
    if (this.books.stopped) return
    this.books.stop()
    for (const agent of this.books.agents.values()) {
      // A copy: failing takes them out of the list.
      for (const waiter of Array.from(agent.waiters))
        this.endings.fail(waiter, "ManagerStopped", { _tag: "ManagerStopped" })
    }
    this.books.ready.length = 0
    this.settling.settle()
  }

  /** Takes every lease back by force, and tells how many. For the end of a grace period. */
  revokeAll(now: number): Array<Request> {
    this.advance(now)
    const leases = new Set<Request>()
    for (const pool of this.books.everyPool()) {
      for (let part = pool.holdersHead; part !== undefined; part = part.next) leases.add(part.request)
    }
    for (const lease of leases) {
      this.endings.settled.push(lease)
      this.endings.takeBack(lease, "stopped")
    }
    return [...leases]
  }

  /** Everything but what is kept is given up by who is not there any more: waiters leave, leases are lost. */
  forsake(kept: (request: Request) => boolean, now: number): void {
    this.advance(now)
    const gone = [...(this.books.index?.values() ?? [])].filter((request) => !kept(request))
    // Waiters first, or they would be granted what the leases give back.
    for (const request of gone) if (request.status === "waiting") this.endings.fail(request, "Interrupted", undefined)
    for (const request of gone) {
      if (request.status !== "held") continue
      if (request.grows?.status === "held") this.books.keep(request)
      else if (request.grows === undefined) this.endings.takeBack(request, "lost")
    }
    this.settling.settle()
  }

  /** Sets all that a group is and is limited by. After a cut the youngest waiters over it fail or wait for quota again. */
  setGroup(id: string, options: groups.GroupOptions, now: number): groups.GroupRefusal | undefined {
    this.advance(now)
    const former = this.books.groups.byId.get(id)?.root
    const refusal = groups.setGroup(this.books, id, options)
    if (refusal !== undefined) return refusal
    const { root } = this.books.groups.byId.get(id)!
    const left = former !== undefined && former !== root && former.parent === undefined ? [former] : []
    this.judge.reviewTrees([...left, root].map(groups.waitersBelow))
    this.judge.reviewPromised()
    this.settling.settle()
    return undefined
  }

  removeGroup(id: string, now: number): InvalidClaim | undefined {
    this.advance(now)
    const root = this.books.groups.byId.get(id)?.root
    const refusal = groups.removeGroup(this.books, id)
    if (refusal !== undefined) return refusal
    if (root !== undefined && root.id !== id) this.judge.reviewTrees([groups.waitersBelow(root)])
    this.judge.reviewPromised()
    this.settling.settle()
    return undefined
  }

  /** Puts an agent into a group, or into none. Its leases go with it, and stay whatever the group has. */
  assign(agentId: string, membership: Membership, now: number): InvalidClaim | undefined {
    this.advance(now)
    const former = this.books.agents.get(agentId)?.group
    const agent = groups.assign(this.books, agentId, membership)
    if (!(agent instanceof Agent)) return agent
    this.judge.reviewTrees([
      ...(former === undefined ? [] : [groups.waitersBelow(former.root)]),
      agent.group === undefined ? [...agent.waiters].toReversed() : groups.waitersBelow(agent.group.root)
    ])
    this.judge.reviewPromised()
    this.settling.settle()
    return undefined
  }

  private decide(request: Request, claim: Claim, mayWait: boolean): Request | Refusal {
    const decided = this.arrivals.decide(request, claim, mayWait)
    if (decided === "granted") return request
    if (decided !== "queued") return decided
    const { now } = this.books
    if (request.deadline !== undefined && request.deadline <= now) this.runDue(now)
    if (request.status === "waiting") return request
    // It was decided in the decision that it arrived in: nobody has to be woken for it.
    const at = this.endings.settled.lastIndexOf(request)
    if (at >= 0) this.endings.settled.splice(at, 1)
    return request.refusal ?? request
  }

  /** A window is due, begins or ends. */
  private turnPages(reservations: Reservations): void {
    const { books } = this
    for (const reservation of Array.from(reservations.byId.values())) {
      if (endOf(reservation) <= books.now) promises.endReservation(books, reservation, "expired")
    }
    const types = new Set<string>()
    const due = new Set<string>()
    for (const { claim, from } of reservations.byId.values()) {
      if (from === books.now) for (const type in claim) types.add(type)
      if (books.lead !== undefined && from - books.lead === books.now) for (const type in claim) due.add(type)
    }
    promises.replan(books, new Set([...types, ...due]))
    this.reviewPools(types)
  }

  private reviewPools(types: Iterable<string>): void {
    this.judge.review(Array.from(types).flatMap((type) => this.books.pools.get(type) ?? []))
  }

  private leaseDue(lease: Request): void {
    const { notice } = lease
    const isExpired = lease.expiresAt <= this.books.now
    // What lingers and is being ended has nothing but its forced end before it.
    if (isExpired && !(notice?.ending === true && lease.scheduling.lingers === true)) this.endings.expire(lease)
    else if (notice?.ending === false) this.endings.end(lease)
    else this.endings.force(lease)
  }

  /** Gives their shares to those in order whose tokens are there at this instant, in every pool, before anybody passes one. */
  private shareOutDue(): void {
    for (const pool of this.books.everyPool()) {
      if (pool.timerIndex >= 0 && pool.dueAt <= this.books.now) this.books.rebalance(pool)
    }
  }

  /** Does what was due, each thing at its own instant. */
  private runDue(now: number): void {
    const books = this.books
    for (;;) {
      const due = books.timers.first()
      if (due === undefined || due.dueAt > now) return
      books.moveTo(due.dueAt)
      // Pools that are due at this instant have come before it.
      if (due instanceof PlanTimer && this.backfill?.decidesAll === false) {
        this.settling.wake(this.backfill)
        continue
      }
      if (this.settling.letsPass) this.shareOutDue()
      if (due instanceof Pool) books.rebalance(due)
      else if (due instanceof Level) gates.touch(books, due)
      else if (due instanceof Reservations) this.turnPages(due)
      else if (due instanceof Request && due.status === "held") this.leaseDue(due)
      else if (due instanceof Request) {
        // Where time changes what each may have all are asked anew: one that is kept waiting holds up nobody behind it.
        if (this.judge.avoids) while (this.settling.resume());
        this.endings.fail(due, "ClaimTimedOut", timedOut(due, books.now, this.safetyOf(due)))
      }
      this.settling.settle()
    }
  }
}

/** How leases are taken for those who wait. */
const takingBy = (books: Books, endings: Endings, policy: PreemptionPolicy): Taking => ({
  policy,
  now: () => books.now,
  rankOf: (waiter) => books.rankOf(waiter),
  tellToEnd: (leases, by, cause) => endings.tellToEnd(leases, by, cause),
  tellToMakeRoom: (leases, reservation) => endings.tellToMakeRoom(leases, reservation),
  spare: (lease) => {
    preempting.spare(books, lease)
    endings.settled.push(lease)
  }
})

const timedOut = (request: Request, now: number, safety: ReadonlyArray<SafetyReason>): ClaimTimedOut => ({
  _tag: "ClaimTimedOut",
  agent: request.agent.id,
  claim: claimOf(request),
  waitedMicros: now - request.askedAt,
  reasons: [...reasonsOf(request, now), ...safety]
})
