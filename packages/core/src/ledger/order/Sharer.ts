/**
 * Who has a share beside its siblings: an agent, or a group of them. Siblings are the
 * groups and agents of one parent; agents without a group are siblings of the roots.
 */
import type { Agent } from "../Agent.ts"
import type { Group } from "../quota/Group.ts"

/** Where a sharer stands among its siblings. Replaced, never changed in place. */
export interface Key {
  /** The largest part that it holds of any pool, by its weight. */
  readonly share: number
  /** Where it stands in what was granted over time, by its weight. */
  readonly start: number
}

export const noKey: Key = { share: 0, start: 0 }

export interface Sharer {
  readonly above: Group | undefined
  /** Its place among all siblings: breaks ties. */
  readonly place: number
  readonly weight: number
  /** How many claims wait in it. */
  readonly waiting: number
  /** Kept where shares are fair; of those in which nobody waits it is read as somebody comes. */
  key: Key
  /** What it was granted over time (see `Shares`), and the half-life in which that was said last. */
  served: number
  servedIn: number
}

/** The siblings by which two agents are compared: those below the first group that both are in. O(depth). */
export const siblingsOf = (a: Agent, b: Agent): readonly [Sharer, Sharer] => {
  let one: Sharer = a
  let other: Sharer = b
  for (let deeper = depthOf(a.group) - depthOf(b.group); deeper !== 0; deeper -= Math.sign(deeper)) {
    if (deeper > 0) one = one.above!
    else other = other.above!
  }
  while (one.above !== other.above) {
    one = one.above!
    other = other.above!
  }
  return [one, other]
}

const depthOf = (group: Group | undefined): number => {
  let depth = 0
  for (let at = group; at !== undefined; at = at.parent) depth++
  return depth
}
