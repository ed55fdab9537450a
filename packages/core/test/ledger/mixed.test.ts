/** Policies that meet: what the simulator found where several are at work at once. */
import { assert, describe, it } from "vitest"
import {
  bankers,
  capture,
  Ledger,
  type LedgerEvent,
  type LedgerOptions,
  Order,
  type Refusal,
  Request,
  restore,
  type State
} from "../../src/Ledger.ts"

const byPriority = { name: "priority", byPriority: true, grace: 100, overrun: 10 }
const order = new Order({ name: "priority", priority: { inherits: true } })

const setUp = (capacities: Readonly<Record<string, number>>, options: LedgerOptions = {}) => {
  const events: Array<LedgerEvent> = []
  const ledger = new Ledger({ indexed: true, sink: (event) => events.push(event), ...options })
  for (const [type, capacity] of Object.entries(capacities)) ledger.definePool(type, { capacity }, 0)
  return { ledger, events }
}

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`refused: ${JSON.stringify(answer)}`)

const said = (priority: number | undefined, preemptible = false) => ({
  scheduling: { priority, expected: 0, preemptible }
})

describe("preemption in an order", () => {
  it("is looked at again where a waiter got its share of another pool", () => {
    const { ledger } = setUp({ cpu: 1, gpu: 1 }, { order, preemption: byPriority })
    const victim = request(ledger.claim("low", { gpu: 1 }, 0, said(0, true)))
    const other = request(ledger.claim("other", { cpu: 1 }, 0, said(0)))
    ledger.claim("high", { cpu: 1, gpu: 1 }, 1, said(5))
    assert.strictEqual(victim.notice, undefined)
    ledger.release(other, 2)
    assert.strictEqual(victim.notice?.cause, "priority")
  })

  it("is looked at again where an agent's priority rises", () => {
    const { ledger } = setUp({ cpu: 1 }, { preemption: byPriority })
    const victim = request(ledger.claim("low", { cpu: 1 }, 0, said(3, true)))
    ledger.claim("high", { cpu: 1 }, 1)
    assert.strictEqual(victim.notice, undefined)
    ledger.setAgent("high", { priority: 9 }, 2)
    assert.strictEqual(victim.notice?.cause, "priority")
  })
})

describe("promises in an order", () => {
  it("leave the shares of others set aside for who comes in later", () => {
    const { ledger } = setUp({ cpu: 10, gpu: 1 }, { order })
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 2 }, from: 0 }, 0)
    ledger.claim("a", { gpu: 1 }, 0)
    ledger.claim("b", { cpu: 3, gpu: 1 }, 1)
    assert.strictEqual(ledger.books.pools.get("cpu")?.earmarked, 3)
  })

  it("are granted at the instant at which the tokens are there, whoever waits before", () => {
    const { ledger } = setUp({ gpu: 1 })
    ledger.definePool("cpu", { capacity: 4, rate: { limit: 1, intervalMicros: 100, burst: 1, per: "request" } }, 0)
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 2 }, from: 0 }, 0)
    ledger.claim("a", { cpu: 1 }, 0)
    ledger.claim("a", { cpu: 2 }, 0)
    const own = request(ledger.claim("prod", { cpu: 1 }, 0))
    assert.strictEqual(own.status, "waiting")
    ledger.advance(ledger.nextDueAt)
    assert.strictEqual(own.status, "held")
    assert.strictEqual(own.grantedAt, 100)
  })

  it("let somebody pass who could not, once a window delays the first in line", () => {
    const { ledger } = setUp({ cpu: 4 }, { backfill: { kind: "shadow" } })
    const lasting = (expected: number) => ({ scheduling: { expected, preemptible: false } })
    ledger.claim("a", { cpu: 2 }, 0, lasting(100))
    ledger.claim("b", { cpu: 4 }, 1, lasting(100))
    const small = request(ledger.claim("c", { cpu: 1 }, 2, lasting(150)))
    assert.strictEqual(small.status, "waiting")
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 2 }, from: 160, until: 1_000 }, 3)
    assert.strictEqual(small.status, "held")
  })
})

