import { assert, describe, it } from "vitest"
import { capture, Ledger, type LedgerOptions, type PoolOptions, Replay, Request, restore } from "../../src/Ledger.ts"
import { Order, type OrderPolicy } from "../../src/ledger/order/Order.ts"
import type { Refusal } from "../../src/Ledger.ts"

const second = 1_000_000

const setUp = <Types extends string>(
  pools: Readonly<Record<Types, PoolOptions>>,
  policy: Omit<OrderPolicy, "name">,
  options: LedgerOptions = {}
) => {
  const ledger = new Ledger({ ...options, order: new Order({ name: "test", ...policy }) })
  const types: ReadonlyArray<readonly [string, PoolOptions]> = Object.entries(pools)
  for (const [type, pool] of types) ledger.definePool(type, pool, 0)
  return ledger
}

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`expected a request, got ${JSON.stringify(answer)}`)

const at = (priority: number) => ({ scheduling: { priority, expected: 0, preemptible: false } })

/** Claims that wait, and the agents in the order in which they are granted while each gives back at once. */
const drain = (ledger: Ledger, first: Request, now = 1): Array<string> => {
  const order: Array<string> = []
  ledger.release(first, now)
  for (let batch = ledger.settled.splice(0); batch.length > 0; batch = ledger.settled.splice(0)) {
    for (const granted of batch) {
      if (granted.status !== "held") continue
      order.push(granted.agent.id)
      ledger.release(granted, now)
    }
  }
  return order
}

const priorities = { priority: { inherits: true } } as const

describe("priority", () => {
  it("the highest goes first, and among equals who came first", () => {
    const ledger = setUp({ cpu: { capacity: 1 } }, priorities)
    const first = request(ledger.claim("holder", { cpu: 1 }, 0))
    for (const [agent, priority] of [
      ["low", 0],
      ["a", 5],
      ["high", 9],
      ["b", 5]
    ] as const) {
      request(ledger.claim(agent, { cpu: 1 }, 0, at(priority)))
    }
    assert.deepStrictEqual(drain(ledger, first), ["high", "a", "b", "low"])
  })

  it("is that of the agent where the claim says none, and changes with it", () => {
    const ledger = setUp({ cpu: { capacity: 1 } }, priorities)
    const first = request(ledger.claim("holder", { cpu: 1 }, 0))
    for (const agent of ["a", "b", "c"]) request(ledger.claim(agent, { cpu: 1 }, 0))
    ledger.setAgent("b", { priority: 3 }, 0)
    ledger.setAgent("c", { priority: 7 }, 0)
    ledger.setAgent("c", { priority: 1 }, 0)
    assert.deepStrictEqual(drain(ledger, first), ["b", "c", "a"])
  })

  it("a newcomer takes what was earmarked for those behind it", () => {
    const ledger = setUp({ cpu: { capacity: 2 }, gpu: { capacity: 1 } }, priorities)
    request(ledger.claim("holder", { gpu: 1 }, 0))
    const both = request(ledger.claim("both", { cpu: 2, gpu: 1 }, 0))
    assert.isTrue(both.parts[0]!.earmarked)
    const low = request(ledger.claim("low", { cpu: 1 }, 0))
    assert.strictEqual(low.status, "waiting")
    const high = request(ledger.claim("high", { cpu: 1 }, 0, { ...at(1), wait: false }))
    assert.strictEqual(high.status, "held")
    assert.isFalse(both.parts[0]!.earmarked)
    ledger.release(high, 1)
    assert.isTrue(both.parts[0]!.earmarked)
  })

  it("is inherited along the chain of leases", () => {
    const ledger = setUp({ a: { capacity: 1 }, b: { capacity: 1 }, c: { capacity: 1 } }, priorities)
    const holdsA = request(ledger.claim("one", { a: 1 }, 0))
    const holdsB = request(ledger.claim("two", { b: 1 }, 0))
    const holdsC = request(ledger.claim("three", { c: 1 }, 0))
    const inner = request(ledger.claim("one", { b: 1 }, 0, { parent: holdsA }))
    const innermost = request(ledger.claim("two", { c: 1 }, 0, { parent: holdsB }))
    const rival = request(ledger.claim("rival", { c: 1 }, 0, at(4)))
    request(ledger.claim("high", { a: 1 }, 0, at(9)))
    assert.deepStrictEqual([inner.turn.rank, innermost.turn.rank, rival.turn.rank], [9, 9, 4])
    ledger.release(holdsC, 1)
    assert.deepStrictEqual([innermost.status, rival.status], ["held", "waiting"])
  })

  it("is not inherited from a wait inside the same lease", () => {
    const ledger = setUp({ cpu: { capacity: 3 } }, priorities)
    const outer = request(ledger.claim("service", { cpu: 1 }, 0))
    request(ledger.claim("other", { cpu: 2 }, 0))
    const low = request(ledger.claim("service", { cpu: 1 }, 0, { parent: outer, ...at(1) }))
    const high = request(ledger.claim("service", { cpu: 1 }, 0, { parent: outer, ...at(8) }))
    assert.deepStrictEqual([low.turn.rank, high.turn.rank], [1, 8])
  })

  it("falls again when who lent it is gone", () => {
    const ledger = setUp({ a: { capacity: 1 }, b: { capacity: 1 } }, priorities)
    const holdsA = request(ledger.claim("one", { a: 1 }, 0))
    request(ledger.claim("two", { b: 1 }, 0))
    const inner = request(ledger.claim("one", { b: 1 }, 0, { parent: holdsA }))
    const high = request(ledger.claim("high", { a: 1 }, 0, at(9)))
    assert.strictEqual(inner.turn.rank, 9)
    ledger.abandon(high, 1)
    assert.strictEqual(inner.turn.rank, 0)
  })

  it("does not keep what the wait of another is inside of: that is let through", () => {
    const ledger = setUp({ cpu: { capacity: 10 } }, priorities)
    const outer = request(ledger.claim("outer", { cpu: 5 }, 0))
    const other = request(ledger.claim("other", { cpu: 5 }, 0))
    const inner = request(ledger.claim("outer", { cpu: 3 }, 0, { parent: outer, ...at(0) }))
    // It comes in before the inner wait, and needs what that one's lease holds.
    const large = request(ledger.claim("large", { cpu: 8 }, 0, { ...at(9), wait: true }))
    ledger.release(other, 1)
    assert.deepStrictEqual([inner.status, large.status], ["held", "waiting"])
  })
})

