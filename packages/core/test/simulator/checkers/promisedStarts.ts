/**
 * Conservative backfill: nobody starts later than it was told, unless a lease is overdue or something
 * was taken away; what is told can be kept, all of it together; and nobody is told to wait who
 * could start, nor told later than it could.
 *
 * What is told is a plan: each waiter holds what it asks for from its start on, for as long as it says. All is
 * reckoned anew from that and from the leases, instant by instant, by plain sums. Whether somebody is late without
 * need is judged where nothing but units counts, at commands with at most `everyStepMax` waiters, else at every eighth.
 */
import type { LedgerEvent } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { around, type World, type WorldClaim, type WorldPool } from "../model.ts"
import { amountIn } from "../prevention.ts"
import { endOf } from "../promises.ts"
import { Random } from "../random.ts"
import { drains } from "./quotaTree.ts"

const name = "promisedStarts"
const fail = failing(name)
const everyStepMax = 16

/** When a waiter is back that starts at an instant. A growth stays as long as its lease, and that for a moment at least. */
const endFrom = ({ grows, scheduling, ttl }: WorldClaim, start: number): number =>
  grows === undefined
    ? start + Math.min(scheduling.expected || Infinity, ttl || Infinity)
    : Math.max(endOf(grows), start + 1)

/** What is free of a pool at an instant to come, beside all that were told but one. */
const freeAt = (world: World, pool: WorldPool, at: number, but?: WorldClaim): number => {
  let free = pool.capacity
  for (const lease of world.leases) if (endOf(lease) > at) free -= amountIn(lease, pool)
  for (const waiter of world.queued) {
    if (waiter === but || waiter.told === undefined) continue
    if (waiter.told <= at && at < endFrom(waiter, waiter.told)) free -= amountIn(waiter, pool)
  }
  return free
}

const isOverdue = (world: World, now: number): boolean => world.leases.some((lease) => endOf(lease) < now)

/** The instants at which somebody may be told to start: leases or waiters end, or others start. */
const instantsOf = (world: World): ReadonlyArray<number> =>
  [
    ...world.leases.map(endOf),
    ...world.queued.flatMap((waiter) => (waiter.told === undefined ? [] : [waiter.told, endFrom(waiter, waiter.told)]))
  ].filter((at) => at < Infinity)

/** Whether a waiter could start at an instant, or at once, beside all others that were told. */
const fitsFrom = (world: World, waiter: WorldClaim, start: number, instants: ReadonlyArray<number>, now: number) => {
  const end = endFrom(waiter, start)
  const met = instants.filter((at) => at >= start && at <= end)
  return waiter.needs.every(
    ({ amount, pool }) =>
      (start > now ? freeAt(world, pool, start, waiter) : pool.free) >= amount &&
      met.every((at) => freeAt(world, pool, at, waiter) >= amount)
  )
}

/** Who is planned for: the first so many of each queue, and who is inside of a lease that waits for that. */
const isLookedAt = (world: World, waiter: WorldClaim, depth: number): boolean =>
  waiter.needs.some(({ pool }) => {
    const line = world.queued.filter((other) => amountIn(other, pool) > 0)
    return line.indexOf(waiter) < depth
  }) || around(waiter).some(({ needs, notice, ttl }) => ttl === 0 && notice === undefined && needs.length > 0)

/** Whether nothing but units counts for a waiter, and everybody else in its pools was told who is planned for. */
const isPlain = (world: World, waiter: WorldClaim, depth: number): boolean =>
  isLookedAt(world, waiter, depth) &&
  waiter.needs.every(
    ({ pool }) =>
      pool.rate === undefined &&
      world.queued.every(
        (other) =>
          other === waiter ||
          other.told !== undefined ||
          amountIn(other, pool) === 0 ||
          !isLookedAt(world, other, depth)
      )
  )