describe("tokens of two pools at one instant", () => {
  it("are shared out in both before somebody may pass", () => {
    const order = new Order({ name: "bypass", bypass: { max: 5, withinMicros: Infinity, depth: 10 } })
    const { ledger } = setUp({}, { order })
    const rate = { limit: 1, intervalMicros: 100, burst: 1, per: "request" } as const
    for (const type of ["cpu", "gpu"]) ledger.definePool(type, { capacity: 8, rate }, 0)
    ledger.claim("a", { cpu: 1 }, 0)
    ledger.claim("a", { gpu: 1 }, 0)
    const waiters = [{ cpu: 1 }, { gpu: 1 }, { gpu: 1 }].map((claim) => request(ledger.claim("b", claim, 0)))
    ledger.advance(100)
    assert.deepStrictEqual(
      waiters.map(({ status }) => status),
      ["held", "held", "waiting"]
    )
  })
})

describe("a committed head", () => {
  it("is whoever comes to be next as time brings a window near", () => {
    const order = new Order({ name: "committed", priority: { inherits: true }, committedHead: true })
    const { ledger } = setUp({ cpu: 4, gpu: 1 }, { order })
    const lasting = (expected: number, priority = 0) => ({ scheduling: { priority, expected, preemptible: false } })
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 4 }, from: 1_000, until: 2_000 }, 0)
    ledger.claim("a", { gpu: 1 }, 0)
    ledger.claim("b", { gpu: 1 }, 0)
    const next = request(ledger.claim("c", { cpu: 1, gpu: 1 }, 0, lasting(500)))
    assert.strictEqual(next.turn.chosen, 0)
    ledger.advance(600)
    assert.isAbove(next.turn.chosen, 0)
    assert.strictEqual(request(ledger.claim("d", { cpu: 1 }, 600, lasting(100, 5))).status, "waiting")
  })
})

describe("deadlocks avoided", () => {
  it("grant a claim of nothing even where no order is safe any more", () => {
    const { ledger } = setUp({ cpu: 4 }, { deadlock: bankers })
    const maximum = (cpu: number) => ({ scheduling: { expected: 0, preemptible: false, maximum: { cpu } } })
    ledger.claim("a", { cpu: 1 }, 0, maximum(3))
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 1, 1)
    assert.strictEqual(request(ledger.claim("b", { cpu: 0 }, 2, { wait: false, ...maximum(1) })).status, "held")
  })
})

