/**
 * How deadlocks are prevented, by the rules as they are told and by brute force: what a
 * younger claim must not wait for, and which grants leave a way for everybody to have all
 * that it declared. It shares no code with the Ledger.
 */
import { around, type Need, noticedIn, type World, type WorldClaim, type WorldPool } from "./model.ts"
import { askerFor, roomFor, standingPromises } from "./promises.ts"
import type { ModelClaim } from "./tree.ts"

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

/** What of a maximum can never be had: for each type the most that can be, in words. */
export const neverHad = (
  world: World,
  claim: Pick<WorldClaim, "agent" | "parent" | "grows" | "needs" | "scheduling">,
  now: number
): ReadonlyArray<unknown> => {
  const { maximum } = claim.scheduling
  if (maximum === undefined || outermostOf(claim) !== undefined) return []
  return world.pools.flatMap((pool) => {
    const value = maximum[pool.type] ?? 0
    const promised = standingPromises(world, now)
      .filter((promise) => promise.pool === pool && !promise.isFor(claim))
      .reduce((sum, { amount }) => sum + amount, 0)
    const most = pool.limit - promised
    if (value === 0) return []
    if (value <= most) return quotaNeverHad(world, claim, pool, value)
    const why = promised === 0 ? "the pool has no more" : `${promised} of ${pool.limit} are promised to others for ever`
    return [
      { _tag: "InvalidClaim", field: `maximum.${pool.type}`, value, allowed: `at most ${Math.max(0, most)}: ${why}` }
    ]
  })
}

/** The same by quotas: whichever of them says so. */
const quotaNeverHad = (world: World, claim: Asking, pool: WorldPool, value: number): ReadonlyArray<unknown> => {
  const { tree } = world
  if (tree === undefined || value === 0) return []
  const most = tree.mostOf(modelOf(claim), pool.type, value)
  if (most === value) return []
  const path = tree.path(claim.agent).toReversed()
  const may = path.map(
    (_, at) =>
      `that is what ${path
        .slice(0, at + 1)
        .map(({ id }) => id)
        .join("/")} may have`
  )
  return [...may, `that is the quota of ${claim.agent}`].map((why) => ({
    _tag: "InvalidClaim",
    field: `maximum.${pool.type}`,
    value,
    allowed: `at most ${most}: ${why}`
  }))
}

/** A claim as quotas see it once it is granted. */
export const modelOf = ({ agent, grows, needs, scheduling }: Asking): ModelClaim => ({
  id: Infinity,
  agent,
  amounts: new Map(needs.map(({ amount, pool }) => [pool.type, amount])),
  parent: undefined,
  grows: grows?.status === "held" ? grows.id : undefined,
  onQuota: scheduling.onQuota,
  status: "held",
  uncounted: new Set(grows?.status === "held" ? grows.needs.map(({ pool }) => pool.type) : [])
})

type Asking = Pick<WorldClaim, "agent" | "parent" | "grows" | "needs" | "scheduling">

/** An outermost lease that declared a maximum, and what it and all inside it hold. */
interface Declared {
  readonly root: Asking
  readonly pieces: ReadonlyArray<Asking>
}

const declaredTrees = (world: World, claim: Asking, granted: boolean): ReadonlyArray<Declared> => {
  const own: Asking = outermostOf(claim) ?? claim
  const pieces = new Map<Asking, Array<Asking>>()
  for (const lease of world.leases) {
    const root = rootOf(lease)
    pieces.set(root, [...(pieces.get(root) ?? []), lease])
  }
  if (granted) pieces.set(own, [...(pieces.get(own) ?? []), claim])
  return [...pieces]
    .filter(([root]) => root.scheduling.maximum !== undefined)
    .map(([root, all]) => ({ root, pieces: all }))
    .filter(
      // Who holds nothing keeps nobody waiting: it may come after all others.
      (tree) => tree.root === own || tree.pieces.some(({ needs }) => needs.some(({ amount }) => amount > 0))
    )
}

const heldOf = (pieces: ReadonlyArray<Asking>, pool: WorldPool): number =>
  pieces.reduce((sum, piece) => sum + amountIn(piece, pool), 0)

const heldModel = (world: World, piece: Asking): ModelClaim => {
  const lease = world.leases.find((held) => held === piece)
  return (lease && world.tree?.claims.get(lease.id)) ?? modelOf(piece)
}

