/**
 * The state of the Ledger and its outcome transitions. Each transition does what
 * one event says and consults no policy: the Ledger calls them when it decides,
 * a replay when it reads a journal. They keep every derived figure (earmarks,
 * blocked leases, timers, statistics) true.
 */
import { Agent, countFailure } from "./Agent.ts"
import * as blocking from "./blocking.ts"
import type { Claim } from "./Claim.ts"
import type { LeaveReason, LedgerEvent, ReturnReason } from "./Event.ts"
import type { Index } from "./Index.ts"
import { type Ordering, ownTurn } from "./order/Ordering.ts"
import { priorityOf } from "./order/priority.ts"
import type { Shares } from "./order/shares.ts"
import { Pool, type PoolOptions } from "./Pool.ts"
import { mayBeTaken } from "./preemption/Notice.ts"
import * as preempting from "./preemption/transitions.ts"
import type { Gate } from "./quota/Gate.ts"
import * as gates from "./quota/gates.ts"
import { Groups } from "./quota/Group.ts"
import { reserve } from "./quota/obstacles.ts"
import * as quota from "./quota/transitions.ts"
import type { Refusal } from "./Refusal.ts"
import { enclosing, Part, type Request } from "./Request.ts"
import type { Reservations } from "./reservations/Reservations.ts"
import * as promises from "./reservations/transitions.ts"
import { noScheduling } from "./Scheduling.ts"
import { Timers } from "./Timers.ts"

/** The claim that a request's parts are. */
export const claimOf = (request: Request): Claim =>
  // Not by assignment: a type may be called `__proto__`.
  Object.fromEntries(request.parts.map((part) => [part.pool.type, part.amount]))

export class Books {
  /** The latest instant seen, in microseconds. Never decreases. */
  now = 0
  /** Those that take claims. */
  readonly pools = new Map<string, Pool>()
  /** Those of a former start that nobody has configured since: they keep everything, and take no claims. */
  readonly dormant = new Map<string, Pool>()
  readonly agents = new Map<string, Agent>()
  readonly timers = new Timers()
  /** The next place in the global order, and the next fencing token. */
  nextId = 1
  nextToken = 1
  waiting = 0
  stopped = false
  /** Waiters that order alone must not keep, oldest first. Mostly none. */
  readonly exempt: Array<Request> = []
  exemptions = 0
  /** Pools in which the largest waiter does not fit beside the blocked leases. */
  hardPools = 0
  /** Whether a plan alone decides who starts. */
  planned = false
  /** Waiters whose shares became whole, for the Ledger to grant. */
  readonly ready: Array<Request> = []
  /** The order of a policy; `undefined` where first come is first served. A replay has none. */
  ordering: Ordering | undefined = undefined
  /** How often somebody was chosen to be next. */
  choices = 0
  /** What was granted to whom over time; kept where shares are fair. */
  shares: Shares | undefined = undefined
  readonly groups = new Groups()
  /** Where somebody who waits for quota may have it now, for the Ledger to look. */
  readonly dirtyGates: Array<Gate> = []
  /** Told of each lease whose notice changes. It must not call back. */
  onNoticed: ((lease: Request) => void) | undefined = undefined
  /** Waiters that have all their shares, and would not be safe to grant. */
  readonly heldBack = new Set<Request>()
  /** Leases that were told to end. */
  readonly noticed = new Set<Request>()
  /** Pools in which something changed that may make somebody preempt; not kept while there is no such policy. */
  changed: Set<Pool> | undefined = undefined
  /** The same for waiters that have got their share of one pool, and wait for others. */
  readonly advanced = new Set<Request>()
  /** How long before a window begins leases are told to end for it, in microseconds; `undefined` where none is. */
  lead: number | undefined = undefined
  /** What is promised; `undefined` until something is. */
  reservations: Reservations | undefined = undefined
  /** Whether something changed that may let somebody take back what was lent. */
  quotaStirred = false
  private lastPool: Pool | undefined = undefined
  /** Claims by id, where somebody needs that. */
  index: Index | undefined = undefined
  /** Receives every event, in order; events are not built while there is none. */
  sink: ((event: LedgerEvent) => void) | undefined = undefined
  /** Is told of every lease that comes back, inside the decision: cheaper than all events. */
  onReturned: ((lease: number, reason: ReturnReason) => void) | undefined = undefined

