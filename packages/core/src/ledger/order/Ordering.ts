/**
 * An order at work: it gives each claim its turn as it arrives, keeps the queues of
 * the pools by it, and moves in them whoever's turn changes. It hands nothing out.
 *
 * All that it keeps follows from the books, so that it can be put over any: those of
 * a former start, or of another order. Nothing of it is in an event.
 */
import type { Agent } from "../Agent.ts"
import type { Books } from "../Books.ts"
import type { Group } from "../quota/Group.ts"
import type { Pool } from "../Pool.ts"
import { isQueued, type Request } from "../Request.ts"
import { displace, displaceRow, place, placeRow } from "./border.ts"
import type { Order } from "./Order.ts"
import { priorityOf, ranksInside } from "./priority.ts"
import { Queue, type Row } from "./Queue.ts"
import type { Key } from "./Sharer.ts"
import { keyOf } from "./shares.ts"
import { noTurn, Turn } from "./Turn.ts"

/** What a claim's turn is written to: its own, from the first time on. */
export const ownTurn = (request: Request): Turn => {
  // Who has another than the shared one has made it here.
  if (request.turn !== noTurn) return request.turn as Turn
  const turn = new Turn()
  request.turn = turn
  return turn
}

/** A key that was another one. */
interface Change {
  readonly sharer: Agent | Group
  readonly before: Key
  readonly now: Key
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
    if (order.fair !== undefined) for (const group of books.groups.byId.values()) this.readKey(group)
    for (const agent of books.agents.values()) {
      if (order.fair !== undefined) this.readKey(agent)
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
    if (this.order.fair === undefined) return
    // Where nobody waited nobody looked.
    for (let at: Agent | Group | undefined = request.agent; at?.waiting === 0; at = at.above) this.readKey(at)
  }

  /** The same for who stands in for an agent, to ask what a claim would meet. */
  askFor(agent: Agent | undefined, request: Request): void {
    const standIn = request.agent
    if (agent !== undefined) {
      standIn.weight = agent.weight
      standIn.priority = agent.priority
      standIn.served = agent.served
      standIn.servedIn = agent.servedIn
    }
    this.ask(request)
    if (agent !== undefined && agent.waiting > 0) standIn.key = agent.key
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

  /**
   * What an agent holds, its weight or the capacity of a pool has changed: so have the shares
   * of all groups that it is in. In each queue the outermost row that has to move is taken out
   * with all that is in it: O(depth log siblings), whatever waits in the rows.
   */
  shareChanged(agent: Agent): void {
    if (this.order.fair === undefined) return
    const changed = this.readKeys(agent)
    if (changed.length === 0) return
    const moves: Array<readonly [Pool, Queue, ReadonlyArray<Row>]> = []
    for (const { pool, queue } of queuesOf(agent)) {
      const rows = changed.flatMap(({ sharer }) => {
        const row = queue.rowOf(sharer)
        return row === undefined || queue.staysPlaced(row) ? [] : [row]
      })
      if (rows.length > 0) moves.push([pool, queue, rows])
    }
    if (moves.length === 0) return
    this.reordered = true
    // Out of all queues by its old key, into them by its new one: no queue ever has both.
    for (const { before, sharer } of changed) sharer.key = before
    for (const [pool, queue, rows] of moves) displaceRow(pool, queue, rows.at(-1)!)
    for (const { now, sharer } of changed) sharer.key = now
    for (const [pool, queue, rows] of moves) {
      for (const row of rows.slice(0, -1)) {
        queue.takeOut(row)
        queue.putIn(row)
      }
      placeRow(pool, queue, rows.at(-1)!)
    }
    for (const [pool] of moves) this.books.rebalance(pool)
  }

  /**
   * Agents change their place among groups, or these theirs: whoever waits in a tree that is
   * concerned is taken out of all queues before, and put in again after. O(n log n) in those.
   */
  regroup(agents: Iterable<Agent>, change: () => void): void {
    if (this.order.fair === undefined) return change()
    const { books } = this
    const moved = Array.from(agents).toSorted((a, b) => a.index - b.index)
    const waiters = moved.flatMap((agent) => Array.from(agent.waiters).filter(isQueued))
    const pools = new Set<Pool>()
    for (const { parts } of waiters) {
      for (const part of parts) {
        pools.add(part.pool)
        displace(part.pool, part.pool.queue!, part)
      }
    }
    change()
    for (const agent of moved) {
      for (let at: Agent | Group | undefined = agent; at !== undefined; at = at.above) this.readKey(at)
    }
    if (waiters.length > 0) this.reordered = true
    for (const { parts } of waiters) for (const part of parts) place(part.pool, part.pool.queue!, part, books.now)
    for (const waiter of waiters) if (waiter.shortIn === 0) books.ready.push(waiter)
    for (const pool of pools) books.rebalance(pool)
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

  private readKey(sharer: Agent | Group): void {
    sharer.key = keyOf(sharer, this.books.shares)
  }

  /** Reads the keys from an agent up, and tells of which the change may move somebody who waits. */
  private readKeys(agent: Agent): ReadonlyArray<Change> {
    const changed: Array<Change> = []
    for (let sharer: Agent | Group | undefined = agent; sharer !== undefined; sharer = sharer.above) {
      const before = sharer.key
      const now = keyOf(sharer, this.books.shares)
      if (before.share === now.share && before.start === now.start) continue
      sharer.key = now
      if (sharer.waiting > 0) changed.push({ sharer, before, now })
    }
    return changed
  }

  private isInside(request: Request): boolean {
    return request.parent !== undefined || request.grows !== undefined
  }
}

/** The queues in which an agent, or somebody else of its groups, may wait. O(types). */
const queuesOf = function* (agent: Agent) {
  const { group } = agent
  for (const pool of (group === undefined ? agent.accounts : group.root.levels).keys()) {
    if (pool.queue !== undefined) yield { pool, queue: pool.queue }
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
