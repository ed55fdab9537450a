/** What a claim would meet now: asked, and forgotten. Nothing is taken, and nobody waits. */
import { invalidAgent, neverFits, readClaim } from "./admission.ts"
import { Agent } from "./Agent.ts"
import type { Books } from "./Books.ts"
import type { Claim } from "./Claim.ts"
import { type Line, reasonsFor, type WaitReason } from "./explain.ts"
import { obstaclesNow } from "./quota/Gate.ts"
import { reasonAt } from "./quota/reasons.ts"
import { modeOf, neverInGroups, overOwn, refusedBy } from "./quota/refusals.ts"
import type { Refusal } from "./Refusal.ts"
import { type Part, Request } from "./Request.ts"
import type { Scheduling } from "./Scheduling.ts"

/** By what a claim goes past those before it. */
export type Passing = "bypass" | "backfill"

export interface Check {
  /** Whether it would be granted in its turn, as one that does not wait is. */
  readonly granted: boolean
  /** Why it would be refused. */
  readonly refusals: ReadonlyArray<Refusal>
  /** Why it would wait. */
  readonly reasons: ReadonlyArray<WaitReason>
  /** By what one that may wait would be granted at once all the same, past those before it. */
  readonly passing: Passing | undefined
}

export interface CheckOptions {
  readonly scheduling?: Scheduling | undefined
  readonly ttl?: number | undefined
}

/** The policies of a Ledger that have a say in it. A share that is there in its turn is marked as earmarked. */
export interface CheckRules {
  readonly refuse: (request: Request) => Refusal | undefined
  /** What of the maximum that it declares can never be had. */
  readonly never: (request: Request) => Refusal | undefined
  readonly safety: (request: Request) => ReadonlyArray<WaitReason>
  readonly passing: (request: Request) => Passing | undefined
}

/** Who would stand before a claim that is only being asked about. */
const lineBeforeNew = (part: Part, { ordering }: Books): Line => {
  let ahead = 0
  let aheadAmount = 0
  for (let other = part.pool.first; other !== undefined; other = part.pool.after(other)) {
    // Where a plan alone decides, all who wait were promised their start before.
    if (!part.pool.planned && ordering !== undefined && ordering.order.compare(part.request, other.request) < 0) break
    ahead++
    aheadAmount += other.amount
  }
  return { ahead, aheadAmount }
}

/** What a claim meets that is not looked at any further. */
export const refusedAtOnce = (refusal: Refusal): Check => ({
  granted: false,
  refusals: [refusal],
  reasons: [],
  passing: undefined
})

/** A stand-in with the agent's accounts: what a question opens is forgotten with it. */
const standInFor = (known: Agent | undefined, agentId: string): Agent => {
  const agent = new Agent(agentId, known?.index, true)
  for (const [pool, account] of known?.accounts ?? []) agent.accounts.set(pool, account)
  agent.group = known?.group
  agent.onQuota = known?.onQuota
  agent.gate = known?.gate
  agent.priority = known?.priority ?? agent.priority
  return agent
}

/** Would it be granted now, outside of all leases, and if not, why: every reason at once. */
export const check = (
  books: Books,
  agentId: string,
  claim: Claim,
  { scheduling, ttl = 0 }: CheckOptions = {},
  rules?: CheckRules
): Check => {
  if (books.stopped) return refusedAtOnce({ _tag: "ManagerStopped" })
  const nobody = invalidAgent(agentId)
  if (nobody !== undefined) return refusedAtOnce(nobody)
  const known = books.agents.get(agentId)
  const agent = standInFor(known, agentId)
  const request = new Request(agent, books.now, undefined, undefined, false, ttl, undefined, scheduling)
  const malformed = readClaim(books, request, claim) ?? rules?.refuse(request)
  if (malformed !== undefined) return refusedAtOnce(malformed)
  books.ordering?.askFor(known, request)
  const waits = modeOf(request) === "wait"
  const refusals = request.parts.flatMap((part): Array<Refusal> =>
    [neverFits(part), overOwn(part, waits), neverInGroups(part)].filter((refusal) => refusal !== undefined)
  )
  const never = rules?.never(request)
  if (never !== undefined) refusals.push(never)
  const lacks =
    refusals.length === 0 && (waits || agent.gate !== undefined) ? obstaclesNow(request, waits, books.now) : []
  const reasons: Array<WaitReason> = []
  for (const obstacle of lacks) {
    if (waits || obstacle.entitled) reasons.push(reasonAt(obstacle, books.now))
    else refusals.push(refusedBy(obstacle, books.now))
  }
  for (const part of request.parts) {
    part.earmarked = part.pool.fitsInOrder(part, books.now)
    if (!part.earmarked && !part.pool.isKeptFor(part, books.now))
      reasons.push(...reasonsFor(part, lineBeforeNew(part, books), books.now))
  }
  const safety = rules?.safety(request) ?? []
  reasons.push(...safety)
  const granted = refusals.length === 0 && reasons.length === 0
  const onlyTurn = !granted && refusals.length === 0 && lacks.length === 0 && safety.length === 0
  return { granted, refusals, reasons, passing: onlyTurn ? rules?.passing(request) : undefined }
}
