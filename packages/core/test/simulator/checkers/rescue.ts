/**
 * Aging as a rescue: a pool names the oldest waiter that it has not named, once that one
 * has waited long enough and enough grants were made since it named the last; and it
 * names one whenever something is granted or returned where it may, before the next one is granted from a queue.
 *
 * The bound: whoever has waited long enough as something is granted or returned, with so
 * many waiters before it in a pool, is rescued or gone at the latest `oneIn` grants of
 * that pool later for each of those and for itself. Who waits for quota
 * first, or again, comes to the queue behind all others: its bound begins there, once
 * those in front of it have waited long enough too, for some of them asked later.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import type { WorldClaim, WorldPool } from "../model.ts"

const name = "rescue"
const fail = failing(name)

interface Ripe {
  readonly older: number
  readonly grants: number
}

export const rescue = (run: Run): Checker => {
  const { world } = run
  const aging = world.order.policy?.priority?.aging
  /** Grants of each pool that were not undone, and how many there were with that of the last one named. */
  const grants = new Map<WorldPool, number>()
  const marks = new Map<WorldPool, number>()
  const ripe = new Map<WorldPool, Map<WorldClaim, Ripe>>()
  let changed = false
  const of = (counts: Map<WorldPool, number>, pool: WorldPool) => counts.get(pool) ?? 0
  const waitersOf = (pool: WorldPool) => world.queued.filter(({ needs }) => needs.some((need) => need.pool === pool))
  const oldest = (pool: WorldPool) => waitersOf(pool).find((waiter) => !waiter.rescued)
  const isDue = (pool: WorldPool, oneIn: number) => of(grants, pool) - of(marks, pool) >= oneIn - 1

  const judge = (id: number, type: string, now: number) => {
    if (aging === undefined) return fail(`${id} was rescued, which no rule says`)
    const pool = world.pool(type)
    const claim = world.claim(id)
    if (oldest(pool) !== claim) fail(`${id} was rescued, which is not the oldest of ${type}`)
    if (now - claim.askedAt < aging.after) fail(`${id} was rescued after ${now - claim.askedAt}`)
    if (!isDue(pool, aging.oneIn)) fail(`${type} rescued ${id} too soon`)
    marks.set(pool, of(grants, pool) + 1)
    run.count("rescue: named")
  }
  const watch = (oneIn: number, after: number) => {
    // At the instant of the last decision: nobody looks while nothing happens.
    const { now } = world
    for (const pool of world.pools) {
      const known = ripe.get(pool) ?? new Map<WorldClaim, Ripe>()
      ripe.set(pool, known)
      const waiters = waitersOf(pool)
      // Nobody behind one that has not waited long enough is named, however long it has waited.
      const young = waiters.findIndex((waiter) => !waiter.rescued && now - waiter.askedAt < after)
      waiters.slice(0, young < 0 ? waiters.length : young).forEach((waiter, older) => {
        if (waiter.rescued) return
        const since = known.get(waiter)
        if (since === undefined) known.set(waiter, { older, grants: of(grants, pool) })
        else if (of(grants, pool) - since.grants > oneIn * (since.older + 1))
          fail(`${waiter.id} is not rescued after ${of(grants, pool) - since.grants} grants of ${pool.type}`)
        else if (of(grants, pool) - since.grants > oneIn) run.count("rescue: bound watched")
      })
      for (const claim of known.keys()) if (claim.status !== "waiting") known.delete(claim)
      const first = waiters.find((waiter) => !waiter.rescued)
      if (first !== undefined && isDue(pool, oneIn) && now - first.askedAt >= after)
        fail(`${pool.type} could have rescued ${first.id}`)
    }
  }
  return {
    name,
    onEvent: (event) => {
      changed = event._tag === "Granted" || event._tag === "GrantedAtOnce" || event._tag === "Returned"
      if (event._tag === "Rescued") judge(event.id, event.type, event.at)
      if (event._tag === "Granted" && aging !== undefined) {
        for (const pool of world.pools) {
          const first = oldest(pool)
          if (first !== undefined && isDue(pool, aging.oneIn) && event.at - first.askedAt >= aging.after)
            fail(`${pool.type} could have rescued ${first.id} before ${event.id} was granted`)
        }
      }
      // At once: it may be back, behind all others, before the command ends.
      if (event._tag === "Withdrawn") {
        const claim = world.claim(event.id)
        for (const { pool } of claim.needs) ripe.get(pool)?.delete(claim)
      }
      const pools =
        event._tag === "GrantedAtOnce"
          ? Object.keys(event.claim).map((type) => world.pool(type))
          : event._tag === "Granted" || event._tag === "Undone"
            ? world.claim(event.id).needs.map((need) => need.pool)
            : []
      const sign = event._tag === "Undone" ? -1 : 1
      for (const pool of pools) {
        grants.set(pool, of(grants, pool) + sign)
        // What was undone is not waited for again.
        if (sign < 0) marks.set(pool, Math.min(of(marks, pool), of(grants, pool) + 1))
      }
    },
    afterCommand: () => {
      if (aging !== undefined && changed && !world.stopped) watch(aging.oneIn, aging.after)
      changed = false
    }
  }
}
