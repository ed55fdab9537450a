/**
 * Rebuilds the state from events. It consults no policy: what was decided is
 * done again, whatever would be decided now.
 */
import { Books } from "./Books.ts"
import type { LedgerEvent } from "./Event.ts"
import { Index } from "./Index.ts"
import * as turns from "./order/transitions.ts"
import * as planning from "./plan/transitions.ts"
import type { Pool } from "./Pool.ts"
import * as pools from "./pools.ts"
import * as preempting from "./preemption/transitions.ts"
import * as quotas from "./quota/changes.ts"
import * as gates from "./quota/gates.ts"
import { Part, Request } from "./Request.ts"
import * as promises from "./reservations/transitions.ts"

export class Replay {
  readonly books: Books
  private readonly index: Index

  /** Goes on from books that were restored. */
  constructor(books = new Books()) {
    this.books = books
    this.index = books.index ??= new Index()
  }

  apply(event: LedgerEvent): void {
    const books = this.books
    if (event.at > books.now) books.now = event.at
    switch (event._tag) {
      case "PoolDefined":
        books.definePool(event.type, event)
        break
      case "PoolConfigured":
        pools.configure(books, this.pool(event.type), event)
        break
      case "CapacitySet":
        pools.setCapacity(books, this.pool(event.type), event.capacity, event.maxCapacity)
        break
      case "RateSet":
        pools.setRate(books, this.pool(event.type), event.rate)
        break
      case "Refunded":
        pools.refund(books, this.pool(event.type), event.tokens)
        break
      case "QuotaSet":
        quotas.setQuota(books, books.agent(event.agent).account(this.pool(event.type)), event.quota ?? Infinity)
        break
      case "Queued":
        books.queue(this.asked(event), event.parked === true)
        break
      case "Admitted":
        gates.admit(books, this.request(event.id))
        break
      case "Withdrawn":
        gates.withdraw(books, this.request(event.id))
        break
      case "GroupSet":
        this.checkGroup(event.parent)
        quotas.setGroup(books, {
          group: event.group,
          parent: event.parent,
          onQuota: event.onQuota,
          weight: event.weight,
          limits: event.limits
        })
        break
      case "GroupRemoved":
        this.checkGroup(event.group)
        quotas.removeGroup(books, event.group)
        break
      case "AgentAssigned":
        this.checkGroup(event.group)
        quotas.assign(books, books.agent(event.agent), { group: event.group, onQuota: event.onQuota })
        break
      case "GrantedAtOnce":
        this.grant(this.asked(event), event.token)
        break
      case "Granted":
        this.grant(
          this.request(event.id),
          event.token,
          event.passed?.map((id) => this.request(id)),
          event.priority
        )
        break
      case "Planned":
        planning.tell(
          books,
          event.starts.map(([id, start]) => [this.request(id), start] as const),
          (event.unknown ?? []).map((id) => this.request(id))
        )
        break
      case "Chosen":
        turns.choose(books, this.request(event.id))
        break
      case "Rescued":
        turns.rescue(books, this.request(event.id), this.pool(event.type))
        break
      case "AgentSet":
        turns.setAgent(books, books.agent(event.agent), event)
        break
      case "SharesKept":
        turns.keepShares(books, event.kept, event.halfLife)
        break
      case "Exempted":
        turns.exemptFromOrder(books, this.request(event.id))
        break
      case "Undone":
        books.undo(this.request(event.id))
        break
      case "Kept":
        books.keep(this.request(event.id))
        break
      case "Settled": {
        const lease = this.request(event.id)
        books.settle(
          lease,
          Object.entries(event.costs).map(([type, tokens]) => {
            const part = lease.parts.find((candidate) => candidate.pool.type === type)
            if (part === undefined) throw new Error(`the journal settles what ${event.id} never held: ${type}`)
            return [part, tokens] as const
          })
        )
        break
      }
      case "Shrunk":
        books.shrink(
          this.request(event.id),
          Object.entries(event.amounts).map(([type, amount]) => [this.pool(type), amount] as const)
        )
        break
      case "Returned":
        books.giveBack(this.request(event.id), event.reason)
        break
      case "Lingers":
        preempting.linger(books, this.request(event.id))
        break
      case "Preempting": {
        const { by, cause, deadline, forcedAt, reservation } = event
        const notice = { by, cause, reservation, deadline, forcedAt, ending: false }
        preempting.announce(books, this.request(event.id), notice)
        break
      }
      case "Spared":
        preempting.spare(books, this.request(event.id))
        break
      case "Ending":
        preempting.end(books, this.request(event.id))
        break
      case "Left":
        books.leave(this.request(event.id), event.reason)
        break
      case "Refused":
        books.refuse(
          books.agent(event.agent),
          event.types.map((type) => this.pool(type)),
          event.reason
        )
        break
      case "LeadSet":
        promises.setLead(books, event.lead)
        break
      case "Reserved": {
        const { claim, from, holder, id, note, until } = event
        promises.reserve(books, { id, holder, claim, from, until, note })
        break
      }
      case "ReservationEnded": {
        const reservation = books.reservations?.byId.get(event.id)
        if (reservation === undefined) throw new Error(`the journal ends reservation ${event.id}, which is not there`)
        promises.endReservation(books, reservation, event.reason)
        break
      }
      case "Stopped":
        books.stop()
        break
    }
    // Who is granted is in the events that follow.
    books.ready.length = 0
    gates.forgetGates(books)
  }

  /** Brings what is derived (earmarks, timers) up to `now`, after the last event. */
  finish(now: number): Books {
    const books = this.books
    if (now > books.now) books.now = now
    for (const pool of books.everyPool()) books.rebalance(pool)
    promises.replan(
      books,
      Array.from(books.everyPool(), (pool) => pool.type)
    )
    books.ready.length = 0
    gates.armGates(books)
    return books
  }

  private grant(request: Request, token: number, passed?: ReadonlyArray<Request>, priority?: number): void {
    this.books.grant(request, passed, priority)
    if (request.token !== token) throw new Error(`the journal skips from token ${request.token} to ${token}`)
  }

  private asked(event: Extract<LedgerEvent, { readonly _tag: "Queued" | "GrantedAtOnce" }>): Request {
    if (event.id !== this.books.nextId) {
      throw new Error(`the journal skips from claim ${this.books.nextId} to ${event.id}`)
    }
    const request = new Request(
      this.books.agent(event.agent),
      event.at,
      event.parent === undefined ? undefined : this.request(event.parent),
      event.grows === undefined ? undefined : this.request(event.grows),
      event.manual,
      event.ttl,
      event.deadline,
      event.scheduling
    )
    request.parts = Object.entries(event.claim).map(([type, amount]) => {
      const pool = this.pool(type)
      return new Part(request, pool, request.agent.account(pool), amount, pool.costOf(amount))
    })
    return request
  }

  private pool(type: string): Pool {
    return this.books.poolOf(type)
  }

  private checkGroup(id: string | undefined): void {
    if (id !== undefined && !this.books.groups.byId.has(id)) {
      throw new Error(`the journal names a group that it never set: ${id}`)
    }
  }

  private request(id: number): Request {
    const request = this.index.get(id)
    if (request === undefined) throw new Error(`the journal names a claim that it never made: ${id}`)
    return request
  }
}
