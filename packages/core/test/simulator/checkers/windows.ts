/**
 * What is promised is there as its window begins, and nobody ends for it who need not: by
 * plain sums over all leases and promises, and by brute force over all sets of those who may
 * be told where they are few.
 *
 * W1. As a window begins nothing of what is promised is missing, unless leases that may not be
 *     taken hold it, were told as soon as it could be seen, or said that they would be back.
 * W2. Who is told to end for a window is told as it is due, or as what is missing comes to be
 *     missed later; its units are back as the window begins, or as soon as can be.
 * W3. Nobody who was told could be spared, and of those sets the cheapest was told.
 * W4. Nobody ends for a window that would lack nothing without, but for those who have to stop.
 * W5. A promise is refused exactly where it would be missed whoever is told.
 */
import type { LedgerEvent } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { around, noticedIn, type WorldClaim } from "../model.ts"
import { canBeTold, missingOf, shortOf } from "../promises.ts"
import { bestOf } from "./preemption.ts"

const name = "windows"
const fail = failing(name)
const candidatesMax = 8

type Preempting = Extract<LedgerEvent, { readonly _tag: "Preempting" }>

export const windows = (run: Run): Checker => {
  const { preemption: policy, world } = run
  /** Those still to be told, for what is missing at one instant. */
  let telling: { readonly at: number; readonly for: number; readonly due: Array<WorldClaim> } | undefined
  /** Whether the promise that is asked for can be kept. */
  let short: number | undefined
  /** Windows whose beginning is past. */
  const begun = new Set<number>()

  const candidates = (): ReadonlyArray<WorldClaim> =>
    world.leases
      .filter((lease) => canBeTold(world, lease) && lease.notice === undefined)
      .toSorted((a, b) => a.leasePriority - b.leasePriority || b.token - a.token)

  /** What is missing at one instant, pool by pool. */
  const missingAt = (at: number, now: number, gone: ReadonlySet<WorldClaim>): ReadonlyArray<number> =>
    world.pools.map((pool) => missingOf(world, pool, now, gone).get(at) ?? 0)

  const finish = () => {
    if (telling !== undefined && telling.due.length > 0)
      fail(`too few are told to end for ${telling.for}: not ${telling.due.map(({ id }) => id).join(", ")}`)
    telling = undefined
  }

  const judge = (event: Preempting) => {
    const { at, deadline, forcedAt, id } = event
    const promise = event.reservation === undefined ? undefined : world.promises.get(event.reservation)
    if (world.lead === undefined || promise === undefined || event.by !== 0) return fail(`${id} ends for no promise`)
    const { from, until = Infinity } = promise
    if (at < from - world.lead || at >= until) fail(`${id} is told at ${at} to end for a window from ${from}`)
    const last = Math.max(from, at + world.lead)
    if (forcedAt !== last || deadline !== last - policy.overrun)
      fail(`${id} ends at ${deadline}, is forced at ${forcedAt}`)
    run.count(at === from - world.lead ? "windows: told in time" : "windows: told late")
    const instant = Math.max(at, from)
    if (telling !== undefined && (telling.for !== instant || telling.at !== at)) finish()
    if (telling === undefined) {
      const gone = noticedIn(world)
      const all = candidates()
      const least = missingAt(instant, at, new Set([...gone, ...all]))
      const isEnough = (chosen: ReadonlyArray<WorldClaim>) =>
        missingAt(instant, at, new Set([...gone, ...chosen])).every((units, pool) => units <= least[pool]!)
      if (isEnough([])) fail(`${id} is told to end for ${instant}, and nothing more is there then`)
      if (all.length > candidatesMax) return
      telling = { at, for: instant, due: [...bestOf(all, isEnough)] }
      run.count("windows: victims judged")
      if (telling.due.length > 1) run.count("windows: several victims")
      if (telling.due.length < all.length) run.count("windows: somebody spared")
    }
    const next = telling.due.shift()
    if (next?.id !== id) fail(`${id} is told to end for ${instant}, not ${next?.id}`)
  }

  /** Whether more would be missing of some promise if a lease that was told to end went on. */
  const isNeeded = (lease: WorldClaim, now: number): boolean => {
    const gone = noticedIn(world)
    const without = new Set([...gone].filter((other) => other !== lease))
    return world.pools.some((pool) => {
      const missing = missingOf(world, pool, now, gone)
      return [...missingOf(world, pool, now, without)].some(([at, units]) => units > missing.get(at)!)
    })
  }

  const mayBeSpared = (lease: WorldClaim): boolean =>
    lease.notice?.cause === "reservation" &&
    !lease.notice.ending &&
    !world.waiters.some((waiter) => around(waiter).includes(lease))

  /** W2: as a window became due, before `until` and with nothing else happening, nobody had to be told. */
  const becameDue = (until: number) => {
    if (world.lead === undefined) return
    for (const { from, id } of world.promises.values()) {
      const due = from - world.lead
      if (due <= world.now || due >= until) continue
      const gone = noticedIn(world)
      const missing = missingAt(from, due, gone)
      const least = missingAt(from, due, new Set([...gone, ...candidates()]))
      if (missing.some((units, pool) => units > least[pool]!)) fail(`nobody was told at ${due} to end for window ${id}`)
    }
  }

  /** W1, at the end of the instant at which a window begins: of all that is missing somebody else is the reason. */
  const begin = (now: number) => {
    for (const { claim, from, id } of world.promises.values()) {
      if (from > now || begun.has(id)) continue
      begun.add(id)
      if (from !== now) continue
      for (const pool of world.pools) {
        if ((claim[pool.type] ?? 0) === 0) continue
        run.count("windows: begun")
        const missing = missingOf(world, pool, now, new Set()).get(now) ?? 0
        if (missing === 0) continue
        // Told as soon as it was missed, and not back yet.
        const late = world.leases.filter(({ notice }) => notice !== undefined && notice.forcedAt > now)
        const left = missingOf(world, pool, now, new Set([...late, ...candidates()])).get(now) ?? 0
        const told = missingOf(world, pool, now, new Set(late)).get(now) ?? 0
        if (told > left) fail(`${told} ${pool.type} are missing as window ${id} begins, and ${left} had to be`)
        run.count("windows: begun, and something is missing")
      }
    }
  }

  return {
    name,
    beforeCommand: () => {
      const { wish } = run.command
      short = wish === undefined ? undefined : shortOf(world, wish, run.ledger.now)
    },
    onEvent: (event) => {
      if (event.at > world.now) {
        begin(world.now)
        becameDue(event.at)
      }
      if (event._tag === "Preempting" && event.cause === "reservation") return judge(event)
      finish()
      if (event._tag !== "Spared" || world.lead === undefined) return
      if (isNeeded(world.claim(event.id), event.at)) fail(`${event.id} is spared, and a promise needs it`)
      if (world.claim(event.id).notice?.cause === "reservation") run.count("windows: spared")
    },
    afterCommand: (answer) => {
      finish()
      if (
        short !== undefined &&
        typeof answer === "object" &&
        (!("_tag" in answer) || answer._tag === "ReservationRefused")
      ) {
        const refused = "_tag" in answer
        if (refused !== short > 0) fail(`a promise is ${refused ? "refused" : "made"}, and ${short} would be missing`)
        if (!refused && world.lead !== undefined) run.count("windows: promise judged")
      }
      short = undefined
      becameDue(run.ledger.now + 1)
      if (world.lead === undefined || world.promises.size === 0) return
      const now = world.now
      const gone = noticedIn(world)
      const all = new Set([...gone, ...candidates()])
      for (const pool of world.pools) {
        const least = missingOf(world, pool, now, all)
        for (const [at, units] of missingOf(world, pool, now, gone)) {
          if (units > least.get(at)!) fail(`${units} ${pool.type} are missing at ${at}, and ${least.get(at)} would be`)
        }
      }
      if (policy.byPriority || policy.reclaim === true) return
      for (const lease of world.leases) {
        if (mayBeSpared(lease) && !isNeeded(lease, now)) fail(`${lease.id} ends, and no promise needs it`)
      }
    }
  }
}
