/**
 * What becomes of a claim as it arrives is what the rules say: refused exactly
 * where one of them forbids it, with true figures; granted exactly where it is
 * all there, beyond what earlier waiters need; else it waits. Foretold where the
 * state is up to date before the command, in half of all claims.
 */
import { isDeepStrictEqual } from "node:util"
import { type Checker, failing, type Run } from "../checker.ts"
import type { Need, World, WorldClaim, WorldPool } from "../model.ts"
import { isSafeWith, modelOf, neverHad, outermostOf, overMaximum } from "../prevention.ts"
import { type Asker, isKept, leaseDuration, roomFor, standingFor } from "../promises.ts"
import { atQuotas, levelJudge, neverInGroups } from "../quotaTold.ts"
import { serve } from "../service.ts"

const name = "admission"
const fail = failing(name)

const allowed = "a whole number from 0 to 9007199254740991, in the type's smallest unit"

export const neverFits = ({ amount, cost, pool }: Need, standing = 0) => {
  if (amount <= pool.limit - standing && cost <= pool.burstLimit) return []
  const short = amount > pool.limit ? "capacity" : cost > pool.burstLimit ? "rate" : "reservation"
  return [
    {
      _tag: "ResourceExhausted",
      reason: "neverFits",
      short,
      resourceType: pool.type,
      requested: short === "rate" ? cost : amount,
      available: pool.free,
      limit: short === "rate" ? pool.burstLimit : short === "capacity" ? pool.limit : pool.limit - standing
    }
  ]
}

const overQuota = (world: World, agent: string, { amount, pool }: Need) => {
  const quota = world.quota(agent, pool)
  const held = world.sum(world.leases, agent, pool)
  const waiting = world.sum(world.waiters, agent, pool)
  if (held + waiting + amount <= quota) return []
  const reason = amount > quota ? "neverFits" : "inUse"
  return [{ _tag: "QuotaExceeded", reason, agent, resourceType: pool.type, requested: amount, quota, held, waiting }]
}

type Forecast =
  | { readonly _tag: "Granted" }
  | { readonly _tag: "Waits" }
  /** `level`: what a level may have said. `orWaits`: what it asks for may be its group's own, and lent. */
  | {
      readonly _tag: "Refused"
      readonly refusals: ReadonlyArray<unknown>
      readonly level?: ReturnType<typeof levelJudge> | undefined
      readonly orWaits?: boolean
      readonly isInside?: boolean
    }

const refused = (...refusals: ReadonlyArray<unknown>): Forecast => ({ _tag: "Refused", refusals })

const malformed = (world: World, claim: Readonly<Record<string, number>>): Forecast | undefined => {
  const refusals = Object.entries(claim).flatMap(([type, value]): ReadonlyArray<unknown> => {
    if (!Number.isSafeInteger(value) || value < 0)
      return [{ _tag: "InvalidClaim", field: `claim.${type}`, value, allowed }]
    const known = world.pools.map((pool) => pool.type)
    return known.includes(type) ? [] : [{ _tag: "UnknownResourceType", resourceType: type, known }]
  })
  if (Object.keys(claim).length === 0) {
    return refused({
      _tag: "InvalidClaim",
      field: "claim",
      value: claim,
      allowed: "at least one resource type with an amount"
    })
  }
  return refusals.length > 0 ? refused(...refusals) : undefined
}

const unavailable = (
  world: World,
  asker: Asker,
  needs: ReadonlyArray<Need>,
  ahead: ReadonlyArray<WorldClaim>,
  now: number
) => {
  const { lines } = serve(world, now)
  /** What those ahead need of a pool, all of it. */
  const wanted = (pool: WorldPool) => {
    const theirs = ahead.flatMap((waiter) => waiter.needs.filter((need) => need.pool === pool))
    return {
      units: theirs.reduce((sum, need) => sum + need.amount, 0),
      tokens: theirs.reduce((sum, need) => sum + need.cost, 0)
    }
  }
  return needs.flatMap(({ amount, cost, pool }) => {
    const line = lines[pool.index]!
    const tokens = pool.tokens(now)
    const before = wanted(pool)
    const room = roomFor(world, asker, pool, now)
    // Where something is promised, one that is before it may lack what it has.
    const blocked =
      line.firstShort !== undefined && (world.planned || (world.promises.size > 0 && ahead.includes(line.firstShort)))
    const fits = !blocked && amount <= room - before.units && cost <= tokens - before.tokens
    const hasTokens = cost === 0 || cost <= tokens - line.earmarkedTokens
    if (fits || (hasTokens && isKept(world, asker, pool, amount, now))) return []
    const short = amount > pool.free ? "capacity" : cost > tokens ? "rate" : amount > room ? "reservation" : "order"
    const left = short === "capacity" ? pool.free : short === "order" ? room - line.earmarked : room
    return [
      {
        _tag: "ResourceExhausted",
        reason: "unavailable",
        short,
        resourceType: pool.type,
        requested: short === "rate" ? cost : amount,
        available: short === "rate" ? tokens : Math.max(0, left),
        limit: short === "rate" ? pool.burstLimit : pool.limit
      }
    ]
  })
}

