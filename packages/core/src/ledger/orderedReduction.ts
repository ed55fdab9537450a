/**
 * The reduction of `WaitForGraph` with order: what the queues of the pools let through. In each
 * pool the waits stand in a line, and have their share as far as it reaches; where one lacks its
 * own, nothing is left for those behind it.
 *
 * Out of turn are served: who is exempt, once there is enough for it alone; and what is kept
 * for a wait by a promise, which nobody before it could have. It needs its tokens beside those
 * of all before it all the same.
 */
import { finish, type Place, type Run, serve, serveGated, start } from "./reductionRun.ts"
import type { Graph, Reduction } from "./WaitForGraph.ts"

export interface OrderedReduction extends Reduction {
  /** Whether to let a wait through may change anything. */
  readonly matters: (wait: number) => boolean
}

/** How far a line reaches, and what those have that it reached and that still wait. */
interface Line {
  readonly places: Array<Place>
  at: number
  earmarked: number
  earmarkedTokens: number
}

class Ordered {
  private readonly graph: Graph
  private readonly run: Run
  private readonly lines: ReadonlyArray<Line>
  /** Those that wait for quota are in no queue: their turn there is judged when they come to it. */
  private readonly outside: Array<number>
  private readonly isOutside: ReadonlySet<number>
  private readonly exempt: Array<number> = []
  /** Waits that something is promised to. */
  private readonly promised: ReadonlyArray<number>
  /** How many pools each wait has no share of yet, and those in which a line reached it. */
  private readonly missing: Array<number>
  private readonly passed: ReadonlyArray<Set<number>>
  private seenReturns = -1

  constructor(graph: Graph) {
    this.graph = graph
    this.run = start(graph)
    this.outside = graph.waits.flatMap((_, wait) => (graph.quota?.waitsFor(wait) === true ? [wait] : []))
    this.isOutside = new Set(this.outside)
    this.lines = graph.pools.map(() => ({ places: [], at: 0, earmarked: 0, earmarkedTokens: 0 }))
    graph.waits.forEach(({ needs }, wait) => {
      if (this.isOutside.has(wait)) return
      for (const need of needs) this.lines[need.pool]!.places.push({ wait, need })
    })
    this.missing = graph.waits.map((wait) => wait.needs.length)
    this.passed = graph.waits.map(() => new Set())
    this.promised = graph.waits.flatMap(({ needs }, wait) =>
      !this.isOutside.has(wait) && needs.some((need) => need.draws !== undefined) ? [wait] : []
    )
  }

  reduce(): OrderedReduction {
    const { graph, run } = this
    graph.waits.forEach((wait, index) => {
      if (wait.needs.length === 0) serve(run, index)
      else if (wait.exempt) this.exempt.push(index)
    })
    do {
      for (let pool = run.changed.pop(); pool !== undefined; pool = run.changed.pop()) {
        this.advance(pool)
        this.serveExempt()
      }
    } while (this.servePromised())
    return { ...finish(run), matters: (wait) => this.matters(wait) }
  }

  /** Gives shares of a pool to those whose turn it is. */
  private advance(pool: number): void {
    const { missing, passed, run } = this
    const line = this.lines[pool]!
    for (; line.at < line.places.length; line.at++) {
      const { need, wait } = line.places[line.at]!
      if (run.served[wait]!) continue
      if (need.amount > run.units.there(need) - line.earmarked) return
      if (need.cost > this.graph.pools[pool]!.burst - line.earmarkedTokens) return
      line.earmarked += need.amount
      line.earmarkedTokens += need.cost
      passed[wait]!.add(pool)
      missing[wait] = missing[wait]! - 1
      if (missing[wait] === 0) this.leave(wait)
    }
  }

  /** A wait is served, and leaves its lines. */
  private readonly leave = (wait: number): void => {
    for (const { amount, cost, pool } of this.graph.waits[wait]!.needs) {
      this.run.changed.push(pool)
      if (!this.passed[wait]!.has(pool)) continue
      const line = this.lines[pool]!
      line.earmarked -= amount
      line.earmarkedTokens -= cost
    }
    serve(this.run, wait)
  }

  private readonly fitsPools = (wait: number): boolean =>
    this.graph.waits[wait]!.needs.every((need) => need.amount <= this.run.units.there(need))

  /** What an exempt wait lacks is units alone: it is looked at again when some came back. */
  private serveExempt(): void {
    const { exempt, outside, run } = this
    while (run.returns !== this.seenReturns) {
      this.seenReturns = run.returns
      if (outside.length > 0) serveGated(run, outside, this.fitsPools, this.leave)
      let kept = 0
      for (const wait of exempt) {
        if (this.fitsPools(wait)) {
          if (!run.served[wait]!) this.leave(wait)
        } else exempt[kept++] = wait
      }
      exempt.length = kept
    }
  }

  /** Serves who has the rest of its shares by promises; whether there was one. */
  private servePromised(): boolean {
    const { graph, passed, run } = this
    let found = false
    for (const wait of this.promised) {
      if (run.served[wait]!) continue
      const isServed = graph.waits[wait]!.needs.every(
        (need) => passed[wait]!.has(need.pool) || (run.units.isKept(need) && this.hasTokens({ need, wait }))
      )
      if (!isServed) continue
      this.leave(wait)
      found = true
    }
    return found
  }

  private hasTokens({ need, wait }: Place): boolean {
    const { burst } = this.graph.pools[need.pool]!
    if (burst === Infinity) return true
    let tokens = need.cost
    for (const other of this.lines[need.pool]!.places) {
      if (other.wait === wait) break
      if (!this.run.served[other.wait]!) tokens += other.need.cost
    }
    return tokens <= burst
  }

  /**
   * It does only for a wait inside a lease, or in front of somebody: one with a share, the first
   * without, or one whose tokens are before those of a wait that something is kept for.
   */
  private matters(wait: number): boolean {
    if (this.isOutside.has(wait)) return false
    const { inside, needs } = this.graph.waits[wait]!
    return (
      inside.length > 0 ||
      this.passed[wait]!.size > 0 ||
      needs.some(({ pool }) => {
        const { at, places } = this.lines[pool]!
        const { burst, promises } = this.graph.pools[pool]!
        return places[at]?.wait === wait || (promises !== undefined && burst < Infinity)
      })
    )
  }
}

export const reduceOrdered = (graph: Graph): OrderedReduction => new Ordered(graph).reduce()
