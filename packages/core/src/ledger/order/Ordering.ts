/**
 * An order at work: it gives each claim its turn as it arrives, keeps the queues of
 * the pools by it, and moves in them whoever's turn changes. It hands nothing out.
 *
 * All that it keeps follows from the books, so that it can be put over any: those of
 * a former start, or of another order. Nothing of it is in an event.
 */
import type { Agent } from "../Agent.ts"
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import type { Request } from "../Request.ts"
import { displace, displaceLine, place, placeLine } from "./border.ts"
import type { Order } from "./Order.ts"
import { priorityOf, ranksInside } from "./priority.ts"
import { type Line, Queue } from "./Queue.ts"
import { shareOf } from "./shares.ts"
import { noTurn, Turn } from "./Turn.ts"

/** What a claim's turn is written to: its own, from the first time on. */
export const ownTurn = (request: Request): Turn => {
  // Who has another than the shared one has made it here.
  if (request.turn !== noTurn) return request.turn as Turn
  const turn = new Turn()
  request.turn = turn
  return turn
}

export class Ordering {
  readonly order: Order
  private readonly books: Books
  /** Whether somebody was put before others who were there: what only order blocks is to be looked at. */
  reordered = false
  /** Whether somebody came, left or was raised who may change what others inherit. */
  private stale = false
  /** The waits inside leases that run at a priority that is not their own. */
  private raised: ReadonlySet<Request> = new Set()
  /** The lowest rank of a wait inside a lease: whoever has no more raises nobody. */
  private lowestInside = Infinity

  constructor(order: Order, books: Books) {
    this.order = order
    this.books = books
  }

  /** Puts the queues of all pools in this order. O(n log n). */
  install(): void {
    const { books, order } = this
    for (const agent of books.agents.values()) {
      if (order.fair !== undefined) this.readShare(agent)
      for (const request of agent.waiters) this.giveTurn(request)
    }
    for (const pool of books.everyPool()) this.open(pool)
    this.inheritNow()
    for (const pool of books.everyPool()) books.rebalance(pool)
  }

  /** Puts the queue of one pool in this order. */
  open(pool: Pool): void {
    rebuild(pool, this.order.keyed ? new Queue(this.order) : undefined)
  }

  /**
   * A claim arrives, and may be granted or queued in the same decision: whether it fits
   * now. `fits`: whether it does behind everybody.
   */
  admits(request: Request, fits: boolean): boolean {
    this.ask(request)
    const { now } = this.books
    // In some pools by its place, in others because it is kept for it.
    return fits || request.parts.every((part) => part.pool.fitsInOrder(part, now) || part.pool.isKeptFor(part, now))
  }

  /** Gives a claim its turn. */
  private ask(request: Request): void {
    this.giveTurn(request)
    if (this.order.fair !== undefined && request.agent.waiters.size === 0) this.readShare(request.agent)
  }

  /** The same for who stands in for an agent, to ask what a claim would meet. */
  askFor(agent: Agent | undefined, request: Request): void {
    const standIn = request.agent
    if (agent !== undefined) {
      standIn.weight = agent.weight
      standIn.priority = agent.priority
      standIn.served = agent.served
    }
    this.ask(request)
    if (agent !== undefined && agent.waiters.size > 0) standIn.start = agent.start
  }

  /** A claim is in all of its queues. */
  queued(request: Request): void {
    // It came in before others, who gave up their earmarks for it.
    if (request.shortIn === 0) this.books.ready.push(request)
    if (this.order.priority?.inherits !== true) return
    if (request.turn.rank > this.lowestInside || this.isInside(request)) this.stale = true
  }

  /** A claim is in no queue any more. */
  left(request: Request): void {
    if (this.raised.size > 0 || this.isInside(request)) this.stale = true
  }

  /** What leases with waits inside hold has changed. */
  blockedChanged(): void {
    this.stale = true
  }

  /** A claim was granted: from the queue, or before others by its place in the order. */
  granted(request: Request): void {
    if (!this.order.keyed) return
    this.shareChanged(request.agent)
    // Units earmarked for others may be gone: their earmarks go, latest first.
    for (const part of request.parts) this.books.rebalance(part.pool)
  }

