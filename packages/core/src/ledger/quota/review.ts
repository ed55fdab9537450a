/** After a cut: who of the waiters of a tree can never be granted any more, or is over its quota now. */
import type { QuotaExceeded } from "../Refusal.ts"
import type { Request } from "../Request.ts"
import { isOwnFlat, type Obstacle, obstacleOf } from "./obstacles.ts"
import type { Level } from "./Level.ts"
import { modeOf, neverInGroups, overOwn, refusedBy } from "./refusals.ts"

export interface Verdicts {
  readonly fail: (request: Request, refusal: QuotaExceeded) => void
  readonly withdraw: (request: Request) => void
}

/** The first level that more is used of than may be. */
const overfull = (request: Request): Obstacle | undefined => {
  for (const part of request.parts) {
    const { account } = part
    if (isOwnFlat(account) && account.held + account.waiting - account.parked > account.quota) {
      return { part, level: undefined, limit: "max", wanted: part.amount, entitled: false }
    }
    for (let level: Level | undefined = account.level; level !== undefined; level = level.parent) {
      const limit =
        level.inUse + level.amountWaiting > level.max
          ? "max"
          : level.used > level.cap
            ? level.capName
            : level.leases + level.leasesWaiting > level.leasesMax && level.leasesWaiting > 0
              ? "leases"
              : level.tokensWaiting > level.burst
                ? "rate"
                : undefined
      if (limit !== undefined) return { part, level, limit, wanted: part.amount, entitled: false }
    }
  }
  return undefined
}

const never = (request: Request): QuotaExceeded | undefined => {
  for (const part of request.parts) {
    const { account, amount } = part
    const refusal = neverInGroups(part) ?? (amount > account.quota ? overOwn(part, false) : undefined)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/**
 * Of waiters, youngest first: those over their quota fail or, where they wait for quota,
 * wait for it again; leases stay. One that waits for what is its group's own no more, and
 * does not wait for other quota, fails too.
 */
export const reviewAll = (waiters: ReadonlyArray<Request>, now: number, { fail, withdraw }: Verdicts): void => {
  for (const waiter of waiters) {
    const refusal = never(waiter)
    if (refusal !== undefined) {
      fail(waiter, refusal)
      continue
    }
    const waits = modeOf(waiter) === "wait"
    if (waiter.quota?.parked === undefined) {
      const over = overfull(waiter)
      if (over === undefined) continue
      if (waits) withdraw(waiter)
      else fail(waiter, refusedBy(over, now))
      continue
    }
    if (waits) continue
    const obstacles = waiter.parts.flatMap((part) => obstacleOf(part, "used", now) ?? [])
    const foreign = obstacles.find((obstacle) => !obstacle.entitled)
    if (foreign !== undefined) fail(waiter, refusedBy(foreign, now))
  }
}
