/** Whether what somebody is told of quota is so, by the model's tree. */
import { isDeepStrictEqual } from "node:util"
import type { Refusal, WaitReason } from "../../src/Ledger.ts"
import { amountsOf, type Need, treeOf, type World, type WorldClaim } from "./model.ts"
import type { ModelClaim, Tree } from "./tree.ts"

type QuotaExceeded = Extract<Refusal, { readonly _tag: "QuotaExceeded" }>

/** Whether groups are those from the root down to one on the way up of an agent. */
const isOnWay = (told: ReadonlyArray<string>, fromRoot: ReadonlyArray<string>): boolean =>
  told.length > 0 && isDeepStrictEqual(told, fromRoot.slice(0, told.length))

const pathOf = (world: World, agent: string): ReadonlyArray<string> =>
  treeOf(world)
    .path(agent)
    .map(({ id }) => id)
    .toReversed()

/** Leases, and with `waiting` those that have their quota and wait for units: a growth is to be no lease of its own. */
const spokenFor = (tree: Tree, waiting: boolean): ReadonlyArray<ModelClaim> => [
  ...tree.having("held"),
  ...(waiting ? tree.having("waiting") : []).map((claim) =>
    claim.grows === undefined ? claim : { ...claim, uncounted: new Set(claim.amounts.keys()) }
  )
]

/** The types of a claim that the tree does not allow now, rates aside: beside leases, and for one inside no lease beside those that have their quota. */
const lackingFor = (world: World, { id }: WorldClaim): ReadonlySet<string> => {
  const tree = treeOf(world)
  const claim = tree.claims.get(id)!
  const nested = tree.around(claim).length > 0
  const beside = spokenFor(tree, !nested).filter(({ id: other }) => other !== id)
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

/** Whether a group on the way up of a claim's agent can never let a share pass, however long it waits. */
export const neverInGroups = (world: World, next: ModelClaim, { amount, pool }: Need): boolean => {
  const tree = treeOf(world)
  if (tree.mostOf(next, pool.type, amount) < amount) return true
  return tree.path(next.agent).some((group) => {
    const { rate } = tree.limits(group, pool.type)
    return rate !== undefined && (rate.per === "unit" ? amount : 1) > (rate.burst ?? rate.limit)
  })
}

/** What becomes of a claim at its quotas as it arrives; `unknown` where others wait before it, or a rate may be what it lacks. */
export const atQuotas = (world: World, next: ModelClaim, nested: boolean): "passes" | "lacks" | "unknown" => {
  const tree = treeOf(world)
  const held = nested && tree.modeOf(next) === "wait"
  const beside = spokenFor(tree, !held)
  if (!tree.allows(beside, next)) return "lacks"
  const rated = tree.isRated(next.agent)
  return rated || (!held && !tree.isFirst(next, tree.having("parked"))) ? "unknown" : "passes"
}

/** Judges, by the groups of now, whether what refused a claim is a level on its way up, or a quota of its agent's own. */
export const levelJudge = (world: World, { agent, needs }: Pick<WorldClaim, "agent" | "needs">) => {
  const fromRoot = pathOf(world, agent)
  const types = new Set(needs.map(({ pool }) => pool.type))
  const quotas = new Set(needs.flatMap(({ pool }) => (world.quota(agent, pool) < Infinity ? [pool.type] : [])))
  return (refusal: QuotaExceeded): boolean =>
    refusal.agent === agent &&
    types.has(refusal.resourceType) &&
    (refusal.level === undefined ? quotas.has(refusal.resourceType) : isOnWay(refusal.level.path, fromRoot))
}
