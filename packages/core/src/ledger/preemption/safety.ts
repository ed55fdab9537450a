/**
 * Which of the leases that declared a maximum can have all of it and come back, one after the
 * other (Dijkstra, EWD 623; Habermann, CACM 1969), in units and in quota.
 *
 * What is there for a lease is what `Availability` says: units that others were promised for
 * ever are not, what they hold of that is theirs again once it is back. Windows end by time and
 * are left out. Quota is there beside the leases that are not back (`TreesQuota`). Both only
 * grow as leases come back, so whoever fits fits for ever, and in whatever order they are let
 * back the same are left.
 *
 * O(n² · types), n leases.
 */
import { Availability } from "../Availability.ts"
import type { GraphPool, Need, Share } from "../WaitForGraph.ts"

/** What an outermost lease and all inside it have, and may still ask for. */
export interface Tree {
  readonly shares: ReadonlyArray<Share>
  readonly needs: ReadonlyArray<Need>
}

/** Quota beside the trees that are not back, by their places. */
export interface TreesQuota {
  readonly fits: (tree: number) => boolean
  readonly returned: (tree: number) => void
}

/** Lets all trees come back that can, of all or of `some`: who of them cannot, and what there is for them then. */
export const comeBack = (
  pools: ReadonlyArray<GraphPool>,
  trees: ReadonlyArray<Tree>,
  quota?: TreesQuota,
  some: ReadonlyArray<number> = [...trees.keys()]
): { readonly units: Availability; readonly stuck: ReadonlyArray<number> } => {
  const units = new Availability(pools)
  let waiting = some
  for (;;) {
    const stuck = waiting.filter((tree) => {
      const { needs, shares } = trees[tree]!
      if (needs.some((need) => need.amount > units.there(need)) || quota?.fits(tree) === false) return true
      for (const share of shares) units.returned(share)
      quota?.returned(tree)
      return false
    })
    if (stuck.length === 0 || stuck.length === waiting.length) return { units, stuck }
    waiting = stuck
  }
}
