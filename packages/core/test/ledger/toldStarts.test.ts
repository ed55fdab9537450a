/** Conservative backfill: what waiters are told, that it is kept, and that it outlives the Ledger that told it. */
import { assert, describe, it } from "vitest"
import {
  capture,
  Ledger,
  type LedgerEvent,
  type LedgerOptions,
  Order,
  preemptionOff,
  Replay,
  Request,
  restore
} from "../../src/Ledger.ts"

const backfill = { kind: "conservative" } as const
const byPriority = new Order({ name: "priority", priority: { inherits: true, aging: undefined } })

const lasting = (expected: number, priority = 0) => ({ scheduling: { expected, priority, preemptible: false } })

const request = (answer: ReturnType<Ledger["claim"]>): Request => {
  assert.instanceOf(answer, Request)
  return answer
}

const setUp = (pools: Readonly<Record<string, number>>, options: LedgerOptions = {}) => {
  const events: Array<LedgerEvent> = []
  const ledger = new Ledger({ backfill, indexed: true, sink: (event) => events.push(event), ...options })
  for (const [type, capacity] of Object.entries(pools)) ledger.definePool(type, { capacity }, 0)
  return { ledger, events }
}

const toldIn = (events: ReadonlyArray<LedgerEvent>) =>
  events.flatMap((event) => (event._tag === "Planned" ? [event.starts] : []))

/** Two wait for one that runs: the second was told first, and goes after by the order. */
const toldFirst = (options: LedgerOptions) => {
  const { events, ledger } = setUp({ cpu: 4 }, { order: byPriority, ...options })
  const running = request(ledger.claim("a", { cpu: 4 }, 0, lasting(100)))
  const low = request(ledger.claim("b", { cpu: 3 }, 1, lasting(50)))
  const high = request(ledger.claim("c", { cpu: 3 }, 2, lasting(50, 5)))
  return { events, ledger, running, low, high }
}

