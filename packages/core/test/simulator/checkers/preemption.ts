/**
 * Leases are taken by the rules: only of lower priority, only where that serves the
 * claim, and those whom the rules name, by brute force over all sets of candidates
 * where there are few. Everybody who could be served so is, nobody ends in vain, and
 * each thing happens at its instant. Preemption ends: what it lowers (`potential`) is
 * compared before and after the victims of a claim are told.
 *
 * Where something is promised to others, what comes back is there for a claim only beyond
 * that. There those whom it takes, and those who are spared, are judged as it happens, and
 * not whether it could take any now: time alone changes that.
 */
import type { LedgerEvent } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { around, noticedIn, treeOf, type World, type WorldClaim, type WorldPool } from "../model.ts"
import { askerFor, roomFor } from "../promises.ts"
import { serve } from "../service.ts"

const name = "preemption"
const fail = failing(name)
const candidatesMax = 12
/** The same where each set is looked at instant by instant. */
const promisedMax = 7
const waitersMax = 24

/** What a waiter and all before it need, in the pools in which it has not its share. */
export type Needs = ReadonlyMap<WorldPool, number>
type Gone = ReadonlySet<WorldClaim>

export const needsOf = (world: World, now: number): ReadonlyMap<WorldClaim, Needs> => {
  const { lines } = serve(world, now)
  const wanted = world.pools.map(() => 0)
  const short = new Set<WorldPool>()
  return new Map(
    world.line.map((waiter) => {
      const needs = new Map<WorldPool, number>()
      for (const { amount, pool } of waiter.needs) {
        const { index } = pool
        wanted[index]! += amount
        if (lines[index]!.firstShort === waiter) short.add(pool)
        if (short.has(pool)) needs.set(pool, wanted[index]!)
      }
      return [waiter, needs]
    })
  )
}

/** Whether a waiter has all that it needs once some leases are back. */
export const isServed = (world: World, waiter: WorldClaim, needs: Needs, gone: Gone, now: number): boolean => {
  const asker = askerFor(world, waiter, now)
  return [...needs].every(([pool, units]) => units <= roomFor(world, asker, pool, now, gone))
}

const candidatesFor = (world: World, waiter: WorldClaim): ReadonlyArray<WorldClaim> =>
  world.leases
    .filter(
      (lease) => lease.preemptible && lease.notice === undefined && lease.leasePriority < world.order.rankOf(waiter)
    )
    .filter((lease) => !around(waiter).includes(lease))
    .toSorted((a, b) => a.leasePriority - b.leasePriority || b.token - a.token)

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

