/**
 * What a failed waiter is told is true: figures at the instant of the decision,
 * reasons all of them, and a cycle of which every step is there. So is what
 * `explain` says of those who wait (every 32nd command of every second seed).
 */
import { isDeepStrictEqual } from "node:util"
import {
  type DeadlockDetected,
  explain,
  type HolderView,
  type LeaveReason,
  type Refusal,
  type WaitReason
} from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { amountsOf, around, type Need, type World, type WorldClaim } from "../model.ts"
import { isSafeWith, neverHad, outermostOf } from "../prevention.ts"
import { askerFor, keptFor, roomFor, standingFor, standingPromises } from "../promises.ts"
import { serve } from "../service.ts"
import { levelJudge, quotaReasonsJudge } from "../quotaTold.ts"
import { neverFits } from "./admission.ts"

const name = "refusals"
const fail = failing(name)

/** Instants beyond the safe integers are centuries away, and round: they count as never. */
const sameReasons = (told: ReadonlyArray<WaitReason>, expected: ReadonlyArray<WaitReason>): boolean => {
  const comparable = (reasons: ReadonlyArray<WaitReason>) =>
    reasons.map((reason) =>
      reason._tag === "Rate" && reason.readyAt > Number.MAX_SAFE_INTEGER ? { ...reason, readyAt: Infinity } : reason
    )
  return isDeepStrictEqual(comparable(told), comparable(expected))
}

type Judge = (refusal: Refusal) => boolean

/** What is told of a holder that was told to end: it lingers until the force, or its own time ends it before. */
const endingOf = ({ grantedAt, lingers, notice, ttl }: WorldClaim): Pick<HolderView, "ending"> => {
  if (notice === undefined) return {}
  const { cause, forcedAt, reservation } = notice
  const endsAtLatest = ttl === 0 || lingers ? forcedAt : Math.min(grantedAt + ttl, forcedAt)
  return { ending: { cause, endsAtLatest, ...(reservation === undefined ? {} : { reservation }) } }
}

/** Why a claim waits, in every pool in which it has not got its share. */
const reasonsFor = (world: World, waiter: WorldClaim, now: number): ReadonlyArray<WaitReason> => {
  const { lines } = serve(world, now)
  const queue = world.line
  const place = queue.indexOf(waiter)
  const reasons = waiter.needs.flatMap(({ amount, cost, pool }) => {
    const line = lines[pool.index]!
    if (line.firstShort === undefined || place < queue.indexOf(line.firstShort)) return []
    const resourceType = pool.type
    const reasons: Array<WaitReason> = []
    if (amount > pool.capacity) {
      reasons.push({
        _tag: "Growth",
        resourceType,
        requested: amount,
        capacity: pool.capacity,
        maxCapacity: pool.limit
      })
    } else if (amount > pool.free) {
      const holders = world.leases
        .flatMap((lease) => {
          const own = lease.needs.find((need) => need.pool === pool)
          if (own === undefined) return []
          const heldMicros = now - lease.grantedAt
          return [{ lease: lease.id, agent: lease.agent, amount: own.amount, heldMicros, ...endingOf(lease) }]
        })
        .toSorted((a, b) => b.amount - a.amount || a.lease - b.lease)
      reasons.push({
        _tag: "Capacity",
        resourceType,
        requested: amount,
        free: pool.free,
        capacity: pool.capacity,
        holders: holders.slice(0, 10),
        holdersTotal: holders.length
      })
    }
    const asker = askerFor(world, waiter, now)
    const room = roomFor(world, asker, pool, now)
    if (amount <= pool.capacity && amount <= pool.free && amount > room) {
      reasons.push({
        _tag: "Reservation",
        resourceType,
        requested: amount,
        free: Math.max(0, room),
        kept: keptFor(world, asker, pool, now)
      })
    }
    const tokens = pool.tokens(now)
    const needed = line.earmarkedTokens + cost
    if (cost > 0 && pool.bucket !== undefined && needed > tokens) {
      reasons.push({ _tag: "Rate", resourceType, requested: cost, tokens, readyAt: pool.bucket.readyAt(needed, now) })
    }
    const before = queue.slice(0, place).flatMap((other) => other.needs)
    const ahead = before.filter((need) => need.pool === pool)
    if (ahead.length > 0) {
      const aheadAmount = ahead.reduce((sum, need) => sum + need.amount, 0)
      reasons.push({ _tag: "Order", resourceType, ahead: ahead.length, aheadAmount })
    }
    return reasons
  })
  return reasons.length > 0 || !world.planned ? reasons : waiter.needs.flatMap((need) => promisedBefore(world, need))
}

