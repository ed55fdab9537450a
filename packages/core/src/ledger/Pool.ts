/**
 * One pool: what is counted, who holds it, and the queue of those who wait.
 *
 * The queue is in global order: by arrival or, beside the list by arrival, by the key
 * of a policy (`queue`). What earlier waiters need here is *earmarked*
 * first; the first waiter whose need is not free beyond the earmarks is *short*,
 * and nothing is left for those behind it. So the queue is always a prefix of
 * earmarked waiters, then `firstShort`, then waiters that nobody looks at, and
 * every operation moves that border: none walks the queue.
 *
 * Invariants, between commands:
 * 1. `inUse` is the sum of the amounts of the holders.
 * 2. `earmarked` and `earmarkedTokens` are the sums over the prefix, and
 *    `earmarked <= free` wherever the prefix is not empty.
 * 3. `firstShort` is the first waiter outside the prefix, and is short: of units
 *    (`amount > free - earmarked`) or of tokens (`cost > level - earmarkedTokens`).
 * 4. An earmark is no holding: not in `inUse`, not in a quota, not out of the bucket.
 */
import type { Account, FailureCounts } from "./Agent.ts"
import { Bucket, type Rate } from "./Bucket.ts"
import { Histogram } from "./Histogram.ts"
import { advanceInOrder, displace, fitsInOrder, place } from "./order/border.ts"
import type { Queue } from "./order/Queue.ts"
import type { Ends } from "./plan/Ends.ts"
import type { PreemptibleIndex } from "./preemption/PreemptibleIndex.ts"
import type { Part, Request } from "./Request.ts"
import type { Calendar } from "./reservations/Calendar.ts"
import type { Timed } from "./Timers.ts"

export interface PoolOptions {
  /** Units to hand out: a non-negative safe integer. */
  readonly capacity: number
  /** The least that scaling and `setCapacity` may set. 0 where unset. */
  readonly minCapacity?: number | undefined
  /** The most that scaling and `setCapacity` may set. Where unset the capacity of the moment is the maximum. */
  readonly maxCapacity?: number | undefined
  readonly rate?: Rate | undefined
  /** Whether who configures it sets its capacity again and again: after a restart an older one is worth nothing. */
  readonly followed?: boolean | undefined
}

/** A configuration with nothing left out. */
export interface Configured {
  readonly capacity: number
  readonly minCapacity: number
  readonly maxCapacity: number | undefined
  readonly rate: Rate | undefined
}

export class Pool implements Timed {
  readonly type: string
  readonly index: number
  capacity: number
  minCapacity: number
  maxCapacity: number | undefined

  inUse = 0
  holdersHead: Part | undefined = undefined
  holdersTail: Part | undefined = undefined

  /** What agents have of it, each since it first asked for some: who uses it is found without a walk over its leases. */
  readonly accounts: Array<Account> = []

  /** The waiters by arrival, whatever the order. */
  waitersHead: Part | undefined = undefined
  waitersTail: Part | undefined = undefined
  /** The same waiters in the order of a policy; `undefined` where first come is first served. */
  queue: Queue | undefined = undefined
  firstShort: Part | undefined = undefined
  /** Whether `advance` stopped at a waiter that has all it needs: its grant decides who comes next. */
  paused = false
  earmarked = 0
  earmarkedTokens = 0
  /** Number of waiters, and the sum of what they ask for. */
  waiting = 0
  waitingAmount = 0
  /** Waiters that ask for other pools too. */
  waitingSeveral = 0
  /** An upper bound of the amounts in the queue: the largest since it was last empty. */
  waitingLargest = 0

  bucket: Bucket | undefined = undefined
  rate: Rate | undefined = undefined
  /** That of the next bucket. */
  generation = 0
  /** What it was configured with last: what an operator or a policy changed since is not in it. */
  configured: Configured

  /** Leases here that have waits inside, and do not come back by themselves. Their amounts sum to `blockedHeld`. */
  readonly blocked = new Set<Request>()
  blockedHeld = 0
  /** The last answer of `hard` that the books counted. */
  countedHard = false

