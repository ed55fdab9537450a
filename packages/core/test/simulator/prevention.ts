/**
 * How deadlocks are prevented, by the rules as they are told and by brute force: what a
 * younger claim must not wait for, and which grants leave a way for everybody to have all
 * that it declared. It shares no code with the Ledger.
 */
import { around, type Need, type World, type WorldClaim, type WorldPool } from "./model.ts"
import { askerFor, roomFor } from "./promises.ts"

/** The outermost lease around a claim, that around the place of the call first; itself where there is none. */
export const outermostOf = (claim: Pick<WorldClaim, "parent" | "grows">): WorldClaim | undefined => {
  let outermost: WorldClaim | undefined
  for (let at = claim.parent; at !== undefined; at = at.parent) if (at.status === "held") outermost = at
  if (outermost !== undefined) return outermost
  for (let at = claim.grows; at !== undefined; at = at.parent) if (at.status === "held") outermost = at
  return outermost
}

const rootOf = (claim: WorldClaim): WorldClaim => outermostOf(claim) ?? claim

export const amountIn = ({ needs }: Pick<WorldClaim, "needs">, pool: WorldPool): number =>
  needs.find((need) => need.pool === pool)?.amount ?? 0

/** What of a type the tree of a lease holds, and waits for. */
const inside = (claims: ReadonlyArray<WorldClaim>, root: WorldClaim, pool: WorldPool): number =>
  claims.reduce((sum, claim) => sum + (rootOf(claim) === root ? amountIn(claim, pool) : 0), 0)

/** Why a claim is more than was declared: for each type the most that it could ask for, in words. */
export const overMaximum = (
  world: World,
  claim: Pick<WorldClaim, "parent" | "grows" | "needs"> & {
    readonly maximum: Readonly<Record<string, number>> | undefined
  }
): ReadonlyArray<unknown> => {
  const root = outermostOf(claim)
  const maximum = root === undefined ? claim.maximum : root.scheduling.maximum
  if (root === undefined && maximum === undefined) return []
  return claim.needs.flatMap(({ amount, pool }) => {
    const waits = world.waiters.filter((waiter) => root !== undefined && around(waiter).includes(root))
    const waited = waits.reduce((sum, waiter) => sum + amountIn(waiter, pool), 0)
    const own = root === undefined ? 0 : inside(world.leases, root, pool) + waited
    const most = maximum === undefined ? own : (maximum[pool.type] ?? 0)
    if (own + amount <= most) return []
    const declared =
      root === undefined
        ? `its maximum is ${most}`
        : maximum === undefined
          ? `the lease ${root.id} around it declared no maximum`
          : `the lease ${root.id} around it declared a maximum of ${most}, of which ${own} are held or waited for`
    const allowed = `at most ${Math.max(0, most - own)}: ${declared}`
    return [{ _tag: "InvalidClaim", field: `claim.${pool.type}`, value: amount, allowed }]
  })
}

interface Declared {
  readonly held: ReadonlyArray<number>
  readonly rest: ReadonlyArray<number>
}

/** Whether there is an order in which all get the rest and come back: all are tried, each set of those that are back once. */
const canAllEnd = (free: ReadonlyArray<number>, trees: ReadonlyArray<Declared>): boolean => {
  const all = (1 << trees.length) - 1
  const seen = new Set<number>()
  const explore = (back: number): boolean => {
    if (back === all) return true
    if (seen.has(back)) return false
    seen.add(back)
    const there = free.map((amount, pool) =>
      trees.reduce((sum, { held }, at) => sum + ((back & (1 << at)) === 0 ? 0 : held[pool]!), amount)
    )
    return trees.some(
      ({ rest }, at) =>
        (back & (1 << at)) === 0 && rest.every((amount, pool) => amount <= there[pool]!) && explore(back | (1 << at))
    )
  }
  return explore(0)
}

/** Whether everybody can still have all that it declared, once a claim is granted. */
export const isSafeWith = (
  world: World,
  claim: Pick<WorldClaim, "parent" | "grows" | "needs" | "scheduling">
): boolean => {
  const root = outermostOf(claim)
  if (claim.needs.length === 0 || (root ?? claim).scheduling.maximum === undefined) return true
  const roots = new Set(world.leases.map(rootOf).filter((tree) => tree.scheduling.maximum !== undefined))
  const treeOf = (maximum: Readonly<Record<string, number>>, held: ReadonlyArray<number>): Declared => ({
    held,
    rest: world.pools.map((pool) => Math.max(0, (maximum[pool.type] ?? 0) - held[pool.index]!))
  })
  const trees = [...roots].map((tree) => {
    const held = world.pools.map(
      (pool) => inside(world.leases, tree, pool) + (tree === root ? amountIn(claim, pool) : 0)
    )
    return treeOf(tree.scheduling.maximum!, held)
  })
  if (root === undefined)
    trees.push(
      treeOf(
        claim.scheduling.maximum!,
        world.pools.map((pool) => amountIn(claim, pool))
      )
    )
  // Who holds nothing keeps nobody waiting: it may come after all others.
  const holding = trees.filter(({ held }) => held.some((amount) => amount > 0))
  const free = world.pools.map((pool) => trees.reduce((left, { held }) => left - held[pool.index]!, pool.limit))
  return canAllEnd(free, holding)
}

/** What a waiter lacks in a pool, for it and all before it, beyond what is free and what comes back already. */
const lacks = (world: World, waiter: WorldClaim, { amount, pool }: Need): number => {
  const line = world.line
  const before = line.slice(0, line.indexOf(waiter)).reduce((sum, other) => sum + amountIn(other, pool), 0)
  const coming = world.leases.reduce((sum, lease) => sum + (lease.notice === undefined ? 0 : amountIn(lease, pool)), 0)
  return before + amount - roomFor(world, askerFor(world, waiter, world.now), pool, world.now) - coming
}

/** Whether a claim inside a lease needs what older leases hold: what younger ones hold is not enough. */
export const needsOlder = (world: World, waiter: WorldClaim): boolean => {
  const root = outermostOf(waiter)
  if (root === undefined) return false
  return waiter.needs.some((need) => {
    const units = lacks(world, waiter, need)
    if (units <= 0) return false
    const holders = world.leases.filter((lease) => amountIn(lease, need.pool) > 0)
    const younger = holders.filter((lease) => rootOf(lease).id > root.id && lease.notice === undefined)
    const theirs = younger.reduce((sum, lease) => sum + amountIn(lease, need.pool), 0)
    return units > theirs && holders.some((lease) => rootOf(lease).id < root.id)
  })
}