/** There is enough for it, and others were told by when they start with that. */
const promisedBefore = (world: World, { amount, pool }: Need): ReadonlyArray<WaitReason> => {
  const wanted = world.line.flatMap(({ needs }) => needs.filter((need) => need.pool === pool))
  if (wanted.length < 2) return []
  const aheadAmount = wanted.reduce((sum, need) => sum + need.amount, -amount)
  return [{ _tag: "Order", resourceType: pool.type, ahead: wanted.length - 1, aheadAmount }]
}

/** Judges by the state of now why a claim is said to wait. */
const reasonsJudge = (world: World, claim: WorldClaim, now: number) => {
  if (claim.parked) return quotaReasonsJudge(world, claim)
  const lacks = reasonsFor(world, claim, now)
  return (told: ReadonlyArray<WaitReason>): boolean => sameReasons(told, lacks)
}

/** Leases that hold no more than was promised to others for ever: their return leaves nothing for a waiter. */
const vainFor = (world: World, waiter: WorldClaim, now: number) => {
  const blocked = world.leases.filter(
    (lease) =>
      lease.ttl === 0 && lease.notice === undefined && world.waiters.some((other) => around(other).includes(lease))
  )
  return standingPromises(world, now).flatMap(({ amount, draws, isFor, pool }) => {
    const drawing = blocked.filter(draws)
    const held = drawing.reduce((sum, lease) => sum + (amountsOf(lease)[pool.type] ?? 0), 0)
    return isFor(waiter) || held > amount ? [] : drawing.map((lease) => ({ type: pool.type, lease: lease.id }))
  })
}

/** Judges a cycle by the world as it was when the victim left. */
const cycleJudge = (world: World, victim: WorldClaim, now: number): Judge => {
  const waits = world.waiters.map((waiter) => ({
    agent: waiter.agent,
    amounts: amountsOf(waiter),
    inside: around(waiter).map((lease) => lease.id),
    // Quota comes back whoever the units are promised to.
    vain: waiter.parked ? [] : vainFor(world, waiter, now),
    victim: waiter === victim
  }))
  const leases = new Map(world.leases.map((lease) => [lease.id, { agent: lease.agent, amounts: amountsOf(lease) }]))
  const isTrue = ({ cycle }: DeadlockDetected): boolean => {
    let candidates = waits.filter((wait) => wait.victim)
    const homes = new Set(candidates.flatMap((wait) => wait.inside))
    for (const [index, step] of cycle.entries()) {
      const { agent, heldBy, holds, lease, requested, resourceType } = step
      const holder = leases.get(lease)
      if (holder?.agent !== heldBy || holder.amounts[resourceType] !== holds) return false
      candidates = candidates.filter(
        (wait) =>
          wait.agent === agent &&
          wait.amounts[resourceType] === requested &&
          !wait.vain.some((other) => other.type === resourceType && other.lease === lease)
      )
      if (candidates.length === 0) return false
      if (index < cycle.length - 1) candidates = waits.filter((wait) => wait.inside.includes(lease))
      else if (!homes.has(lease)) return false
    }
    return cycle.length > 0
  }
  const root = outermostOf(victim)
  const ages = new Map(world.leases.map((lease) => [lease.id, (outermostOf(lease) ?? lease).id]))
  /** It must not wait for an older lease, whether that closes a cycle or not. */
  const isByAge = ({ cycle }: DeadlockDetected): boolean => {
    const [step] = cycle
    if (step === undefined || cycle.length > 1 || root === undefined) return false
    const holder = leases.get(step.lease)
    return (
      step.agent === victim.agent &&
      step.requested === amountsOf(victim)[step.resourceType] &&
      holder?.agent === step.heldBy &&
      holder.amounts[step.resourceType] === step.holds &&
      ages.get(step.lease)! < root.id
    )
  }
  return (refusal) =>
    refusal._tag === "DeadlockDetected" && (refusal.avoided === undefined ? isTrue(refusal) : isByAge(refusal))
}

