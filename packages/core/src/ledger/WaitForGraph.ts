/**
 * Which waits can never be served: graph reduction over counted resources
 * (Holt, "Some deadlock properties of computer systems", Computing Surveys 1972;
 * Coffman, Elphick and Shoshani, "System deadlocks", 1971).
 *
 * A *holding* comes back once every wait inside it is served. A *wait* can be
 * served once, at each pool, enough units are free or came back; what it is
 * granted comes back too. The reduction serves waits until none can be served:
 * the fixpoint is unique, because serving never takes anything away. What is
 * left is deadlocked, and nothing else is.
 *
 * With `ordered` a wait also needs, at each pool, what the unserved waits before
 * it need (units beside their earmarks, tokens within the burst); an *exempt*
 * wait does not. What is left then, but not without order, waits only because
 * of the queue.
 *
 * Cost: O(n log n) in the needs and holdings given, and nothing else.
 */
export interface GraphPool {
  /** Units that are free, or held by what certainly comes back, or can be added by growth. */
  readonly available: number
  /** The most tokens that can be there at once; `Infinity` where no rate is set. */
  readonly burst: number
}

export interface Need {
  readonly pool: number
  readonly amount: number
  /** Tokens that the grant takes. */
  readonly cost: number
}

export interface GraphWait {
  readonly needs: ReadonlyArray<Need>
  /** Indices of the holdings that it is inside of. */
  readonly inside: ReadonlyArray<number>
  readonly exempt: boolean
}

export interface GraphHolding {
  readonly amounts: ReadonlyArray<{ readonly pool: number; readonly amount: number }>
}

/**
 * What waits need beside units of pools: quota, of which a need depends on what else is
 * in use. It only grows as holdings come back.
 */
export interface GraphQuota {
  /** Whether a wait is not in the queues of its pools before it has its quota. */
  readonly waitsFor: (wait: number) => boolean
  /** A fresh count: nothing came back. */
  readonly start: () => QuotaRun
}

export interface QuotaRun {
  readonly fits: (wait: number) => boolean
  readonly returned: (holding: number) => void
  /** What keeps a wait from its quota: the place of the need, and a holding that counts against it. */
  readonly blockers: (wait: number) => ReadonlyArray<{ readonly need: number; readonly holding: number }>
}

/** Waits are in queue order. */
export interface Graph {
  readonly pools: ReadonlyArray<GraphPool>
  readonly waits: ReadonlyArray<GraphWait>
  readonly holdings: ReadonlyArray<GraphHolding>
  /** Absent where nobody waits for any. */
  readonly quota?: GraphQuota | undefined
}

export interface Reduction {
  /** Whether each wait was served. */
  readonly served: ReadonlyArray<boolean>
  /** Indices of the waits that were not, in order. */
  readonly stuck: ReadonlyArray<number>
  /** Units at each pool at the fixpoint. */
  readonly available: ReadonlyArray<number>
  /** Quota at the fixpoint. */
  readonly quota: QuotaRun | undefined
}

/** The scratch state of one reduction. */
interface Run {
  readonly graph: Graph
  readonly served: Array<boolean>
  readonly available: Array<number>
  readonly openWaits: Array<number>
  readonly changed: Array<number>
  readonly quota: QuotaRun | undefined
  returns: number
}

const serve = (run: Run, wait: number): void => {
  run.served[wait] = true
  for (const holding of run.graph.waits[wait]!.inside) {
    const open = run.openWaits[holding]! - 1
    run.openWaits[holding] = open
    if (open !== 0) continue
    run.returns++
    run.quota?.returned(holding)
    for (const { pool, amount } of run.graph.holdings[holding]!.amounts) {
      run.available[pool] = run.available[pool]! + amount
      run.changed.push(pool)
    }
  }
}

/** A wait's need in a pool's line, smallest first or in queue order. */
interface Place {
  readonly wait: number
  readonly need: Need
}

const lines = (graph: Graph, skips: (wait: number) => boolean): Array<Array<Place>> => {
  const result: Array<Array<Place>> = graph.pools.map(() => [])
  graph.waits.forEach((wait, index) => {
    if (skips(index)) return
    for (const need of wait.needs) result[need.pool]!.push({ wait: index, need })
  })
  return result
}

