/** What a claim lacks of its agent's quota, or of the groups above it. */
import type { Account } from "../Agent.ts"
import type { Part, Request } from "../Request.ts"
import { type Level, type LimitName, shift } from "./Level.ts"

/** What a quota is kept at: an agent's own, or a group's. */
export type Step = Account | Level

/** The first step from an agent up to the root that does not let a share pass. */
export interface Obstacle {
  readonly part: Part
  /** The level of a group; `undefined` where it is the agent's own quota. */
  readonly level: Level | undefined
  /** `order`: there is enough, but who came before needs it. */
  readonly limit: LimitName | "order"
  /** What it adds to the use there. */
  readonly wanted: number
  /** Whether the group below is within its quota: others have what is its own, and it gets that back. */
  readonly entitled: boolean
}

/** `used`: beside all that have their quota. `held`: beside leases alone. */
export type Basis = "used" | "held"

export const isOwnFlat = (account: Account): boolean => account.quota !== Infinity

const leasesAdded = ({ pool, request: { grows } }: Part): number =>
  grows !== undefined && grows.parts.some((part) => part.pool === pool) ? 0 : 1

const ownUse = (account: Account, basis: Basis): number =>
  basis === "held" ? account.held : account.held + account.waiting - account.parked

/** Whether a level asks anything of a share that draws nothing there. */
const asks = (level: Level, draw: number): boolean =>
  draw > 0 || level.limits.max !== undefined || level.limits.leases !== undefined || level.bucket !== undefined

const limitOf = (
  level: Level,
  part: Part,
  draw: number,
  leases: number,
  basis: Basis,
  now: number
): LimitName | undefined => {
  const waiting = basis === "used"
  if (level.inUse + (waiting ? level.amountWaiting : 0) + part.amount > level.max) return "max"
  if (draw > 0 && level[basis] + draw > level.cap) return level.capName
  if (level.leases + (waiting ? level.leasesWaiting : 0) + leases > level.leasesMax) return "leases"
  if (level.bucket === undefined) return undefined
  return level.costOf(part.amount) > level.tokens(now) - (waiting ? level.tokensWaiting : 0) ? "rate" : undefined
}

/** The first obstacle of a share, or `undefined`. O(depth). `closed`: steps that earlier waiters have before it. */
export const obstacleOf = (part: Part, basis: Basis, now: number, closed?: ReadonlySet<Step>): Obstacle | undefined => {
  const { account, amount } = part
  if (isOwnFlat(account)) {
    const limit = ownUse(account, basis) + amount > account.quota ? "max" : closed?.has(account) ? "order" : undefined
    if (limit !== undefined) return { part, level: undefined, limit, wanted: amount, entitled: false }
  }
  const leases = account.level === undefined ? 0 : leasesAdded(part)
  let draw = amount
  let entitled = false
  for (let level = account.level; level !== undefined; level = level.parent) {
    const use = level[basis]
    const limit =
      limitOf(level, part, draw, leases, basis, now) ?? (closed?.has(level) && asks(level, draw) ? "order" : undefined)
    if (limit !== undefined) {
      const own = entitled && limit !== "leases" && limit !== "rate"
      return { part, level, limit, wanted: draw, entitled: own }
    }
    entitled = level.subtree > 0 && use + draw <= level.subtree
    draw = level.drawn(use + draw) - level.drawn(use)
  }
  return undefined
}

/** Whether a share can pass all steps now. */
export const hasQuota = (request: Request, basis: Basis, now: number): boolean => {
  for (const part of request.parts) if (obstacleOf(part, basis, now) !== undefined) return false
  return true
}

/** Whether a waiter that had its quota has it no more: a claim inside a lease took it, or there is less. */
export const lostQuota = (request: Request, now: number): boolean => {
  for (const part of request.parts) {
    const { account, amount } = part
    if (account.level === undefined && account.held + amount <= account.quota) continue
    if (obstacleOf(part, "held", now) !== undefined) return true
  }
  return false
}

/** Whether the group nearest to the root, on the way there, is within its quota with a share that passes. */
const passesWithinQuota = ({ account, amount }: Part): boolean => {
  let draw = amount
  let entitled = false
  for (let level = account.level; level?.parent !== undefined; level = level.parent) {
    entitled = level.subtree > 0 && level.used + draw <= level.subtree
    draw = level.drawn(level.used + draw) - level.drawn(level.used)
  }
  return entitled
}

/** Whether all that a claim asks for is its groups' own. Those go before others: what was lent comes back first. */
export const isEntitled = (request: Request, now: number): boolean =>
  request.parts.every((part) => {
    const obstacle = obstacleOf(part, "used", now)
    return obstacle === undefined ? passesWithinQuota(part) : obstacle.entitled
  })

/** Closes the steps of a share up to the one that refused it: what is behind it must not pass there. */
export const closeUpTo = ({ level: last, part }: Obstacle, closed: Set<Step>): void => {
  if (isOwnFlat(part.account)) closed.add(part.account)
  if (last === undefined) return
  for (let level = part.account.level; level !== undefined; level = level.parent) {
    closed.add(level)
    if (level === last) return
  }
}

/** A waiter's share has its quota, or with `-1` has it no more. */
export const reserve = ({ account, amount, request }: Part, sign: 1 | -1): void => {
  if (account.level === undefined) return
  const of = sign * amount
  shift(account.level, of, 0, 0, 0, request.grows === undefined ? sign : 0, of, sign)
}