const expected = (world: World, claim: WorldClaim, reason: LeaveReason, now: number): ReadonlyArray<unknown> => {
  const { agent } = claim
  switch (reason) {
    case "ManagerStopped":
      return [{ _tag: "ManagerStopped" }]
    case "ResourceExhausted":
      return claim.needs.flatMap((need) => {
        const asker = askerFor(world, claim, now)
        return neverFits(need, standingFor(world, asker, need.pool, now))
      })
    case "InvalidClaim":
      return neverHad(world, claim, now)
    case "QuotaExceeded":
      return claim.needs.map(({ amount, pool }) => {
        const quota = world.quota(agent, pool)
        return {
          _tag: "QuotaExceeded",
          reason: amount > quota ? "neverFits" : "inUse",
          agent,
          resourceType: pool.type,
          requested: amount,
          quota,
          held: world.sum(world.leases, agent, pool),
          waiting: world.sum(world.waiters, agent, pool) - amount
        }
      })
    default:
      return []
  }
}

export const refusals = (run: Run): Checker => {
  const { ledger, world } = run
  const judges = new Map<number, Judge>()
  let own: Judge | undefined
  return {
    name,
    onEvent: (event) => {
      if (event._tag !== "Left" || event.reason === "Interrupted") return
      const claim = world.claim(event.id)
      const { reason } = event
      let judge: Judge
      if (reason === "DeadlockDetected") judge = cycleJudge(world, claim, event.at)
      else if (reason === "LeaseRevoked")
        judge = (refusal) => refusal._tag === reason && refusal.lease === claim.grows?.id
      else if (reason === "ClaimTimedOut") {
        const facts = { agent: claim.agent, claim: amountsOf(claim), waitedMicros: event.at - claim.askedAt }
        const isTrue = reasonsJudge(world, claim, event.at)
        const isSafe = !world.avoids || isSafeWith(world, claim, event.at)
        judge = (refusal) => {
          if (refusal._tag !== reason) return false
          const { reasons, ...told } = refusal
          const others = reasons.filter(({ _tag }) => _tag !== "Safety")
          // That it is told only where it is so is judged; which units it counts is not.
          const isToldSafe = others.length === reasons.length
          return (
            isDeepStrictEqual(told, { _tag: reason, ...facts }) &&
            isTrue(others) &&
            reasons.length > 0 &&
            (isToldSafe || !isSafe)
          )
        }
      } else {
        const candidates = expected(world, claim, reason, event.at)
        const path = world.tree === undefined ? undefined : levelJudge(world, claim)
        judge = (refusal) =>
          candidates.some((candidate) => isDeepStrictEqual(candidate, refusal)) ||
          (refusal._tag === "QuotaExceeded" && path?.(refusal) === true)
      }
      if (claim.arrivedIn === world.command) own = judge
      else judges.set(event.id, judge)
    },
    afterCommand: (answer) => {
      for (const request of run.settled) {
        const judge = judges.get(request.id)
        if (judge === undefined) continue
        if (request.refusal === undefined || !judge(request.refusal)) {
          fail(`${request.id} was told ${JSON.stringify(request.refusal)}`)
        }
      }
      judges.clear()
      if (
        own !== undefined &&
        typeof answer === "object" &&
        "_tag" in answer &&
        answer._tag !== "ResourceNotAcquired" &&
        answer._tag !== "ReservationRefused"
      ) {
        if (!own(answer)) fail(`the claim was told ${JSON.stringify(answer)}`)
      }
      own = undefined
      if (run.seed % 2 === 0 || run.step % 32 !== 0) return
      for (const agent of ledger.books.agents.values()) {
        for (const request of agent.waiters) {
          const { reasons } = explain(request, ledger.now)
          const claim = world.claim(request.id)
          if (reasons.length === 0 && !world.avoids) fail(`${request.id} waits for no reason`)
          if (!reasonsJudge(world, claim, ledger.now)(reasons))
            fail(`${request.id} waits for ${JSON.stringify(reasons)}`)
        }
      }
    }
  }
}
