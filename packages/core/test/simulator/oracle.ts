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
 * - What others were promised for ever and do not hold is not there for it. What they hold
 *   is theirs again once it is back.
 * - In order, it also needs what unserved earlier waits need in the same pool, of
 *   units and of tokens, which time brings up to the burst; an exempt one does not,
 *   nor one that waits for quota, which is in no queue.
 *   Where one of those lacks its own, nothing is left for who is behind it. What is
 *   kept for a wait it has out of turn, but for the tokens.
 * - One that waits for quota needs that beside the leases that have not come back.
 */
export interface OracleWait {
  readonly needs: ReadonlyArray<{ readonly pool: number; readonly amount: number; readonly cost: number }>
  /** Indices of the leases that it is inside of. */
  readonly inside: ReadonlyArray<number>
  readonly exempt: boolean
  /** Whether it is in no queue. */
  readonly outside: boolean
  /** Whether it has its quota beside some leases; where `undefined` it needs none. */
  readonly hasQuota: ((leases: ReadonlyArray<number>) => boolean) | undefined
}

export interface OracleState {
  readonly pools: ReadonlyArray<{ readonly limit: number; readonly burst: number }>
  /** Leases without an expiry, by what they hold in each pool. */
  readonly leases: ReadonlyArray<{ readonly amounts: ReadonlyArray<number> }>
  /** What is promised at all times to some: the others have of it only what its leases hold that come back to them. */
  readonly promises?: ReadonlyArray<{
    readonly pool: number
    readonly amount: number
    /** Indices of the leases that draw from it, of the waits that it is for, and of those of them that will draw from it. */
    readonly leases: ReadonlyArray<number>
    readonly waits: ReadonlyArray<number>
    readonly drawnBy: ReadonlyArray<number>
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

/** What of the state does not depend on who was served. */
interface Fixed {
  /** The waits inside each lease, as a set of bits. */
  readonly inside: ReadonlyArray<number>
}

const fixedOf = ({ leases, waits }: OracleState): Fixed => ({
  inside: leases.map((_, lease) =>
    waits.reduce((set, { inside }, wait) => (inside.includes(lease) ? set | (1 << wait) : set), 0)
  )
})

/** Units of a pool that a wait may be granted, whoever waits before it, and those that are kept for it. */
const unitsFor = (state: OracleState, fixed: Fixed, served: number, wait: number, pool: number) => {
  const isHeld = (lease: number) => (fixed.inside[lease]! & ~served) !== 0
  let room = state.pools[pool]!.limit
  let kept = 0
  state.leases.forEach((lease, index) => {
    if (isHeld(index)) room -= lease.amounts[pool]!
  })
  for (const promise of state.promises ?? []) {
    if (promise.pool !== pool) continue
    const used = promise.leases.reduce((sum, at) => sum + (isHeld(at) ? state.leases[at]!.amounts[pool]! : 0), 0)
    if (promise.drawnBy.includes(wait)) kept = promise.amount - used
    if (!promise.waits.includes(wait)) room -= Math.max(0, promise.amount - used)
  }
  return { room, kept }
}

/** Units of a pool that are there for a wait once some were served, whoever waits before it. */
export const roomAfter = (state: OracleState, served: number, wait: number, pool: number): number =>
  unitsFor(state, fixedOf(state), served, wait, pool).room

const canServe = (state: OracleState, fixed: Fixed, served: number, wait: number, ordered: boolean): boolean => {
  const { exempt, hasQuota, needs, outside } = state.waits[wait]!
  const fits = needs.every(({ amount, cost, pool }) => {
    const { burst } = state.pools[pool]!
    const { kept, room } = unitsFor(state, fixed, served, wait, pool)
    if (!ordered || exempt || outside) return amount <= room && cost <= burst
    let units = 0
    let tokens = 0
    /** Whether all up to here have what they need, so that something is left for who is behind them. */
    let inTurn = true
    for (let earlier = 0; earlier <= wait; earlier++) {
      if ((served & (1 << earlier)) !== 0 || state.waits[earlier]!.outside) continue
      for (const need of state.waits[earlier]!.needs) {
        if (need.pool !== pool) continue
        units += need.amount
        tokens += need.cost
        inTurn &&= units <= unitsFor(state, fixed, served, earlier, pool).room
      }
    }
    return tokens <= burst && (inTurn || (amount <= kept && amount <= room))
  })
  if (!fits || hasQuota === undefined) return fits
  return hasQuota([...state.leases.keys()].filter((lease) => (fixed.inside[lease]! & ~served) !== 0))
}

/** Tries every order of service, depth first, visiting at most `statesMax` sets of served waits. */
export const search = (state: OracleState, ordered: boolean, statesMax = 20_000): Verdict => {
  if (state.waits.length > 30) return { possible: undefined, reachable: 0 }
  const all = (1 << state.waits.length) - 1
  const seen = new Set<number>()
  let reachable = 0
  const fixed = fixedOf(state)
  const explore = (served: number): boolean => {
    if (served === all) return true
    if (seen.has(served) || seen.size >= statesMax) return false
    seen.add(served)
    for (let wait = 0; wait < state.waits.length; wait++) {
      const bit = 1 << wait
      if ((served & bit) !== 0 || !canServe(state, fixed, served, wait, ordered)) continue
      reachable |= bit
      if (explore(served | bit)) return true
    }
    return false
  }
  if (explore(0)) return { possible: true, reachable: all }
  return seen.size >= statesMax ? { possible: undefined, reachable } : { possible: false, reachable }
}