  /** When leases here are expected back, once somebody plans with that. */
  ends: Ends | undefined = undefined
  /** Whether a plan alone decides who starts: then nothing is earmarked, and `firstShort` is the first. */
  planned = false
  /** Whether something came back since backfill looked here, and the head that it saw then. */
  stirred = false
  passedOver: Part | undefined = undefined
  /** Leases here that may be told to end. Made for the first one. */
  preemptible: PreemptibleIndex | undefined = undefined
  /** What leases that were told to end hold. */
  announced = 0

  /** How many grants there were with that of the waiter that was rescued last. */
  rescuedAt = 0

  /** What is promised of it; `undefined` where nothing is. */
  calendar: Calendar | undefined = undefined
  /** What was promised of it at all times. */
  standing = 0

  peak = 0
  acquisitions = 0
  readonly failures: FailureCounts = {}
  readonly waits = new Histogram()
  readonly holds = new Histogram()
  /** Unit-microseconds in use up to `accountedAt`. */
  busy = 0
  accountedAt: number
  readonly definedAt: number

  dueAt = 0
  timerIndex = -1

  constructor(type: string, index: number, options: PoolOptions, now: number) {
    this.type = type
    this.index = index
    this.capacity = options.capacity
    this.minCapacity = options.minCapacity ?? 0
    this.maxCapacity = options.maxCapacity
    this.accountedAt = now
    this.definedAt = now
    this.setRate(options.rate, now)
    this.configured = {
      capacity: this.capacity,
      minCapacity: this.minCapacity,
      maxCapacity: this.maxCapacity,
      rate: options.rate
    }
  }

  timerRank(): number {
    return 0
  }

  timerOrder(): number {
    return this.index
  }

  /** Units not in use. Negative while a shrink waits for leases to return. */
  get free(): number {
    return this.capacity - this.inUse
  }

  /** The most units that a claim can ever be granted here. */
  get limit(): number {
    return this.maxCapacity === undefined ? this.capacity : Math.max(this.capacity, this.maxCapacity)
  }

  /** The most tokens that a claim can ever be granted here. */
  get burstLimit(): number {
    return this.rate === undefined ? Infinity : (this.rate.burst ?? this.limit)
  }

  /** What a claim of `amount` pays. */
  costOf(amount: number): number {
    return this.rate === undefined ? 0 : this.rate.per === "unit" ? amount : 1
  }

  /** Whole tokens at `now`, below 0 in debt; `Infinity` where no rate is set. */
  tokens(now: number): number {
    const bucket = this.bucket
    if (bucket === undefined) return Infinity
    bucket.refill(now)
    return bucket.level
  }

  /**
   * Whether the deadlock reduction has to look here: if even the largest waiter
   * fits beside all blocked leases, the earliest waiter can always be served once
   * the others come back, and so can the rest, in order.
   */
  get hard(): boolean {
    return this.waitingLargest > this.limit - this.blockedHeld - this.standing
  }

  /** Units that a claim could be granted, if nothing were earmarked: not those that are promised to others. */
  freeFor(request: Request, now: number): number {
    return this.calendar === undefined ? this.capacity - this.inUse : this.calendar.room(request, now)
  }

  /** Whether a claim's share is kept for it: it waits for nobody then. */
  isKeptFor(part: Part, now: number): boolean {
    return this.isKeptButTokens(part, now) && (part.cost === 0 || part.cost <= this.tokens(now) - this.earmarkedTokens)
  }

  /** Whether its units are: tokens come by time. */
  isKeptButTokens({ amount, request }: Part, now: number): boolean {
    return (
      this.calendar !== undefined &&
      amount <= this.calendar.keptFor(request, now) &&
      amount <= this.calendar.room(request, now)
    )
  }

  /** Whether a new claim gets its share now, behind everything that is earmarked. */
  fits({ amount, cost, request }: Part, now: number): boolean {
    return (
      this.firstShort === undefined &&
      amount <= this.freeFor(request, now) - this.earmarked &&
      (cost === 0 || cost <= this.tokens(now) - this.earmarkedTokens)
    )
  }

  /** The same for a claim whose place is decided by an order. */
  fitsInOrder(part: Part, now: number): boolean {
    return this.queue === undefined || this.planned ? this.fits(part, now) : fitsInOrder(this, this.queue, part, now)
  }

