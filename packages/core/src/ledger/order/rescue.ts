/**
 * Aging as a rescue: of so many grants of a pool one goes to its oldest waiter that
 * has waited long enough, whatever its class. So everyone is served in the end, and
 * classes keep their meaning: adding age to a priority, or serving all that waited
 * too long first, is first come, first served once there is too much of everything.
 *
 * A pool names one waiter at a time, and the next one only `oneIn - 1` grants after
 * the last it named was granted. Whoever is named goes before all others in each of
 * its queues; of several so named by several pools the oldest goes first.
 */
import type { Pool } from "../Pool.ts"
import type { Request } from "../Request.ts"
import type { Aging } from "./Order.ts"

/** The waiter that a pool rescues now, if it is its turn to. */
export const toRescue = (pool: Pool, { afterMicros, oneIn }: Aging, now: number): Request | undefined => {
  const oldest = pool.waitersHead?.request
  if (oldest === undefined || oldest.turn.rescued || pool.rescuing !== undefined) return undefined
  if (pool.acquisitions - pool.rescuedAt < oneIn - 1) return undefined
  return now - oldest.askedAt >= afterMicros ? oldest : undefined
}