describe("aging as a rescue", () => {
  const oneIn = 5
  const aging = { priority: { inherits: true, aging: { afterMicros: second, oneIn } } } as const

  it("everyone is served within k grants for each that waits, and all other grants go by class", () => {
    const ledger = setUp({ cpu: { capacity: 1 } }, aging)
    const bound = 20
    let holder = request(ledger.claim("holder", { cpu: 1 }, 0))
    const low = Array.from({ length: bound }, (_, i) => request(ledger.claim(`low-${i}`, { cpu: 1 }, 0, at(0))))
    let now = 2 * second
    let highServed = 0
    const servedAt = new Map<Request, number>()
    for (let grants = 1; servedAt.size < bound; grants++) {
      assert.isAtMost(grants, oneIn * bound, "not all were served within k grants for each that waited")
      // Overload: there is always a newer one of the higher class.
      for (let i = 0; i < 3; i++) request(ledger.claim("high", { cpu: 1 }, now, { ...at(9), deadline: now + second }))
      ledger.release(holder, now)
      holder = ledger.settled.splice(0).find((granted) => granted.status === "held")!
      if (holder.agent.id === "high") highServed++
      else servedAt.set(holder, grants)
      now += second / 2
    }
    assert.deepStrictEqual([...servedAt.keys()], low)
    // At most one in k is a rescue.
    assert.isAtLeast(highServed, (oneIn - 1) * (bound - 1))
  })

  it("rescues nobody before the bound", () => {
    const ledger = setUp({ cpu: { capacity: 1 } }, aging)
    let holder = request(ledger.claim("holder", { cpu: 1 }, 0))
    const low = request(ledger.claim("low", { cpu: 1 }, 0))
    for (let i = 0; i < 30; i++) {
      request(ledger.claim("high", { cpu: 1 }, 100 * i, at(9)))
      ledger.release(holder, 100 * i)
      holder = ledger.settled.splice(0)[0]!
      assert.strictEqual(holder.agent.id, "high")
    }
    assert.strictEqual(low.status, "waiting")
  })
})