  /** The first in order. */
  get first(): Part | undefined {
    return this.queue === undefined ? this.waitersHead : this.queue.first
  }

  /** The last in order. */
  get last(): Part | undefined {
    return this.queue === undefined ? this.waitersTail : this.queue.last
  }

  /** The next in order. */
  after(part: Part): Part | undefined {
    return this.queue === undefined ? part.next : this.queue.after(part)
  }

  /** The one before in order. */
  before(part: Part): Part | undefined {
    return this.queue === undefined ? part.previous : this.queue.before(part)
  }

  /** Puts a waiter at the end of the queue, or where an order wants it. */
  enqueue(part: Part, now: number): void {
    if (this.queue !== undefined) {
      this.append(part)
      if (part.amount > this.waitingLargest) this.waitingLargest = part.amount
      place(this, this.queue, part, now)
      return
    }
    const fits = !this.planned && this.fits(part, now)
    this.append(part)
    if (part.amount > this.waitingLargest) this.waitingLargest = part.amount
    if (fits) this.earmark(part)
    else {
      part.request.shortIn++
      if (this.firstShort === undefined) this.firstShort = part
    }
  }

  /** Links a waiter in at the end, neither earmarked nor short yet. */
  append(part: Part): void {
    part.previous = this.waitersTail
    part.next = undefined
    if (this.waitersTail === undefined) this.waitersHead = part
    else this.waitersTail.next = part
    this.waitersTail = part
    this.waiting++
    this.waitingAmount += part.amount
    if (part.request.parts.length > 1) this.waitingSeveral++
  }

  /** Takes a waiter out of the queue, wherever it stands. O(1), or O(log n) where an order keeps it. */
  dequeue(part: Part): void {
    if (this.queue !== undefined) displace(this, this.queue, part)
    else if (part.earmarked) this.unearmark(part)
    else if (this.firstShort === part) this.firstShort = part.next
    if (part.previous === undefined) this.waitersHead = part.next
    else part.previous.next = part.next
    if (part.next === undefined) this.waitersTail = part.previous
    else part.next.previous = part.previous
    part.previous = undefined
    part.next = undefined
    this.waiting--
    this.waitingAmount -= part.amount
    if (part.request.parts.length > 1) this.waitingSeveral--
    if (this.waiting === 0) this.waitingLargest = 0
  }

  /**
   * Earmarks for waiters what has become free, in order; those with nothing short any more
   * go to `ready`, those that are short elsewhere to `advanced`.
   */
  advance(now: number, ready: Array<Request>, advanced?: Set<Request>): void {
    let part = this.firstShort
    if (part === undefined || this.planned) return
    if (this.queue !== undefined) return advanceInOrder(this, this.queue, now, ready, advanced)
    const tokens = this.tokens(now)
    while (part !== undefined) {
      if (part.amount > this.freeFor(part.request, now) - this.earmarked) break
      if (part.cost > tokens - this.earmarkedTokens) break
      this.earmark(part)
      if (--part.request.shortIn === 0) ready.push(part.request)
      else advanced?.add(part.request)
      part = part.next
    }
    this.firstShort = part
  }

  /** Takes earmarks back, latest first, while there are more of them than there is free. */
  retreat(now: number): void {
    const free = this.capacity - this.inUse
    // What each may have is another figure where something is promised: all are asked anew.
    const stays = this.calendar === undefined
    if (stays && this.earmarked <= free && this.earmarkedTokens === 0) return
    const tokens = this.tokens(now)
    for (;;) {
      if (stays && this.earmarked <= free && this.earmarkedTokens <= tokens) return
      const last = this.firstShort === undefined ? this.last : this.before(this.firstShort)
      if (last === undefined) return
      this.giveUp(last)
    }
  }

  /** From now on a plan alone decides who starts. */
  leaveToPlan(): void {
    this.planned = true
    for (let part = this.waitersHead; part?.earmarked === true; part = part.next) {
      this.unearmark(part)
      part.request.shortIn++
    }
    this.firstShort = this.waitersHead
  }

