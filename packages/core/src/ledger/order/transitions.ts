/** What the books do about who goes first: each does what one event says. */
import type { Agent } from "../Agent.ts"
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import type { Request } from "../Request.ts"
import { membersChanged } from "../reservations/transitions.ts"
import { ownTurn } from "./Ordering.ts"
import { Shares } from "./shares.ts"

/** What an agent is to the policies: its weight beside others, and the priority of its claims. */
export const setAgent = (
  books: Books,
  agent: Agent,
  { priority, weight }: { readonly weight: number; readonly priority: number }
): void => {
  const ranked = agent.priority !== priority
  agent.weight = weight
  agent.priority = priority
  books.sink?.({ _tag: "AgentSet", at: books.now, agent: agent.id, weight, priority })
  books.ordering?.shareChanged(agent)
  if (ranked) books.ordering?.priorityChanged(agent)
  if (!ranked) return
  // Its leases may be of another class now, and draw from another promise; its waiters may take others.
  membersChanged(books)
  if (books.changed === undefined) return
  for (const waiter of agent.waiters) for (const part of waiter.parts) books.changed.add(part.pool)
}

/** Begins or ends to keep what was granted to whom over time. */
export const keepShares = (books: Books, kept: boolean, halfLife?: number): void => {
  books.shares = kept ? new Shares(halfLife) : undefined
  for (const sharer of [...books.agents.values(), ...books.groups.byId.values()]) {
    sharer.served = 0
    sharer.servedIn = 0
  }
  for (const group of books.groups.byId.values()) group.virtual = 0
  books.sink?.({ _tag: "SharesKept", at: books.now, kept, halfLife })
}

/** A waiter goes before all others, whatever its class: one of the pools that it waits for has named it. */
export const rescue = (books: Books, request: Request, pool: Pool): void => {
  // Its own grant is the next one that counts.
  pool.rescuedAt = pool.acquisitions + 1
  books.sink?.({ _tag: "Rescued", at: books.now, id: request.id, type: pool.type })
  if (books.ordering === undefined) ownTurn(request).rescued = true
  else books.ordering.move(request, (turn) => (turn.rescued = true))
}

/** A waiter is next, and stays that until it is granted. */
export const choose = (books: Books, request: Request): void => {
  const chosen = ++books.choices
  books.sink?.({ _tag: "Chosen", at: books.now, id: request.id })
  if (books.ordering === undefined) ownTurn(request).chosen = chosen
  else books.ordering.move(request, (turn) => (turn.chosen = chosen))
}

export const exemptFromOrder = (books: Books, request: Request): void => {
  request.exempt = true
  books.exempt.push(request)
  books.exemptions++
  books.sink?.({ _tag: "Exempted", at: books.now, id: request.id })
}
