import { assert, describe, it } from "vitest"
import { cycleThrough, exemptions, type Graph, reduce } from "../../src/ledger/WaitForGraph.ts"
import { type OracleState, roomAfter, search } from "../simulator/oracle.ts"
import { Random } from "../simulator/random.ts"

/** A small state as the oracle takes it: capacities, what leases hold, who waits inside which. */
const randomState = (random: Random): OracleState => {
  const pools = Array.from({ length: random.between(1, 3) }, () => ({
    limit: random.between(1, 6),
    burst: random.chance(0.3) ? random.between(1, 6) : Infinity
  }))
  const free = pools.map((pool) => pool.limit)
  const leases = Array.from({ length: random.between(0, 4) }, () => ({
    amounts: pools.map((_, pool) => {
      const amount = random.int(free[pool]! + 1)
      free[pool]! -= amount
      return amount
    })
  }))
  const waits = Array.from({ length: random.between(1, 7) }, () => ({
    needs: pools.flatMap(({ burst, limit }, pool) => {
      if (!random.chance(0.6)) return []
      const amount = random.between(1, limit)
      return [{ pool, amount, cost: burst === Infinity ? 0 : Math.min(amount, burst) }]
    }),
    inside: leases.flatMap((_, lease) => (random.chance(0.4) ? [lease] : [])),
    exempt: random.chance(0.1),
    outside: false,
    hasQuota: undefined
  }))
  return { pools, leases, waits }
}

/** The same with promises: each lease and wait draws from one of those that it may use, or from none. */
const promisedState = (random: Random): OracleState => {
  const state = randomState(random)
  const { leases, pools, waits } = state
  const promises = pools.flatMap(({ limit }, pool) => {
    const own = Array.from({ length: random.between(0, 2) }, () => random.between(1, limit))
    const drawn = (count: number) => Array.from({ length: count }, () => random.between(-1, own.length - 1))
    const byLease = drawn(leases.length)
    const byWait = drawn(waits.length)
    return own.map((amount, at) => ({
      pool,
      amount,
      leases: leases.flatMap((_, lease) => (byLease[lease] === at ? [lease] : [])),
      drawnBy: waits.flatMap((_, wait) => (byWait[wait] === at ? [wait] : [])),
      waits: waits.flatMap((_, wait) => (byWait[wait] === at || random.chance(0.2) ? [wait] : []))
    }))
  })
  return { ...state, promises }
}

/** The same as the graph takes it: what is free beside all leases with waits inside. */
const graphOf = ({ leases, pools, promises = [], waits }: OracleState): Graph => {
  const isHeld = (lease: number) => waits.some((wait) => wait.inside.includes(lease))
  const of = (pool: number) => promises.filter((promise) => promise.pool === pool)
  const place = (found: number) => (found < 0 ? undefined : found)
  return {
    pools: pools.map(({ burst, limit }, pool) => ({
      burst,
      available: leases.reduce((rest, lease, index) => (isHeld(index) ? rest - lease.amounts[pool]! : rest), limit),
      promises:
        of(pool).length === 0
          ? undefined
          : of(pool).map(({ amount, leases: drawing }) => ({
              amount,
              held: drawing.reduce((sum, lease) => sum + (isHeld(lease) ? leases[lease]!.amounts[pool]! : 0), 0)
            }))
    })),
    waits: waits.map((wait, index) => ({
      ...wait,
      needs: wait.needs.map((need) => ({
        ...need,
        mayUse: of(need.pool).flatMap(({ waits: users }, at) => (users.includes(index) ? [at] : [])),
        draws: place(of(need.pool).findIndex(({ drawnBy }) => drawnBy.includes(index)))
      }))
    })),
    holdings: leases.map((lease, index) => ({
      amounts: lease.amounts.flatMap((amount, pool) => {
        const draws = place(of(pool).findIndex(({ leases: drawing }) => drawing.includes(index)))
        return amount === 0 ? [] : [{ pool, amount, draws }]
      })
    }))
  }
}

const stuckOf = (state: OracleState, ordered: boolean) => {
  const { reachable } = search(state, ordered)
  return state.waits.flatMap((_, wait) => ((reachable & (1 << wait)) === 0 ? [wait] : []))
}

