/**
 * One claim's life, from the decision that lets it wait or grants it to the
 * return of its units. A lease is a held request; a waiter is a waiting one.
 *
 *     asking --grant-----------> held --return--> returned
 *        \--wait--> waiting --grant--^
 *                       \--leave--> left   (interrupted, timed out, refused after all)
 */
import type { Account, Agent } from "./Agent.ts"
import type { Terms } from "./Bucket.ts"
import type { ReturnReason } from "./Event.ts"
import type { Place } from "./order/Sorted.ts"
import { noTurn, type Turn } from "./order/Turn.ts"
import type { Pool } from "./Pool.ts"
import type { QuotaPlace } from "./quota/QuotaPlace.ts"
import type { Notice } from "./preemption/Notice.ts"
import type { Refusal } from "./Refusal.ts"
import { noScheduling, type Scheduling } from "./Scheduling.ts"
import type { Timed } from "./Timers.ts"

/** `kept` is a growth that became its lease's for good. */
export type RequestStatus = "asking" | "waiting" | "held" | "kept" | "returned" | "left"

/**
 * A request's share of one pool. It is its own list node: of the pool's wait
 * queue while the request waits, of the pool's holders while it is held.
 */
export class Part {
  request: Request
  readonly pool: Pool
  readonly account: Account
  amount: number
  /** Tokens that the grant takes from the pool's bucket. */
  cost: number
  previous: Part | undefined = undefined
  next: Part | undefined = undefined
  /** Held only: what the grant left in the bucket, for its undo. */
  level = 0
  remainder = 0
  terms: Terms | undefined = undefined
  /** Waiting only: whether what it needs here is earmarked. */
  earmarked = false
  /** Waiting only: where it stands in the order of a policy. */
  place: Place<Part> | undefined = undefined

  constructor(request: Request, pool: Pool, account: Account, amount: number, cost: number) {
    this.request = request
    this.pool = pool
    this.account = account
    this.amount = amount
    this.cost = cost
  }
}

const noParts: ReadonlyArray<Part> = []

export class Request implements Timed {
  /**
   * Its place in the one global order of all claims, given when it is queued or
   * granted. The id of the lease that it becomes.
   */
  id = 0
  readonly agent: Agent
  /** Replaced, never changed in place: requests without parts share one array. */
  parts: ReadonlyArray<Part> = noParts
  status: RequestStatus = "asking"
  readonly askedAt: number
  grantedAt = 0
  /** Fencing token: only grows from grant to grant. 0 while none was given. */
  token = 0
  /** The lease it is inside of. Read it through `enclosing`, which skips what came back. */
  parent: Request | undefined
  /** The lease that it grows, where it is a claim of `lease.grow`. */
  readonly grows: Request | undefined
  /** Whether it is a manual acquisition, given back by agent and amounts. */
  readonly manual: boolean
  /** How long a grant lasts at most, in microseconds; 0 is for ever. */
  readonly ttl: number
  /** When waiting ends in `ClaimTimedOut`; `undefined` is never. */
  readonly deadline: number | undefined
  /** What it says of itself for the policies. Replaced, never changed in place: most share one. */
  scheduling: Scheduling
  /** What decides when its turn comes, beside its arrival. */
  turn: Readonly<Turn> = noTurn
  /** Pools in which it is not yet earmarked. At 0 it is granted. */
  shortIn = 0
  /** Whether it may use units earmarked for others: only order made it wait for itself. */
  exempt = false
  /** The waits inside this lease: those that must be served before it comes back. */
  waitsInside: Set<Request> | undefined = undefined
  /** What it was told, where it has to end. */
  notice: Notice | undefined = undefined
  /** The priority at which it may be taken: its own or its agent's, as it was granted. */
  leasePriority = 0
  /** How a lease came back. */
  returnedBy: ReturnReason | undefined = undefined
  /** Why it left the queue ungranted. */
  refusal: Refusal | undefined = undefined
  /** Called by the edge, never by the Ledger: resumes whoever waits. */
  onSettled: (() => void) | undefined = undefined
  /** Where it stands with the quotas of its groups, or with one that it waits for. */
  quota: QuotaPlace | undefined = undefined
  dueAt = 0
  timerIndex = -1
  /** Its neighbours among its agent's waiters. */
  previousWaiter: Request | undefined = undefined
  nextWaiter: Request | undefined = undefined