  /** What an agent holds, its weight or the capacity of a pool has changed. */
  shareChanged(agent: Agent): void {
    if (this.order.fair === undefined) return
    if (agent.waiters.size === 0) return this.readShare(agent)
    const { share, start } = agent
    this.readShare(agent)
    if (share === agent.share && start === agent.start) return
    const lines: Array<readonly [Pool, Queue, Line]> = []
    let stays = true
    for (const { pool, waiting } of agent.accounts.values()) {
      const line = waiting === 0 ? undefined : pool.queue?.lineOfAgent(agent)
      if (pool.queue === undefined || line === undefined) continue
      lines.push([pool, pool.queue, line])
      stays &&= pool.queue.staysPlaced(line)
    }
    if (stays) return
    this.reordered = true
    const now = { share: agent.share, start: agent.start }
    // Out of all queues by its old key, into them by its new one: no queue ever has both.
    Object.assign(agent, { share, start })
    for (const [pool, queue, line] of lines) displaceLine(pool, queue, line)
    Object.assign(agent, now)
    for (const [pool, queue, line] of lines) placeLine(pool, queue, line)
    for (const [pool] of lines) this.books.rebalance(pool)
  }

  /** The priority of an agent has changed. */
  priorityChanged(agent: Agent): void {
    if (this.order.priority === undefined) return
    for (const request of Array.from(agent.waiters)) {
      const rank = priorityOf(request)
      if (request.turn.rank !== rank) this.move(request, (turn) => (turn.rank = rank))
    }
    this.stale = true
  }

  /** Changes a waiter's turn: it is taken out of all queues by its old key and put in again by its new one. */
  move(request: Request, change: (turn: Turn) => void): void {
    const { books } = this
    if (request.quota?.parked !== undefined) {
      // It waits for quota, and is in no queue yet.
      change(ownTurn(request))
      return
    }
    this.reordered = true
    for (const part of request.parts) if (part.pool.queue !== undefined) displace(part.pool, part.pool.queue, part)
    change(ownTurn(request))
    for (const part of request.parts) {
      if (part.pool.queue !== undefined) place(part.pool, part.pool.queue, part, books.now)
    }
    if (request.shortIn === 0) books.ready.push(request)
    for (const part of request.parts) books.rebalance(part.pool)
  }

  /** Brings what waits inside leases inherit up to date. */
  inherit(): void {
    if (this.stale && this.order.priority?.inherits === true) this.inheritNow()
    this.stale = false
  }

  private inheritNow(): void {
    if (this.order.priority?.inherits !== true) return
    const ranks = ranksInside([...this.books.everyPool()])
    const before = this.raised
    const raised = new Set<Request>()
    this.lowestInside = Infinity
    const set = (request: Request, rank: number) => {
      if (request.status === "waiting" && request.turn.rank !== rank) this.move(request, (turn) => (turn.rank = rank))
    }
    for (const [request, rank] of ranks) {
      if (rank !== priorityOf(request)) raised.add(request)
      this.lowestInside = Math.min(this.lowestInside, rank)
      set(request, rank)
    }
    for (const request of before) if (!ranks.has(request)) set(request, priorityOf(request))
    this.raised = raised
  }

  private giveTurn(request: Request): void {
    const { order } = this
    if (!order.keyed) return
    const turn = ownTurn(request)
    turn.rank = order.priority === undefined ? 0 : priorityOf(request)
    turn.size = order.sizeOf(request)
  }

  private readShare(agent: Agent): void {
    agent.share = shareOf(agent)
    agent.start = this.books.shares?.startOf(agent) ?? 0
  }

  private isInside(request: Request): boolean {
    return request.parent !== undefined || request.grows !== undefined
  }
}

/** Nobody is earmarked, and everybody stands where the order wants them. */
const rebuild = (pool: Pool, queue: Queue | undefined): void => {
  for (let part = pool.waitersHead; part !== undefined; part = part.next) {
    if (part.earmarked) {
      pool.unearmark(part)
      part.request.shortIn++
    }
    part.place = undefined
    queue?.add(part)
  }
  pool.queue = queue
  pool.firstShort = pool.first
}
