/**
 * Leases are taken back by the rules: only what others borrowed, only for a claim within
 * the quota of its branch, only where that serves the claim, and those whom the rules
 * name, by brute force over all sets of candidates where one claim alone waits for quota.
 * Whoever could be served so is, and nobody ends in vain. Reclaim ends: what is borrowed
 * where claimant and victims meet is compared before and after, with the claim granted.
 */
import type { LedgerEvent } from "../../../src/Ledger.ts"
import { type Checker, failing, type Run } from "../checker.ts"
import { around, noticedIn, treeOf, type WorldClaim, type WorldPool } from "../model.ts"
import type { ModelClaim, ModelGroup } from "../tree.ts"
import { amountIn } from "../prevention.ts"
import { askerFor, roomFor } from "../promises.ts"
import { bestOf, isServed as hasItsUnits, type Needs, needsOf } from "./preemption.ts"

const name = "reclaim"
const fail = failing(name)
const candidatesMax = 10
/** The same where each set is looked at instant by instant. */
const promisedMax = 7

type Preempting = Extract<LedgerEvent, { readonly _tag: "Preempting" }>
type Gone = ReadonlySet<number>

const isTakenBefore = (a: WorldClaim, b: WorldClaim): boolean =>
  a.leasePriority !== b.leasePriority ? a.leasePriority < b.leasePriority : a.token > b.token