describe.each([
  ["", randomState],
  [", with promises", promisedState]
])("WaitForGraph%s", (_, stateOf) => {
  it.each([false, true])("calls stuck exactly what no order of service reaches (ordered: %s)", (ordered) => {
    let deadlocks = 0
    for (let seed = 1; seed <= 3_000; seed++) {
      const state = stateOf(new Random(seed))
      const expected = stuckOf(state, ordered)
      if (expected.length > 0) deadlocks++
      assert.deepStrictEqual(reduce(graphOf(state), { ordered }).stuck, expected, `seed ${seed}`)
    }
    assert.isAbove(deadlocks, 300)
    assert.isBelow(deadlocks, 2_700)
  })

  it("exempts the earliest wait that suffices, where only order blocks", () => {
    let single = 0
    for (let seed = 1; seed <= 3_000; seed++) {
      const state = stateOf(new Random(seed))
      if (search(state, false).possible !== true) continue
      const exempting = (chosen: ReadonlyArray<number>): OracleState => ({
        ...state,
        waits: state.waits.map((wait, index) => (chosen.includes(index) ? { ...wait, exempt: true } : wait))
      })
      const chosen = exemptions(graphOf(state))
      assert.isTrue(search(exempting(chosen), true).possible, `seed ${seed}`)
      if (search(state, true).possible === true) assert.deepStrictEqual(chosen, [], `seed ${seed}`)
      else {
        const first = state.waits.findIndex((_, wait) => search(exempting([wait]), true).possible === true)
        if (first < 0) continue
        single++
        assert.deepStrictEqual(chosen, [first], `seed ${seed}`)
      }
    }
    assert.isAbove(single, stateOf === randomState ? 30 : 10)
  })

  it("tells a cycle of which every step is there", () => {
    let cycles = 0
    for (let seed = 1; seed <= 2_000; seed++) {
      const state = stateOf(new Random(seed))
      const graph = graphOf(state)
      // Such a wait is refused at the door.
      const neverFits = state.waits.some(({ needs }, wait) =>
        needs.some(({ amount, pool }) => amount > roomAfter(state, -1, wait, pool))
      )
      if (neverFits) continue
      const reduction = reduce(graph, { ordered: false })
      if (reduction.stuck.length === 0) continue
      const found = reduction.stuck.map((wait) => ({ wait, cycle: cycleThrough(graph, reduction, wait) }))
      assert.isTrue(
        found.some(({ cycle }) => cycle !== undefined),
        `seed ${seed}: stuck without a cycle`
      )
      for (const { cycle, wait } of found) {
        if (cycle === undefined) continue
        cycles++
        assert.strictEqual(cycle[0]!.wait, wait)
        cycle.forEach((edge, index) => {
          const next = cycle[(index + 1) % cycle.length]!
          assert.include(reduction.stuck, edge.wait)
          assert.isAbove(state.leases[edge.holding]!.amounts[edge.pool]!, 0)
          // Without that lease, and all others that are stuck, there would be enough: what comes back is not all kept for others.
          const served = state.waits.reduce((set, _, at) => (reduction.served[at]! ? set | (1 << at) : set), 0)
          const without = state.leases.map((lease, at) =>
            at === edge.holding ? { amounts: lease.amounts.map(() => 0) } : lease
          )
          const before = roomAfter(state, served, edge.wait, edge.pool)
          assert.isAbove(roomAfter({ ...state, leases: without }, served, edge.wait, edge.pool), before, `seed ${seed}`)
          assert.include(state.waits[next.wait]!.inside, edge.holding, `seed ${seed}`)
        })
      }
    }
    assert.isAbove(cycles, 200)
  })

  it("serves a chain of a thousand nested waits in one pass", () => {
    const length = 1_000
    const graph: Graph = {
      pools: Array.from({ length: length + 1 }, (_, pool) => ({ available: pool === length ? 1 : 0, burst: Infinity })),
      waits: Array.from({ length }, (_, wait) => ({
        needs: [{ pool: wait + 1, amount: 1, cost: 0 }],
        inside: [wait],
        exempt: false
      })),
      holdings: Array.from({ length }, (_, pool) => ({ amounts: [{ pool, amount: 1 }] }))
    }
    assert.deepStrictEqual(reduce(graph, { ordered: false }).stuck, [])
    assert.deepStrictEqual(reduce(graph, { ordered: true }).stuck, [])
  })
})
