/**
 * First come, first served: nobody is granted what an earlier waiter needs (but
 * for the exempt), and no waiter that could be served is waiting. The earmarks of
 * each pool are recomputed by walking the queue: at every command where at most
 * `everyStepMax` wait, else at every eighth.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import type { WorldClaim } from "../model.ts"
import { askerOf, isKept, roomFor } from "../promises.ts"
import { isItsTurn, serve } from "../service.ts"

const name = "order"
const fail = failing(name)
const everyStepMax = 24

export const order = (run: Run): Checker => {
  const { ledger, world } = run
  /** Whom a share put before somebody who came first. */
  const count = (claim: WorldClaim) => {
    if (claim.rescued || claim.chosen > 0) return
    const earlier = world.queued.find(
      (waiter) =>
        waiter.agent !== claim.agent && waiter.needs.some(({ pool }) => claim.needs.some((n) => n.pool === pool))
    )
    if (earlier === undefined || earlier.id > claim.id) return
    run.count("fair share: decided")
    if (world.order.policy?.halfLife !== undefined) run.count("fair share: decided with a half-life")
    if (world.order.siblings(claim.agent, earlier.agent).some((sharer) => world.order.isGroup(sharer))) {
      run.count("fair share: decided by groups")
    }
  }
  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Granted") {
        const claim = world.claim(event.id)
        // Who goes past others is for `bypass` and `backfill` to judge.
        if (event.passed === undefined && run.backfill === undefined && !isItsTurn(world, claim, event.at))
          fail(`${claim.id} was granted before its turn`)
        if (world.order.policy?.fair !== undefined && event.passed === undefined) count(claim)
      }
      if (event._tag === "Chosen") {
        const { lines } = serve(world, event.at)
        const claim = world.claim(event.id)
        const isNext = lines.some(({ firstShort }) => {
          if (firstShort === undefined || claim.chosen > 0) return false
          return world.line.indexOf(claim) <= world.line.indexOf(firstShort)
        })
        if (!isNext) fail(`${event.id} was chosen, and is next nowhere`)
      }
      if (event._tag === "GrantedAtOnce") {
        const { agent, scheduling = { expected: 0, preemptible: false } } = event
        const ahead = world.order.before({ id: 0, agent, scheduling })
        for (const [type, amount] of Object.entries(event.claim)) {
          const pool = world.pool(type)
          let units = amount
          let tokens = pool.costOf(amount)
          for (const waiter of ahead) {
            for (const need of waiter.needs) {
              if (need.pool !== pool) continue
              units += need.amount
              tokens += need.cost
            }
          }
          const asker = askerOf(event, run)
          if (isKept(world, asker, pool, amount, event.at)) continue
          const room = roomFor(world, asker, pool, event.at)
          if (units > room || tokens > pool.tokens(event.at)) fail(`${event.id} overtook waiters for ${type}`)
        }
      }
      if (
        event._tag === "Left" &&
        event.reason === "ClaimTimedOut" &&
        world.claim(event.id).arrivedIn < world.command
      ) {
        const served = serve(world, event.at)
        if (served.at <= event.at) fail(`${event.id} timed out while ${served.waiter?.id} could be served`)
      }
    },
    afterCommand: () => {
      if (world.waiters.length > everyStepMax && run.step % 8 !== 0) return
      const now = ledger.now
      const served = serve(world, now)
      if (served.at <= now) fail(`${served.waiter?.id} could be served and waits`)
      served.lines.forEach((line, index) => {
        const type = world.pools[index]!.type
        const pool = ledger.books.pools.get(type)!
        if (pool.earmarked !== line.earmarked || pool.earmarkedTokens !== line.earmarkedTokens) {
          fail(
            `${type}: ${pool.earmarked} units and ${pool.earmarkedTokens} tokens are earmarked, ` +
              `not ${line.earmarked} and ${line.earmarkedTokens}`
          )
        }
        if (
          world.order.policy?.committed === true &&
          !world.planned &&
          line.firstShort?.chosen === 0 &&
          !line.firstShort.rescued
        ) {
          fail(`${type}: ${line.firstShort.id} is next, and was not chosen`)
        }
        if (pool.firstShort?.request.id !== line.firstShort?.id) {
          fail(`${type}: ${pool.firstShort?.request.id} is called the first that is short, not ${line.firstShort?.id}`)
        }
      })
    }
  }
}