  /** The pool of a type. Claims mostly name the type that the last one named: one comparison instead of a look-up. */
  pool(type: string): Pool | undefined {
    if (this.lastPool?.type === type) return this.lastPool
    const pool = this.pools.get(type)
    if (pool !== undefined) this.lastPool = pool
    return pool
  }

  /** The pool of a type, dormant or not, that is known to be there. */
  poolOf(type: string): Pool {
    const pool = this.pools.get(type) ?? this.dormant.get(type)
    if (pool === undefined) throw new Error(`a pool that was never defined: ${type}`)
    return pool
  }

  agent(id: string): Agent {
    const known = this.agents.get(id)
    if (known !== undefined) return known
    const agent = new Agent(id, this.agents.size)
    this.agents.set(id, agent)
    return agent
  }

  /** Those that take claims, and those that are dormant. */
  *everyPool(): Generator<Pool, void> {
    yield* this.pools.values()
    yield* this.dormant.values()
  }

  definePool(type: string, options: PoolOptions): Pool {
    const pool = new Pool(type, this.pools.size + this.dormant.size, options, this.now)
    pool.planned = this.planned
    this.pools.set(type, pool)
    this.ordering?.open(pool)
    this.sink?.({
      _tag: "PoolDefined",
      at: this.now,
      type,
      capacity: pool.capacity,
      minCapacity: pool.minCapacity,
      maxCapacity: pool.maxCapacity,
      rate: pool.rate
    })
    return pool
  }

  /** A new start begins: it takes claims again, and has no pool until it is configured. */
  restart(): void {
    this.stopped = false
    for (const [type, pool] of this.pools) this.dormant.set(type, pool)
    this.pools.clear()
    this.lastPool = undefined
  }

  /** A dormant pool takes claims again, as it was left. */
  wake(pool: Pool): void {
    this.dormant.delete(pool.type)
    this.pools.set(pool.type, pool)
  }

  /** What shares of a lease cost in the end, in tokens. */
  settle(request: Request, costs: ReadonlyArray<readonly [Part, number]>): void {
    for (const [part, tokens] of costs) part.pool.settle(part, tokens, this.now)
    this.sink?.({
      _tag: "Settled",
      at: this.now,
      id: request.id,
      costs: Object.fromEntries(costs.map(([part, tokens]) => [part.pool.type, tokens]))
    })
    for (const [part] of costs) this.rebalance(part.pool)
  }

  /** From now on a plan alone decides who starts: what was earmarked is given up. */
  leaveToPlan(): void {
    this.planned = true
    for (const pool of this.everyPool()) {
      pool.leaveToPlan()
      this.schedule(pool)
    }
  }

  /** The request waits, at its place in every queue that it needs; or first for quota. */
  queue(request: Request, parked = false): void {
    request.status = "waiting"
    request.id = this.nextId++
    this.waiting++
    const { agent } = request
    this.shares?.arrive(agent)
    agent.waiters.add(request)
    for (let group = agent.group; group !== undefined; group = group.parent) group.waiting++
    for (const part of request.parts) part.account.waiting += part.amount
    if (parked) {
      quota.park(request)
      this.quotaStirred = true
    } else {
      this.join(request)
      // Tokens are kept for it: those that somebody waits for are there later, or are not there for it any more.
      if (agent.gate?.armed === true || gates.keepsTokens(request)) gates.quotaFreed(this, agent)
    }
    blocking.enterWait(this, request)
    if (!parked && this.ordering !== undefined) this.ordering.queued(request)
    this.index?.add(request)
    if (request.deadline !== undefined) this.timers.set(request, request.deadline)
    this.sink?.({ _tag: "Queued", ...this.asked(request), parked: parked || undefined })
  }