/** It is there, and would not be safe to grant. */
const unsafe = ({ amount, pool }: Need) => ({
  _tag: "ResourceExhausted",
  reason: "unavailable",
  short: "order",
  resourceType: pool.type,
  requested: amount,
  available: pool.free,
  limit: pool.limit
})

const queueFull = (run: Run, agent: string, needs: ReadonlyArray<Need>): Forecast | undefined => {
  const { waitersMax, waitersPerAgentMax, world } = run
  const waiting = world.waiters.length
  if (waiting >= waitersMax) {
    return refused({ _tag: "QueueFull", scope: "manager", name: "all agents", waiting, limit: waitersMax })
  }
  const own = world.waiters.filter((waiter) => waiter.agent === agent).length
  if (own >= waitersPerAgentMax) {
    return refused({ _tag: "QueueFull", scope: "agent", name: agent, waiting: own, limit: waitersPerAgentMax })
  }
  // A sum that leaves the safe integers would round.
  const limit = Number.MAX_SAFE_INTEGER
  const full = needs.flatMap(({ amount, pool }) => {
    let waiting = 0
    for (const waiter of world.waiters) {
      for (const need of waiter.needs) if (need.pool === pool) waiting += need.amount
    }
    return waiting > limit - amount ? [{ _tag: "QueueFull", scope: "pool", name: pool.type, waiting, limit }] : []
  })
  return full.length > 0 ? refused(...full) : undefined
}

const saidDuration = ({ scheduling, ttl = 0 }: Run["command"]): number => {
  const expected = scheduling?.expected ?? 0
  return Math.min(expected === 0 ? Infinity : expected, ttl === 0 ? Infinity : ttl)
}

/** `undefined` where what it meets at its quotas is not known. */
const foretell = (run: Run): Forecast | undefined => {
  const { command, world } = run
  const { agent = "", claim = {}, grows } = command
  if (grows !== undefined && grows.status !== "held") {
    return refused({ _tag: "LeaseRevoked", lease: grows.id, agent: grows.agent, reason: "returned" })
  }
  if (world.stopped) return refused({ _tag: "ManagerStopped" })
  const bad = malformed(world, claim)
  if (bad !== undefined) return bad
  const needs = Object.entries(claim).flatMap(([type, amount]): ReadonlyArray<Need> => {
    const pool = world.pool(type)
    return amount === 0 ? [] : [{ pool, amount, cost: pool.costOf(amount) }]
  })
  const now = run.ledger.now
  const asker = {
    agent,
    priority: command.scheduling?.priority ?? world.order.agentPriority(agent),
    duration: grows === undefined ? saidDuration(command) : leaseDuration(grows, now),
    yields:
      grows === undefined ? command.scheduling?.preemptible === true && command.manual !== true : grows.preemptible,
    grows
  }
  const root = { parent: world.asking.parent, grows }
  const scheduling = command.scheduling ?? { expected: 0, preemptible: false }
  const over = run.deadlock.avoids === true ? overMaximum(world, { ...root, needs, maximum: scheduling.maximum }) : []
  if (over.length > 0) return refused(...over)
  const asked = { ...root, agent, needs, scheduling }
  const { tree } = world
  const next = modelOf(asked)
  const waits = tree?.modeOf(next) === "wait"
  const final: Array<unknown> = needs.flatMap((need): ReadonlyArray<unknown> => [
    ...neverFits(need, standingFor(world, asker, need.pool, now)),
    ...(waits && need.amount <= world.quota(agent, need.pool) ? [] : overQuota(world, agent, need))
  ])
  if (run.deadlock.avoids === true) final.push(...neverHad(world, asked, now))
  const never = tree !== undefined && needs.some((need) => neverInGroups(world, next, need))
  const level = tree && levelJudge(world, asked)
  if (never || final.length > 0) return { _tag: "Refused", refusals: final, ...(never ? { level } : {}) }
  const quota = tree === undefined ? "passes" : atQuotas(world, next, outermostOf(root) !== undefined)
  if (quota === "unknown") return undefined
  if (quota === "lacks" && (!waits || command.wait === false)) {
    const isInside = outermostOf(root) !== undefined
    return { _tag: "Refused", refusals: [], level, orWaits: command.wait !== false, isInside }
  }
  if (quota === "lacks") return queueFull(run, agent, needs) ?? { _tag: "Waits" }
  const ahead = world.order.before({ id: 0, agent, scheduling })
  const short = unavailable(world, asker, needs, ahead, now)
  const isSafe = !world.avoids || isSafeWith(world, asked, now)
  if (short.length === 0 && isSafe) return { _tag: "Granted" }
  if (command.wait === false) return refused(...(short.length > 0 ? short : needs.slice(0, 1).map(unsafe)))
  return queueFull(run, agent, needs) ?? { _tag: "Waits" }
}

