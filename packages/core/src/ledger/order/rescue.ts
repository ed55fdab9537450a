/**
 * Aging as a rescue: in each pool one grant in `oneIn` is for its oldest waiter that
 * has waited long enough, whatever its class. So everyone is served in the end, and
 * classes keep their meaning: adding age to a priority, or serving all that waited
 * too long first, is first come, first served once there is too much of everything.
 *
 * **Bound.** Whoever is rescued goes before all others, in each of its queues. A pool
 * rescues its oldest waiter that was not rescued before once `oneIn - 1` grants were
 * made since the last one it named; so whoever has waited long enough, with `older`
 * waiters before it in a pool, is rescued at the latest after
 * `oneIn * (older + 1)` more grants of that pool: each `oneIn` of them name one of those.
 * Who waits for quota first, or again, comes to the queue behind all others: its bound
 * begins there, once those in front of it have waited long enough too.
 */
import type { Pool } from "../Pool.ts"
import type { Request } from "../Request.ts"
import type { Aging } from "./Order.ts"

/** The waiter that a pool rescues now, if it is its turn to. */
export const toRescue = (pool: Pool, { afterMicros, oneIn }: Aging, now: number): Request | undefined => {
  if (pool.acquisitions - pool.rescuedAt < oneIn - 1) return undefined
  let part = pool.waitersHead
  // Those who were rescued and wait for another pool: few, for each of them was `oneIn` grants.
  while (part?.request.turn.rescued === true) part = part.next
  return part !== undefined && now - part.request.askedAt >= afterMicros ? part.request : undefined
}
