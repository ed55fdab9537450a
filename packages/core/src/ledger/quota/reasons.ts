/** Why a claim waits for quota. */
import type { Part, Request } from "../Request.ts"
import { leasesAround } from "../Request.ts"
import { subtreeOf } from "./Group.ts"
import type { Level, LimitName } from "./Level.ts"
import { type Obstacle, obstacleOf } from "./obstacles.ts"
import { figuresAt } from "./refusals.ts"

/** How many borrowers a reason names. */
export const borrowersNamedMax = 10

/** A group that uses more than its quota. */
export interface BorrowerView {
  readonly group: string
  readonly borrowed: number
}

/** A quota has nothing left for it: the agent's own, or that of a group above it. */
export interface QuotaReason {
  readonly _tag: "Quota"
  readonly resourceType: string
  readonly requested: number
  /** The group, from the root down. Empty where it is the agent's own quota. */
  readonly path: ReadonlyArray<string>
  /** `order`: there is some, but earlier claims come first. */
  readonly limit: LimitName | "order"
  readonly quota: number
  readonly held: number
  readonly waiting: number
  /** How many of those who wait for the same quota were there before. */
  readonly ahead: number
  /** Whether it asks for what is its group's own, and lent to others. */
  readonly entitled: boolean
  /** Groups below that one which use more than their quota, the largest first. */
  readonly borrowers: ReadonlyArray<BorrowerView>
  /** The instant at which the tokens are there, where a rate is the reason. */
  readonly readyAt: number | undefined
}

const borrowersBelow = ({ group, pool }: Level): ReadonlyArray<BorrowerView> => {
  const borrowers: Array<BorrowerView> = []
  for (const below of subtreeOf(group)) {
    const level = below === group ? undefined : below.levels.get(pool)
    if (level === undefined || level.held <= level.subtree) continue
    borrowers.push({ group: below.id, borrowed: level.held - level.subtree })
  }
  return borrowers.toSorted((a, b) => b.borrowed - a.borrowed).slice(0, borrowersNamedMax)
}

const aheadOf = (request: Request): number => {
  const { gate } = request.agent
  let ahead = 0
  for (const other of gate?.requests() ?? []) if (other.id < request.id || request.id === 0) ahead++
  return ahead
}

/** One obstacle as a reason. */
export const reasonAt = (obstacle: Obstacle, now: number): QuotaReason => {
  const { entitled, level, limit, part, wanted } = obstacle
  const { account, pool } = part
  const ahead = aheadOf(part.request)
  const facts = { _tag: "Quota", resourceType: pool.type, limit, ahead, entitled } as const
  if (level === undefined) {
    const waiting = account.waiting - account.parked
    const { held, quota } = account
    return { ...facts, requested: part.amount, path: [], quota, held, waiting, borrowers: [], readyAt: undefined }
  }
  const ready = limit === "rate" ? level.bucket?.readyAt(level.tokensWaiting + level.costOf(part.amount)) : undefined
  return {
    ...facts,
    ...figuresAt(level, limit, part, wanted, now),
    path: level.group.path,
    borrowers: limit === "nominal" || limit === "borrowing" ? borrowersBelow(level) : [],
    readyAt: ready
  }
}

const behind = (part: Part): Obstacle => ({
  part,
  level: part.account.level,
  limit: "order",
  wanted: part.amount,
  entitled: false
})

/** All that keeps a parked claim from its quota: what is short, or else only its turn. */
export const quotaReasons = (request: Request, now: number): Array<QuotaReason> => {
  const basis = leasesAround(request).length > 0 ? "held" : "used"
  const short = request.parts.flatMap((part) => obstacleOf(part, basis, now) ?? [])
  return (short.length > 0 ? short : request.parts.slice(0, 1).map(behind)).map((obstacle) => reasonAt(obstacle, now))
}
