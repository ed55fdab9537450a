/**
 * What the books do about leases that may be taken, or were told to end: each does what one
 * event says, and keeps what a pool knows of them true.
 */
import type { Agent } from "../Agent.ts"
import { isBlocked, unblock } from "../blocking.ts"
import type { Books } from "../Books.ts"
import type { Part, Request } from "../Request.ts"
import { endsAt, mayBeTaken, type Notice } from "./Notice.ts"
import { PreemptibleIndex } from "./PreemptibleIndex.ts"

/** How long a lease stays decides what others may have until the next windows begin. */
const stayChanged = (books: Books, lease: Request): void => {
  for (const part of lease.parts) {
    const { calendar, waitersHead } = part.pool
    if (calendar === undefined) continue
    calendar.stayChanged(part)
    if (waitersHead !== undefined) books.rebalance(part.pool)
  }
}

/** What works under a lease takes time to end. Only one that expires has an instant from which on it does. */
export const linger = (books: Books, lease: Request): void => {
  lease.scheduling = { ...lease.scheduling, lingers: true }
  // One that has to stop already has its expiry no more.
  books.timers.set(lease, endsAt(lease))
  books.sink?.({ _tag: "Lingers", at: books.now, id: lease.id })
  stayChanged(books, lease)
}

/** A lease is told to end. From now on it comes back by time, whatever waits inside it. */
export const announce = (books: Books, lease: Request, notice: Notice): void => {
  const isListed = mayBeTaken(lease)
  if (isBlocked(lease)) unblock(books, lease)
  for (const part of lease.parts) {
    if (isListed) unlist(part)
    part.pool.announced += part.amount
    // What was announced before may have become too much.
    books.changed?.add(part.pool)
  }
  lease.notice = notice
  books.noticed.add(lease)
  books.timers.set(lease, endsAt(lease))
  const { by, cause, deadline, forcedAt, reservation } = notice
  books.sink?.({ _tag: "Preempting", at: books.now, id: lease.id, by, cause, reservation, deadline, forcedAt })
  stayChanged(books, lease)
  books.onNoticed?.(lease)
}

/** It need not end after all. The caller has seen that no wait is inside it. */
export const spare = (books: Books, lease: Request): void => {
  lease.notice = undefined
  books.noticed.delete(lease)
  for (const part of lease.parts) {
    part.pool.announced -= part.amount
    list(part)
    // Whoever may not take it was served by it too, and may take others.
    books.changed?.add(part.pool)
  }
  books.timers.set(lease, lease.expiresAt)
  books.sink?.({ _tag: "Spared", at: books.now, id: lease.id })
  stayChanged(books, lease)
  books.onNoticed?.(lease)
}

/** Its deadline has come. */
export const end = (books: Books, lease: Request): void => {
  if (lease.notice === undefined) return
  lease.notice = { ...lease.notice, ending: true }
  books.timers.set(lease, endsAt(lease))
  books.sink?.({ _tag: "Ending", at: books.now, id: lease.id })
  books.onNoticed?.(lease)
}

/** A lease that could be taken, or was told to end, is in nobody's reckoning any more. */
export const unreckon = (books: Books, lease: Request): void => {
  for (const part of lease.parts) {
    if (lease.notice !== undefined) part.pool.announced -= part.amount
    else if (mayBeTaken(lease)) unlist(part)
  }
  books.noticed.delete(lease)
}

export const list = (part: Part): void => {
  const { pool } = part
  pool.preemptible ??= new PreemptibleIndex()
  pool.preemptible.add(part)
  listInGroup(part)
}

export const unlist = (part: Part): void => {
  part.pool.preemptible?.remove(part)
  unlistInGroup(part)
}

const listInGroup = (part: Part): void => {
  const { level } = part.account
  if (level === undefined) return
  level.preemptible ??= new PreemptibleIndex()
  level.preemptible.add(part)
}

const unlistInGroup = (part: Part): void => {
  part.account.level?.preemptible?.remove(part)
}

/** An agent goes to another group, and what may be taken of it goes with it. O(leases that may be taken). */
export const moveListed = (agent: Agent, change: () => void): void => {
  const own: Array<Part> = []
  for (const account of agent.accounts.values()) {
    const { level, pool } = account
    const listed = level === undefined ? pool.preemptible : level.preemptible
    for (const part of listed?.below(Infinity) ?? []) if (part.account === account) own.push(part)
  }
  own.forEach(unlistInGroup)
  change()
  own.forEach(listInGroup)
}

/** The share of a lease has grown, or shrunk, by so much. */
export const resize = (part: Part, by: number): void => {
  const lease = part.request
  if (lease.notice !== undefined) part.pool.announced += by
  else if (lease.scheduling.preemptible && mayBeTaken(lease)) {
    part.pool.preemptible?.change(part, by)
    part.account.level?.preemptible?.change(part, by)
  }
}