describe("deadlocks avoided beside other policies", () => {
  const declared = (maximum: Readonly<Record<string, number>>, expected = 0) => ({
    scheduling: { expected, preemptible: false, maximum }
  })

  it("are decided with fair shares and a promise: who is kept waiting is asked once", () => {
    const fair = new Order({ name: "fair", fairShare: { by: "held" } })
    const { ledger } = setUp({ cpu: 4 }, { deadlock: bankers, order: fair })
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 1 }, from: 0 }, 0)
    request(ledger.claim("a", { cpu: 1 }, 0, declared({ cpu: 3 })))
    // It is there, and not safe.
    const unsafe = request(ledger.claim("b", { cpu: 1 }, 1, declared({ cpu: 3 })))
    assert.strictEqual(unsafe.status, "waiting")
    ledger.advance(10)
    assert.strictEqual(unsafe.status, "waiting")
  })

  it("grant who is safe once somebody inside a lease has what is promised to it, and not to that lease", () => {
    const { ledger } = setUp({ cpu: 8 }, { deadlock: bankers })
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 2 }, from: 0 }, 0)
    const lease = request(ledger.claim("a", { cpu: 2 }, 0, declared({ cpu: 6 })))
    // Of the four that are promised to nobody, neither could have four more.
    const waits = request(ledger.claim("b", { cpu: 1 }, 1, declared({ cpu: 5 })))
    assert.strictEqual(waits.status, "waiting")
    request(ledger.claim("prod", { cpu: 2 }, 2, { parent: lease }))
    assert.strictEqual(waits.status, "held")
  })

  it("grant who is next where a cut left another lease without all that it declared", () => {
    const { ledger } = setUp({ cpu: 10, gpu: 1 }, { deadlock: bankers })
    const cut = request(ledger.claim("a", { cpu: 4 }, 0, declared({ cpu: 9 })))
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 8, 1)
    assert.strictEqual(request(ledger.claim("a", { cpu: 2 }, 2, { parent: cut })).status, "held")
    assert.strictEqual(request(ledger.claim("b", { cpu: 1 }, 3, declared({ cpu: 2 }))).status, "held")
    // It could not have three, and nobody gives anything back for sure.
    assert.strictEqual(request(ledger.claim("c", { cpu: 1 }, 4, declared({ cpu: 3 }))).status, "waiting")
  })

  it("refuse a maximum that can never be had, and fail who waits with one", () => {
    const { ledger } = setUp({ cpu: 8, gpu: 2 }, { deadlock: bankers })
    const told = (answer: Request | Refusal | undefined) =>
      answer === undefined || answer instanceof Request || answer._tag !== "InvalidClaim"
        ? assert.fail(`not refused: ${JSON.stringify(answer)}`)
        : [answer.field, answer.allowed]
    assert.deepStrictEqual(told(ledger.claim("a", { cpu: 1 }, 0, declared({ cpu: 9 }))), [
      "maximum.cpu",
      "at most 8: the pool has no more"
    ])
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 3 }, from: 0 }, 0)
    assert.deepStrictEqual(told(ledger.claim("a", { gpu: 1 }, 1, declared({ cpu: 6, gpu: 1 }))), [
      "maximum.cpu",
      "at most 5: 3 of 8 are promised to others for ever"
    ])
    const own = request(ledger.claim("prod", { gpu: 2 }, 2, declared({ cpu: 8, gpu: 2 })))
    assert.strictEqual(own.status, "held", "what is promised to it may be had")
    const waits = request(ledger.claim("a", { gpu: 1 }, 3, declared({ cpu: 5, gpu: 1 })))
    assert.strictEqual(waits.status, "waiting")
    const end = ledger.reserve({ holder: { _tag: "Agent", agent: "batch" }, claim: { cpu: 1 }, from: 0 }, 4)
    assert.isFalse("_tag" in end)
    assert.deepStrictEqual(told(waits.refusal), ["maximum.cpu", "at most 4: 4 of 8 are promised to others for ever"])
  })

  it("grant what grows one lease from within another, where nobody else is left to wait for", () => {
    const { ledger } = setUp({ cpu: 17 }, { deadlock: bankers })
    const place = request(ledger.claim("a", { cpu: 1 }, 0, declared({ cpu: 17 })))
    const grown = request(ledger.claim("b", { cpu: 3 }, 0, declared({ cpu: 14 })))
    const other = request(ledger.claim("c", { cpu: 1 }, 0, declared({ cpu: 1 })))
    // After it neither could have the rest, and neither comes back before it.
    const growth = request(ledger.grow(grown, { cpu: 6 }, 1, { parent: place }))
    assert.strictEqual(growth.status, "waiting")
    ledger.release(other, 2)
    assert.strictEqual(growth.status, "held")
  })

  it("let a claim inside a lease pass who is kept waiting, also where it waited for quota", () => {
    const { ledger } = setUp({ cpu: 4 }, { deadlock: bankers })
    ledger.setGroup("team", { onQuota: "wait", limits: { cpu: { max: 3 } } }, 0)
    for (const agent of ["a", "b"]) ledger.assign(agent, { group: "team", onQuota: undefined }, 0)
    const lease = request(ledger.claim("a", { cpu: 1 }, 0, declared({ cpu: 3 })))
    const other = request(ledger.claim("b", { cpu: 2 }, 0))
    const inside = request(ledger.claim("a", { cpu: 2 }, 1, { parent: lease }))
    assert.isDefined(inside.quota?.parked)
    const unsafe = request(ledger.claim("c", { cpu: 2 }, 2, declared({ cpu: 4 })))
    ledger.release(other, 3)
    assert.deepStrictEqual([inside.status, unsafe.status], ["held", "waiting"])
  })

  it("keep a claim waiting after which two could wait for the quota of each other", () => {
    const { ledger } = setUp({ cpu: 10 }, { deadlock: bankers })
    ledger.setGroup("team", { onQuota: "wait", limits: { cpu: { nominal: 4 } } }, 0)
    ledger.assign("a", { group: "team", onQuota: undefined }, 0)
    const first = request(ledger.claim("a", { cpu: 2 }, 0, declared({ cpu: 4 })))
    const second = request(ledger.claim("a", { cpu: 2 }, 1, declared({ cpu: 4 })))
    assert.deepStrictEqual([first.status, second.status], ["held", "waiting"])
    assert.deepStrictEqual(
      ledger.safetyOf(second).map(({ declared: short, left }) => [left, short.map(({ amount }) => amount)]),
      [[0, [2, 2]]]
    )
    const over = ledger.claim("a", { cpu: 1 }, 2, declared({ cpu: 5 }))
    assert.strictEqual("allowed" in over && over.allowed, "at most 4: that is what team may have")
    request(ledger.claim("a", { cpu: 2 }, 3, { parent: first }))
    ledger.release(first, 4)
    assert.strictEqual(second.status, "held", "what is inside comes back, for it declared nothing")
  })

  it("ask nothing of a pool that a maximum does not name, however much of it is promised", () => {
    const { ledger } = setUp({ cpu: 8, gpu: 2 }, { deadlock: bankers })
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { gpu: 2 }, from: 0 }, 0)
    ledger.setCapacity(ledger.books.pools.get("gpu")!, 1, 1)
    assert.strictEqual(request(ledger.claim("a", { cpu: 1 }, 2, declared({ cpu: 2 }))).status, "held")
  })

  it("tell who times out only what it waited for, where somebody before it is kept waiting and time has passed", () => {
    const fair = new Order({ name: "fair", fairShare: { by: "held" } })
    const { ledger } = setUp({ cpu: 6, gpu: 1 }, { deadlock: bankers, order: fair })
    ledger.reserve({ holder: { _tag: "Agent", agent: "prod" }, claim: { cpu: 1 }, from: 0 }, 0)
    request(ledger.claim("a", { cpu: 1, gpu: 1 }, 0, declared({ cpu: 5, gpu: 1 })))
    const unsafe = request(ledger.claim("b", { cpu: 1 }, 1, declared({ cpu: 5 })))
    const late = request(ledger.claim("c", { cpu: 1, gpu: 1 }, 2, { ...declared({ cpu: 1, gpu: 1 }), deadline: 50 }))
    ledger.advance(60)
    assert.deepStrictEqual([unsafe.status, late.status], ["waiting", "left"])
    const told = late.refusal?._tag === "ClaimTimedOut" ? late.refusal.reasons : []
    assert.deepStrictEqual(
      told.map(({ _tag, resourceType }) => `${_tag} ${resourceType}`),
      ["Capacity gpu"]
    )
  })

  it("let somebody pass past one that could pass, and must not", () => {
    const order = new Order({ name: "bypass", bypass: { max: 5, withinMicros: Infinity, depth: 10 } })
    const { ledger } = setUp({ cpu: 4 }, { deadlock: bankers, order })
    request(ledger.claim("a", { cpu: 2 }, 0, declared({ cpu: 4 })))
    const head = request(ledger.claim("b", { cpu: 3 }, 1, declared({ cpu: 3 })))
    const unsafe = request(ledger.claim("c", { cpu: 1 }, 2, declared({ cpu: 4 })))
    const safe = request(ledger.claim("d", { cpu: 1 }, 3, declared({ cpu: 1 })))
    assert.deepStrictEqual([head.status, unsafe.status, safe.status], ["waiting", "waiting", "held"])
  })

  it.each(["easy", "shadow"] as const)("backfill (%s) past one that could start, and must not", (kind) => {
    const { ledger } = setUp({ cpu: 4 }, { deadlock: bankers, backfill: { kind } })
    const lease = request(ledger.claim("a", { cpu: 2 }, 0, declared({ cpu: 4 }, 100)))
    request(ledger.claim("b", { cpu: 3 }, 1, declared({ cpu: 3 }, 100)))
    // Not safe while one other beside it runs.
    const other = request(ledger.claim("c", { cpu: 1 }, 2, declared({ cpu: 4 }, 5)))
    const safe = request(ledger.claim("d", { cpu: 1 }, 3, declared({ cpu: 1 }, 5)))
    assert.deepStrictEqual([other.status, safe.status], ["waiting", "held"])
    assert.strictEqual(lease.status, "held")
  })

  it("refuse conservative backfill: what is promised a start may not be safe then", () => {
    assert.throws(
      () => new Ledger({ deadlock: bankers, backfill: { kind: "conservative" } }),
      /conservative backfill promises starts/
    )
  })
})