export const promisedStarts = (run: Run): Checker => {
  const { ledger, world } = run
  const isOn = run.backfill?.kind === "conservative"
  const depth = run.backfill?.depth ?? Infinity
  // Its own: what is looked at must not change what happens.
  const random = new Random(run.seed)
  /** Whether something that this command did may have made others late. */
  let taken = false
  const isExcused = (now: number) => taken || world.promised || isOverdue(world, now)

  const judgePlan = ({ at, starts, unknown = [] }: Extract<LedgerEvent, { readonly _tag: "Planned" }>) => {
    if (starts.length + unknown.length === 0) fail("nothing was planned")
    for (const [id, start] of starts) {
      const { needs, parked, status, told } = world.claim(id)
      if (status !== "waiting" || parked || needs.length === 0) fail(`${id} was told a start, and is in no queue`)
      if (start === told) fail(`${id} was told ${start} again`)
      if (start < at) fail(`${id} was told to start at ${start}, and it is ${at}`)
      run.count(told === undefined ? "starts: told" : "starts: told again")
      if (told === undefined || start < told) continue
      if (!isExcused(at)) fail(`${id} was told ${told}, and now ${start}`)
      run.count("starts: void")
    }
    for (const id of unknown) {
      const { told } = world.claim(id)
      if (told === undefined) fail(`${id} was told nothing before`)
      if (!isExcused(at)) fail(`${id} was told ${told}, and now nothing`)
      run.count("starts: void")
    }
  }

  const judgeSlack = (now: number) => {
    if (world.promised) return
    const instants = instantsOf(world)
    const overdue = isOverdue(world, now)
    for (const waiter of world.queued) {
      if (!isPlain(world, waiter, depth)) continue
      const { id, told = Infinity } = waiter
      if (fitsFrom(world, waiter, now, instants, now)) fail(`${id} could start, beside all that were told`)
      run.count("starts: judged")
      // Who waits for one that is overdue is told nothing.
      if (overdue) continue
      const earlier = instants.find((at) => at > now && at < told && fitsFrom(world, waiter, at, instants, now))
      if (earlier !== undefined) fail(`${id} was told ${told}, and could be told ${earlier}`)
      run.count("starts: judged beside no lease that is overdue")
    }
  }

  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Planned" && !isOn) fail("a start was told, which no policy says")
      if (!isOn) return
      switch (event._tag) {
        case "CapacitySet":
        case "RateSet":
        case "Settled":
          taken = true
          break
        case "Planned":
          judgePlan(event)
          break
        case "Returned":
          // It was overdue until now.
          taken ||= endOf(world.claim(event.id)) < event.at
          break
        case "Granted": {
          const { exempt, told } = world.claim(event.id)
          if (told !== undefined && event.at > told && !isExcused(event.at))
            fail(`${event.id} starts at ${event.at}, and was told ${told}`)
          if (told !== undefined) run.count(event.at < told ? "starts: early" : "starts: as told")
          taken ||= exempt
          break
        }
        default:
      }
    },
    afterCommand: () => {
      if (!isOn) return
      taken = false
      const now = ledger.now
      for (const { id, parked, told } of world.waiters) {
        if (told !== undefined && parked) fail(`${id} waits for quota, and was told a start`)
        if (told !== undefined && told < now) fail(`${id} was told ${told}, and it is ${now}`)
        const actual = ledger.books.index?.get(id)
        if (actual !== undefined && ledger.plannedStart(actual) !== told)
          fail(`${id} is said to start at ${ledger.plannedStart(actual)}, and was told ${told}`)
      }
      if (world.waiters.length > everyStepMax && run.step % 8 !== 0) return
      for (const { needs, told } of world.queued) {
        if (told === undefined) continue
        const short = needs.find(({ pool }) => freeAt(world, pool, told) < 0)
        if (short !== undefined) fail(`more was told than there will be of ${short.pool.type} at ${told}`)
      }
      judgeSlack(now)
      // With promises for ever detection does not see all that order keeps.
      if (!run.detects || world.promised || world.tree !== undefined || world.stopped || !random.chance(0.01)) return
      const stuck = drains(ledger, run)
      if (stuck !== undefined) fail(stuck)
      run.count("starts: drained")
    }
  }
}
