/** What goes back, by what a caller says: all of it can, or nothing does. */
import { amountAllowed, invalid, unknownType } from "./admission.ts"
import type { Books } from "./Books.ts"
import { debtMax } from "./Bucket.ts"
import { type Claim, isAmount, wholeNumber } from "./Claim.ts"
import type { Pool } from "./Pool.ts"
import type { InvalidClaim, ResourceNotAcquired, UnknownResourceType } from "./Refusal.ts"
import type { Part, Request } from "./Request.ts"

type Amounts = ReadonlyArray<readonly [Pool, number]>

/** A lease that came back has nothing any more, and what grew one is that one's. */
const isHeld = (lease: Request): boolean => lease.status === "held" && lease.grows === undefined

/** What a lease gives back of what it holds. */
export const readShrink = (lease: Request, amounts: Claim): Amounts | InvalidClaim => {
  const parts: Array<readonly [Pool, number]> = []
  for (const type in amounts) {
    const amount = amounts[type]
    const part = isHeld(lease) ? lease.parts.find((candidate) => candidate.pool.type === type) : undefined
    const held = part?.amount ?? 0
    if (!isAmount(amount) || amount > held) {
      return invalid(`amounts.${type}`, amount, `a whole number from 0 to the ${held} that the lease holds`)
    }
    if (part !== undefined && amount > 0) parts.push([part.pool, amount])
  }
  return parts
}

/** What a lease cost in the end, where that is not what it paid. */
export const readCosts = (
  lease: Request,
  actual: Claim,
  now: number
): ReadonlyArray<readonly [Part, number]> | InvalidClaim => {
  const costs: Array<readonly [Part, number]> = []
  for (const type in actual) {
    const tokens = actual[type]
    if (!isAmount(tokens)) return invalid(`actual.${type}`, tokens, wholeNumber)
    const part = isHeld(lease) ? lease.parts.find((candidate) => candidate.pool.type === type) : undefined
    if (part === undefined) return invalid(`actual.${type}`, tokens, "a type that the lease holds")
    if (part.pool.bucket === undefined || tokens === part.cost) continue
    const most = part.cost + part.pool.tokens(now) + debtMax
    if (tokens > most) return invalid(`actual.${type}`, tokens, `at most ${most}: a larger debt would not be exact`)
    costs.push([part, tokens])
  }
  return costs
}

/** What an agent's manual acquisitions give back for a claim, newest first. */
export const manualReturns = (
  books: Books,
  agentId: string,
  claim: Claim
): ReadonlyArray<readonly [Request, Amounts]> | InvalidClaim | UnknownResourceType | ResourceNotAcquired => {
  const rest = new Map<Pool, number>()
  for (const type in claim) {
    const amount = claim[type]
    if (!isAmount(amount)) return invalid(`claim.${type}`, amount, amountAllowed)
    const pool = books.pool(type)
    if (pool === undefined) return unknownType(books, type)
    rest.set(pool, amount)
  }
  const manual = books.agents.get(agentId)?.manual ?? []
  const taken: Array<readonly [Request, ReadonlyArray<readonly [Pool, number]>]> = []
  let missing = Array.from(rest.values()).filter((amount) => amount > 0).length
  for (let at = manual.length - 1; at >= 0; at--) {
    if (missing === 0) break
    const lease = manual[at]!
    const amounts = lease.parts.flatMap((part) => {
      const wanted = rest.get(part.pool) ?? 0
      const amount = Math.min(part.amount, wanted)
      if (amount === 0) return []
      rest.set(part.pool, wanted - amount)
      if (amount === wanted) missing--
      return [[part.pool, amount] as const]
    })
    if (amounts.length > 0) taken.push([lease, amounts])
  }
  if (missing > 0) return { _tag: "ResourceNotAcquired", agent: agentId, requested: claim, held: heldBy(manual) }
  return taken
}

/** What leases hold together, by type. */
const heldBy = (leases: ReadonlyArray<Request>): Claim => {
  const held = new Map<string, number>()
  for (const lease of leases) {
    for (const { amount, pool } of lease.parts) held.set(pool.type, (held.get(pool.type) ?? 0) + amount)
  }
  return Object.fromEntries(held)
}
