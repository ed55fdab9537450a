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
 * Where something of a pool is promised for ever, what is there depends on the wait
 * (`Availability`): what others were promised and do not hold is not.
 *
 * With `ordered` a wait also needs, at each pool, what the unserved waits before
 * it need (units beside their earmarks, tokens within the burst); an *exempt*
 * wait does not, nor one for what is kept for it. What is left then, but not without
 * order, waits only because of the queue (`orderedReduction`).
 *
 * Cost: O(n log n) in the needs and holdings given, and nothing else.
 */
import type { Availability } from "./Availability.ts"
import { reduceOrdered } from "./orderedReduction.ts"
import { finish, type Place, serve, serveGated, start } from "./reductionRun.ts"

export interface GraphPool {
  /** Units that are free, or held by what certainly comes back, or can be added by growth. */
  readonly available: number
  /** The most tokens that can be there at once; `Infinity` where no rate is set. */
  readonly burst: number
  /** What of it is promised for ever. Absent where nothing is. */
  readonly promises?: ReadonlyArray<GraphPromise> | undefined
}

/** What is promised to some of the waits for ever: the others have of it only what is held beyond it. */
export interface GraphPromise {
  readonly amount: number
  /** What the holdings that draw from it have of it. */
  readonly held: number
}

export interface Need {
  readonly pool: number
  readonly amount: number
  /** Tokens that the grant takes. */
  readonly cost: number
  /** Indices of the promises of the pool that it may use, and of the one that it draws from. */
  readonly mayUse?: ReadonlyArray<number> | undefined
  readonly draws?: number | undefined
}

export interface GraphWait {
  readonly needs: ReadonlyArray<Need>
  /** Indices of the holdings that it is inside of. */
  readonly inside: ReadonlyArray<number>
  readonly exempt: boolean
}

/** What a holding has of one pool. */
export interface Share {
  readonly pool: number
  readonly amount: number
  /** Index of the promise of the pool that it draws from. */
  readonly draws?: number | undefined
}

export interface GraphHolding {
  readonly amounts: ReadonlyArray<Share>
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
  /** What is there for whom at the fixpoint. */
  readonly units: Availability
  /** Quota at the fixpoint. */
  readonly quota: QuotaRun | undefined
}

/** Waits that may have the same of a pool, smallest need first: what fits once fits for ever, so it is read once. */
interface Line {
  readonly places: Array<Place>
  at: number
}

/** The lines of each pool: one, or one for each set of promises that waits may use. */
const linesOf = (graph: Graph): ReadonlyArray<ReadonlyArray<Line>> => {
  const lines = graph.pools.map(() => new Map<string, Line>())
  graph.waits.forEach(({ needs }, wait) => {
    for (const need of needs) {
      const key = need.mayUse?.join() ?? ""
      const line = lines[need.pool]!.get(key)
      if (line === undefined) lines[need.pool]!.set(key, { places: [{ wait, need }], at: 0 })
      else line.places.push({ wait, need })
    }
  })
  return lines.map((own) =>
    Array.from(own.values(), (line) => {
      line.places.sort((a, b) => a.need.amount - b.need.amount)
      return line
    })
  )
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
  const lines = linesOf(graph)
  const read = (line: Line): void => {
    for (let place = line.places[line.at]; place !== undefined; place = line.places[line.at]) {
      const { need, wait } = place
      if (need.amount > run.units.there(need)) return
      line.at++
      missing[wait] = missing[wait]! - 1
      if (missing[wait] === 0) serveWith(wait)
    }
  }
  do {
    for (let pool = run.changed.pop(); pool !== undefined; pool = run.changed.pop()) lines[pool]!.forEach(read)
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
    const { matters, stuck, units } = reduceOrdered(current)
    if (stuck.length === 0) return chosen
    // Only one that fits without its turn can be the next to be served.
    const candidates = stuck.filter(
      (wait) => matters(wait) && waits[wait]!.needs.every((need) => need.amount <= units.there(need))
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
  const holdersOf: Array<Array<{ readonly holding: number; readonly share: Share }>> = graph.pools.map(() => [])
  const waitsInside: Array<Array<number>> = graph.holdings.map(() => [])
  graph.holdings.forEach((holding, index) => {
    for (const share of holding.amounts) holdersOf[share.pool]!.push({ holding: index, share })
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
      if (need.amount <= reduction.units.there(need)) continue
      for (const { holding, share } of holdersOf[need.pool]!) {
        if (!reduction.units.gains(need, share)) continue
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
