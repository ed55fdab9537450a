/** What the two reductions of `WaitForGraph` share: the state of one run, and what serving a wait does to it. */
import { Availability } from "./Availability.ts"
import type { Graph, Need, QuotaRun, Reduction } from "./WaitForGraph.ts"

export interface Run {
  readonly graph: Graph
  readonly served: Array<boolean>
  readonly units: Availability
  readonly openWaits: Array<number>
  /** Pools of which something came back that nobody looked at. */
  readonly changed: Array<number>
  readonly quota: QuotaRun | undefined
  returns: number
}

/** A wait's need in a pool's line. */
export interface Place {
  readonly wait: number
  readonly need: Need
}

export const start = (graph: Graph): Run => {
  const openWaits = graph.holdings.map(() => 0)
  for (const wait of graph.waits) {
    for (const holding of wait.inside) openWaits[holding] = openWaits[holding]! + 1
  }
  return {
    graph,
    served: graph.waits.map(() => false),
    units: new Availability(graph.pools),
    openWaits,
    changed: graph.pools.map((_, index) => index),
    quota: graph.quota?.start(),
    returns: 0
  }
}

export const serve = (run: Run, wait: number): void => {
  run.served[wait] = true
  for (const holding of run.graph.waits[wait]!.inside) {
    const open = run.openWaits[holding]! - 1
    run.openWaits[holding] = open
    if (open !== 0) continue
    run.returns++
    run.quota?.returned(holding)
    for (const share of run.graph.holdings[holding]!.amounts) {
      run.units.returned(share)
      run.changed.push(share.pool)
    }
  }
}

/** Serves of those that lack quota whom it is there for now. Whether there was one. */
export const serveGated = (
  run: Run,
  gated: Array<number>,
  fits: (wait: number) => boolean,
  serveOne: (wait: number) => void
): boolean => {
  const before = gated.length
  let kept = 0
  for (const wait of gated) {
    if (run.quota!.fits(wait) && fits(wait)) serveOne(wait)
    else gated[kept++] = wait
  }
  gated.length = kept
  return kept < before
}

export const finish = (run: Run): Reduction => {
  const stuck: Array<number> = []
  run.served.forEach((served, index) => {
    if (!served) stuck.push(index)
  })
  return { served: run.served, stuck, units: run.units, quota: run.quota }
}