  constructor(
    agent: Agent,
    askedAt: number,
    parent: Request | undefined,
    grows: Request | undefined,
    manual: boolean,
    ttl: number,
    deadline: number | undefined,
    scheduling: Scheduling = noScheduling
  ) {
    this.agent = agent
    this.askedAt = askedAt
    this.parent = parent
    this.grows = grows
    this.manual = manual
    this.ttl = ttl
    this.deadline = deadline === Infinity ? undefined : deadline
    this.scheduling = scheduling
  }

  /** Microseconds of `held` at which it expires; `Infinity` is never. */
  get expiresAt(): number {
    return this.ttl === 0 ? Infinity : this.grantedAt + this.ttl
  }

  /** Its place in the queues of its pools: that of its arrival or, where it waited for quota, of when it had it. */
  get place(): number {
    return this.quota === undefined ? this.id : this.quota.place || this.id
  }

  /** Waiting only: the instant by which it starts, as a plan has told it; `undefined` where nobody knows that. */
  get toldStart(): number | undefined {
    return this.turn.toldStart
  }

  timerRank(): number {
    return this.status === "held" ? 1 : 2
  }

  timerOrder(): number {
    return this.id
  }
}

/**
 * The innermost lease still held that the request is inside of. Leases that came
 * back are skipped, and forgotten on the way so that a long-lived child does not
 * keep its dead ancestors in memory.
 */
export const enclosing = (request: Request): Request | undefined => {
  let parent = request.parent
  while (parent !== undefined && parent.status !== "held") parent = parent.parent
  request.parent = parent
  return parent
}

/** The order of queues. Who is in none yet comes last, by arrival. */
export const inQueueOrder = (a: Request, b: Request): number => {
  const x = a.place
  const y = b.place
  return x === y ? a.id - b.id : x - y
}

/** Whether a waiter is in the queues of its pools, and not only in line for quota. */
export const isQueued = ({ quota }: Request): boolean => quota?.parked === undefined

/** Whether a waiter has all its shares, and is kept waiting all the same: to grant it would not be safe. */
export const isHeldBack = (request: Request): boolean =>
  request.status === "waiting" && request.shortIn === 0 && request.parts.length > 0 && isQueued(request)

/** Whether each share of a waiter in the queues is set aside for it, in order or by a promise. */
export const hasShares = (request: Request, now: number): boolean =>
  isQueued(request) && request.parts.every((part) => part.earmarked || part.pool.isKeptFor(part, now))

const nowhere: ReadonlyArray<Request> = []

/**
 * Every lease still held that a wait is inside of: those around the place where
 * it was asked, innermost first, and the lease that it grows with those around it.
 * O(depth).
 */
export const leasesAround = (request: Request): ReadonlyArray<Request> => {
  const grows = request.grows
  let lease = enclosing(request)
  if (lease === undefined && grows === undefined) return nowhere
  const around: Array<Request> = []
  for (; lease !== undefined; lease = enclosing(lease)) around.push(lease)
  for (lease = grows; lease !== undefined && !around.includes(lease); lease = enclosing(lease)) {
    if (lease.status === "held") around.push(lease)
  }
  return around
}

/** An agent's waiters, oldest first: a list through the requests themselves, so that waiting allocates nothing here. */
export class Waiters implements Iterable<Request> {
  size = 0
  private first: Request | undefined = undefined
  private last: Request | undefined = undefined

  add(request: Request): void {
    this.size++
    request.previousWaiter = this.last
    if (this.last === undefined) this.first = request
    else this.last.nextWaiter = request
    this.last = request
  }

  delete(request: Request): void {
    this.size--
    const { nextWaiter, previousWaiter } = request
    if (previousWaiter === undefined) this.first = nextWaiter
    else previousWaiter.nextWaiter = nextWaiter
    if (nextWaiter === undefined) this.last = previousWaiter
    else nextWaiter.previousWaiter = previousWaiter
    request.previousWaiter = undefined
    request.nextWaiter = undefined
  }

  *[Symbol.iterator](): Generator<Request, void> {
    for (let request = this.first; request !== undefined; request = request.nextWaiter) yield request
  }
}