  /**
   * The request is granted, from the queue or in the decision that it arrived in.
   * `passed`: the first that are short, where it goes past them.
   */
  grant(request: Request, passed?: ReadonlyArray<Request>, priority?: number): void {
    const waited = request.status === "waiting"
    const taken = request.scheduling.preemptible && mayBeTaken(request)
    if (taken) request.leasePriority = priority ?? (waited ? this.rankOf(request) : priorityOf(request))
    if (this.shares !== undefined) this.shares.charge(request, this.now)
    if (waited) this.unqueue(request)
    else request.id = this.nextId++
    const waitMicros = this.now - request.askedAt
    request.status = "held"
    request.grantedAt = this.now
    request.token = this.nextToken++
    const agent = request.agent
    agent.acquisitions++
    agent.waits.record(waitMicros)
    for (const part of request.parts) {
      const { account, amount, pool } = part
      pool.take(part, this.now)
      pool.addHolder(part)
      pool.acquisitions++
      pool.waits.record(waitMicros)
      account.held += amount
      account.leases++
      if (account.held > account.peak) account.peak = account.held
      if (account.level !== undefined) quota.take(part, account.level, this.now)
    }
    if (this.sink !== undefined) {
      this.sink(
        waited
          ? {
              _tag: "Granted",
              at: this.now,
              id: request.id,
              token: request.token,
              passed: passed?.map((waiter) => waiter.id),
              // What it inherited follows from nothing that is in an event.
              priority: taken && request.leasePriority !== priorityOf(request) ? request.leasePriority : undefined
            }
          : { _tag: "GrantedAtOnce", token: request.token, ...this.asked(request) }
      )
    }
    this.index?.add(request)
    if (this.groups.busyGates.size > 0) this.quotaStirred = true
    // What it took changes when the next one's tokens are there.
    if (request.quota !== undefined && request.quota.paid.length > 0) gates.quotaFreed(this, agent)
    if (request.manual) agent.manual.push(request)
    if (request.ttl !== 0) this.timers.set(request, request.expiresAt)
    if (request.grows !== undefined) this.merge(request, request.grows)
    if (passed !== undefined) for (const waiter of passed) pass(waiter, this.now)
    if (this.ordering !== undefined) this.ordering.granted(request)
    if (taken) for (const part of request.parts) preempting.list(part)
    // Somebody behind it may take it from now on, or was passed by it.
    if (waited && this.changed !== undefined) for (const part of request.parts) this.changed.add(part.pool)
    if (request.exempt) {
      // Units earmarked for others may be gone: their earmarks go, latest first.
      request.exempt = false
      for (const part of request.parts) part.pool.stirred = true
      for (const part of request.parts) this.rebalance(part.pool)
    } else if (waited) {
      // What was set aside for it, nobody knew for how long, comes back by when it says now.
      if (request.parts.length > 1 && !this.planned) for (const part of request.parts) part.pool.stirred = true
      for (const part of request.parts) {
        // What it was promised is kept no more, and it may have been the one that the others waited for.
        if (part.pool.calendar !== undefined) this.rebalance(part.pool)
        else if (part.pool.bucket !== undefined) this.schedule(part.pool)
      }
    } else {
      // It went before who is short: they start later, and somebody may pass them who could not.
      for (const { pool } of request.parts) if (pool.firstShort !== undefined) pool.stirred = true
      if (this.reservations === undefined) return
      // What was promised to it may be what an earmark counted on: a promise goes before order.
      for (const { pool } of request.parts) {
        if (pool.calendar !== undefined && pool.waitersHead !== undefined) this.rebalance(pool)
      }
    }
  }