  /** The last of the prefix gives up its earmark. */
  giveUp(last: Part): void {
    this.unearmark(last)
    last.request.shortIn++
    this.firstShort = last
  }

  /** When the first short waiter has its tokens, if tokens are all that it lacks; else `Infinity`. */
  dueFor(now: number): number {
    const part = this.firstShort
    const bucket = this.bucket
    if (part === undefined || bucket === undefined || this.planned) return Infinity
    if (part.amount > this.freeFor(part.request, now) - this.earmarked) return Infinity
    bucket.refill(now)
    return bucket.readyAt(this.earmarkedTokens + part.cost)
  }

  /** Hands units and tokens to a holder. */
  take(part: Part, now: number): void {
    this.account(now)
    this.inUse += part.amount
    if (this.inUse > this.peak) this.peak = this.inUse
    if (part.cost !== 0 && this.bucket !== undefined) {
      this.bucket.refill(now)
      this.bucket.take(part.cost)
      part.level = this.bucket.level
      part.remainder = this.bucket.remainder
      part.terms = this.bucket.terms
    }
  }

  /** Gives back the tokens of a grant that never began. */
  refundUndone(part: Part, grantedAt: number, now: number): void {
    if (part.cost === 0 || this.bucket === undefined) return
    this.bucket.refill(now)
    this.bucket.undo(part.cost, part, now - grantedAt)
  }

  /** Takes units back. */
  giveBack(amount: number, now: number): void {
    this.stirred = true
    this.account(now)
    this.inUse -= amount
  }

  /** What a holder's share cost in the end: the difference goes back, or is charged. */
  settle(part: Part, tokens: number, now: number): void {
    this.stirred = true
    const bucket = this.bucket
    if (bucket === undefined) return
    bucket.refill(now)
    if (tokens < part.cost) bucket.refund(part.cost - tokens)
    else bucket.charge(tokens - part.cost)
    part.cost = tokens
  }

  refund(tokens: number, now: number): void {
    if (tokens === 0 || this.bucket === undefined) return
    this.stirred = true
    this.bucket.refill(now)
    this.bucket.refund(tokens)
  }

  addHolder(part: Part): void {
    part.previous = this.holdersTail
    part.next = undefined
    if (this.holdersTail === undefined) this.holdersHead = part
    else this.holdersTail.next = part
    this.holdersTail = part
    this.ends?.add(part)
    this.calendar?.add(part)
  }

  removeHolder(part: Part): void {
    this.ends?.remove(part)
    this.calendar?.remove(part)
    if (part.previous === undefined) this.holdersHead = part.next
    else part.previous.next = part.next
    if (part.next === undefined) this.holdersTail = part.previous
    else part.next.previous = part.previous
    part.previous = undefined
    part.next = undefined
  }

  /** Brings the use integral up to `now`. */
  account(now: number): void {
    this.busy += this.inUse * (now - this.accountedAt)
    this.accountedAt = now
  }

  setCapacity(capacity: number, maxCapacity: number | undefined, now: number): void {
    this.stirred = true
    this.capacity = capacity
    this.maxCapacity = maxCapacity
    if (this.bucket !== undefined && this.rate?.burst === undefined) {
      this.bucket.refill(now)
      this.bucket.setBurst(capacity)
    }
  }

  setRate(rate: Rate | undefined, now: number): void {
    this.stirred = true
    this.rate = rate
    if (rate === undefined) {
      if (this.bucket !== undefined) this.generation = this.bucket.terms.generation + 1
      this.bucket = undefined
      return
    }
    const burst = rate.burst ?? this.capacity
    if (this.bucket === undefined) {
      this.bucket = new Bucket(rate.limit, rate.intervalMicros, burst, now, this.generation)
      return
    }
    this.bucket.refill(now)
    this.bucket.setRate(rate.limit, rate.intervalMicros)
    this.bucket.setBurst(burst)
  }

  earmark(part: Part): void {
    part.earmarked = true
    this.earmarked += part.amount
    this.earmarkedTokens += part.cost
  }

  unearmark(part: Part): void {
    part.earmarked = false
    this.earmarked -= part.amount
    this.earmarkedTokens -= part.cost
  }
}