describe("starts that were told", () => {
  it("are in the events, and only where they change", () => {
    const { events, high, ledger, low, running } = toldFirst({})
    assert.deepStrictEqual(toldIn(events), [[[low.id, 100]], [[high.id, 150]]])
    ledger.release(running, 40)
    // It starts, and the other one fifty later.
    assert.strictEqual(low.status, "held")
    assert.deepStrictEqual(toldIn(events).slice(2), [[[high.id, 90]]])
    assert.strictEqual(ledger.plannedStart(high), 90)
  })

  it.each(["a snapshot", "events"])("are kept by a Ledger that is restored from %s", (from) => {
    const { events, high, ledger, low, running } = toldFirst({})
    const replay = new Replay()
    for (const event of events) replay.apply(JSON.parse(JSON.stringify(event)))
    const books =
      from === "events" ? replay.finish(ledger.now) : restore(JSON.parse(JSON.stringify(capture(ledger.books))))
    const restored = new Ledger({ backfill, order: byPriority, books, indexed: true })
    assert.strictEqual(restored.nextDueAt, ledger.nextDueAt)
    restored.release(books.index!.get(running.id)!, 40)
    // By the order alone it would be the other one.
    assert.deepStrictEqual(
      [low, high].map(({ id }) => books.index!.get(id)?.status),
      ["held", "waiting"]
    )
    ledger.release(running, 40)
    assert.deepStrictEqual(capture(books), capture(ledger.books))
  })

  it("are told anew where an older snapshot has none", () => {
    const { high, ledger, low } = toldFirst({})
    const state = JSON.parse(JSON.stringify(capture(ledger.books)), (key, value) =>
      key === "toldStart" ? undefined : value
    )
    const restored = new Ledger({ backfill, order: byPriority, books: restore(state), indexed: true })
    const index = restored.books.index!
    assert.strictEqual(restored.plannedStart(index.get(low.id)!), undefined)
    request(restored.claim("d", { cpu: 4 }, 3))
    assert.deepStrictEqual(
      [high, low].map(({ id }) => restored.plannedStart(index.get(id)!)),
      [100, 150]
    )
  })

  it("are forgotten by a start that tells nobody", () => {
    const { ledger, low } = toldFirst({})
    assert.isDefined(low.toldStart)
    const events: Array<LedgerEvent> = []
    const books = restore(JSON.parse(JSON.stringify(capture(ledger.books))))
    books.restart()
    const next = new Ledger({ order: byPriority, books, indexed: true, sink: (event) => events.push(event) })
    for (const { capacity, type } of ledger.books.pools.values()) next.definePool(type, { capacity }, 3)
    assert.deepStrictEqual(
      [...books.index!.values()].map(({ toldStart }) => toldStart),
      [undefined, undefined, undefined]
    )
    assert.strictEqual(events.filter(({ _tag }) => _tag === "Planned").length, 1)
  })

  it("are void where a lease is overdue: then the order decides", () => {
    const { events, high, ledger, low, running } = toldFirst({})
    ledger.advance(101)
    assert.deepStrictEqual(
      events.flatMap((event) => (event._tag === "Planned" ? (event.unknown ?? []) : [])),
      [high.id, low.id]
    )
    ledger.release(running, 120)
    assert.deepStrictEqual([high.status, low.status], ["held", "waiting"])
    assert.strictEqual(ledger.plannedStart(low), 170)
  })

  it("are void in the order of the policy at once: who is first then and fits starts", () => {
    const { high, ledger, low, running } = toldFirst({})
    const other = request(ledger.claim("d", { cpu: 2 }, 3, lasting(500, 9)))
    ledger.shrink(running, { cpu: 2 }, 10)
    // It would make both late.
    assert.deepStrictEqual([low.toldStart, high.toldStart, other.status], [100, 150, "waiting"])
    ledger.advance(101)
    assert.strictEqual(other.status, "held")
  })

  it("are forgotten by who waits for quota again", () => {
    const { ledger } = setUp({ cpu: 4 })
    const quota = (max: number) => ledger.setGroup("team", { onQuota: "wait", limits: { cpu: { max } } }, ledger.now)
    quota(4)
    ledger.assign("b", { group: "team", onQuota: undefined }, 0)
    for (const agent of ["a", "b"]) request(ledger.claim(agent, { cpu: 2 }, 0, lasting(100)))
    const waiter = request(ledger.claim("b", { cpu: 2 }, 1, lasting(50)))
    const behind = request(ledger.claim("c", { cpu: 4 }, 2, lasting(50)))
    assert.deepStrictEqual([waiter.toldStart, behind.toldStart], [100, 150])
    quota(3)
    assert.deepStrictEqual([waiter.toldStart, behind.toldStart], [undefined, 100])
    quota(4)
    assert.deepStrictEqual([waiter.toldStart, behind.toldStart], [150, 100])
  })

  it("hold with fair shares, though each grant is a new order", () => {
    const { ledger } = setUp({ cpu: 4 }, { order: new Order({ name: "fair", fairShare: { by: "held" } }) })
    const running = request(ledger.claim("a", { cpu: 4 }, 0, lasting(100)))
    const [first, second, third] = [1, 2, 3].map((at) => request(ledger.claim("b", { cpu: 2 }, at, lasting(50))))
    const other = request(ledger.claim("c", { cpu: 4 }, 4, lasting(50)))
    assert.deepStrictEqual(
      [first, second, third, other].map((waiter) => waiter?.toldStart),
      [100, 100, 150, 200]
    )
    ledger.release(running, 10)
    // The share of whoever has two already is the larger one.
    assert.deepStrictEqual(
      [first, second, third, other].map((waiter) => [waiter?.status, waiter?.toldStart]),
      [
        ["held", undefined],
        ["held", undefined],
        ["waiting", 60],
        ["waiting", 110]
      ]
    )
  })
})

describe("void starts with fair shares", () => {
  it("are all told anew, though each grant is a new order", () => {
    const { ledger } = setUp({ cpu: 6, gpu: 1 }, { order: new Order({ name: "fair", fairShare: { by: "held" } }) })
    request(ledger.claim("c", { gpu: 1 }, 0))
    request(ledger.claim("a", { cpu: 2 }, 0, lasting(10)))
    request(ledger.claim("b", { cpu: 2 }, 0, lasting(60)))
    const first = request(ledger.claim("y", { cpu: 3 }, 1, lasting(50)))
    const all = request(ledger.claim("c", { cpu: 6 }, 2))
    const small = request(ledger.claim("d", { cpu: 1 }, 3))
    assert.deepStrictEqual([first.toldStart, all.toldStart, small.toldStart], [10, 60, undefined])
    // Two go first by their shares: one waits for more, the other starts, and nobody knows for how long.
    ledger.advance(11)
    assert.deepStrictEqual([small.status, first.toldStart, all.toldStart], ["held", undefined, undefined])
  })
})

describe("who is told nothing", () => {
  it("keeps its share of one pool, and holds up nobody there whom that leaves enough", () => {
    const { ledger } = setUp({ cpu: 4, gpu: 1 })
    request(ledger.claim("a", { gpu: 1 }, 0))
    const blocked = request(ledger.claim("b", { cpu: 1, gpu: 1 }, 1))
    const three = request(ledger.claim("c", { cpu: 3 }, 2))
    const one = request(ledger.claim("d", { cpu: 1 }, 3))
    assert.deepStrictEqual(
      [blocked, three, one].map(({ status }) => status),
      ["waiting", "held", "waiting"]
    )
  })

  it("does not keep a lease from coming back that it waits for", () => {
    const { ledger } = setUp({ cpu: 4, gpu: 1 })
    const outer = request(ledger.claim("a", { gpu: 1 }, 0))
    request(ledger.claim("b", { cpu: 1, gpu: 1 }, 1))
    const inner = request(ledger.claim("a", { cpu: 2 }, 2, { parent: outer }))
    assert.strictEqual(inner.status, "held")
  })
})