/**
 * Which can get the rest and come back, in some order of all: every set of those that are back is looked at
 * once. What was promised to others for ever and they do not hold is not there, windows end by time.
 */
const endsOf = (
  world: World,
  trees: ReadonlyArray<Declared>,
  now: number,
  staying: ReadonlySet<Asking> = new Set()
): ReadonlySet<Asking> => {
  const promises = standingPromises(world, now)
  const all = (1 << trees.length) - 1
  const seen = new Set<number>()
  let ever = 0
  const rests = trees.map(({ pieces, root }) =>
    world.pools.map((pool) => Math.max(0, (root.scheduling.maximum![pool.type] ?? 0) - heldOf(pieces, pool)))
  )
  const held = trees.map(({ pieces }) => world.pools.map((pool) => heldOf(pieces, pool)))
  const drawn = trees.map(({ pieces }) => promises.map(({ draws, pool }) => heldOf(pieces.filter(draws), pool)))
  const isFor = trees.map(({ root }) => promises.map((promise) => promise.isFor(root)))
  const models = trees.map(({ pieces }) => new Map(pieces.map((piece) => [piece, heldModel(world, piece)])))
  const hasQuota = (at: number, out: ReadonlyArray<number>): boolean => {
    if (world.tree === undefined) return true
    const { root } = trees[at]!
    const own = models[at]!
    const rest = world.pools.flatMap(({ index, type }) => {
      const amount = rests[at]![index]!
      return amount === 0 ? [] : [[type, amount] as const]
    })
    const beside = out.flatMap((tree) => [...models[tree]!.values()])
    return world.tree.couldHave(beside, own.get(root) ?? modelOf(root), [...own.values()], new Map(rest))
  }
  const canEnd = (at: number, back: number): boolean => {
    const out = [...trees.keys()].filter((tree) => (back & (1 << tree)) === 0)
    const fits = world.pools.every(({ index, limit }, pool) => {
      let there = limit - out.reduce((sum, tree) => sum + held[tree]![index]!, 0)
      promises.forEach((promise, which) => {
        if (promise.pool.index !== pool || isFor[at]![which]!) return
        const used = out.reduce((sum, tree) => sum + drawn[tree]![which]!, 0)
        there -= Math.max(0, promise.amount - used)
      })
      const rest = rests[at]![pool]!
      return rest === 0 || rest <= there
    })
    return fits && hasQuota(at, out)
  }
  const explore = (back: number): void => {
    if (ever === all || seen.has(back)) return
    seen.add(back)
    for (const at of trees.keys()) {
      if ((back & (1 << at)) !== 0 || staying.has(trees[at]!.root) || !canEnd(at, back)) continue
      ever |= 1 << at
      explore(back | (1 << at))
    }
  }
  explore(0)
  return new Set(trees.flatMap(({ root }, at) => ((ever & (1 << at)) === 0 ? [] : [root])))
}

/** Whether all who can have what they declared can still, once a claim is granted, and so can its own lease. */
export const isSafeWith = (world: World, claim: Asking, now = world.now): boolean => {
  const own: Asking = outermostOf(claim) ?? claim
  if (claim.needs.length === 0 || own.scheduling.maximum === undefined) return true
  const after = declaredTrees(world, claim, true)
  const ends = endsOf(world, after, now)
  if (ends.size === after.length) return true
  const before = endsOf(world, declaredTrees(world, claim, false), now)
  // Inside two of them, which stay until it is served: where nobody else comes back it would be kept for ever.
  const around = new Set(
    [claim.parent, claim.grows].flatMap((lease) => outermostOf({ parent: lease, grows: undefined }) ?? [])
  )
  if (around.size > 1 && endsOf(world, declaredTrees(world, claim, false), now, around).size === 0) return true
  // A lease that is new has to have all of it.
  return after.every(({ root }) => ends.has(root) || (root !== claim && !before.has(root)))
}

/**
 * What a waiter lacks in a pool, for it and all before it, once what was told to end is back. What is promised
 * to others is nothing that it has, also where one of those before it will have that.
 */
const lacks = (world: World, waiter: WorldClaim, { amount, pool }: Need): number => {
  const line = world.line
  const before = line.slice(0, line.indexOf(waiter)).reduce((sum, other) => sum + amountIn(other, pool), 0)
  const coming = noticedIn(world)
  return before + amount - roomFor(world, askerFor(world, waiter, world.now), pool, world.now, coming)
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