  /** The priority of a claim that waits. With an order by priority what it inherits counts too. */
  rankOf(request: Request): number {
    return this.ordering?.order.priority === undefined ? priorityOf(request) : request.turn.rank
  }

  /** Takes back a grant whose body never began, as if it had not been made: units, tokens and counts. */
  undo(request: Request): void {
    const waitMicros = request.grantedAt - request.askedAt
    const lease = request.grows
    this.shares?.refund(request)
    request.agent.acquisitions--
    request.agent.waits.forget(waitMicros)
    for (const part of request.parts) {
      part.pool.acquisitions--
      // Or grants that never were would be waited for again before the next rescue.
      part.pool.rescuedAt = Math.min(part.pool.rescuedAt, part.pool.acquisitions + 1)
      part.pool.waits.forget(waitMicros)
      part.pool.refundUndone(part, request.grantedAt, this.now)
    }
    quota.refundUndone(request, this.now)
    this.sink?.({ _tag: "Undone", at: this.now, id: request.id })
    if (lease === undefined) this.removeHolder(request)
    else if (lease.status === "held") {
      // Another fiber may have shrunk the lease meanwhile: what it gave back is back.
      for (const part of request.parts) {
        const own = lease.parts.find((candidate) => candidate.pool === part.pool)
        if (own !== undefined) this.reduceLease(lease, part.pool, Math.min(own.amount, part.amount))
      }
    }
    request.status = "returned"
    this.index?.remove(request)
    this.ordering?.shareChanged(request.agent)
    for (const part of request.parts) this.rebalance(part.pool)
    gates.quotaFreed(this, request.agent)
  }

  /** A growth is its lease's for good. */
  keep(request: Request): void {
    request.status = "kept"
    this.index?.remove(request)
    this.sink?.({ _tag: "Kept", at: this.now, id: request.id })
  }

  giveBack(request: Request, reason: ReturnReason): void {
    const heldMicros = this.now - request.grantedAt
    request.agent.holds.record(heldMicros)
    for (const part of request.parts) part.pool.holds.record(heldMicros)
    this.removeHolder(request)
    request.returnedBy = reason
    // A holder that did not stop may still write: what it has is void from now on.
    const fence = reason === "overrun" ? this.nextToken++ : undefined
    if (this.sink !== undefined) {
      const returned = { _tag: "Returned", at: this.now, id: request.id, reason } as const
      this.sink(fence === undefined ? returned : { ...returned, fence })
    }
    if (this.onReturned !== undefined) this.onReturned(request.id, reason)
    if (this.ordering !== undefined) this.ordering.shareChanged(request.agent)
    const { changed, quotaStirred } = this
    for (const { pool } of request.parts) {
      // What comes back as announced was reckoned with: it changes nothing for anybody, unless what
      // waited to become part of it has left just now.
      this.changed = request.notice === undefined || changed?.has(pool) === true ? changed : undefined
      if (pool.waitersHead !== undefined) this.rebalance(pool)
      // Somebody who ends for what is promised may be needed no more.
      else if (pool.calendar !== undefined) this.changed?.add(pool)
    }
    this.changed = changed
    gates.quotaFreed(this, request.agent)
    if (request.notice !== undefined) this.quotaStirred = quotaStirred
  }

  /** A lease gives back some of what it holds. */
  shrink(request: Request, amounts: ReadonlyArray<readonly [Pool, number]>): void {
    for (const [pool, amount] of amounts) this.reduceLease(request, pool, amount)
    this.sink?.({
      _tag: "Shrunk",
      at: this.now,
      id: request.id,
      amounts: Object.fromEntries(amounts.map(([pool, amount]) => [pool.type, amount]))
    })
    this.ordering?.shareChanged(request.agent)
    for (const [pool] of amounts) this.rebalance(pool)
    gates.quotaFreed(this, request.agent)
  }

