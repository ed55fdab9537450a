/**
 * Deadlocks avoided (Dijkstra, EWD 623; Habermann, "Prevention of system deadlocks",
 * CACM 1969). An outermost lease declares the most that it and all inside it will ever
 * hold. A claim is granted only if afterwards the state is *safe*: there is an order in
 * which every declared lease can have all that it declared, and come back.
 *
 * What an outermost lease does not declare it never asks for: claims inside it are
 * refused. So leases that declare nothing come back whatever happens, and only the
 * declared ones are looked at. Claims inside a lease wait for no order: what they ask for
 * was declared before those who wait outside were let in. So who is next in a safe order
 * is never kept by a queue.
 *
 * O(holders), and (declared leases)² times types at worst.
 */
import { invalid } from "../admission.ts"
import type { Claim } from "../Claim.ts"
import type { Pool } from "../Pool.ts"
import type { InvalidClaim } from "../Refusal.ts"
import type { Request } from "../Request.ts"
import { outermostOf } from "./ages.ts"

/** What an outermost lease has, and may still ask for, by pool. */
export interface Tree {
  readonly held: ReadonlyArray<number>
  readonly remaining: ReadonlyArray<number>
}

/** Lets all trees come back that can, one after the other: who cannot, and what there is for them then. */
const comeBack = <A extends Tree>(available: ReadonlyArray<number>, trees: ReadonlyArray<A>) => {
  const free = [...available]
  let waiting = trees
  while (waiting.length > 0) {
    const stuck = waiting.filter(({ held, remaining }) => {
      if (remaining.some((amount, pool) => amount > free[pool]!)) return true
      held.forEach((amount, pool) => {
        free[pool] = free[pool]! + amount
      })
      return false
    })
    if (stuck.length === waiting.length) break
    waiting = stuck
  }
  return { free, stuck: waiting }
}

/** Whether all trees can come back, one after the other. */
export const isSafe = (available: ReadonlyArray<number>, trees: ReadonlyArray<Tree>): boolean =>
  comeBack(available, trees).stuck.length === 0

const heldInside = (outermost: Request, pool: Pool): number => {
  let held = 0
  for (let part = pool.holdersHead; part !== undefined; part = part.next) {
    if (outermostOf(part.request) === outermost) held += part.amount
  }
  return held
}

const waitedForInside = (outermost: Request, pool: Pool): number => {
  let waited = 0
  for (const wait of outermost.waitsInside ?? []) {
    for (const part of wait.parts) if (part.pool === pool) waited += part.amount
  }
  return waited
}

const maximumOf = (maximum: Claim | undefined, type: string): number | undefined => maximum?.[type]

/** What of a claim is more than its outermost lease declared. */
export const overMaximum = (request: Request): InvalidClaim | undefined => {
  const outermost = outermostOf(request)
  const { maximum } = outermost.scheduling
  if (outermost === request && maximum === undefined) return undefined
  for (const { amount, pool } of request.parts) {
    const own = outermost === request ? 0 : heldInside(outermost, pool) + waitedForInside(outermost, pool)
    const most = maximumOf(maximum, pool.type) ?? (maximum === undefined ? own : 0)
    if (own + amount <= most) continue
    const declared =
      maximum === undefined
        ? `the lease ${outermost.id} around it declared no maximum`
        : outermost === request
          ? `its maximum is ${most}`
          : `the lease ${outermost.id} around it declared a maximum of ${most}, of which ${own} are held or waited for`
    return invalid(`claim.${pool.type}`, amount, `at most ${Math.max(0, most - own)}: ${declared}`)
  }
  return undefined
}

interface DeclaredTree extends Tree {
  readonly outermost: Request
}

/** What there is for those that declared a maximum, once the request is granted; `undefined` where it is of none. */
const stateWith = (pools: ReadonlyArray<Pool>, request: Request) => {
  // Where a cut left no safe order a claim of nothing still changes nothing.
  if (request.parts.length === 0) return undefined
  const place = new Map(pools.map((pool, at) => [pool, at]))
  const held = new Map<Request, Array<number>>()
  const add = (tree: Request, pool: Pool, amount: number) => {
    if (tree.scheduling.maximum === undefined) return
    const amounts = held.get(tree) ?? pools.map(() => 0)
    const at = place.get(pool)!
    amounts[at] = amounts[at]! + amount
    held.set(tree, amounts)
  }
  for (const pool of pools) {
    for (let part = pool.holdersHead; part !== undefined; part = part.next) {
      add(outermostOf(part.request), pool, part.amount)
    }
  }
  const own = outermostOf(request)
  if (own.scheduling.maximum === undefined) return undefined
  for (const { amount, pool } of request.parts) add(own, pool, amount)
  const available = pools.map((pool) => pool.limit)
  for (const amounts of held.values()) {
    amounts.forEach((amount, at) => {
      available[at] = available[at]! - amount
    })
  }
  const trees = [...held].map(([tree, amounts]): DeclaredTree => ({
    outermost: tree,
    held: amounts,
    remaining: pools.map((pool, at) => Math.max(0, (maximumOf(tree.scheduling.maximum, pool.type) ?? 0) - amounts[at]!))
  }))
  return { available, trees }
}

/** Whether the state is safe once the request is granted. */
export const isSafeWith = (pools: ReadonlyArray<Pool>, request: Request): boolean => {
  const state = stateWith(pools, request)
  return state === undefined || isSafe(state.available, state.trees)
}

/** Why to grant a claim would not be safe, in one pool. */
export interface SafetyReason {
  readonly _tag: "Safety"
  readonly resourceType: string
  readonly requested: number
  /** Units that would be left for what was declared, once all are back that can be. */
  readonly left: number
  /** The leases that may ask for more than that, the most first; `lease` 0 is the claim itself, where it has no number yet. */
  readonly declared: ReadonlyArray<{ readonly lease: number; readonly agent: string; readonly amount: number }>
}

/** Why the state is not safe once the request is granted, pool by pool. Empty where it is. */
export const unsafeWith = (pools: ReadonlyArray<Pool>, request: Request): ReadonlyArray<SafetyReason> => {
  const state = stateWith(pools, request)
  if (state === undefined) return []
  const { free, stuck } = comeBack(state.available, state.trees)
  return pools.flatMap((pool, at): ReadonlyArray<SafetyReason> => {
    const left = free[at]!
    const declared = stuck
      .map(({ outermost, remaining }) => ({
        lease: outermost.id,
        agent: outermost.agent.id,
        amount: remaining[at]!
      }))
      .filter(({ amount }) => amount > left)
      .toSorted((a, b) => b.amount - a.amount || a.lease - b.lease)
    const requested = request.parts.find((part) => part.pool === pool)?.amount ?? 0
    return declared.length === 0 ? [] : [{ _tag: "Safety", resourceType: pool.type, requested, left, declared }]
  })
}
