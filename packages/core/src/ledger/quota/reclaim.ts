/** Which leases have what a claim waits for although it is its group's own: for whoever takes leases back. */
import type { Part, Request } from "../Request.ts"
import { type Level } from "./Level.ts"
import { obstacleOf } from "./obstacles.ts"

/** The level of a branch, right below another. */
const childBelow = (part: Part, above: Level): Level | undefined => {
  let level = part.account.level
  while (level !== undefined && level.parent !== above) level = level.parent
  return level
}

/** What a waiter is refused by although its group is within its quota there. */
const reclaimed = (claimant: Request, now: number) =>
  claimant.quota?.parked === undefined
    ? []
    : claimant.parts.flatMap((part) => {
        const obstacle = obstacleOf(part, "used", now)
        return obstacle?.entitled === true && obstacle.level !== undefined ? [{ part, level: obstacle.level }] : []
      })

/** Whether a claim waits for units that are its group's own, and lent to others. */
export const isReclaiming = (claimant: Request, now: number): boolean => reclaimed(claimant, now).length > 0

/**
 * Whether a lease has, borrowed, what a claim waits for although it is its group's
 * own: the victim's branch uses more than its quota, and the claimant's does not.
 */
export const reclaims = (victim: Request, claimant: Request, now: number): boolean => {
  if (victim.status !== "held") return false
  return reclaimed(claimant, now).some(({ level, part }) =>
    victim.parts.some((held) => {
      if (held.pool !== part.pool) return false
      const borrower = childBelow(held, level)
      return borrower !== undefined && borrower !== childBelow(part, level) && borrower.held > borrower.subtree
    })
  )
}
