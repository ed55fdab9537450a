/**
 * What a deadlock is, by definition and brute force: the waits can all be served
 * if there is an order in which they can. Every order is tried, so the answer
 * does not rest on any theorem about reduction. For small states.
 *
 * - A lease comes back once every wait inside it is served; one with an expiry by
 *   itself (such leases are not in the state).
 * - A wait can be served once, at each pool, what it needs is not held by leases
 *   that have not come back. What growth can add counts as there. What it is
 *   granted comes back too.
 * - In order, it also needs what unserved earlier waits need in the same pool, of
 *   units and of tokens, which time brings up to the burst; an exempt one does not.
 */
export interface OracleWait {
  readonly needs: ReadonlyArray<{ readonly pool: number; readonly amount: number; readonly cost: number }>
  /** Indices of the leases that it is inside of. */
  readonly inside: ReadonlyArray<number>
  readonly exempt: boolean
}

export interface OracleState {
  readonly pools: ReadonlyArray<{ readonly limit: number; readonly burst: number }>
  /** Leases without an expiry, by what they hold in each pool. */
  readonly leases: ReadonlyArray<{ readonly amounts: ReadonlyArray<number> }>
  /** What is promised at all times to some: the others have of it only what its leases hold that come back to them. */
  readonly promises?: ReadonlyArray<{
    readonly pool: number
    readonly amount: number
    /** Indices of the leases that draw from it, and of the waits that it is for. */
    readonly leases: ReadonlyArray<number>
    readonly waits: ReadonlyArray<number>
  }>
  /** Oldest first; at most 30. */
  readonly waits: ReadonlyArray<OracleWait>
}

export interface Verdict {
  /** Whether an order exists; `undefined` where the search was given up. */
  readonly possible: boolean | undefined
  /** The waits that some order serves. */
  readonly reachable: number
}

const canServe = (state: OracleState, served: number, wait: number, ordered: boolean): boolean => {
  const { exempt, needs } = state.waits[wait]!
  return needs.every(({ amount, cost, pool }) => {
    let units = state.pools[pool]!.limit
    let tokens = state.pools[pool]!.burst
    const isHeld = (lease: number) =>
      state.waits.some((other, i) => (served & (1 << i)) === 0 && other.inside.includes(lease))
    state.leases.forEach((lease, index) => {
      if (isHeld(index)) units -= lease.amounts[pool]!
    })
    for (const promise of state.promises ?? []) {
      if (promise.pool !== pool || promise.waits.includes(wait)) continue
      const used = promise.leases.reduce((sum, at) => sum + (isHeld(at) ? state.leases[at]!.amounts[pool]! : 0), 0)
      units -= Math.max(0, promise.amount - used)
    }
    if (ordered && !exempt) {
      for (let earlier = 0; earlier < wait; earlier++) {
        if ((served & (1 << earlier)) !== 0) continue
        for (const need of state.waits[earlier]!.needs) {
          if (need.pool !== pool) continue
          units -= need.amount
          tokens -= need.cost
        }
      }
    }
    return amount <= units && cost <= tokens
  })
}

/** Tries every order of service, depth first, visiting at most `statesMax` sets of served waits. */
export const search = (state: OracleState, ordered: boolean, statesMax = 20_000): Verdict => {
  if (state.waits.length > 30) return { possible: undefined, reachable: 0 }
  const all = (1 << state.waits.length) - 1
  const seen = new Set<number>()
  let reachable = 0
  const explore = (served: number): boolean => {
    if (served === all) return true
    if (seen.has(served) || seen.size >= statesMax) return false
    seen.add(served)
    for (let wait = 0; wait < state.waits.length; wait++) {
      const bit = 1 << wait
      if ((served & bit) !== 0 || !canServe(state, served, wait, ordered)) continue
      reachable |= bit
      if (explore(served | bit)) return true
    }
    return false
  }
  if (explore(0)) return { possible: true, reachable: all }
  return seen.size >= statesMax ? { possible: undefined, reachable } : { possible: false, reachable }
}