  /** A waiter leaves ungranted. */
  leave(request: Request, reason: LeaveReason): void {
    this.unqueue(request)
    request.status = "left"
    this.index?.remove(request)
    countFailure(request.agent.failures, reason)
    for (const part of request.parts) countFailure(part.pool.failures, reason)
    for (const part of request.parts) part.pool.stirred = true
    this.sink?.({ _tag: "Left", at: this.now, id: request.id, reason })
    for (const part of request.parts) this.rebalance(part.pool)
    gates.quotaFreed(this, request.agent)
  }

  /** Counts a claim that was refused as it arrived. */
  refuse(agent: Agent, pools: ReadonlyArray<Pool>, reason: Refusal["_tag"]): void {
    countFailure(agent.failures, reason)
    for (const pool of pools) countFailure(pool.failures, reason)
    this.sink?.({ _tag: "Refused", at: this.now, agent: agent.id, types: pools.map((pool) => pool.type), reason })
  }

  /** Moves the time on. It never goes back. */
  moveTo(now: number): void {
    if (now <= this.now) return
    this.now = now
    if (this.reservations !== undefined) promises.reconsider(this)
  }

  stop(): void {
    this.stopped = true
    this.sink?.({ _tag: "Stopped", at: this.now })
  }

  /** Makes a pool's earmarks fit what is free, and arms its timer. */
  rebalance(pool: Pool): void {
    pool.retreat(this.now)
    this.goOn(pool)
  }

  /**
   * Goes on where the border of a queue stopped. No earmark is asked anew: who stopped it is ready once more
   * by that, and where it is kept waiting that would never end.
   */
  goOn(pool: Pool): void {
    this.changed?.add(pool)
    pool.advance(this.now, this.ready, this.changed === undefined ? undefined : this.advanced)
    this.schedule(pool)
  }

  /** Arms the one instant at which tokens alone let somebody in this pool go on. */
  schedule(pool: Pool): void {
    const bucket = pool.bucket
    if (bucket === undefined || pool.waitersHead === undefined) {
      this.timers.clear(pool)
      return
    }
    let due = Math.min(pool.dueFor(this.now), promises.promisedAt(this, pool, bucket))
    for (const request of this.exempt) {
      for (const part of request.parts) {
        if (part.pool !== pool || part.cost <= pool.tokens(this.now)) continue
        due = Math.min(due, bucket.readyAt(part.cost))
      }
    }
    this.timers.set(pool, due)
  }

  private asked(request: Request) {
    return {
      at: this.now,
      id: request.id,
      agent: request.agent.id,
      claim: claimOf(request),
      parent: enclosing(request)?.id,
      grows: request.grows?.id,
      manual: request.manual,
      ttl: request.ttl,
      deadline: request.deadline,
      scheduling: request.scheduling === noScheduling ? undefined : request.scheduling
    }
  }

  private unqueue(request: Request): void {
    this.waiting--
    request.agent.waiters.delete(request)
    for (let group = request.agent.group; group !== undefined; group = group.parent) group.waiting--
    this.timers.clear(request)
    if (request.quota?.parked !== undefined) quota.unpark(request)
    else this.leaveQueues(request)
    for (const part of request.parts) part.account.waiting -= part.amount
    blocking.leaveWait(this, request)
  }

  /** A waiter joins the queue of every pool that it needs. */
  join(request: Request): void {
    for (const part of request.parts) {
      part.pool.enqueue(part, this.now)
      blocking.countHard(this, part.pool)
      this.schedule(part.pool)
      if (part.account.level !== undefined) reserve(part, 1)
      // With an order it may come in before others.
      this.changed?.add(part.pool)
    }
    if (this.changed !== undefined) this.advanced.add(request)
    // Where something is promised, whoever came in before others took all their earmarks.
    for (const { pool } of request.parts) {
      if (pool.queue !== undefined && pool.calendar !== undefined) this.rebalance(pool)
    }
  }