describe("who waits for quota", () => {
  it("is told what else its agent waits for, where it may not wait any more", () => {
    const { ledger } = setUp({ cpu: 4 })
    ledger.setGroup("team", { onQuota: "wait" }, 0)
    ledger.assign("a", { group: "team", onQuota: undefined }, 0)
    ledger.setQuota("a", "cpu", 1, 0)
    ledger.claim("a", { cpu: 1 }, 0)
    const waits = request(ledger.claim("a", { cpu: 1 }, 0))
    ledger.assign("a", { group: undefined, onQuota: undefined }, 1)
    const { refusal } = waits
    assert.deepStrictEqual(refusal?._tag === "QuotaExceeded" && [refusal.held, refusal.waiting], [1, 0])
  })

  it("fails where a new rate can never pay for it", () => {
    const { ledger } = setUp({ cpu: 9 })
    const cpu = ledger.books.pools.get("cpu")!
    const rate = (per: "unit" | "request") => ({ limit: 1, intervalMicros: 100, burst: 2, per })
    ledger.setRate(cpu, rate("request"), 0)
    ledger.setGroup("org", { onQuota: "wait", limits: { cpu: { max: 4 } } }, 0)
    ledger.assign("a", { group: "org", onQuota: undefined }, 0)
    request(ledger.claim("a", { cpu: 4 }, 0))
    const parked = request(ledger.claim("a", { cpu: 3 }, 1))
    ledger.setRate(cpu, rate("unit"), 2)
    assert.deepInclude(parked.refusal, { _tag: "ResourceExhausted", short: "rate" })
  })

  it("inside a lease is failed where the lease takes that quota by growing at once", () => {
    const { ledger } = setUp({ cpu: 9 })
    ledger.setGroup("org", { limits: { cpu: { max: 4 } } }, 0)
    for (const agent of ["a", "b"]) ledger.assign(agent, { group: "org", onQuota: undefined }, 0)
    const other = request(ledger.claim("a", { cpu: 1 }, 0))
    const around = request(ledger.claim("a", { cpu: 1 }, 0))
    const onQuota = { scheduling: { expected: 0, preemptible: false, onQuota: "wait" as const } }
    const inner = request(ledger.claim("b", { cpu: 3 }, 1, { parent: around, ...onQuota }))
    assert.strictEqual(inner.status, "waiting")
    request(ledger.grow(around, { cpu: 1 }, 2, onQuota))
    // With three of four held by the lease that it is inside of it could never have its own three.
    assert.deepInclude(inner.refusal, { _tag: "DeadlockDetected" })
    assert.strictEqual(other.status, "held")
  })
})

