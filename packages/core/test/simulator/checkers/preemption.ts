/**
 * Leases are taken by the rules: only of lower priority, only where that serves the
 * claim, and those whom the rules name, by brute force over all sets of candidates
 * where there are few. Everybody who could be served so is, nobody ends in vain, and
 * each thing happens at its instant. Preemption ends: what it lowers (`potential`) is
 * compared before and after the victims of a claim are told.
 *
 * Whether what comes back is there for a claim is another question where something is promised to
 * others: from then on only who may be taken, and when, is judged.
 */
import type { LedgerEvent } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { around, type World, type WorldClaim, type WorldPool } from "../model.ts"
import { askerFor, roomFor } from "../promises.ts"
import { serve } from "../service.ts"

const name = "preemption"
const fail = failing(name)
const candidatesMax = 12
const waitersMax = 24

type Missing = ReadonlyMap<WorldPool, number>

const amountIn = (claim: WorldClaim, pool: WorldPool): number =>
  claim.needs.find((need) => need.pool === pool)?.amount ?? 0

/** What each waiter lacks, in order, where it and all before it are to be served by what is free or comes back. */
const missingOf = (world: World): ReadonlyMap<WorldClaim, Missing> => {
  const { lines } = serve(world, world.now)
  const noticed = world.leases.filter((lease) => lease.notice !== undefined)
  const coming = world.pools.map((pool) => noticed.reduce((sum, lease) => sum + amountIn(lease, pool), 0))
  const wanted = world.pools.map(() => 0)
  const short = new Set<WorldPool>()
  return new Map(
    world.line.map((waiter) => {
      const missing = new Map<WorldPool, number>()
      const asker = askerFor(world, waiter, world.now)
      for (const { amount, pool } of waiter.needs) {
        const { index } = pool
        wanted[index]! += amount
        if (lines[index]!.firstShort === waiter) short.add(pool)
        const units = wanted[index]! - roomFor(world, asker, pool, world.now) - coming[index]!
        if (short.has(pool) && units > 0) missing.set(pool, units)
      }
      return [waiter, missing]
    })
  )
}

const candidatesFor = (world: World, waiter: WorldClaim): ReadonlyArray<WorldClaim> =>
  world.leases
    .filter(
      (lease) => lease.preemptible && lease.notice === undefined && lease.leasePriority < world.order.rankOf(waiter)
    )
    .filter((lease) => !around(waiter).includes(lease))
    .toSorted((a, b) => a.leasePriority - b.leasePriority || b.token - a.token)

const isEnough = (missing: Missing, leases: ReadonlyArray<WorldClaim>): boolean =>
  [...missing].every(([pool, units]) => leases.reduce((sum, lease) => sum + amountIn(lease, pool), 0) >= units)

/** Of all sets of candidates, cheapest first, that are enough the one that spares the dearest, then the next dearest, and so on. */
export const bestOf = (
  candidates: ReadonlyArray<WorldClaim>,
  isEnoughOf: (chosen: ReadonlyArray<WorldClaim>) => boolean
): ReadonlyArray<WorldClaim> => {
  // The cheapest is the lowest bit: the smallest number spares the dearest.
  for (let set = 0; set < 1 << candidates.length; set++) {
    const chosen = candidates.filter((_, at) => (set & (1 << at)) !== 0)
    if (isEnoughOf(chosen)) return chosen
  }
  return fail("no set of victims is enough")
}

export const bestVictims = (missing: Missing, candidates: ReadonlyArray<WorldClaim>): ReadonlyArray<WorldClaim> =>
  bestOf(candidates, (chosen) => isEnough(missing, chosen))

/** How many waiters of each priority lack something, the highest priority first. */
const potential = (world: World): ReadonlyArray<readonly [number, number]> => {
  const counts = new Map<number, number>()
  for (const [waiter, missing] of missingOf(world)) {
    const rank = world.order.rankOf(waiter)
    if (missing.size > 0) counts.set(rank, (counts.get(rank) ?? 0) + 1)
  }
  return [...counts].toSorted(([a], [b]) => b - a)
}

const isLess = (a: ReturnType<typeof potential>, b: ReturnType<typeof potential>): boolean => {
  for (const priority of new Set([...a, ...b].map(([at]) => at).toSorted((x, y) => y - x))) {
    const [left, right] = [a, b].map((counts) => counts.find(([at]) => at === priority)?.[1] ?? 0)
    if (left !== right) return left! < right!
  }
  return false
}

