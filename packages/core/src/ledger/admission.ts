/**
 * The door: what a claim must satisfy before the question is who is first. Every
 * refusal here is final for the claim as it stands; a claim that passes can be
 * granted now or later.
 */
import type { Agent } from "./Agent.ts"
import type { Books } from "./Books.ts"
import { type Claim, isAmount, wholeNumber } from "./Claim.ts"
import type { Pool } from "./Pool.ts"
import type {
  InvalidClaim,
  QueueFull,
  QuotaExceeded,
  Refusal,
  ResourceExhausted,
  UnknownResourceType
} from "./Refusal.ts"
import { Part, type Request } from "./Request.ts"

/** The longest agent id, in UTF-16 code units. */
export const agentIdLengthMax = 256

export const amountAllowed = `${wholeNumber}, in the type's smallest unit`

export const weightAllowed = "a number from 0.000001 to 1000000"

/** Within which shares by weight are exact enough, and never leave what a number can be. */
export const isWeight = (weight: number): boolean => weight >= 0.000_001 && weight <= 1_000_000

export const invalid = (field: string, value: unknown, allowed: string): InvalidClaim => ({
  _tag: "InvalidClaim",
  field,
  value,
  allowed
})

export const unknownType = (books: Books, resourceType: string): UnknownResourceType => ({
  _tag: "UnknownResourceType",
  resourceType,
  known: [...books.pools.keys()]
})

/** The agent of that id, met now or before. */
export const readAgent = (books: Books, id: string): Agent | InvalidClaim =>
  books.agents.get(id) ?? invalidAgent(id) ?? books.agent(id)

/** What is wrong with an agent's id, if anything is. */
export const invalidAgent = (id: string): InvalidClaim | undefined =>
  typeof id === "string" && id.length > 0 && id.length <= agentIdLengthMax
    ? undefined
    : invalid("agent", id, `a string of 1 to ${agentIdLengthMax} characters`)

/** Reads the amounts of a claim into the request's parts. Zeros ask for nothing and get no part. */
export const readClaim = (books: Books, request: Request, claim: Claim): Refusal | undefined => {
  let named = 0
  for (const type in claim) {
    named++
    const amount = claim[type]
    if (!isAmount(amount)) return invalid(`claim.${type}`, amount, amountAllowed)
    const pool = books.pool(type)
    if (pool === undefined) return unknownType(books, type)
    if (amount === 0) continue
    const part = new Part(request, pool, request.agent.account(pool), amount, pool.costOf(amount))
    // A literal of one is a fraction of the size of what the first `push` makes.
    request.parts = request.parts.length === 0 ? [part] : [...request.parts, part]
  }
  return named === 0 ? invalid("claim", claim, "at least one resource type with an amount") : undefined
}

/** A share that can never be granted, however long it waits. */
export const neverFits = ({ amount, cost, pool, request }: Part): ResourceExhausted | undefined => {
  // What is promised to others at all times is never there for it.
  const promised = pool.standing === 0 ? 0 : (pool.calendar?.standingFor(request) ?? 0)
  if (amount <= pool.limit - promised && cost <= pool.burstLimit) return undefined
  const short = amount > pool.limit ? "capacity" : cost > pool.burstLimit ? "rate" : "reservation"
  return {
    _tag: "ResourceExhausted",
    reason: "neverFits",
    short,
    resourceType: pool.type,
    requested: short === "rate" ? cost : amount,
    available: pool.free,
    limit: short === "rate" ? pool.burstLimit : short === "capacity" ? pool.limit : pool.limit - promised
  }
}

export const overQuota = (part: Part): QuotaExceeded | undefined => {
  const { account, amount } = part
  if (account.held + account.waiting + amount <= account.quota) return undefined
  return {
    _tag: "QuotaExceeded",
    reason: amount > account.quota ? "neverFits" : "inUse",
    agent: account.agent.id,
    resourceType: part.pool.type,
    requested: amount,
    quota: account.quota,
    held: account.held,
    waiting: account.waiting
  }
}

const earmarkedFor = (short: ResourceExhausted["short"], pool: Pool): number => (short === "order" ? pool.earmarked : 0)

/** Why a share is not there now, or `undefined` where it is. */
export const unavailable = (part: Part, now: number): ResourceExhausted | undefined => {
  const { amount, cost, pool, request } = part
  if (pool.fitsInOrder(part, now) || pool.isKeptFor(part, now)) return undefined
  const tokens = pool.tokens(now)
  const free = pool.freeFor(request, now)
  const short = amount > pool.free ? "capacity" : cost > tokens ? "rate" : amount > free ? "reservation" : "order"
  return {
    _tag: "ResourceExhausted",
    reason: "unavailable",
    short,
    resourceType: pool.type,
    requested: short === "rate" ? cost : amount,
    available:
      short === "rate" ? tokens : Math.max(0, short === "capacity" ? pool.free : free - earmarkedFor(short, pool)),
    limit: short === "rate" ? pool.burstLimit : pool.limit
  }
}

/** Bounds on the queues, each checked before anybody is put into one. */
export interface QueueLimits {
  readonly waitersMax: number
  readonly waitersPerAgentMax: number
}

export const queueFull = (books: Books, request: Request, limits: QueueLimits): QueueFull | undefined => {
  const full = (scope: QueueFull["scope"], name: string, waiting: number, limit: number): QueueFull => ({
    _tag: "QueueFull",
    scope,
    name,
    waiting,
    limit
  })
  if (books.waiting >= limits.waitersMax) return full("manager", "all agents", books.waiting, limits.waitersMax)
  const agent = request.agent
  if (agent.waiters.size >= limits.waitersPerAgentMax) {
    return full("agent", agent.id, agent.waiters.size, limits.waitersPerAgentMax)
  }
  for (const { amount, pool } of request.parts) {
    // Sums never round: a queue ends where its sum would leave the safe integers.
    if (pool.waitingAmount > Number.MAX_SAFE_INTEGER - amount) {
      return full("pool", pool.type, pool.waitingAmount, Number.MAX_SAFE_INTEGER)
    }
  }
  return undefined
}