describe("waits for quota beside", () => {
  it("tokens that another claim of the tree comes to keep: the instant is known at which there are more", () => {
    const { ledger } = setUp({ cpu: 2, gpu: 4 })
    const rate = { limit: 1, intervalMicros: 100, burst: 3, per: "unit" } as const
    ledger.setGroup("org", { onQuota: "wait", limits: { cpu: { nominal: 8, rate }, gpu: { nominal: 4 } } }, 0)
    ledger.setGroup("team", { parent: "org", onQuota: "wait", limits: { cpu: { nominal: 4 }, gpu: { max: 0 } } }, 0)
    for (const [agent, group] of [
      ["own", "team"],
      ["other", "org"]
    ] as const)
      ledger.assign(agent, { group, onQuota: undefined }, 0)
    ledger.setGroup("team", { parent: "org", onQuota: "wait", limits: { cpu: { nominal: 4 }, gpu: { max: 1 } } }, 0)
    ledger.claim("own", { gpu: 1 }, 0)
    ledger.claim("other", { cpu: 2 }, 0)
    const parked = request(ledger.claim("other", { cpu: 1, gpu: 4 }, 0))
    assert.isDefined(parked.quota?.parked)
    assert.strictEqual(request(ledger.claim("own", { cpu: 1 }, 1)).status, "waiting")
    const again = new Ledger({ books: restore(JSON.parse(JSON.stringify(capture(ledger.books)))) })
    assert.strictEqual(ledger.nextDueAt, again.nextDueAt)
    assert.isBelow(ledger.nextDueAt, 1_000)
  })

  /** A team with so much of a type, whose claims wait for more. */
  const team = (ledger: Ledger, type: string, nominal: number, ...agents: ReadonlyArray<string>) => {
    ledger.setGroup("team", { onQuota: "wait", limits: { [type]: { nominal } } }, 0)
    for (const agent of agents) ledger.assign(agent, { group: "team", onQuota: undefined }, 0)
  }

  it("inheritance: who waits for quota is in no queue, and raises nobody", () => {
    const { ledger } = setUp({ cpu: 4, memory: 1 }, { order })
    team(ledger, "cpu", 2, "t")
    const outer = request(ledger.claim("a", { cpu: 1 }, 0))
    request(ledger.claim("x", { cpu: 2 }, 0))
    const own = request(ledger.claim("t", { cpu: 1 }, 0))
    const place = request(ledger.claim("t", { memory: 1 }, 0))
    const inner = request(ledger.claim("a", { cpu: 1 }, 0, { parent: outer, ...said(0) }))
    const parked = request(ledger.claim("t", { cpu: 2 }, 0, { parent: place, ...said(5) }))
    request(ledger.claim("a", { cpu: 1 }, 1, { parent: outer, ...said(0) }))
    assert.deepStrictEqual([parked.quota?.parked === undefined, inner.turn.rank], [false, 0])
    // With its quota it waits for what the lease around the other one holds.
    ledger.release(own, 2)
    assert.deepStrictEqual([parked.quota?.parked, inner.status], [undefined, "held"])
  })

  it("deadlocks: the claim that closes one fails, though one that waits for quota is in another cycle", () => {
    const { ledger } = setUp({ cpu: 10, gpu: 1 })
    team(ledger, "cpu", 2, "a", "b")
    const one = request(ledger.claim("a", { cpu: 1, gpu: 1 }, 0))
    const two = request(ledger.claim("b", { cpu: 1 }, 0))
    const parked = request(ledger.claim("a", { cpu: 1 }, 1, { parent: one }))
    const closing = ledger.claim("b", { gpu: 1 }, 2, { parent: two })
    assert.strictEqual(closing instanceof Request ? closing.status : closing._tag, "DeadlockDetected")
    assert.strictEqual(parked.status, "waiting")
  })

  it("a move of a group: whom its new tree has nothing for is over the quota, and in no deadlock", () => {
    const { ledger } = setUp({ cpu: 6 })
    ledger.setGroup("new", {}, 0)
    ledger.setGroup("old", { onQuota: "wait", limits: { cpu: { nominal: 1 } } }, 0)
    ledger.setGroup("moving", { parent: "old", limits: { cpu: { nominal: 1 } } }, 0)
    ledger.assign("x", { group: "new", onQuota: undefined }, 0)
    ledger.assign("y", { group: "old", onQuota: undefined }, 0)
    const outer = request(ledger.claim("x", { cpu: 3 }, 0))
    request(ledger.claim("stranger", { cpu: 3 }, 0))
    const inner = request(ledger.claim("x", { cpu: 1 }, 0, { parent: outer }))
    request(ledger.claim("y", { cpu: 2 }, 0))
    const parked = request(ledger.claim("y", { cpu: 1 }, 0))
    assert.deepStrictEqual([inner.status, parked.quota?.parked === undefined], ["waiting", false])
    ledger.setGroup("moving", { parent: "new", limits: { cpu: { nominal: 1 } } }, 1)
    assert.deepStrictEqual([inner.status, inner.refusal?._tag], ["left", "QuotaExceeded"])
  })

  it("order: who had to wait for its quota stands behind who came to the queue meanwhile, for all that ask", () => {
    const bypass = new Order({ name: "bypass", bypass: { max: 1, withinMicros: Infinity, depth: 2 } })
    const { ledger } = setUp({ gpu: 6, cpu: 1 }, { order: bypass })
    team(ledger, "gpu", 3, "t")
    const outer = request(ledger.claim("t", { gpu: 2 }, 0))
    const kept = request(ledger.claim("t", { gpu: 1 }, 0))
    request(ledger.claim("other", { gpu: 3, cpu: 1 }, 0))
    const inner = request(ledger.claim("t", { gpu: 1, cpu: 1 }, 0, { parent: outer }))
    const all = request(ledger.claim("large", { gpu: 6 }, 0))
    ledger.release(kept, 1)
    // It waits for a lease around it, and that for the order alone.
    assert.deepStrictEqual([inner.status, inner.exempt, all.status], ["waiting", true, "waiting"])
  })
})

