/**
 * Backfill past heads: who starts before its turn takes nothing that is set aside for
 * others, and whoever is first in line can start as early as before, by all that leases and claims
 * declare. Where nobody knows when that is, nobody passes it in a pool that it waits for.
 *
 * Nobody is forgotten: in a pool whose waiters wait nowhere else nobody waits who, by the rule,
 * could start. At every command where at most `everyStepMax` wait, else at every eighth.
 */
import type { BackfillOptions } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import type { World, WorldClaim, WorldPool } from "../model.ts"
import { isSafeWith } from "../prevention.ts"
import { durationOf, endOf } from "../promises.ts"
import { isItsTurn, serve } from "../service.ts"

const name = "backfill"
const fail = failing(name)
const everyStepMax = 16

/** Leases that hold some of a pool, by when they are back (overdue is as soon as it will be) and then by age. */
const returnsOf = (world: World, pool: WorldPool) =>
  world.leases
    .flatMap((lease) => {
      const amount = lease.needs.find((need) => need.pool === pool)?.amount ?? 0
      return amount === 0 ? [] : [{ at: endOf(lease), id: lease.id, amount }]
    })
    .toSorted((a, b) => a.at - b.at || a.id - b.id)

/** The first instant at which all that a waiter needs is there, by the ends of leases alone. */
const earliest = (world: World, waiter: WorldClaim, now: number): number =>
  Math.max(
    now,
    ...waiter.needs.map(({ amount, pool }) => {
      let free = pool.free
      if (free >= amount) return now
      for (const end of returnsOf(world, pool)) {
        free += end.amount
        if (free >= amount) return end.at
      }
      return Infinity
    })
  )

/** Who by the rule could start in a pool of its own, and does not. */
const forgotten = (
  world: World,
  pool: WorldPool,
  { depth = Infinity, kind }: BackfillOptions,
  now: number
): WorldClaim | undefined => {
  const line = world.line.filter((waiter) => waiter.needs.some((need) => need.pool === pool))
  const [head, ...others] = line
  if (head === undefined || line.some(({ needs }) => needs.length > 1)) return undefined
  // How long a growth lasts depends on its lease: it is judged by who is passed alone.
  if (line.some(({ grows }) => grows !== undefined)) return undefined
  const { amount: wanted, cost } = head.needs[0]!
  const tokensAt = (tokens: number) =>
    tokens === 0 || pool.bucket === undefined ? now : pool.bucket.readyAt(tokens, now)
  let free = pool.free
  if (free >= wanted) return undefined
  // One that is overdue is back nobody knows when: the rule says nothing then.
  if (returnsOf(world, pool).some((end) => end.at < now)) return undefined
  for (const end of returnsOf(world, pool)) {
    free += end.amount
    if (free < wanted) continue
    const shadow = Math.max(now, end.at)
    // It may be that the head starts by its tokens, later than its units are there.
    if (shadow === Infinity || tokensAt(cost) > shadow) return undefined
    const queue = world.queued.filter((waiter) => line.includes(waiter))
    return others.find((waiter) => {
      // Whoever is within the depth in the order, and as they came, is within it in any case.
      if (line.indexOf(waiter) >= depth || queue.indexOf(waiter) >= depth) return false
      const { amount, cost: own } = waiter.needs[0]!
      if (own > 0 && (own > pool.tokens(now) || tokensAt(own + cost) > shadow)) return false
      if (amount > pool.free || (world.avoids && !isSafeWith(world, waiter))) return false
      return now + durationOf(waiter, now) < shadow || (kind === "easy" && amount <= free - wanted)
    })
  }
  return undefined
}

export const backfill = (run: Run): Checker => {
  const { ledger, world } = run
  const kind = run.backfill?.kind
  /** The first in line when somebody passed it, and when it could start then. */
  let passed: { readonly first: WorldClaim; readonly by: WorldClaim; readonly at: number } | undefined
  const checkPassed = (now: number) => {
    if (passed === undefined) return
    const { at, by, first } = passed
    passed = undefined
    if (first.status !== "waiting") return
    const late = earliest(world, first, now)
    if (late > Math.max(at, now)) fail(`${by.id} started before ${first.id}, which can now start at ${late}, not ${at}`)
  }
  return {
    name,
    onEvent: (event) => {
      // A promise decides about starts too, and may come after.
      if (kind === undefined || kind === "conservative" || world.promised) return
      checkPassed(world.now)
      if (world.promised || event._tag !== "Granted" || event.passed !== undefined) return
      const claim = world.claim(event.id)
      if (claim.exempt || isItsTurn(world, claim, event.at)) return
      run.count("backfilled")
      const lines = serve(world, event.at).lines
      for (const { amount, cost, pool } of claim.needs) {
        const { earmarked, earmarkedTokens, firstShort } = lines[pool.index]!
        const isBehind = firstShort !== undefined && world.line.indexOf(firstShort) <= world.line.indexOf(claim)
        if (!isBehind) continue
        if (amount > pool.free - earmarked || cost > pool.tokens(event.at) - earmarkedTokens) {
          fail(`${claim.id} took what is set aside in ${pool.type}`)
        }
      }
      const first = world.line[0]
      if (first === undefined || first === claim) return
      const at = earliest(world, first, event.at)
      const meets = claim.needs.some(({ amount, pool }) => {
        const need = first.needs.find((other) => other.pool === pool)
        // Where it has its share it is passed by nobody: what is set aside was looked at above.
        const isShort = lines[pool.index]!.firstShort === first
        return need !== undefined && isShort && (need.amount > pool.free - amount || need.cost > 0)
      })
      const until = event.at + durationOf(claim, event.at)
      const isTimed = first.needs.some(({ cost, pool }) => cost > 0 || pool.rate !== undefined)
      const isShort = first.needs.some(
        (need) => need.amount > need.pool.free && claim.needs.some(({ pool }) => pool === need.pool)
      )
      if (kind === "shadow" && isShort && !isTimed && until >= at) {
        fail(`${claim.id} started before ${first.id} and may last beyond its start at ${at}`)
      }
      if (meets && at === Infinity) fail(`${claim.id} passed ${first.id}, which may wait for ever`)
      // Who waits for tokens may start later than its units are there.
      if (!isTimed) passed = { first, by: claim, at }
    },
    afterCommand: () => {
      if (run.backfill === undefined || kind === "conservative") return
      checkPassed(ledger.now)
      if (world.promised) return
      if (world.waiters.length > everyStepMax && run.step % 8 !== 0) return
      for (const pool of world.pools) {
        const waiter = forgotten(world, pool, run.backfill, ledger.now)
        if (waiter !== undefined)
          fail(`${waiter.id} could start in ${pool.type} beside ${world.line[0]?.id}, and waits`)
      }
    }
  }
}
