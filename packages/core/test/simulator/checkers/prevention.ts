/**
 * Deadlocks that are prevented: by age a younger claim inside a lease does not begin to wait
 * for an older one; where they are avoided nothing is granted after which somebody could not have
 * all that it declared. That nobody waits who could be granted safely is the rule of `order`.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import type { WorldClaim } from "../model.ts"
import { isSafeWith, needsOlder, neverHad } from "../prevention.ts"
import { standingPromises } from "../promises.ts"

const name = "prevention"
const fail = failing(name)

export const prevention = (run: Run): Checker => {
  const { deadlock, world } = run
  /** A claim that has just been queued. */
  let asked: number | undefined
  const judge = (failed: number | undefined) => {
    const claim: WorldClaim | undefined = asked === undefined ? undefined : world.claims.get(asked)
    asked = undefined
    if (claim?.status !== "waiting" || claim.parked || failed === claim.id) return
    if (needsOlder(world, claim)) fail(`${claim.id} waits for an older lease`)
  }
  return {
    name,
    onEvent: (event) => {
      if (deadlock.ages === "wait-die") {
        // First it may take what it needs: that comes back by time.
        if (event._tag !== "Preempting") judge(event._tag === "Left" ? event.id : undefined)
        if (event._tag === "Queued") asked = event.id
      }
      if (!world.avoids || (event._tag !== "Granted" && event._tag !== "GrantedAtOnce")) return
      const claim =
        event._tag === "Granted"
          ? world.claim(event.id)
          : {
              agent: event.agent,
              parent: world.asking.parent,
              grows: world.asking.grows,
              scheduling: event.scheduling ?? { expected: 0, preemptible: false },
              needs: Object.entries(event.claim).map(([type, amount]) => ({ pool: world.pool(type), amount, cost: 0 }))
            }
      if (!isSafeWith(world, claim, event.at)) fail(`${event.id} was granted, which is not safe`)
      run.count("banker: judged safe")
      if (world.tree !== undefined) run.count("banker: judged safe beside quotas")
      if (standingPromises(world, event.at).length > 0) run.count("banker: judged safe beside promises")
    },
    afterCommand: () => {
      if (deadlock.ages === "wait-die") {
        judge(undefined)
      }
      if (!world.avoids) return
      const { now } = run.ledger
      for (const waiter of world.waiters) {
        if (neverHad(world, waiter, now).length > 0) fail(`${waiter.id} waits with a maximum that it can never have`)
      }
      for (const waiter of world.waiters) if (!isSafeWith(world, waiter, now)) return run.count("banker: kept waiting")
    }
  }
}