  leaveQueues(request: Request): void {
    if (request.exempt) this.exempt.splice(this.exempt.indexOf(request), 1)
    for (const part of request.parts) {
      part.pool.dequeue(part)
      blocking.countHard(this, part.pool)
      if (part.account.level !== undefined) reserve(part, -1)
    }
    request.shortIn = 0
    if (request.turn.toldStart !== undefined) ownTurn(request).toldStart = undefined
    if (this.ordering !== undefined) this.ordering.left(request)
  }

  private removeHolder(request: Request): void {
    this.timers.clear(request)
    const inside = request.waitsInside
    if (inside !== undefined && inside.size > 0) blocking.unblock(this, request)
    request.waitsInside = undefined
    request.status = "returned"
    if (inside !== undefined) for (const wait of inside) quota.moveLine(this, wait)
    this.index?.remove(request)
    // Most claims say nothing of themselves: such a lease is in nobody's reckoning.
    if (request.scheduling !== noScheduling) preempting.unreckon(this, request)
    for (const part of request.parts) {
      part.pool.giveBack(part.amount, this.now)
      part.pool.removeHolder(part)
      part.account.held -= part.amount
      part.account.leases--
      if (part.account.level !== undefined) quota.giveBack(part.account, part.amount, 1)
    }
    if (request.manual) {
      const manual = request.agent.manual
      manual.splice(manual.lastIndexOf(request), 1)
    }
  }

  /** Moves what a grown claim was granted into its lease, which gives it back with the rest. */
  private merge(request: Request, lease: Request): void {
    for (const part of request.parts) {
      part.pool.removeHolder(part)
      part.pool.stirred = true
      const own = lease.parts.find((candidate) => candidate.pool === part.pool)
      if (own === undefined) {
        const added = new Part(lease, part.pool, part.account, part.amount, 0)
        lease.parts = [...lease.parts, added]
        part.pool.addHolder(added)
        if (lease.notice !== undefined) part.pool.announced += part.amount
        else if (lease.scheduling.preemptible && mayBeTaken(lease)) preempting.list(added)
        this.changed?.add(part.pool)
        if (blocking.isBlocked(lease)) part.pool.blocked.add(lease)
        this.ordering?.blockedChanged()
      } else {
        own.amount += part.amount
        part.account.leases--
        if (part.account.level !== undefined) quota.giveBack(part.account, 0, 1)
        preempting.resize(own, part.amount)
        this.changed?.add(part.pool)
        part.pool.calendar?.changed(own, part.amount)
      }
      if (blocking.isBlocked(lease)) {
        part.pool.blockedHeld += part.amount
        blocking.countHard(this, part.pool)
      }
    }
  }

  private reduceLease(lease: Request, pool: Pool, amount: number): void {
    const index = lease.parts.findIndex((part) => part.pool === pool)
    const part = lease.parts[index]!
    pool.giveBack(amount, this.now)
    part.account.held -= amount
    part.amount -= amount
    if (part.amount === 0) part.account.leases--
    if (part.account.level !== undefined) quota.giveBack(part.account, amount, part.amount === 0 ? 1 : 0)
    preempting.resize(part, -amount)
    if (lease.notice !== undefined) this.changed?.add(pool)
    pool.calendar?.changed(part, -amount)
    if (blocking.isBlocked(lease)) {
      pool.blockedHeld -= amount
      if (part.amount === 0) pool.blocked.delete(lease)
      this.ordering?.blockedChanged()
      blocking.countHard(this, pool)
    }
    if (part.amount > 0) return
    if (lease.scheduling.preemptible && mayBeTaken(lease)) preempting.unlist(part)
    pool.removeHolder(part)
    lease.parts = lease.parts.filter((candidate) => candidate !== part)
  }
}

/** A waiter was passed while it was the first that is short. */
const pass = (waiter: Request, now: number): void => {
  const turn = ownTurn(waiter)
  if (turn.passed === 0) turn.passedSince = now
  turn.passed++
}