describe("bounded bypass", () => {
  const small = (ledger: Ledger, now: number) => request(ledger.claim("small", { cpu: 1 }, now))

  it("a small claim does not sit behind a blocked large one", () => {
    const policy = { bypass: { max: 3, withinMicros: Infinity, depth: 1000 } }
    for (const [options, expected] of [
      [policy, "held"],
      [{}, "waiting"]
    ] as const) {
      const ledger = setUp({ cpu: { capacity: 4 } }, options)
      request(ledger.claim("holder", { cpu: 2 }, 0))
      request(ledger.claim("large", { cpu: 4 }, 0))
      assert.strictEqual(small(ledger, 0).status, expected)
    }
  })

  it("a large claim is passed at most max times, then all that comes back is kept for it", () => {
    const max = 3
    const ledger = setUp({ cpu: { capacity: 4 } }, { bypass: { max, withinMicros: Infinity, depth: 1000 } })
    const holder = request(ledger.claim("holder", { cpu: 2 }, 0))
    const large = request(ledger.claim("large", { cpu: 4 }, 0))
    let passed: Array<Request> = []
    // A stream of small ones, each given back after two more have come.
    for (let i = 0; large.status === "waiting"; i++) {
      assert.isAtMost(i, 10, "small claims starve the large one")
      passed.push(small(ledger, i))
      const done = passed.filter((claim) => claim.status === "held")
      if (done.length > 1) ledger.release(done[0]!, i)
      if (i === 2) ledger.release(holder, i)
      if (large.turn.passed === max) for (const claim of passed) if (claim.status === "held") ledger.release(claim, i)
    }
    assert.strictEqual(large.turn.passed, max)
    assert.strictEqual(large.status, "held")
  })

  it("a large claim is passed for at most the duration", () => {
    const ledger = setUp({ cpu: { capacity: 4 } }, { bypass: { max: Infinity, withinMicros: second, depth: 1000 } })
    request(ledger.claim("holder", { cpu: 2 }, 0))
    request(ledger.claim("large", { cpu: 4 }, 0))
    const one = small(ledger, 10)
    ledger.release(one, second)
    assert.strictEqual(small(ledger, second + 9).status, "held")
    assert.strictEqual(small(ledger, second + 10).status, "waiting")
  })

  it("nobody who was rescued is passed", () => {
    const ledger = setUp(
      { cpu: { capacity: 4 } },
      {
        priority: { inherits: false, aging: { afterMicros: 0, oneIn: 1 } },
        bypass: { max: 9, withinMicros: Infinity, depth: 1000 }
      }
    )
    request(ledger.claim("holder", { cpu: 2 }, 0))
    const large = request(ledger.claim("large", { cpu: 4 }, 0))
    assert.isTrue(large.turn.rescued)
    assert.strictEqual(small(ledger, 0).status, "waiting")
  })
})

