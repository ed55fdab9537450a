/** Why a claim is refused for quota, and by which level. */
import { overQuota } from "../admission.ts"
import type { QuotaExceeded, QuotaLevel } from "../Refusal.ts"
import type { Part, Request } from "../Request.ts"
import { type Level } from "./Level.ts"
import { type OnQuota, onQuotaOf } from "./Group.ts"
import { isOwnFlat, type Obstacle } from "./obstacles.ts"

/** What a claim does where it is over a quota for now: as it says, else as its agent or the nearest group says. */
export const modeOf = (request: Request): OnQuota => {
  const said = request.scheduling.onQuota
  if (said !== undefined) return said
  const { agent } = request
  return agent.group === undefined && agent.onQuota === undefined ? "fail" : onQuotaOf(agent)
}

const levelOf = (level: Level, limit: QuotaLevel["limit"], extra?: Partial<QuotaLevel>): QuotaLevel => ({
  path: level.group.path,
  limit,
  ...extra
})

interface Figures {
  readonly requested: number
  readonly quota: number
  readonly held: number
  readonly waiting: number
}

const exceeded = (part: Part, reason: QuotaExceeded["reason"], figures: Figures, level: QuotaLevel): QuotaExceeded => ({
  _tag: "QuotaExceeded",
  reason,
  agent: part.account.agent.id,
  resourceType: part.pool.type,
  ...figures,
  level
})

/** What stands at a level, in units, leases or tokens. */
export const figuresAt = (level: Level, limit: Obstacle["limit"], part: Part, wanted: number, now: number): Figures => {
  switch (limit) {
    case "leases":
      return { requested: 1, quota: level.leasesMax, held: level.leases, waiting: level.leasesWaiting }
    case "max":
      return { requested: part.amount, quota: level.max, held: level.inUse, waiting: level.amountWaiting }
    case "rate": {
      const spent = level.burst - level.tokens(now)
      return { requested: level.costOf(part.amount), quota: level.burst, held: spent, waiting: level.tokensWaiting }
    }
    default:
      return {
        requested: wanted,
        quota: Math.min(level.cap, Number.MAX_SAFE_INTEGER),
        held: level.held,
        waiting: level.used - level.held
      }
  }
}

/** A share that some group can never let pass, however long it waits. O(depth). */
export const neverInGroups = (part: Part): QuotaExceeded | undefined => {
  let draw = part.amount
  for (let level = part.account.level; level !== undefined; level = level.parent) {
    const limit: Obstacle["limit"] | undefined =
      part.amount > level.max
        ? "max"
        : draw > level.cap
          ? level.capName
          : level.leasesMax < 1
            ? "leases"
            : level.costOf(part.amount) > level.burst
              ? "rate"
              : undefined
    if (limit !== undefined) {
      return exceeded(part, "neverFits", figuresAt(level, limit, part, draw, 0), levelOf(level, limit))
    }
    draw = level.drawn(draw)
  }
  return undefined
}

/** Over the agent's own quota: for now, or where it waits for quota, for ever. */
export const overOwn = (part: Part, waits: boolean): QuotaExceeded | undefined =>
  waits && part.amount <= part.account.quota ? undefined : overQuota(part)

/** What an obstacle says to who does not wait for it. */
export const refusedBy = (obstacle: Obstacle, now: number): QuotaExceeded => {
  const { level, limit, part, wanted } = obstacle
  if (level === undefined) {
    const { account, amount, request } = part
    const { held, quota } = account
    const waiting = account.waiting - (request.status === "waiting" ? amount : 0)
    return {
      _tag: "QuotaExceeded",
      reason: isOwnFlat(account) && amount > quota ? "neverFits" : "inUse",
      agent: account.agent.id,
      resourceType: part.pool.type,
      requested: amount,
      quota,
      held,
      waiting
    }
  }
  const readyAt = limit === "rate" ? level.bucket?.readyAt(level.tokensWaiting + level.costOf(part.amount)) : undefined
  return exceeded(
    part,
    "inUse",
    figuresAt(level, limit, part, wanted, now),
    levelOf(level, limit, readyAt === undefined || readyAt === Infinity ? {} : { readyAt })
  )
}