describe("backfill and tokens", () => {
  /** One token a millisecond, of which the head needs two once the long lease is back. */
  const setUpRated = () => {
    const { ledger } = setUp({}, { backfill: { kind: "easy" } })
    const rate = { limit: 1, intervalMicros: 1_000, burst: 4, per: "unit" as const }
    const pool = ledger.definePool("gpu", { capacity: 4, rate }, 0)
    const lasting = (expected: number) => ({ scheduling: { expected, preemptible: false } })
    request(ledger.claim("long", { gpu: 3 }, 0, lasting(20_000)))
    request(ledger.claim("brief", { gpu: 1 }, 0, lasting(100)))
    const head = request(ledger.claim("head", { gpu: 2 }, 0, lasting(1_000)))
    ledger.advance(100)
    return { ledger, pool, head, lasting }
  }

  it("let one pass as soon as its tokens are there, with nothing else happening", () => {
    const { head, lasting, ledger } = setUpRated()
    ledger.release(
      [...ledger.books.index!.values()].find(({ agent }) => agent.id === "brief")!,
      100
    )
    const small = request(ledger.claim("small", { gpu: 1 }, 100, lasting(2_000)))
    assert.deepStrictEqual([head.status, small.status], ["waiting", "waiting"])
    assert.strictEqual(ledger.nextDueAt, 1_000)
    ledger.advance(5_000)
    assert.deepStrictEqual([head.status, small.status, small.grantedAt], ["waiting", "held", 1_000])
  })

  it("are there again for the head, where several that pass take all that there can be", () => {
    const { ledger } = setUp({}, { backfill: { kind: "easy" } })
    const rate = { limit: 1, intervalMicros: 1, burst: 4, per: "unit" as const }
    ledger.definePool("gpu", { capacity: 6, rate }, 0)
    const lasting = (expected: number) => ({ scheduling: { expected, preemptible: false } })
    request(ledger.claim("long", { gpu: 1 }, 0, lasting(20_000)))
    request(ledger.claim("endless", { gpu: 3 }, 0, lasting(0)))
    const unknown = request(ledger.claim("all", { gpu: 4 }, 10, lasting(1_000)))
    const head = request(ledger.claim("head", { gpu: 3 }, 10, lasting(1_000)))
    const small = [1, 2].map(() => request(ledger.claim("small", { gpu: 1 }, 10, lasting(500))))
    ledger.abandon(unknown, 20)
    assert.deepStrictEqual(
      [head, ...small].map(({ status }) => status),
      ["waiting", "held", "held"]
    )
  })

  it("are waited for by a Ledger that goes on as by the first", () => {
    const { lasting, ledger } = setUpRated()
    ledger.release(
      [...ledger.books.index!.values()].find(({ agent }) => agent.id === "brief")!,
      100
    )
    request(ledger.claim("small", { gpu: 1 }, 100, lasting(2_000)))
    const state: State = JSON.parse(JSON.stringify(capture(ledger.books)))
    const next = new Ledger({ backfill: { kind: "easy" }, books: restore(state) })
    assert.strictEqual(next.nextDueAt, ledger.nextDueAt)
    next.advance(5_000)
    ledger.advance(5_000)
    assert.deepStrictEqual(capture(next.books), capture(ledger.books))
  })

  it("are waited for after a new start, once the pool is there again", () => {
    const { lasting, ledger } = setUpRated()
    ledger.release(
      [...ledger.books.index!.values()].find(({ agent }) => agent.id === "brief")!,
      100
    )
    const small = request(ledger.claim("small", { gpu: 1 }, 100, lasting(2_000)))
    const state: State = JSON.parse(JSON.stringify(capture(ledger.books)))
    const books = restore(state)
    books.restart()
    const next = new Ledger({ backfill: { kind: "easy" }, books, indexed: true })
    next.definePool("gpu", { capacity: 4, rate: { limit: 1, intervalMicros: 1_000, burst: 4, per: "unit" } }, 200)
    assert.strictEqual(next.nextDueAt, ledger.nextDueAt)
    next.advance(1_000)
    assert.strictEqual(books.index!.get(small.id)?.status, "held")
  })
})

