/** The wait-for graph as people see it: what it names, what it leaves out, and what it says is stuck. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { Meter, ResourceManager, TestResourceManager, WaitGraph } from "../src/index.ts"
import { type Claim, type ClaimOptions, detectionOff, Ledger, Request } from "../src/Ledger.ts"
import { waitGraphOf } from "../src/WaitGraph.ts"

const setUp = (pools: Readonly<Record<string, number>>, options = {}) => {
  const ledger = new Ledger(options)
  for (const [type, capacity] of Object.entries(pools)) ledger.definePool(type, { capacity }, 0)
  const claim = (agent: string, claim: Claim, options: ClaimOptions = {}): Request => {
    const answer = ledger.claim(agent, claim, ledger.now, options)
    return answer instanceof Request ? answer : assert.fail(answer._tag)
  }
  return { ledger, claim, graph: (waitsMax?: number) => waitGraphOf(ledger.books, ledger.now, waitsMax) }
}

describe("the wait-for graph", () => {
  it("is empty where nobody waits", () => {
    const { claim, graph } = setUp({ cpu: 4 })
    claim("a", { cpu: 4 })
    assert.deepStrictEqual(graph(), { waits: [], waitsTotal: 0, leases: [], pools: [] })
  })

  it("names waits, leases with waits inside, and the pools that are asked for", () => {
    const { claim, graph, ledger } = setUp({ cpu: 4, memory: 10, disk: 1 })
    const outer = claim("a", { cpu: 1, memory: 2 })
    const inner = claim("a", { disk: 1 }, { parent: outer, ttl: 60_000_000 })
    claim("b", { cpu: 3 })
    ledger.advance(1_000_000)
    claim("a", { cpu: 2, memory: 1 }, { parent: inner, deadline: 5_000_000 })
    claim("c", { cpu: 1 })
    ledger.advance(2_000_000)
    const plain = { exempt: false, stuck: false, waitedMillis: 1_000 }
    assert.deepStrictEqual(graph(), {
      waits: [
        {
          id: 4,
          agent: "a",
          claim: { cpu: 2, memory: 1 },
          inside: [2, 1],
          timesOutInMillis: 3_000,
          short: ["cpu"],
          ...plain
        },
        { id: 5, agent: "c", claim: { cpu: 1 }, inside: [], short: ["cpu"], ...plain }
      ],
      waitsTotal: 2,
      leases: [
        { id: 1, agent: "a", claim: { cpu: 1, memory: 2 }, heldMillis: 2_000 },
        { id: 2, agent: "a", claim: { disk: 1 }, parent: 1, heldMillis: 2_000, expiresInMillis: 58_000 }
      ],
      pools: [
        { resourceType: "cpu", capacity: 4, maxCapacity: 4, inUse: 4, earmarked: 0, waiting: 2 },
        { resourceType: "memory", capacity: 10, maxCapacity: 10, inUse: 2, earmarked: 1, waiting: 1 }
      ]
    })
  })

  it("says what is stuck, and what only waits behind something that comes back", () => {
    const { claim, graph } = setUp({ x: 1, y: 1, z: 1 }, { deadlock: detectionOff })
    const ab = claim("a", { x: 1 })
    const ba = claim("b", { y: 1 })
    claim("c", { z: 1 })
    const first = claim("a", { y: 1 }, { parent: ab })
    const second = claim("b", { x: 1 }, { parent: ba })
    const behind = claim("d", { x: 1 })
    const fine = claim("d", { z: 1 })
    const { waits } = graph()
    assert.deepStrictEqual(
      waits.map(({ id, stuck }) => [id, stuck]),
      [
        [first.id, true],
        [second.id, true],
        [behind.id, true],
        [fine.id, false]
      ]
    )
  })

  it("keeps the waits inside leases where there are too many", () => {
    const { claim, graph } = setUp({ cpu: 2 })
    const lease = claim("a", { cpu: 1 })
    claim("b", { cpu: 1 })
    for (let index = 0; index < 10; index++) claim(`c${index}`, { cpu: 1 })
    const inner = claim("a", { cpu: 1 }, { parent: lease })
    const { leases, pools, waits, waitsTotal } = graph(3)
    assert.deepStrictEqual(
      waits.map(({ id }) => id),
      [3, 4, inner.id]
    )
    assert.strictEqual(waitsTotal, 11)
    assert.deepStrictEqual(
      leases.map(({ id }) => id),
      [lease.id]
    )
    assert.strictEqual(pools[0]?.waiting, 11)
  })

  it("names the lease that a claim grows", () => {
    const { claim, graph, ledger } = setUp({ cpu: 2 })
    const lease = claim("a", { cpu: 1 })
    claim("b", { cpu: 1 })
    ledger.grow(lease, { cpu: 1 }, 0)
    assert.deepInclude(graph().waits[0], { grows: lease.id, inside: [lease.id], stuck: false })
  })

  it.effect("comes by the Meter, as its schema says", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const meter = yield* Meter
      const { awaitWaiting } = yield* TestResourceManager
      const nested = manager.withLease("a", { cpu: 1 })(manager.withLease("a", { cpu: 2 }, {})(Effect.void))
      yield* manager.acquire("b", { cpu: 1 })
      const fiber = yield* Effect.forkChild(nested)
      yield* awaitWaiting(1)
      yield* TestClock.adjust("3 seconds")
      const graph = yield* meter.waitGraph()
      assert.deepInclude(graph.waits[0], { agent: "a", claim: { cpu: 2 }, waitedMillis: 3_000 })
      const json = yield* Schema.encodeEffect(Schema.fromJsonString(WaitGraph.WaitGraph))(graph)
      assert.deepStrictEqual(yield* Schema.decodeEffect(Schema.fromJsonString(WaitGraph.WaitGraph))(json), graph)
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(ResourceManager.layerTest({ gracePeriod: 0, pools: { cpu: { capacity: 3 } } })))
  )
})
