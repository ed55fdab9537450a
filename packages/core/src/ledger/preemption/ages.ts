/**
 * Deadlocks prevented by age (Rosenkrantz, Stearns and Lewis, "System level concurrency
 * control for distributed database systems", TODS 1978). What is compared is the age of
 * the outermost leases: a claim inside one keeps it while it waits, and a claim that is
 * tried again inside the same one is no younger.
 *
 * - *wait-die*: the older waits for the younger; a younger claim that needs what an older
 *   lease holds fails.
 * - *wound-wait*: the older takes what it needs from the younger, where that is
 *   preemptible; the younger waits for the older.
 *
 * Claims outside of all leases keep nothing and wait as ever. Units are counted: a claim
 * needs what older leases hold only where what is free, and what younger ones hold, is
 * not enough for it and all before it.
 */
import type { DeadlockDetected } from "../Refusal.ts"
import type { Pool } from "../Pool.ts"
import { enclosing, type Part, type Request } from "../Request.ts"
import { mayBeTaken } from "./Notice.ts"
import { deficitsOf } from "./Preemptor.ts"
import { pickFrom } from "./victims.ts"

/** The outermost lease still held around a claim, or the claim itself. */
export const outermostOf = (request: Request): Request => {
  let outermost = request.grows ?? request
  for (let at = enclosing(request); at !== undefined; at = enclosing(at)) outermost = at
  for (let at = enclosing(outermost); at !== undefined; at = enclosing(at)) outermost = at
  return outermost
}

const holdersOf = function* (pool: Pool): Generator<Part, void> {
  for (let part = pool.holdersHead; part !== undefined; part = part.next) yield part
}

/** Whom an older claim takes leases from: the youngest first. `undefined` where that is not enough. */
export const woundedBy = (request: Request, now: number): ReadonlyArray<Request> => {
  const own = outermostOf(request)
  const deficits = deficitsOf(request, now)
  if (own === request || deficits.length === 0) return []
  const younger = new Map<Request, number>()
  for (const { pool } of deficits) {
    for (const { request: lease } of holdersOf(pool)) {
      const age = outermostOf(lease).id
      if (mayBeTaken(lease) && age > own.id) younger.set(lease, age)
    }
  }
  const youngestFirst = [...younger].toSorted(([a, ageA], [b, ageB]) => ageB - ageA || b.token - a.token)
  return (
    pickFrom(
      deficits,
      youngestFirst.map(([lease]) => lease)
    ) ?? []
  )
}

/** Why a younger claim must not wait: it needs what an older lease holds. */
export const olderThan = (request: Request, now: number): DeadlockDetected | undefined => {
  const own = outermostOf(request)
  if (own === request) return undefined
  for (const { pool, units } of deficitsOf(request, now)) {
    let left = units
    let oldest: Part | undefined
    for (const part of holdersOf(pool)) {
      const age = outermostOf(part.request).id
      if (age > own.id) left -= part.request.notice === undefined ? part.amount : 0
      else if (age < own.id && (oldest === undefined || part.request.id < oldest.request.id)) oldest = part
    }
    if (left <= 0 || oldest === undefined) continue
    const lease = oldest.request
    const step = {
      agent: request.agent.id,
      resourceType: pool.type,
      requested: request.parts.find((part) => part.pool === pool)!.amount,
      heldBy: lease.agent.id,
      lease: lease.id,
      holds: oldest.amount
    }
    const claim = Object.fromEntries(request.parts.map((part) => [part.pool.type, part.amount]))
    return { _tag: "DeadlockDetected", agent: request.agent.id, claim, cycle: [step], avoided: "wait-die" }
  }
  return undefined
}
