/**
 * How evenly a pool is shared at the moment: Jain's index (Jain, Chiu and Hawe, DEC TR-301,
 * 1984) of what agents hold of it over what their weights entitle them to. 1: all have the
 * same by weight; 1/n: of n one has all.
 *
 * It is over those that hold some of it or wait for it. What one is entitled to is its
 * weight's part among its siblings of those, times that of its group, and so on up: shares
 * that are fair from the roots down have an index of 1. It is of one pool, so who has its
 * dominant share elsewhere has less here, and rightly.
 */
import type { Account } from "../Agent.ts"
import type { Pool } from "../Pool.ts"
import type { Group } from "../quota/Group.ts"
import type { Sharer } from "./Sharer.ts"

/** Jain's index of figures of 0 and more; `undefined` where all are 0. */
export const jain = (figures: ReadonlyArray<number>): number | undefined => {
  // By the largest: squares of tiny or huge figures would leave what a number can be.
  const largest = figures.reduce((most, figure) => Math.max(most, figure), 0)
  if (largest === 0) return undefined
  let sum = 0
  let squares = 0
  for (const figure of figures) {
    sum += figure / largest
    squares += (figure / largest) ** 2
  }
  return (sum * sum) / (figures.length * squares)
}

/** Whether an agent holds some of a pool, or is in its queue: who waits for quota is in none yet. */
const isUsed = ({ held, parked, waiting }: Account): boolean => held > 0 || waiting > parked

/**
 * `undefined` where nobody holds any, or fewer than two use it: one alone has its share
 * whatever it is. O(agents that ever used the pool, times the depth of groups): however
 * many leases and waiters there are, and at no cost to any decision.
 */
export const fairnessOf = (pool: Pool): number | undefined => {
  if (pool.holdersHead === undefined) return undefined
  const used = pool.accounts.filter(isUsed)
  if (used.length < 2) return undefined
  /** The weights of those who use the pool, by what they are below. */
  const weights = new Map<Group | undefined, number>()
  const known = new Set<Sharer>()
  for (const { agent } of used) {
    for (let at: Sharer | undefined = agent; at !== undefined && !known.has(at); at = at.above) {
      known.add(at)
      weights.set(at.above, (weights.get(at.above) ?? 0) + at.weight)
    }
  }
  const entitled = new Map<Group | undefined, number>([[undefined, 1]])
  const partOf = (sharer: Sharer): number => {
    const { above } = sharer
    let ofAll = entitled.get(above)
    if (ofAll === undefined) {
      ofAll = partOf(above!)
      entitled.set(above, ofAll)
    }
    return (ofAll * sharer.weight) / weights.get(above)!
  }
  return jain(used.map(({ agent, held }) => held / partOf(agent)))
}