describe("fair share", () => {
  /** The tasks that each agent runs, once all that fits runs. */
  const tasks = (ledger: Ledger) =>
    Object.fromEntries(
      [...ledger.books.agents.values()]
        .map((agent) => [agent.id, agent.acquisitions] as const)
        .filter(([id]) => id.length === 1)
    )

  const cluster = (policy: Omit<OrderPolicy, "name">) => {
    const ledger = setUp({ cpu: { capacity: 9 }, memory: { capacity: 18 } }, policy)
    return { ledger, all: request(ledger.claim("all", { cpu: 9, memory: 18 }, 0)) }
  }

  for (const by of ["held", "served"] as const) {
    it(`the example of the paper, by what is ${by}: 3 tasks of <1 CPU, 4 GB> and 2 of <3 CPUs, 1 GB>`, () => {
      const { all, ledger } = cluster({ fairShare: { by } })
      for (let i = 0; i < 9; i++) {
        request(ledger.claim("A", { cpu: 1, memory: 4 }, 0))
        request(ledger.claim("B", { cpu: 3, memory: 1 }, 0))
      }
      ledger.release(all, 1)
      assert.deepStrictEqual(tasks(ledger), { A: 3, B: 2 })
    })
  }

  it("by weight: who weighs three times as much holds three times as much", () => {
    const ledger = setUp({ cpu: { capacity: 40 } }, { fairShare: { by: "held" } })
    const all = request(ledger.claim("all", { cpu: 40 }, 0))
    ledger.setAgent("A", { weight: 3 }, 0)
    for (let i = 0; i < 60; i++) for (const agent of ["A", "B"]) request(ledger.claim(agent, { cpu: 1 }, 0))
    ledger.release(all, 1)
    assert.deepStrictEqual(tasks(ledger), { A: 30, B: 10 })
  })

  it("with tasks of unlike length it is what is held now that counts", () => {
    const ledger = setUp({ cpu: { capacity: 10 } }, { fairShare: { by: "held" } })
    const all = request(ledger.claim("all", { cpu: 10 }, 0))
    for (let i = 0; i < 2_000; i++) for (const agent of ["long", "short"]) request(ledger.claim(agent, { cpu: 1 }, 0))
    ledger.release(all, 1)
    const held = ledger.settled.splice(0)
    for (let now = 2; now < 300; now++) {
      // Tasks of `short` last one step, those of `long` twenty.
      for (const task of held.filter((lease) => now - lease.grantedAt >= (lease.agent.id === "short" ? 1 : 20))) {
        held.splice(held.indexOf(task), 1)
        ledger.release(task, now)
        held.push(...ledger.settled.splice(0))
      }
      assert.strictEqual(held.filter((lease) => lease.agent.id === "short").length, 5)
      assert.strictEqual(held.length, 10)
    }
  })

  it("over time, within one pool: a unit that is held by one at a time goes round by weight", () => {
    const ledger = setUp({ lock: { capacity: 1 } }, { fairShare: { by: "served" } })
    const first = request(ledger.claim("first", { lock: 1 }, 0))
    ledger.setAgent("a", { weight: 2 }, 0)
    for (let i = 0; i < 30; i++) for (const agent of ["a", "b", "c"]) request(ledger.claim(agent, { lock: 1 }, 0))
    const turns = drain(ledger, first).slice(0, 40)
    assert.deepStrictEqual(
      ["a", "b", "c"].map((agent) => turns.filter((turn) => turn === agent).length),
      [20, 10, 10]
    )
  })

  it("an agent that was away saves nothing up", () => {
    const ledger = setUp({ lock: { capacity: 1 } }, { fairShare: { by: "served" } })
    request(ledger.claim("b", { lock: 1 }, 0, { wait: false }))
    const first = ledger.books.pools.get("lock")!.holdersHead!.request
    for (let i = 0; i < 50; i++) request(ledger.claim("a", { lock: 1 }, 0))
    drain(ledger, first)
    const again = request(ledger.claim("a", { lock: 1 }, 2))
    for (let i = 0; i < 10; i++) for (const agent of ["a", "b"]) request(ledger.claim(agent, { lock: 1 }, 2))
    const turns = drain(ledger, again, 3)
    // Not all of them to `b`, for the fifty turns that it did not use.
    const served = turns.slice(0, 10).filter((turn) => turn === "b").length
    assert.isTrue(served === 5 || served === 6, `b had ${served} of 10 turns`)
  })
})

describe("what an order needs after a restart", () => {
  it("is in the state and in the events", () => {
    const policy = {
      fairShare: { by: "served" },
      priority: { inherits: true, aging: { afterMicros: 0, oneIn: 2 } }
    } as const
    const events: Array<Parameters<Replay["apply"]>[0]> = []
    const ledger = setUp({ cpu: { capacity: 2 } }, policy, { indexed: true, sink: (event) => events.push(event) })
    const leases = [request(ledger.claim("a", { cpu: 2 }, 0))]
    ledger.setAgent("b", { weight: 2, priority: 1 }, 0)
    for (let i = 0; i < 12; i++) request(ledger.claim(i % 2 === 0 ? "a" : "b", { cpu: 1 + (i % 2) }, i, at(i % 3)))
    ledger.release(leases[0]!, 20)
    const state = JSON.parse(JSON.stringify(capture(ledger.books)))
    const replay = new Replay()
    for (const event of events) replay.apply(JSON.parse(JSON.stringify(event)))
    for (const books of [restore(state), replay.finish(20)]) {
      const again = new Ledger({ books, order: new Order({ name: "test", ...policy }) })
      assert.deepStrictEqual(JSON.parse(JSON.stringify(capture(again.books))), state)
      const orderOf = ({ books }: Ledger) => {
        const found: Array<number> = []
        const pool = books.pools.get("cpu")!
        for (let part = pool.first; part !== undefined; part = pool.after(part)) found.push(part.request.id)
        return found
      }
      assert.deepStrictEqual(orderOf(again), orderOf(ledger))
    }
  })
})