export const admission = (run: Run): Checker => {
  const { ledger } = run
  let forecast: Forecast | undefined
  /** Whether somebody may be granted out of turn since: let through, or for what was taken and is back at once. */
  let exempted = false
  /** The leases that were taken in this decision. */
  const taken = new Set<number>()
  return {
    name,
    beforeCommand: () => {
      const { agent, claim, name } = run.command
      forecast = undefined
      exempted = false
      taken.clear()
      if (name !== "claim" && name !== "try" && name !== "grow") return
      forecast = foretell(run)
      if (forecast === undefined) return
      run.count(run.grouped ? "admission: foretold beside quotas" : "admission: foretold")
      // What is asked about is asked outside of all leases.
      if ((run.world.avoids || run.grouped) && run.world.asking.parent !== undefined) return
      if (name === "grow" || agent === undefined || claim === undefined || run.seed % 2 === 0) return
      const { scheduling, ttl } = run.command
      const { granted } = run.ledger.check(agent, claim, { scheduling, ttl })
      if (granted !== (forecast._tag === "Granted"))
        fail(`check says ${granted ? "" : "not "}granted, the rules ${forecast._tag}`)
    },
    onEvent: (event) => {
      // Also where leases that it takes have no grace, and are back at once.
      if (event._tag === "Exempted" || event._tag === "Preempting") exempted = true
      if (event._tag === "Preempting") taken.add(event.id)
    },
    afterCommand: (answer) => {
      if (forecast === undefined) return
      const told = forecast
      forecast = undefined
      if (typeof answer !== "object") return fail("a claim has no answer")
      const deadlocked = "_tag" in answer && answer._tag === "DeadlockDetected"
      const actual = "status" in answer ? answer.status : "_tag" in answer ? answer._tag : "a reservation"
      const dueNow = actual === "ClaimTimedOut" && (run.command.deadline ?? Infinity) <= ledger.now
      if (told._tag === "Refused") {
        if (told.refusals.some((refusal) => isDeepStrictEqual(refusal, answer))) return
        if ("_tag" in answer && answer._tag === "QuotaExceeded" && told.level?.(answer) === true) return
        // What is lent to others it waits for; inside a lease it may have at once what is kept for waiters outside.
        const mayHaveWaited =
          actual === "waiting" || deadlocked || dueNow || (told.isInside === true && actual === "held")
        if (told.orWaits === true && mayHaveWaited) return
        fail(
          `expected a refusal like ${JSON.stringify(told.refusals)}, not ${JSON.stringify(actual === "held" || actual === "waiting" ? actual : answer)}`
        )
      }
      // It, or what it grows, may be taken in this very decision, where holders have no grace.
      const lease = actual === "LeaseRevoked" ? run.command.grows?.id : "status" in answer ? answer.id : undefined
      const isTaken = (actual === "LeaseRevoked" || actual === "returned") && lease !== undefined && taken.has(lease)
      if (told._tag === "Granted" && actual !== "held" && !isTaken) {
        fail(`the claim fits, but it is ${actual}`)
      }
      if (told._tag === "Waits" && actual !== "waiting") {
        // It may pass others, be rescued, or inherit, once it waits: that is for `order`, `bypass` and `rescue` to judge.
        const outOfTurn = exempted || run.order !== undefined || run.backfill !== undefined
        if (!dueNow && !deadlocked && !isTaken && !(actual === "held" && outOfTurn))
          fail(`the claim has to wait, but it is ${actual}`)
      }
    }
  }
}
