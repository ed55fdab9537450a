/**
 * Everything happens at its own instant, however late the Ledger is told of it:
 * grants by rate, expiries and time-outs. `nextDueAt` is never later than the
 * first instant at which something must happen, and never so early that a caller
 * would spin.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import { firstExpiry, nextBoundary } from "../promises.ts"
import { serve } from "../service.ts"

const name = "timers"
const fail = failing(name)

export const timers = (run: Run): Checker => {
  const { ledger, world } = run
  /** The first expiry or time-out. */
  const firstEnd = () => {
    let at = Infinity
    for (const { grantedAt, lingers, notice, ttl } of world.leases) {
      // What lingers has had its expiry once it is being ended.
      if (ttl !== 0 && !(lingers && notice?.ending === true)) at = Math.min(at, grantedAt + ttl)
      if (notice !== undefined) at = Math.min(at, notice.ending ? notice.forcedAt : notice.deadline)
    }
    for (const waiter of world.waiters) at = Math.min(at, Math.max(waiter.deadline, waiter.askedAt))
    return at
  }
  /** Who waits for tokens of one pool, and for what is kept for it in another, may be looked at later than it could be. */
  const isJudged = () => world.promises.size === 0 || world.pools.every((pool) => pool.rate === undefined)
  /** Whether somebody may have its quota by time: what tokens of groups there are is not in the model. */
  const waitsForRate = () =>
    world.tree !== undefined && world.waiters.some(({ agent, parked }) => parked && world.tree!.isRated(agent))
  /** Whether somebody may pass a head once there are tokens: `backfill` judges that. */
  const mayPassByTokens = () =>
    run.backfill !== undefined && world.line.some(({ needs }) => needs.some(({ cost }) => cost > 0))
  return {
    name,
    onEvent: (event) => {
      if (event.at < world.now) fail(`${event._tag} at ${event.at}, after something at ${world.now}`)
      if (event.at > world.now) {
        const served = isJudged() ? serve(world, world.now).at : Infinity
        const must = Math.min(served, firstEnd(), firstExpiry(world))
        if (must < event.at) fail(`something had to happen at ${must}, but the next thing was at ${event.at}`)
      }
      if (event._tag === "Returned" && event.reason === "expired") {
        const { grantedAt, lingers, notice, ttl } = world.claim(event.id)
        const expiresAt = grantedAt + ttl
        // What lingers is given back by its holder, between its expiry and the forced end.
        const isInTime =
          lingers && notice?.cause === "expiry"
            ? event.at >= expiresAt && event.at <= notice.forcedAt
            : !lingers && event.at === expiresAt
        if (ttl === 0 || !isInTime) fail(`${event.id} expired at ${event.at}`)
      }
      if (event._tag === "Left" && event.reason === "ClaimTimedOut") {
        const { askedAt, deadline } = world.claim(event.id)
        if (event.at !== Math.max(askedAt, deadline)) fail(`${event.id} timed out at ${event.at}, not at ${deadline}`)
        const expired = world.leases.find(
          (lease) => lease.ttl !== 0 && lease.grantedAt + lease.ttl <= event.at && lease.notice?.ending !== true
        )
        if (expired !== undefined) fail(`${event.id} timed out before ${expired.id} expired at the same instant`)
      }
    },
    afterCommand: () => {
      const now = ledger.now
      if (now < run.command.at || now < world.now) fail(`the Ledger is at ${now}, behind ${run.command.at}`)
      if (world.waiters.length > 24 && run.step % 8 !== 0) return
      if (!isJudged()) return
      const { at, progressAt } = serve(world, now)
      const end = Math.min(firstEnd(), nextBoundary(world, now))
      const must = Math.min(at, end)
      if (must <= now) fail(`something had to happen at ${must}, and it is ${now}`)
      const next = ledger.nextDueAt
      // Instants beyond the safe integers are centuries away, and round.
      if (next > must && must <= Number.MAX_SAFE_INTEGER)
        fail(`the next thing happens at ${must}, but the timer is set to ${next}`)
      if (next <= now) fail(`the timer is set to ${next}, and it is ${now}`)
      if (next < Math.min(end, progressAt, Number.MAX_SAFE_INTEGER) && !waitsForRate() && !mayPassByTokens())
        fail(`the timer is set to ${next}, but nothing happens before ${must}`)
    }
  }
}