export const preemption = (run: Run): Checker => {
  const { preemption: policy, world } = run
  /** The claim whose victims are being told, those still to come, and the potential before. */
  let taking:
    | { readonly by: number; readonly due: Array<WorldClaim>; readonly before: ReturnType<typeof potential> }
    | undefined

  const finish = () => {
    if (taking === undefined) return
    const { before, by, due } = taking
    taking = undefined
    if (due.length > 0) fail(`${by} takes too few: not ${due.map(({ id }) => id).join(", ")}`)
    if (!isLess(potential(world), before)) fail(`what ${by} takes does not lower the potential`)
    run.count("preemption: potential fell")
  }

  const judge = (event: Extract<LedgerEvent, { readonly _tag: "Preempting" }>) => {
    const lease = world.claim(event.id)
    if (event.deadline !== event.at + policy.grace) fail(`${event.id} has until ${event.deadline}`)
    if (event.forcedAt !== event.deadline + policy.overrun) fail(`${event.id} is forced at ${event.forcedAt}`)
    if (lease.status !== "held" || !lease.preemptible || lease.notice !== undefined)
      fail(`${event.id} is told to end, which cannot be taken`)
    if (event.cause !== "priority") return
    if (!policy.byPriority) fail(`${event.id} is taken by priority, which is off`)
    const by = world.claim(event.by)
    if (taking !== undefined && taking.by !== by.id) finish()
    if (by.status !== "waiting") fail(`${by.id} takes ${lease.id}, and does not wait`)
    if (taking === undefined) {
      // As it begins: what it inherits may end with the first of those whom it takes.
      if (world.order.rankOf(by) <= lease.leasePriority) fail(`${by.id} takes ${lease.id}, and must not`)
      if (world.promised) return
      const missing = missingOf(world).get(by)
      const candidates = candidatesFor(world, by)
      if (missing === undefined || missing.size === 0) return fail(`${by.id} takes ${lease.id} and lacks nothing`)
      if (!isEnough(missing, candidates)) fail(`${by.id} takes ${lease.id} in vain`)
      if (candidates.length > candidatesMax) return
      taking = { by: by.id, due: [...bestVictims(missing, candidates)], before: potential(world) }
      run.count(`preemption: victims judged`)
      if (taking.due.length > 1) run.count("preemption: several victims")
    }
    const next = taking.due.shift()
    if (next !== lease) fail(`${by.id} takes ${lease.id}, not ${next?.id}`)
  }

  /** Whether somebody who may take the lease has all it needs only with it. */
  const isNeeded = (lease: WorldClaim): boolean => {
    const withIt = missingOf(world)
    const { notice } = lease
    lease.notice = undefined
    const without = missingOf(world)
    lease.notice = notice
    return world.waiters.some(
      (waiter) =>
        world.order.rankOf(waiter) > lease.leasePriority &&
        withIt.get(waiter)!.size === 0 &&
        without.get(waiter)!.size > 0
    )
  }

  const mayBeSpared = (lease: WorldClaim): boolean =>
    lease.notice?.cause === "priority" &&
    !lease.notice.ending &&
    !world.waiters.some((waiter) => around(waiter).includes(lease))

  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Preempting") return judge(event)
      finish()
      if (event._tag === "Spared") {
        const lease = world.claim(event.id)
        if (!mayBeSpared(lease)) fail(`${event.id} is spared, too late or with a wait inside`)
        if (!world.promised && isNeeded(lease)) fail(`${event.id} is spared, and somebody needs it`)
      }
      if (event._tag === "Ending") {
        const { notice } = world.claim(event.id)
        const early = run.command.name === "yieldUp" && run.command.returns === event.id
        if (notice === undefined || notice.ending) return fail(`${event.id} ends, and need not`)
        if (early ? event.at > notice.deadline : event.at !== notice.deadline)
          fail(`${event.id} ends at ${event.at}, not at ${notice.deadline}`)
      }
      if (event._tag !== "Returned" || (event.reason !== "preempted" && event.reason !== "overrun")) return
      const { notice } = world.claim(event.id)
      if (notice?.ending !== true) return fail(`${event.id} was ${event.reason}, and had not to end`)
      if (event.reason === "overrun" ? event.at !== notice.forcedAt : event.at > notice.forcedAt)
        fail(`${event.id} was ${event.reason} at ${event.at}, and is forced at ${notice.forcedAt}`)
    },
    afterCommand: () => {
      finish()
      let waiting = world.pools.map(() => 0)
      for (const { needs, notice } of world.leases) {
        if (notice !== undefined) for (const { amount, pool } of needs) waiting[pool.index]! += amount
      }
      for (const pool of run.ledger.books.pools.values()) {
        if (pool.announced !== waiting[pool.index])
          fail(`${pool.type}: ${pool.announced} come back, not ${waiting[pool.index]}`)
      }
      if (!policy.byPriority || world.promised || (world.waiters.length > waitersMax && run.step % 8 !== 0)) return
      for (const [waiter, missing] of missingOf(world)) {
        if (missing.size > 0 && isEnough(missing, candidatesFor(world, waiter)))
          fail(`${waiter.id} could be served by what it may take`)
      }
      for (const lease of world.leases) {
        if (mayBeSpared(lease) && !isNeeded(lease)) fail(`${lease.id} ends, and nobody needs it`)
      }
    }
  }
}
