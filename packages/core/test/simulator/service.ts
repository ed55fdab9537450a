/**
 * The rule of order, recomputed by walking the queue: in each pool, what earlier
 * waiters need is set aside first, and a waiter is served at the first instant at
 * which, in all its pools, there is enough for those before it and itself. An
 * exempt waiter needs only what it takes.
 */
import type { Need, World, WorldClaim } from "./model.ts"
import { isSafeWith } from "./prevention.ts"
import { askerFor, isKept, roomFor } from "./promises.ts"

export interface Line {
  /** Units and tokens set aside for waiters that have their share. */
  readonly earmarked: number
  readonly earmarkedTokens: number
  /** The first waiter without its share. */
  readonly firstShort: WorldClaim | undefined
  /** When the first one short has its share, if tokens are all that it lacks. */
  readonly dueAt: number
}

export interface Service {
  readonly lines: ReadonlyArray<Line>
  /** The first instant at which a waiter must be granted, if nothing else happens, and which one. */
  readonly at: number
  readonly waiter: WorldClaim | undefined
  /** The first instant at which tokens let some waiter go on in some pool. */
  readonly progressAt: number
}

const readyAt = (need: Need, tokens: number, now: number): number =>
  need.pool.bucket === undefined || need.cost === 0 ? now : need.pool.bucket.readyAt(tokens, now)

const roomOf = (world: World, claim: WorldClaim, { pool }: Need, now: number): number =>
  world.promises.size === 0 ? pool.free : roomFor(world, askerFor(world, claim, now), pool, now)

export const serve = (world: World, now: number): Service => {
  const units = world.pools.map(() => 0)
  const tokens = world.pools.map(() => 0)
  const lines = world.pools.map((pool) => ({
    level: pool.tokens(now),
    earmarked: 0,
    earmarkedTokens: 0,
    firstShort: undefined as WorldClaim | undefined,
    dueAt: Infinity
  }))
  let at = Infinity
  let first: WorldClaim | undefined
  let progressAt = Infinity
  for (const waiter of world.line) {
    let own = now
    for (const need of waiter.needs) {
      const { index } = need.pool
      const line = lines[index]!
      units[index]! += need.amount
      tokens[index]! += need.cost
      const kept = isKept(world, askerFor(world, waiter, now), need.pool, need.amount, now)
      // Where something is promised, one that is before it may lack what it has.
      const blocked = line.firstShort !== undefined && world.promises.size > 0
      const inOrder =
        world.planned || blocked || units[index]! > roomOf(world, waiter, need, now)
          ? Infinity
          : readyAt(need, tokens[index]!, now)
      // Beyond what is set aside: who is before it and short waits for units, not for these tokens.
      const keptAt = kept ? readyAt(need, line.earmarkedTokens + need.cost, now) : Infinity
      if (keptAt > now && keptAt < progressAt) progressAt = keptAt
      const ready = Math.min(inOrder, keptAt)
      if (ready > own) own = ready
      if (line.firstShort !== undefined) continue
      if (inOrder <= now && tokens[index]! <= line.level) {
        line.earmarked = units[index]!
        line.earmarkedTokens = tokens[index]!
      } else {
        line.firstShort = waiter
        line.dueAt = inOrder
        if (inOrder < progressAt) progressAt = inOrder
      }
    }
    if (waiter.exempt) {
      own = now
      for (const need of waiter.needs) {
        const ready = need.amount > roomOf(world, waiter, need, now) ? Infinity : readyAt(need, need.cost, now)
        const alone = readyAt(need, need.cost, now)
        if (alone > now && alone < progressAt) progressAt = alone
        if (ready > own) own = ready
      }
    }
    // Whose turn it is to have tokens depends on the plan, for those who were told nothing.
    if (world.planned && (waiter.told !== undefined || waiter.needs.some(({ cost }) => cost > 0)))
      progressAt = Math.min(progressAt, waiter.told ?? now)
    if (own < at && (!world.avoids || isSafeWith(world, waiter, now))) {
      at = own
      first = waiter
    }
  }
  return { lines, at, waiter: first, progressAt }
}

/** Whether a claim may be granted now: enough for all who came before and still wait, or, exempt, for itself. */
export const isItsTurn = (world: World, claim: WorldClaim, now: number): boolean =>
  claim.needs.every((own) => {
    const { amount, cost, pool } = own
    if (isKept(world, askerFor(world, claim, now), pool, amount, now)) return cost <= pool.tokens(now)
    let units = amount
    let tokens = cost
    if (!claim.exempt) {
      for (const other of world.line) {
        if (other === claim) break
        for (const need of other.needs) {
          if (need.pool !== pool) continue
          units += need.amount
          tokens += need.cost
        }
      }
    }
    return units <= roomOf(world, claim, own, now) && tokens <= pool.tokens(now)
  })