describe("beyond the depth", () => {
  const shallow = { backfill: { ...backfill, depth: 1 } }

  it.each([
    { depth: 1, cpu: 1, found: ["held", "held", "held"] },
    { depth: 2, cpu: 2, found: ["held", "held", 90] }
  ])("who is within it once others start goes on at once, or is told when: %j", ({ cpu, depth, found }) => {
    const { ledger } = setUp({ cpu: 4 }, { backfill: { ...backfill, depth } })
    const running = request(ledger.claim("a", { cpu: 4 }, 0, lasting(100)))
    const waiters = [1, 2, 3].map((at) => request(ledger.claim("b", { cpu }, at, lasting(50))))
    ledger.release(running, 40)
    assert.deepStrictEqual(
      waiters.map(({ status, toldStart }) => toldStart ?? status),
      found
    )
  })

  it("a claim inside a lease is looked at all the same: the lease may be what those before it wait for", () => {
    const { ledger } = setUp({ cpu: 4, gpu: 1 }, shallow)
    const outer = request(ledger.claim("a", { gpu: 1 }, 0))
    request(ledger.claim("b", { cpu: 1, gpu: 1 }, 1))
    const beyond = request(ledger.claim("c", { cpu: 1 }, 2))
    const inner = request(ledger.claim("a", { cpu: 2 }, 3, { parent: outer }))
    assert.deepStrictEqual([beyond.status, inner.status], ["waiting", "held"])
  })

  it("who was told a start keeps it, once the lease around it is back", () => {
    const { ledger } = setUp({ cpu: 4 }, shallow)
    const outer = request(ledger.claim("a", { cpu: 1 }, 0))
    request(ledger.claim("b", { cpu: 3 }, 0, lasting(100)))
    request(ledger.claim("c", { cpu: 3 }, 1, lasting(50)))
    const inner = request(ledger.claim("a", { cpu: 2 }, 2, { parent: outer }))
    assert.strictEqual(inner.toldStart, 150)
    ledger.release(outer, 3)
    assert.strictEqual(inner.toldStart, 150)
    ledger.advance(101)
    // Now c waits for one that is overdue, and so does whoever comes behind it.
    assert.strictEqual(inner.toldStart, undefined)
  })
})

describe("a waiter behind one that nobody knows about", () => {
  it("starts at the instant at which it has its tokens, though it was told nothing", () => {
    const { ledger } = setUp({})
    const rate = { limit: 1, intervalMicros: 100, burst: 2, per: "request" } as const
    ledger.definePool("cpu", { capacity: 4, rate }, 0)
    request(ledger.claim("a", { cpu: 3 }, 0, lasting(5)))
    const overdue = request(ledger.claim("b", { cpu: 2 }, 1, lasting(10)))
    const behind = request(ledger.claim("c", { cpu: 1 }, 7, lasting(10)))
    assert.deepStrictEqual([overdue.toldStart, behind.toldStart], [undefined, undefined])
    // Two tokens: one is for who comes first.
    assert.strictEqual(ledger.nextDueAt, 100)
    ledger.advance(100)
    assert.deepStrictEqual([overdue.status, behind.status], ["waiting", "held"])
  })

  it("is rescued as often as anybody, however many start at once", () => {
    const aging = { afterMicros: 0, oneIn: 2 }
    const order = new Order({ name: "aging", priority: { inherits: false, aging } })
    const { events, ledger } = setUp({ cpu: 6 }, { order })
    const running = request(ledger.claim("a", { cpu: 6 }, 0, lasting(100)))
    for (let waiters = 0; waiters < 12; waiters++) request(ledger.claim("b", { cpu: 1 }, 1, lasting(50)))
    events.length = 0
    ledger.release(running, 10)
    const count = (tag: LedgerEvent["_tag"]) => events.filter(({ _tag }) => _tag === tag).length
    assert.deepStrictEqual([count("Granted"), count("Rescued")], [6, 3])
  })
})

describe("conservative backfill is refused", () => {
  it("beside bypass: who passes others makes them late", () => {
    const order = new Order({ name: "bypass", bypass: { max: 1, withinMicros: Infinity, depth: 2 } })
    assert.throws(() => new Ledger({ backfill, order }), /easy or shadow beside bypass/)
  })

  it.each([{ byPriority: true }, { reclaim: true }])("where claims take leases from others: %j", (takes) => {
    const preemption = { ...preemptionOff, ...takes }
    assert.throws(() => new Ledger({ backfill, preemption }), /easy or shadow where claims take leases/)
  })
})