describe("backfill beside a pool that is dormant", () => {
  it("looks no more at an instant at which its tokens were there", () => {
    const { ledger } = setUp({ cpu: 4 }, { backfill: { kind: "easy" } })
    const lasting = (expected: number) => ({ scheduling: { expected, preemptible: false } })
    const rate = { limit: 1, intervalMicros: 1_000, burst: 2, per: "request" } as const
    ledger.definePool("gpu", { capacity: 4, rate }, 0)
    for (const claim of [{ cpu: 2 }, { gpu: 1 }, { gpu: 1 }]) request(ledger.claim("a", claim, 0, lasting(1_000_000)))
    request(ledger.claim("head", { cpu: 4 }, 0, lasting(50)))
    request(ledger.claim("both", { cpu: 1, gpu: 1 }, 0, lasting(50)))
    const books = restore(JSON.parse(JSON.stringify(capture(ledger.books))))
    books.restart()
    const next = new Ledger({ backfill: { kind: "easy" }, books, indexed: true })
    next.definePool("cpu", { capacity: 4 }, 10)
    assert.strictEqual(next.nextDueAt, 1_000)
    next.advance(5_000)
    assert.isAbove(next.nextDueAt, 5_000)
  })
})

describe("backfill with a small depth", () => {
  it("looks at once at whom it reaches once others have passed", () => {
    const { ledger } = setUp({ cpu: 4 }, { backfill: { kind: "easy", depth: 2 } })
    const lasting = (expected: number) => ({ scheduling: { expected, preemptible: false } })
    const [, early] = ["a", "b"].map((agent) => request(ledger.claim(agent, { cpu: 2 }, 0, lasting(1_000))))
    const [head, ...small] = [4, 1, 1].map((cpu) => request(ledger.claim("c", { cpu }, 0, lasting(50))))
    ledger.release(early!, 40)
    assert.deepStrictEqual(
      [head, ...small].map((waiter) => waiter?.status),
      ["waiting", "held", "held"]
    )
  })
})