/** Serves of those that lack quota whom it is there for now. Whether there was one. */
const serveGated = (
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

const start = (graph: Graph): Run => {
  const openWaits = graph.holdings.map(() => 0)
  for (const wait of graph.waits) {
    for (const holding of wait.inside) openWaits[holding] = openWaits[holding]! + 1
  }
  return {
    graph,
    served: graph.waits.map(() => false),
    available: graph.pools.map((pool) => pool.available),
    openWaits,
    changed: graph.pools.map((_, index) => index),
    quota: graph.quota?.start(),
    returns: 0
  }
}

const finish = (run: Run): Reduction => {
  const stuck: Array<number> = []
  run.served.forEach((served, index) => {
    if (!served) stuck.push(index)
  })
  return { served: run.served, stuck, available: run.available, quota: run.quota }
}

const reduceUnordered = (graph: Graph): Reduction => {
  const run = start(graph)
  const missing = graph.waits.map((wait) => wait.needs.length)
  /** Those that have all but their quota. */
  const gated: Array<number> = []
  const serveWith = (wait: number): void => {
    if (run.quota === undefined || run.quota.fits(wait)) serve(run, wait)
    else gated.push(wait)
  }
  missing.forEach((count, wait) => {
    if (count === 0) serveWith(wait)
  })
  // Smallest first: what fits once fits for ever, so each line is read once.
  const bySize = lines(graph, () => false)
  for (const line of bySize) line.sort((a, b) => a.need.amount - b.need.amount)
  const position = graph.pools.map(() => 0)
  do {
    for (let pool = run.changed.pop(); pool !== undefined; pool = run.changed.pop()) {
      const line = bySize[pool]!
      let at = position[pool]!
      while (at < line.length && line[at]!.need.amount <= run.available[pool]!) {
        const wait = line[at]!.wait
        at++
        missing[wait] = missing[wait]! - 1
        if (missing[wait] === 0) serveWith(wait)
      }
      position[pool] = at
    }
  } while (
    serveGated(
      run,
      gated,
      () => true,
      (wait) => serve(run, wait)
    )
  )
  return finish(run)
}

const reduceOrdered = (graph: Graph): Reduction & { readonly matters: (wait: number) => boolean } => {
  const run = start(graph)
  /** Those that wait for quota are in no queue: their turn there is judged when they come to it. */
  const outside = graph.waits.flatMap((_, wait) => (graph.quota?.waitsFor(wait) === true ? [wait] : []))
  const isOutside = new Set(outside)
  let seenReturns = -1
  const missing = graph.waits.map((wait) => wait.needs.length)
  const inOrder = lines(graph, (wait) => isOutside.has(wait))
  const position = graph.pools.map(() => 0)
  const earmarked = graph.pools.map(() => 0)
  const earmarkedTokens = graph.pools.map(() => 0)
  const exempt: Array<number> = []
  graph.waits.forEach((wait, index) => {
    if (wait.needs.length === 0) serve(run, index)
    else if (wait.exempt) exempt.push(index)
  })

  const fitsPools = (wait: number): boolean =>
    graph.waits[wait]!.needs.every((need) => need.amount <= run.available[need.pool]!)
  const passed: Array<Set<number>> = graph.waits.map(() => new Set())
  const leave = (wait: number): void => {
    for (const { pool, amount, cost } of graph.waits[wait]!.needs) {
      run.changed.push(pool)
      // In the earmarked prefix exactly if its place is before the border.
      if (!passed[wait]!.has(pool)) continue
      earmarked[pool] = earmarked[pool]! - amount
      earmarkedTokens[pool] = earmarkedTokens[pool]! - cost
    }
    serve(run, wait)
  }

  for (let pool = run.changed.pop(); pool !== undefined; pool = run.changed.pop()) {
    const line = inOrder[pool]!
    while (position[pool]! < line.length) {
      const { wait, need } = line[position[pool]!]!
      if (!run.served[wait]!) {
        if (need.amount > run.available[pool]! - earmarked[pool]!) break
        if (need.cost > graph.pools[pool]!.burst - earmarkedTokens[pool]!) break
        earmarked[pool] = earmarked[pool]! + need.amount
        earmarkedTokens[pool] = earmarkedTokens[pool]! + need.cost
        passed[wait]!.add(pool)
        missing[wait] = missing[wait]! - 1
      }
      position[pool] = position[pool]! + 1
      if (missing[wait] === 0 && !run.served[wait]!) leave(wait)
    }
    // What an exempt wait lacks is units alone: it is looked at again when some came back.
    while (run.returns !== seenReturns) {
      seenReturns = run.returns
      if (outside.length > 0) serveGated(run, outside, fitsPools, leave)
      let kept = 0
      for (const wait of exempt) {
        if (fitsPools(wait)) {
          if (!run.served[wait]!) leave(wait)
        } else exempt[kept++] = wait
      }
      exempt.length = kept
    }
  }
  const reduction = finish(run)
  // To let a wait through changes something only if it is inside a lease, or if it is in
  // front of somebody: earmarked here, or the first that is short.
  const matters = (wait: number): boolean =>
    !isOutside.has(wait) &&
    (graph.waits[wait]!.inside.length > 0 ||
      passed[wait]!.size > 0 ||
      graph.waits[wait]!.needs.some(({ pool }) => inOrder[pool]![position[pool]!]?.wait === wait))
  return { ...reduction, matters }
}

/** Serves every wait that can be served. */
export const reduce = (graph: Graph, options: { readonly ordered: boolean }): Reduction =>
  options.ordered ? reduceOrdered(graph) : reduceUnordered(graph)

/**
 * The waits to exempt from order so that everything can be served, given that
 * without order it can: the earliest one that suffices alone; where none does,
 * the earliest that can be served at once, and so on.
 */
export const exemptions = (graph: Graph): Array<number> => {
  const chosen: Array<number> = []
  let waits = graph.waits
  for (;;) {
    const current = { ...graph, waits }
    const { available, matters, stuck } = reduceOrdered(current)
    if (stuck.length === 0) return chosen
    // Only one that fits without its turn can be the next to be served.
    const candidates = stuck.filter(
      (wait) => matters(wait) && waits[wait]!.needs.every((need) => need.amount <= available[need.pool]!)
    )
    const exempted = (wait: number) =>
      waits.map((other, index) => (index === wait ? { ...other, exempt: true } : other))
    const next =
      candidates.find((wait) => reduceOrdered({ ...graph, waits: exempted(wait) }).stuck.length === 0) ?? candidates[0]
    if (next === undefined) return chosen
    chosen.push(next)
    waits = exempted(next)
  }
}

/** A step of a cycle: the wait needs units of a pool that a holding keeps, inside which the next wait is. */
export interface Edge {
  readonly wait: number
  readonly pool: number
  readonly holding: number
}

/**
 * The shortest cycle through `from` among the stuck waits of a reduction, or
 * `undefined` if it is only behind one. Breadth-first, O(edges).
 */
export const cycleThrough = (graph: Graph, reduction: Reduction, from: number): Array<Edge> | undefined => {
  const holdersOf: Array<Array<number>> = graph.pools.map(() => [])
  const waitsInside: Array<Array<number>> = graph.holdings.map(() => [])
  graph.holdings.forEach((holding, index) => {
    for (const { pool } of holding.amounts) holdersOf[pool]!.push(index)
  })
  for (const wait of reduction.stuck) {
    for (const holding of graph.waits[wait]!.inside) waitsInside[holding]!.push(wait)
  }
  const home = new Set(graph.waits[from]!.inside)
  const reachedBy = new Map<number, Edge>()
  const seenHoldings = new Set<number>()
  const path = (last: Edge): Array<Edge> => {
    const edges = [last]
    for (let edge = last; edge.wait !== from;) {
      edge = reachedBy.get(edge.wait)!
      edges.push(edge)
    }
    return edges.toReversed()
  }
  const queue = [from]
  /** Goes on over one edge; the cycle where it ends one. */
  const follow = (edge: Edge): Array<Edge> | undefined => {
    if (seenHoldings.has(edge.holding)) return undefined
    if (home.has(edge.holding)) return path(edge)
    seenHoldings.add(edge.holding)
    for (const next of waitsInside[edge.holding]!) {
      if (reachedBy.has(next)) continue
      reachedBy.set(next, edge)
      queue.push(next)
    }
    return undefined
  }
  for (let head = 0; head < queue.length; head++) {
    const wait = queue[head]!
    const { needs } = graph.waits[wait]!
    for (const need of needs) {
      if (need.amount <= reduction.available[need.pool]!) continue
      for (const holding of holdersOf[need.pool]!) {
        const cycle = follow({ wait, pool: need.pool, holding })
        if (cycle !== undefined) return cycle
      }
    }
    for (const { holding, need } of reduction.quota?.blockers(wait) ?? []) {
      const cycle = follow({ wait, pool: needs[need]!.pool, holding })
      if (cycle !== undefined) return cycle
    }
  }
  return undefined
}
