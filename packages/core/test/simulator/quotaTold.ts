/** Whether what somebody is told of quota is so, by the model's tree. */
import { isDeepStrictEqual } from "node:util"
import type { Refusal, WaitReason } from "../../src/Ledger.ts"
import { amountsOf, treeOf, type World, type WorldClaim } from "./model.ts"

type QuotaExceeded = Extract<Refusal, { readonly _tag: "QuotaExceeded" }>

/** Whether groups are those from the root down to one on the way up of an agent. */
const isOnWay = (told: ReadonlyArray<string>, fromRoot: ReadonlyArray<string>): boolean =>
  told.length > 0 && isDeepStrictEqual(told, fromRoot.slice(0, told.length))

const pathOf = (world: World, agent: string): ReadonlyArray<string> =>
  treeOf(world)
    .path(agent)
    .map(({ id }) => id)
    .toReversed()

/** The types of a claim that the tree does not allow now, rates aside: beside leases, and for one inside no lease beside those that have their quota. */
const lackingFor = (world: World, { id }: WorldClaim): ReadonlySet<string> => {
  const tree = treeOf(world)
  const claim = tree.claims.get(id)!
  const nested = tree.around(claim).length > 0
  const beside = tree.having("held", ...(nested ? [] : ["waiting" as const])).filter((other) => other !== claim)
  return new Set(
    [...claim.amounts].flatMap(([type, amount]) =>
      tree.allows(beside, { ...claim, amounts: new Map([[type, amount]]) }) ? [] : [type]
    )
  )
}

/**
 * Judges, by the state of now, what one that waits for quota is told: each type that some level does not allow, and no
 * other but for a rate or its turn; by a level on its way up, and with what is in use there.
 */
export const quotaReasonsJudge = (world: World, waiter: WorldClaim) => {
  const tree = treeOf(world)
  const fromRoot = pathOf(world, waiter.agent)
  const lacking = lackingFor(world, waiter)
  const amounts = amountsOf(waiter)
  const facts = new Map(
    waiter.needs.map(({ pool }) => {
      const own = { held: world.sum(world.leases, waiter.agent, pool), quota: world.quota(waiter.agent, pool) }
      const levels = fromRoot.map((id) => ({
        limits: tree.limits(tree.group(id), pool.type),
        use: tree.inUseBelow(id, pool.type, tree.having("held"))
      }))
      return [pool.type, { own, levels }] as const
    })
  )
  const isTrue = (reason: Extract<WaitReason, { readonly _tag: "Quota" }>): boolean => {
    const { held, limit, path, quota, requested, resourceType } = reason
    const known = facts.get(resourceType)
    if (known === undefined || (path.length > 0 && !isOnWay(path, fromRoot))) return false
    if (limit === "rate" || limit === "order") return true
    if (!lacking.has(resourceType)) return false
    if (path.length === 0) return isDeepStrictEqual({ held, quota }, known.own) && requested === amounts[resourceType]
    const { limits, use } = known.levels[path.length - 1]!
    if (limit === "max") return quota === limits.max && held === use.amount && requested === amounts[resourceType]
    return limit !== "leases" || (quota === limits.leases && held === use.leases)
  }
  return (told: ReadonlyArray<WaitReason>): boolean => {
    const types = new Set(told.map(({ resourceType }) => resourceType))
    return (
      told.length > 0 &&
      [...lacking].every((type) => types.has(type)) &&
      told.every((reason) => reason._tag === "Quota" && isTrue(reason))
    )
  }
}

/** Judges, by the groups of now, whether a level that refused a claim is on its way up. */
export const levelJudge = (world: World, { agent, needs }: WorldClaim) => {
  const fromRoot = pathOf(world, agent)
  const types = new Set(needs.map(({ pool }) => pool.type))
  return (refusal: QuotaExceeded): boolean =>
    refusal.level !== undefined &&
    refusal.agent === agent &&
    types.has(refusal.resourceType) &&
    isOnWay(refusal.level.path, fromRoot)
}