/** How many waiters of each priority lack something, the highest priority first. */
const potential = (world: World, now: number): ReadonlyArray<readonly [number, number]> => {
  const counts = new Map<number, number>()
  const gone = noticedIn(world)
  for (const [waiter, needs] of needsOf(world, now)) {
    if (isServed(world, waiter, needs, gone, now)) continue
    const rank = world.order.rankOf(waiter)
    counts.set(rank, (counts.get(rank) ?? 0) + 1)
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

type Preempting = Extract<LedgerEvent, { readonly _tag: "Preempting" }>

export const preemption = (run: Run): Checker => {
  const { preemption: policy, world } = run
  /** The claim whose victims are being told, those still to come, and the potential before. */
  let taking:
    | {
        readonly by: number
        readonly at: number
        readonly due: Array<WorldClaim>
        readonly before: ReturnType<typeof potential>
      }
    | undefined

  const finish = () => {
    if (taking === undefined) return
    const { at, before, by, due } = taking
    taking = undefined
    if (due.length > 0) fail(`${by} takes too few: not ${due.map(({ id }) => id).join(", ")}`)
    if (!isLess(potential(world, at), before)) fail(`what ${by} takes does not lower the potential`)
    run.count("preemption: potential fell")
  }

  /** A lease whose own time is over, and that does not come back by that alone. */
  const judgeExpiry = (event: Preempting, lease: WorldClaim) => {
    finish()
    const { grantedAt, lingers, notice, status, ttl } = lease
    if (status !== "held" || !lingers || ttl === 0 || notice !== undefined || event.by !== event.id)
      fail(`${event.id} is told that it expired, and did not`)
    if (event.at !== grantedAt + ttl || event.deadline !== event.at || event.forcedAt !== event.at + policy.overrun)
      fail(`${event.id} expired at ${event.at}, ends at ${event.deadline}, and is forced at ${event.forcedAt}`)
  }

  const judge = (event: Preempting) => {
    const lease = world.claim(event.id)
    if (event.cause === "expiry") return judgeExpiry(event, lease)
    if (event.cause === "reservation") return
    // What is taken back may have been granted in this very decision, and is told first.
    const grace = event.cause === "reclaim" ? Math.max(1, policy.grace) : policy.grace
    if (event.deadline !== event.at + grace) fail(`${event.id} has until ${event.deadline}`)
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
      const { at } = event
      const needs = needsOf(world, at).get(by)
      const noticed = noticedIn(world)
      const candidates = candidatesFor(world, by)
      const isEnough = (chosen: ReadonlyArray<WorldClaim>) =>
        needs !== undefined && isServed(world, by, needs, new Set([...noticed, ...chosen]), at)
      if (isEnough([])) return fail(`${by.id} takes ${lease.id} and lacks nothing`)
      if (!isEnough(candidates)) fail(`${by.id} takes ${lease.id} in vain`)
      if (candidates.length > (world.promised ? promisedMax : candidatesMax)) return
      taking = { by: by.id, at, due: [...bestOf(candidates, isEnough)], before: potential(world, at) }
      run.count(`preemption: victims judged`)
      if (taking.due.length > 1) run.count("preemption: several victims")
      if (world.promises.size > 0) run.count("preemption: victims judged beside promises")
    }
    const next = taking.due.shift()
    if (next !== lease) fail(`${by.id} takes ${lease.id}, not ${next?.id}`)
  }

  const takesByPriority = (waiter: WorldClaim, lease: WorldClaim): boolean =>
    world.order.rankOf(waiter) > lease.leasePriority

  /** Whether it might take the lease back for units, if its branch has borrowed it: that is for `reclaim` to judge. */
  const mightTakeBack = (waiter: WorldClaim, lease: WorldClaim): boolean =>
    policy.reclaim === true &&
    world.order.rankOf(waiter) === lease.leasePriority &&
    treeOf(world).path(waiter.agent).length > 0

  /** Whether somebody who may take the lease has all it needs only with it. */
  const isNeeded = (lease: WorldClaim, now: number, mayTake = takesByPriority): boolean => {
    const gone = noticedIn(world)
    const without = new Set([...gone].filter((other) => other !== lease))
    return [...needsOf(world, now)].some(
      ([waiter, needs]) =>
        mayTake(waiter, lease) &&
        isServed(world, waiter, needs, gone, now) &&
        !isServed(world, waiter, needs, without, now)
    )
  }

  const mayBeSpared = (lease: WorldClaim): boolean =>
    (lease.notice?.cause === "priority" || lease.notice?.cause === "reservation") &&
    !lease.notice.ending &&
    !world.waiters.some((waiter) => around(waiter).includes(lease))

  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Preempting") return judge(event)
      finish()
      if (event._tag === "Spared") {
        const lease = world.claim(event.id)
        // What was taken back is for `reclaim` to judge.
        if (lease.notice?.cause === "reclaim") return
        if (!mayBeSpared(lease)) fail(`${event.id} is spared, too late or with a wait inside`)
        if (policy.byPriority && isNeeded(lease, event.at)) fail(`${event.id} is spared, and somebody needs it`)
      }
      if (event._tag === "Ending") {
        const { notice } = world.claim(event.id)
        const early = run.command.name === "yieldUp" && run.command.returns === event.id
        if (notice === undefined || notice.ending) return fail(`${event.id} ends, and need not`)
        const { grantedAt, lingers, ttl } = world.claim(event.id)
        const expired = lingers && ttl !== 0 && grantedAt + ttl === event.at
        if (early || expired ? event.at > notice.deadline : event.at !== notice.deadline)
          fail(`${event.id} ends at ${event.at}, not at ${notice.deadline}`)
      }
      if (event._tag !== "Returned" || (event.reason !== "preempted" && event.reason !== "overrun")) return
      const { notice } = world.claim(event.id)
      if (event.reason === "preempted" && notice?.cause === "expiry") fail(`${event.id} expired, and was preempted`)
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
      const gone = noticedIn(world)
      for (const [waiter, needs] of needsOf(world, world.now)) {
        if (isServed(world, waiter, needs, gone, world.now)) continue
        const all = new Set([...gone, ...candidatesFor(world, waiter)])
        if (isServed(world, waiter, needs, all, world.now)) fail(`${waiter.id} could be served by what it may take`)
      }
      // What a claim takes back is for `reclaim` to judge, also where another one took it by priority.
      if (policy.reclaim === true && world.waiters.some(({ parked }) => parked)) return
      for (const lease of world.leases) {
        if (!mayBeSpared(lease) || isNeeded(lease, world.now) || isNeeded(lease, world.now, mightTakeBack)) continue
        fail(`${lease.id} ends, and nobody needs it`)
      }
    }
  }
}
