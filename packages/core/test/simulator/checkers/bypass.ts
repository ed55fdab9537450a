/**
 * Whoever is granted out of turn passes only waiters that may be passed: each the first
 * that is short in a pool, not rescued, passed fewer times than the bound and not for
 * longer; takes only what is free beyond what is earmarked; and stands within the depth
 * that is looked at. And where somebody may pass, nobody waits who fits: looked at where
 * no pool has a rate, for time alone lets nobody pass.
 */
import { type Checker, failing, type Run } from "../checker.ts"
import type { WorldClaim } from "../model.ts"
import { isSafeWith } from "../prevention.ts"
import { askerFor, roomFor } from "../promises.ts"
import { serve } from "../service.ts"

const name = "bypass"
const fail = failing(name)

export const bypass = (run: Run): Checker => {
  const { world } = run
  const rule = world.order.policy?.bypass
  const mayBePassed = (head: WorldClaim, now: number): boolean =>
    rule !== undefined &&
    !head.rescued &&
    head.passed < rule.max &&
    (head.passed === 0 || now < head.passedSince + rule.within)

  /** Whom a waiter passes if it is granted now, or why it may not be. */
  const passage = (claim: WorldClaim, now: number): ReadonlySet<WorldClaim> | string => {
    const { lines } = serve(world, now)
    const queue = world.line
    const place = queue.indexOf(claim)
    const heads = new Set<WorldClaim>()
    for (const { amount, cost, pool } of claim.needs) {
      const { earmarked, earmarkedTokens, firstShort: head } = lines[pool.index]!
      if (head === undefined || place < queue.indexOf(head)) continue
      if (head === claim) return `it is the first that is short of ${pool.type}`
      if (
        amount > roomFor(world, askerFor(world, claim, now), pool, now) - earmarked ||
        (cost > 0 && cost > pool.tokens(now) - earmarkedTokens)
      )
        return `it takes ${pool.type} that is earmarked`
      if (!mayBePassed(head, now)) return `${head.id} may not be passed`
      heads.add(head)
    }
    return heads
  }
  /** Whether it is near enough behind the first short one, in some pool, to be looked at. */
  const isLookedAt = (claim: WorldClaim, now: number): boolean => {
    const { lines } = serve(world, now)
    return claim.needs.some(({ pool }) => {
      const queue = world.line.filter((waiter) => waiter.needs.some((need) => need.pool === pool))
      const head = lines[pool.index]!.firstShort
      const behind = queue.indexOf(claim) - (head === undefined ? Infinity : queue.indexOf(head))
      return behind > 0 && behind <= (rule?.depth ?? 0)
    })
  }
  return {
    name,
    onEvent: (event) => {
      if (event._tag !== "Granted" || event.passed === undefined) return
      const claim = world.claim(event.id)
      const heads = passage(claim, event.at)
      if (typeof heads === "string") return fail(`${claim.id} was granted out of turn: ${heads}`)
      const told = event.passed.map((id) => world.claim(id))
      if (told.length !== heads.size || told.some((head) => !heads.has(head)))
        fail(`${claim.id} passed ${event.passed.join(", ")}, not ${[...heads].map((head) => head.id).join(", ")}`)
      if (!isLookedAt(claim, event.at)) fail(`${claim.id} stands too far behind to be looked at`)
      run.count("bypass: passed")
    },
    afterCommand: () => {
      for (const waiter of world.waiters) {
        if (waiter.passed > (rule?.max ?? 0)) fail(`${waiter.id} was passed ${waiter.passed} times`)
        if (rule !== undefined && waiter.passed === rule.max) run.count("bypass: pinned")
      }
      const { name: command } = run.command
      if (rule === undefined || world.stopped || (command !== "release" && command !== "claim")) return
      if (world.pools.some((pool) => pool.rate !== undefined)) return
      const now = run.ledger.now
      for (const waiter of world.queued) {
        // It may be kept by what is not safe, and lets those behind it pass all the same.
        if (world.avoids && !isSafeWith(world, waiter, now)) continue
        if (typeof passage(waiter, now) !== "string" && isLookedAt(waiter, now))
          fail(`${waiter.id} could pass and waits`)
      }
    }
  }
}
