import { assert, describe, it } from "vitest"
import { cycleThrough, exemptions, type Graph, reduce } from "../../src/ledger/WaitForGraph.ts"
import { type OracleState, search } from "../simulator/oracle.ts"
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
    exempt: random.chance(0.1)
  }))
  return { pools, leases, waits }
}

/** The same as the graph takes it: what is free beside all leases with waits inside. */
const graphOf = ({ leases, pools, waits }: OracleState): Graph => ({
  pools: pools.map(({ burst, limit }, pool) => ({
    burst,
    available: leases.reduce(
      (rest, lease, index) => (waits.some((wait) => wait.inside.includes(index)) ? rest - lease.amounts[pool]! : rest),
      limit
    )
  })),
  waits,
  holdings: leases.map((lease) => ({
    amounts: lease.amounts.flatMap((amount, pool) => (amount === 0 ? [] : [{ pool, amount }]))
  }))
})

const stuckOf = (state: OracleState, ordered: boolean) => {
  const { reachable } = search(state, ordered)
  return state.waits.flatMap((_, wait) => ((reachable & (1 << wait)) === 0 ? [wait] : []))
}

describe("WaitForGraph", () => {
  it.each([false, true])("calls stuck exactly what no order of service reaches (ordered: %s)", (ordered) => {
    let deadlocks = 0
    for (let seed = 1; seed <= 3_000; seed++) {
      const state = randomState(new Random(seed))
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
      const state = randomState(new Random(seed))
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
    assert.isAbove(single, 30)
  })

  it("tells a cycle of which every step is there", () => {
    let cycles = 0
    for (let seed = 1; seed <= 2_000; seed++) {
      const state = randomState(new Random(seed))
      const graph = graphOf(state)
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
