/** What the books do about those who wait for quota, and the gates that they wait at. */
import type { Agent } from "../Agent.ts"
import type { Books } from "../Books.ts"
import type { Request } from "../Request.ts"
import type { Gate } from "./Gate.ts"
import type { Level } from "./Level.ts"
import { park, unpark } from "./transitions.ts"

/** A waiter has its quota, and joins the queues of its pools. */
export const admit = (books: Books, request: Request): void => {
  unpark(request)
  request.quota!.place = books.nextId++
  books.sink?.({ _tag: "Admitted", at: books.now, id: request.id })
  books.join(request)
  // It is new there, for who plans.
  for (const part of request.parts) part.pool.stirred = true
  if (books.ordering !== undefined) books.ordering.queued(request)
  else if (request.shortIn === 0) books.ready.push(request)
}

/** A waiter has its quota no more: it leaves the queues of its pools, and waits for quota again. */
export const withdraw = (books: Books, request: Request): void => {
  books.leaveQueues(request)
  request.exempt = false
  park(request)
  books.sink?.({ _tag: "Withdrawn", at: books.now, id: request.id })
  for (const part of request.parts) {
    part.pool.stirred = true
    books.rebalance(part.pool)
  }
  quotaFreed(books, request.agent)
}

/** Everybody who waits for quota, oldest first. O(agents + n log n). */
export const waitingForQuota = (books: Books): Array<Request> => {
  const gates = new Set<Gate>()
  for (const { gate } of books.agents.values()) if (gate !== undefined && gate.waiting > 0) gates.add(gate)
  return [...gates].flatMap((gate) => [...gate.requests()]).toSorted((a, b) => a.id - b.id)
}

/** Whether tokens of some group are kept for a waiter that others wait for quota with. O(depth). */
export const keepsTokens = ({ agent, parts }: Request): boolean =>
  agent.gate !== undefined &&
  agent.gate.waiting > 0 &&
  parts.some(({ account }) => {
    for (let { level } = account; level !== undefined; level = level.parent) if (level.bucket !== undefined) return true
    return false
  })

/** The tokens that somebody waits for are there. */
export const touch = (books: Books, level: Level): void => {
  books.timers.clear(level)
  books.quotaStirred = true
  const { gate } = level.group
  if (gate.waiting === 0 || gate.dirty) return
  gate.dirty = true
  books.dirtyGates.push(gate)
}

/** Whom to let pass is in the events of a replay. */
export const forgetGates = (books: Books): void => {
  for (const gate of books.dirtyGates) gate.dirty = false
  books.dirtyGates.length = 0
}

/** Arms the instants at which gates open by themselves: what arms them is a look, which lets nobody pass. */
export const armGates = (books: Books): void => {
  for (const agent of books.agents.values()) quotaFreed(books, agent)
  const gates = books.dirtyGates.splice(0)
  for (const gate of gates) {
    gate.open(books.now, books.timers, () => {
      if (gate.dirty) return
      // For the Ledger to do.
      gate.dirty = true
      books.dirtyGates.push(gate)
    })
  }
}

/** Somebody who waits for the same quota may have it now. */
export const quotaFreed = (books: Books, { gate }: Agent): void => {
  if (gate === undefined) return
  books.quotaStirred = true
  if (gate.dirty) return
  if (gate.waiting === 0) return gate.disarm(books.timers)
  gate.dirty = true
  books.dirtyGates.push(gate)
}