export const reclaim = (run: Run): Checker => {
  const { preemption: policy, world } = run
  const tree = treeOf(world)
  /** The claim whose victims are being told: who is still to come, and what was borrowed before. */
  let taking:
    | { readonly by: number; due: Array<WorldClaim> | undefined; readonly before: Map<string, number>; told: number }
    | undefined

  const announced = (): Gone => new Set(world.leases.flatMap(({ id, notice }) => (notice === undefined ? [] : [id])))
  const held = (gone: Gone): ReadonlyArray<ModelClaim> => tree.having("held").filter(({ id }) => !gone.has(id))
  const isNested = (claim: WorldClaim): boolean => around(claim).length > 0
  /** What its quota has to be there beside. */
  const counted = (claim: WorldClaim, gone: Gone): ReadonlyArray<ModelClaim> =>
    isNested(claim) ? held(gone) : [...held(gone), ...tree.having("waiting").filter(({ id }) => id !== claim.id)]

  const hasUnits = (claim: WorldClaim, pool: WorldPool, gone: Gone): boolean => {
    const back = new Set(world.leases.filter(({ id }) => gone.has(id)))
    let left = roomFor(world, askerFor(world, claim, world.now), pool, world.now, back)
    for (const waiter of world.order.before(claim)) left -= amountIn(waiter, pool)
    return amountIn(claim, pool) <= left
  }

  const hasQuota = (claim: WorldClaim, type: string | undefined, gone: Gone): boolean => {
    const own = tree.claims.get(claim.id)!
    const amounts = new Map([...own.amounts].filter(([other]) => type === undefined || other === type))
    return tree.allows(counted(claim, gone), { ...own, amounts })
  }

  const isServed = (claim: WorldClaim, gone: Gone): boolean =>
    hasQuota(claim, undefined, gone) && claim.needs.every(({ pool }) => hasUnits(claim, pool, gone))

  const lacking = (claim: WorldClaim, gone: Gone): ReadonlyArray<WorldPool> =>
    claim.needs.flatMap(({ pool }) => (hasQuota(claim, pool.type, gone) && hasUnits(claim, pool, gone) ? [] : [pool]))

  /** Where the ways up of two agents meet, and the branches of both below that. */
  const meet = (claimant: string, victim: string) => {
    const own = tree.path(claimant)
    const other = tree.path(victim)
    const at = own.findIndex((group) => other.includes(group))
    if (at <= 0) return undefined
    const way = other.slice(0, other.indexOf(own[at]!))
    return way.length === 0 ? undefined : { lender: own[at]!, branch: own[at - 1]!, way }
  }

  /** Whether a lease has borrowed of some pool what is the claimant's. `asTold`: as it was told before; cheaper ones, and what ends, count as its group's. */
  const isLent = (
    claim: WorldClaim,
    lease: WorldClaim,
    pools: ReadonlyArray<WorldPool>,
    gone: Gone,
    asTold: boolean
  ): boolean => {
    const met = meet(claim.agent, lease.agent)
    if (met === undefined) return false
    const all = counted(claim, gone)
    const within = claim.needs.every(({ amount, pool: { type } }) =>
      tree.staysWithin(met.branch, claim.agent, type, tree.use(all, type), amount)
    )
    if (!within) return false
    const dearer = held(asTold ? new Set() : gone).filter(({ id }) => {
      const other = world.claims.get(id)
      return asTold || other === undefined || !other.preemptible || !isTakenBefore(other, lease)
    })
    return pools.some(
      (pool) =>
        amountIn(lease, pool) > 0 &&
        met.way.every((group) => tree.borrows(group, pool.type, tree.use(dearer, pool.type)))
    )
  }

  const mayTake = (claim: WorldClaim, lease: WorldClaim): boolean =>
    lease.status === "held" &&
    lease.preemptible &&
    !around(claim).includes(lease) &&
    (!policy.byPriority || lease.leasePriority <= world.order.rankOf(claim))

  /** Whether who was taken from and asks again comes behind. */
  const staysBehind = (claim: WorldClaim, lease: WorldClaim): boolean => {
    const { policy: order } = world.order
    if (order === undefined) return true
    if (order.fair !== undefined || order.size) return false
    return order.priority === undefined || lease.leasePriority <= world.order.rankOf(claim)
  }

  /** What a claim that has its quota may take for the units that it lacks. */
  const unitCandidates = (claim: WorldClaim, needs: Needs, now: number): ReadonlyArray<WorldClaim> => {
    const gone = announced()
    const there = noticedIn(world)
    const pools = [...needs].flatMap((need) =>
      hasItsUnits(world, claim, new Map([need]), there, now) ? [] : [need[0]]
    )
    return world.leases
      .filter((lease) => !gone.has(lease.id) && mayTake(claim, lease) && staysBehind(claim, lease))
      .filter((lease) => isLent(claim, lease, pools, gone, false))
      .toSorted((a, b) => (isTakenBefore(a, b) ? -1 : 1))
  }

  const candidatesFor = (claim: WorldClaim, gone: Gone): ReadonlyArray<WorldClaim> => {
    const pools = lacking(claim, gone)
    return world.leases
      .filter((lease) => !gone.has(lease.id) && mayTake(claim, lease) && isLent(claim, lease, pools, gone, false))
      .toSorted((a, b) => (isTakenBefore(a, b) ? -1 : 1))
  }

  /** Whether only quotas of groups bear on a claim: no rate, count or limit of one agent's own. */
  const isPlain = ({ agent, needs }: WorldClaim): boolean =>
    tree.path(agent).length > 0 &&
    needs.every(({ pool: { type } }) => {
      if (tree.quotas.get(`${agent}/${type}`) !== undefined) return false
      return tree.path(agent).every((group) => {
        const { leases, max, rate } = tree.limits(group, type)
        return leases === undefined && max === undefined && rate === undefined
      })
    })

  /** The one claim that waits for quota, where there is but one, and nothing else bears on it. */
  const alone = (): WorldClaim | undefined => {
    const parked = world.waiters.filter((waiter) => waiter.parked)
    const [only] = parked
    return parked.length === 1 && only !== undefined && isPlain(only) ? only : undefined
  }

  /** What is borrowed below every group, by type, once some leases are gone and a claim is granted. */
  const borrowedBelow = (gone: Gone, granted?: ModelClaim): Map<string, number> => {
    const sums = new Map<string, number>()
    const all = granted === undefined ? held(gone) : [...held(gone), granted]
    for (const group of tree.groups.values()) {
      if (group.parent === undefined) continue
      for (const { type } of world.pools) {
        const key = `${group.parent}/${type}`
        sums.set(key, (sums.get(key) ?? 0) + tree.borrowed(group, type, tree.use(all, type)))
      }
    }
    return sums
  }

  const finish = () => {
    if (taking === undefined) return
    const { by, due } = taking
    taking = undefined
    if (due !== undefined && due.length > 0) fail(`${by} takes too few: not ${due.map(({ id }) => id).join(", ")}`)
  }

  const lower = (lender: ModelGroup, claim: WorldClaim, lease: WorldClaim, before: Map<string, number>) => {
    const granted = { ...tree.claims.get(claim.id)!, status: "held" as const }
    const after = borrowedBelow(new Set([...announced(), lease.id]), granted)
    const falls = lease.needs.some(({ pool: { type } }) => {
      const key = `${lender.id}/${type}`
      return (after.get(key) ?? 0) < (before.get(key) ?? 0)
    })
    if (!falls) fail(`what ${claim.id} takes from ${lease.id} does not lower what is borrowed in ${lender.id}`)
    run.count("reclaim: borrowed less")
  }

  const judge = (event: Preempting) => {
    const lease = world.claim(event.id)
    if (policy.reclaim !== true) fail(`${event.id} is taken back, which is off`)
    const by = world.claim(event.by)
    if (by.status !== "waiting") fail(`${by.id} takes ${lease.id} back, and does not wait`)
    if (lease.notice !== undefined || !mayTake(by, lease)) fail(`${by.id} takes ${lease.id} back, which it must not`)
    if (taking !== undefined && taking.by !== by.id) finish()
    const gone = announced()
    if (taking === undefined && !by.parked) {
      const needs = needsOf(world, event.at).get(by) ?? new Map()
      const candidates = unitCandidates(by, needs, event.at)
      const isEnough = (set: ReadonlyArray<WorldClaim>) =>
        hasItsUnits(world, by, needs, new Set([...noticedIn(world), ...set]), event.at)
      if (isEnough([])) fail(`${by.id} takes ${lease.id} back, and lacks nothing`)
      if (!isEnough(candidates)) fail(`${by.id} takes ${lease.id} back in vain`)
      const exact = candidates.length <= (world.promised ? promisedMax : candidatesMax)
      const due = exact ? [...bestOf(candidates, isEnough)] : undefined
      taking = { by: by.id, due, before: borrowedBelow(gone), told: 0 }
      run.count("reclaim: units taken")
    } else if (taking === undefined) {
      const candidates = alone() === by ? candidatesFor(by, gone) : undefined
      const exact = candidates !== undefined && candidates.length <= candidatesMax
      const isEnough = (set: ReadonlyArray<WorldClaim>) => isServed(by, new Set([...gone, ...set.map(({ id }) => id)]))
      if (candidates !== undefined && isServed(by, gone)) fail(`${by.id} takes ${lease.id} back, and lacks nothing`)
      if (candidates !== undefined && !isEnough(candidates)) fail(`${by.id} takes ${lease.id} back in vain`)
      const due = exact ? [...bestOf(candidates, isEnough)] : undefined
      taking = { by: by.id, due, before: borrowedBelow(gone), told: 0 }
      if (due !== undefined) run.count("reclaim: victims judged")
      if (due !== undefined && due.length > 1) run.count("reclaim: several victims")
    }
    const met = meet(by.agent, lease.agent)
    if (
      met === undefined ||
      !isLent(
        by,
        lease,
        by.needs.map(({ pool }) => pool),
        gone,
        true
      )
    )
      return fail(`${by.id} takes ${lease.id} back, which has borrowed nothing from it`)
    if (taking.due === undefined) return
    if (taking.told++ === 0) lower(met.lender, by, lease, taking.before)
    const next = taking.due.shift()
    if (next !== lease) fail(`${by.id} takes ${lease.id} back, not ${next?.id}`)
  }

  const mayBeSpared = (lease: WorldClaim): boolean =>
    lease.notice?.cause === "reclaim" &&
    !lease.notice.ending &&
    !world.waiters.some((waiter) => around(waiter).includes(lease))

  /** Whether the one claim that waits for quota is served with it and not without; where more wait nobody knows. */
  const isNeeded = (lease: WorldClaim): boolean | undefined => {
    // One that has its quota may need the units.
    if (world.waiters.some((waiter) => !waiter.parked && tree.groupOf(waiter.agent) !== undefined)) return undefined
    if (!world.waiters.some((waiter) => waiter.parked)) return false
    const claim = alone()
    if (claim === undefined) return undefined
    const gone = announced()
    const rest = new Set([...gone].filter((id) => id !== lease.id))
    if (!isServed(claim, gone) || isServed(claim, rest) || !mayTake(claim, lease)) return false
    return isLent(
      claim,
      lease,
      claim.needs.map(({ pool }) => pool),
      rest,
      true
    )
  }

  return {
    name,
    onEvent: (event) => {
      if (event._tag === "Preempting" && event.cause === "reclaim") judge(event)
      else finish()
      if (event._tag === "Spared" && world.claim(event.id).notice?.cause === "reclaim") {
        const lease = world.claim(event.id)
        if (!mayBeSpared(lease)) fail(`${event.id} is spared, too late or with a wait inside`)
        if (isNeeded(lease) === true) fail(`${event.id} is spared, and is what a claim takes back`)
        run.count("reclaim: spared")
      }
    },
    afterCommand: () => {
      finish()
      if (policy.reclaim !== true || run.ledger.books.stopped) return
      const claim = alone()
      const gone = announced()
      if (claim !== undefined && !isServed(claim, gone)) {
        const candidates = candidatesFor(claim, gone)
        if (isServed(claim, new Set([...gone, ...candidates.map(({ id }) => id)])))
          fail(`${claim.id} could have its own by what it may take back`)
        run.count("reclaim: waits without")
      }
      if (!world.promised) {
        const there = noticedIn(world)
        for (const [waiter, needs] of needsOf(world, world.now)) {
          if (tree.groupOf(waiter.agent) === undefined || hasItsUnits(world, waiter, needs, there, world.now)) continue
          const all = new Set([...there, ...unitCandidates(waiter, needs, world.now)])
          if (hasItsUnits(world, waiter, needs, all, world.now))
            fail(`${waiter.id} could have its units by what it may take back`)
        }
      }
      if (policy.byPriority) return
      for (const lease of world.leases) {
        if (mayBeSpared(lease) && isNeeded(lease) === false) fail(`${lease.id} ends, and nobody takes it back`)
      }
    }
  }
}