describe("backfill where deadlocks are avoided", () => {
  it("says of nobody by when it starts: what is enough then may not be safe", () => {
    const { ledger } = setUp({ cpu: 4 }, { backfill: { kind: "easy" }, deadlock: bankers })
    const declared = (expected: number) => ({ scheduling: { expected, preemptible: false, maximum: { cpu: 4 } } })
    request(ledger.claim("a", { cpu: 1 }, 0, declared(0)))
    const brief = request(ledger.claim("b", { cpu: 3 }, 0, { scheduling: { expected: 100, preemptible: false } }))
    const head = request(ledger.claim("c", { cpu: 2 }, 1, declared(100)))
    assert.strictEqual(ledger.plannedStart(head), undefined)
    ledger.release(brief, 100)
    assert.deepStrictEqual([head.status, ledger.safetyOf(head).length], ["waiting", 1])
  })
})

describe("backfill beside a rate whose burst is too small for all", () => {
  it("is not looked at again and again for tokens that are never there at once", () => {
    const { ledger } = setUp({}, { backfill: { kind: "easy" } })
    ledger.definePool("cpu", { capacity: 3, rate: { limit: 1, intervalMicros: 100, burst: 3, per: "unit" } }, 0)
    const lasting = (expected: number) => ({ scheduling: { expected, preemptible: false } })
    request(ledger.claim("a", { cpu: 1 }, 0, lasting(5)))
    request(ledger.claim("b", { cpu: 3 }, 1, lasting(5)))
    request(ledger.claim("c", { cpu: 1 }, 1_000, lasting(5)))
    // The bucket is full, and the lease is overdue: time brings nothing.
    assert.strictEqual(ledger.nextDueAt, Infinity)
  })
})
