import { assert, describe, it } from "vitest"
import {
  type Claim,
  detectionOff,
  explain,
  Ledger,
  type LedgerEvent,
  type PoolOptions,
  type Refusal,
  Request
} from "../../src/Ledger.ts"

const second = 1_000_000
const day = 86_400 * second

const setUp = <Types extends string>(pools: Readonly<Record<Types, PoolOptions>>, options = {}) => {
  const ledger = new Ledger(options)
  const types: ReadonlyArray<readonly [string, PoolOptions]> = Object.entries(pools)
  for (const [type, pool] of types) ledger.definePool(type, pool, 0)
  return ledger
}

const isRequest = (answer: Request | Refusal): answer is Request => answer instanceof Request

const held = (answer: Request | Refusal): Request => {
  if (!isRequest(answer) || answer.status !== "held") assert.fail(`expected a lease, got ${JSON.stringify(answer)}`)
  return answer
}

const waiting = (answer: Request | Refusal): Request => {
  if (!isRequest(answer) || answer.status !== "waiting") assert.fail(`expected a waiter, got ${String(answer)}`)
  return answer
}

const refused = (answer: Request | Refusal): Refusal =>
  isRequest(answer) ? assert.fail(`expected a refusal, got ${answer.status}`) : answer

const statuses = (requests: ReadonlyArray<Request>) => requests.map((request) => request.status)

describe("exemptions", () => {
  it("go only to waits that they can help: plain waiters keep their place", () => {
    const ledger = setUp({ cpu: { capacity: 13 } })
    const first = held(ledger.claim("l1", { cpu: 3 }, 0))
    const second = held(ledger.claim("l2", { cpu: 3 }, 0))
    const filler = held(ledger.claim("f", { cpu: 7 }, 0))
    const big = waiting(ledger.claim("big", { cpu: 7 }, 0))
    const plain = Array.from({ length: 100 }, (_, at) => waiting(ledger.claim(`p${at}`, { cpu: 1 }, 0)))
    waiting(ledger.claim("l1", { cpu: 1 }, 0, { parent: first }))
    waiting(ledger.claim("l2", { cpu: 1 }, 0, { parent: second }))
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 9, 1)
    assert.strictEqual(ledger.books.exemptions, 2)
    ledger.release(filler, 2)
    assert.isTrue([big, ...plain].every((waiter) => waiter.status === "waiting"))
  })
})

describe("a grown lease", () => {
  it("comes back once: the growth is no lease of its own", () => {
    const ledger = setUp({ cpu: { capacity: 3 } })
    const lease = held(ledger.claim("a", { cpu: 1 }, 0))
    const growth = ledger.grow(lease, { cpu: 1 }, 0)
    assert.isTrue(isRequest(growth) && !ledger.release(growth, 1))
    assert.isTrue(ledger.release(lease, 1))
    assert.strictEqual(ledger.books.pools.get("cpu")!.free, 3)
  })
})

describe("undo", () => {
  it("gives nothing to a bucket that came later", () => {
    const slow = { limit: 1, intervalMicros: 3_600 * second, burst: 10, per: "unit" } as const
    const ledger = setUp({ cpu: { capacity: 100, rate: slow } })
    const pool = ledger.books.pools.get("cpu")!
    const undone = held(ledger.claim("a", { cpu: 10 }, 0))
    for (const rate of [undefined, undefined, slow]) ledger.setRate(pool, rate, 0)
    held(ledger.claim("b", { cpu: 10 }, 0))
    ledger.undo(undone, 0)
    assert.strictEqual(refused(ledger.claim("d", { cpu: 10 }, 0, { wait: false }))._tag, "ResourceExhausted")
  })
})

describe("order", () => {
  it("does not starve a large claim behind a stream of small ones", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    let small = held(ledger.claim("small", { cpu: 6 }, 0))
    const large = waiting(ledger.claim("large", { cpu: 10 }, 1))
    for (let at = 2; at < 50; at++) {
      const next = waiting(ledger.claim("small", { cpu: 1 }, at))
      ledger.abandon(next, at)
    }
    const behind = waiting(ledger.claim("small", { cpu: 1 }, 50))
    ledger.release(small, 51)
    assert.deepStrictEqual(statuses([large, behind]), ["held", "waiting"])
    ledger.release(large, 52)
    assert.strictEqual(behind.status, "held")
    small = behind
    assert.isTrue(ledger.release(small, 53))
    assert.isFalse(ledger.release(small, 53))
  })

  it("leaves what is beyond the earmarks of a claim that is short elsewhere", () => {
    const ledger = setUp({ cpu: { capacity: 10 }, memory: { capacity: 10 } })
    held(ledger.claim("a", { memory: 8 }, 0))
    waiting(ledger.claim("b", { cpu: 4, memory: 4 }, 1))
    held(ledger.claim("c", { cpu: 6 }, 2))
    const answer = refused(ledger.claim("d", { cpu: 1 }, 3, { wait: false }))
    assert.deepInclude(answer, { _tag: "ResourceExhausted", reason: "unavailable", resourceType: "cpu" })
    assert.deepInclude(refused(ledger.claim("d", { memory: 1 }, 3, { wait: false })), { short: "order" })
  })

  it("grants all types at once or none", () => {
    const ledger = setUp({ cpu: { capacity: 10 }, memory: { capacity: 10 } })
    const first = held(ledger.claim("a", { memory: 8 }, 0))
    const both = waiting(ledger.claim("b", { cpu: 4, memory: 4 }, 1))
    assert.deepStrictEqual(
      [...ledger.books.pools.values()].map((pool) => pool.inUse),
      [0, 8]
    )
    ledger.release(first, 2)
    assert.strictEqual(both.status, "held")
    assert.deepStrictEqual(both.agent.usage(), { cpu: 4, memory: 4 })
  })

  it("wakes the next at once when a waiter is interrupted", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    held(ledger.claim("a", { cpu: 6 }, 0))
    const large = waiting(ledger.claim("b", { cpu: 10 }, 1))
    const next = waiting(ledger.claim("c", { cpu: 4 }, 2))
    ledger.abandon(large, 3)
    assert.deepStrictEqual(statuses([large, next]), ["left", "held"])
    assert.deepStrictEqual(ledger.settled, [next])
  })

  it("bounds the queue, of all and of one agent", () => {
    const ledger = setUp({ cpu: { capacity: 1 } }, { waitersMax: 3, waitersPerAgentMax: 2 })
    held(ledger.claim("a", { cpu: 1 }, 0))
    for (const agent of ["a", "a"]) waiting(ledger.claim(agent, { cpu: 1 }, 1))
    const own = refused(ledger.claim("a", { cpu: 1 }, 2))
    assert.deepInclude(own, { _tag: "QueueFull", scope: "agent", name: "a", waiting: 2, limit: 2 })
    waiting(ledger.claim("b", { cpu: 1 }, 3))
    assert.deepInclude(refused(ledger.claim("c", { cpu: 1 }, 4)), { _tag: "QueueFull", scope: "manager", limit: 3 })
  })
})

describe("rate", () => {
  const rate = { limit: 1, intervalMicros: second, burst: 1, per: "request" as const }

  it("five interrupted waiters cost nobody a token: the sixth is served when the first would have been", () => {
    const ledger = setUp({ network: { capacity: 100, rate } })
    held(ledger.claim("a", { network: 1 }, 0))
    const five = Array.from({ length: 5 }, () => waiting(ledger.claim("a", { network: 1 }, 1)))
    const sixth = waiting(ledger.claim("b", { network: 1 }, 2))
    for (const waiter of five) ledger.abandon(waiter, 3)
    assert.strictEqual(ledger.nextDueAt, second)
    ledger.advance(second - 1)
    assert.strictEqual(sixth.status, "waiting")
    ledger.advance(second)
    assert.strictEqual(sixth.status, "held")
  })

  it("an undone grant gives back no token that would have flown over meanwhile", () => {
    // Undone, "a" took nothing: at 3 the bucket had been full until "b" took 7 at 2.
    const ledger = setUp({ api: { capacity: 100, rate: { limit: 1, intervalMicros: 1, burst: 10, per: "unit" } } })
    const first = held(ledger.claim("a", { api: 5 }, 0))
    held(ledger.claim("b", { api: 7 }, 2))
    ledger.undo(first, 3)
    // 5, 7 at 2, 0 after b, 1 at 3: two of a's five would have flown over, three go back.
    assert.strictEqual(refused(ledger.claim("c", { api: 5 }, 3, { wait: false }))._tag, "ResourceExhausted")
    held(ledger.claim("c", { api: 3 }, 3))
  })

  it("gives the tokens of an undone grant to the next at once", () => {
    const ledger = setUp({ network: { capacity: 100, rate } })
    const first = held(ledger.claim("a", { network: 1 }, 0))
    const next = waiting(ledger.claim("b", { network: 1 }, 1))
    ledger.undo(first, 2)
    assert.deepStrictEqual(statuses([first, next]), ["returned", "held"])
    assert.strictEqual(first.agent.acquisitions, 0)
    assert.isBelow(first.token, next.token)
  })

  it("serves each waiter of a machine that slept for a day at its own instant", () => {
    const ledger = setUp({ network: { capacity: 100, rate } })
    held(ledger.claim("a", { network: 1 }, 0))
    const waiters = Array.from({ length: 3 }, () => waiting(ledger.claim("a", { network: 1 }, 0)))
    ledger.advance(day)
    assert.deepStrictEqual(
      waiters.map((waiter) => waiter.grantedAt),
      [second, 2 * second, 3 * second]
    )
    held(ledger.claim("a", { network: 1 }, day))
    waiting(ledger.claim("a", { network: 1 }, day))
  })
})

describe("time", () => {
  it("an earlier instant counts as the last one", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const lease = held(ledger.claim("a", { cpu: 10 }, 5 * second, { ttl: second }))
    const waiter = waiting(ledger.claim("b", { cpu: 1 }, 2 * second))
    assert.strictEqual(waiter.askedAt, 5 * second)
    ledger.advance(0)
    assert.strictEqual(ledger.now, 5 * second)
    assert.strictEqual(lease.status, "held")
    ledger.advance(6 * second)
    assert.deepStrictEqual(statuses([lease, waiter]), ["returned", "held"])
  })

  it("an expiry comes before a time-out at the same instant, so who could be served is", () => {
    const ledger = setUp({ cpu: { capacity: 1 } })
    held(ledger.claim("a", { cpu: 1 }, 0, { ttl: 10 }))
    const inTime = waiting(ledger.claim("b", { cpu: 1 }, 1, { deadline: 10 }))
    const tooLate = waiting(ledger.claim("c", { cpu: 1 }, 1, { deadline: 10 }))
    ledger.advance(day)
    assert.deepStrictEqual(statuses([inTime, tooLate]), ["held", "left"])
    assert.strictEqual(inTime.grantedAt, 10)
    assert.deepInclude(tooLate.refusal, { _tag: "ClaimTimedOut", agent: "c", waitedMicros: 9 })
  })

  it("tokens that come at the deadline come in time", () => {
    const rate = { limit: 1, intervalMicros: 10, burst: 1, per: "unit" as const }
    const ledger = setUp({ network: { capacity: 9, rate } })
    held(ledger.claim("a", { network: 1 }, 0))
    const waiter = waiting(ledger.claim("a", { network: 1 }, 0, { deadline: 10 }))
    ledger.advance(11)
    assert.strictEqual(waiter.grantedAt, 10)
  })

  it("a deadline that has passed fails a claim that has to wait, in its own decision", () => {
    const ledger = setUp({ cpu: { capacity: 1 } })
    held(ledger.claim("a", { cpu: 1 }, 7, { deadline: 7 }))
    assert.deepInclude(refused(ledger.claim("b", { cpu: 1 }, 7, { deadline: 7 })), { _tag: "ClaimTimedOut" })
    assert.deepStrictEqual(ledger.settled, [])
  })
})

describe("limits", () => {
  it("a claim that can never be granted fails at once, with the figures", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    held(ledger.claim("a", { cpu: 4 }, 0))
    assert.deepStrictEqual(refused(ledger.claim("a", { cpu: 11 }, 1)), {
      _tag: "ResourceExhausted",
      reason: "neverFits",
      short: "capacity",
      resourceType: "cpu",
      requested: 11,
      available: 6,
      limit: 10
    })
    ledger.setQuota("a", "cpu", 5, 2)
    const over = { _tag: "QuotaExceeded" as const, agent: "a", resourceType: "cpu", quota: 5, held: 4, waiting: 0 }
    assert.deepStrictEqual(refused(ledger.claim("a", { cpu: 6 }, 3)), { ...over, reason: "neverFits", requested: 6 })
    assert.deepStrictEqual(refused(ledger.claim("a", { cpu: 2 }, 3)), { ...over, reason: "inUse", requested: 2 })
  })

  it("a waiter that a smaller pool can never serve fails, and the next is served", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    held(ledger.claim("a", { cpu: 3 }, 0))
    const large = waiting(ledger.claim("b", { cpu: 9 }, 1))
    const small = waiting(ledger.claim("c", { cpu: 3 }, 2))
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 8, 3)
    assert.deepStrictEqual(statuses([large, small]), ["left", "held"])
    assert.deepInclude(large.refusal, { _tag: "ResourceExhausted", reason: "neverFits", requested: 9, limit: 8 })
  })

  it("a shrink below what is in use over-grants nothing, and growth serves at once", () => {
    const ledger = setUp({ cpu: { capacity: 10, maxCapacity: 20 } })
    const cpu = ledger.books.pools.get("cpu")!
    const leases = [4, 4].map((amount) => held(ledger.claim("a", { cpu: amount }, 0)))
    ledger.setCapacity(cpu, 5, 1)
    const waiter = waiting(ledger.claim("b", { cpu: 3 }, 2))
    ledger.release(leases[0]!, 3)
    assert.strictEqual(waiter.status, "waiting")
    ledger.setCapacity(cpu, 7, 4)
    assert.strictEqual(waiter.status, "held")
  })

  it("a claim that only growth can serve waits, and says so", () => {
    const ledger = setUp({ cpu: { capacity: 10, maxCapacity: 20 } })
    const waiter = waiting(ledger.claim("a", { cpu: 15 }, 0))
    assert.deepStrictEqual(explain(waiter, 0).reasons, [
      { _tag: "Growth", resourceType: "cpu", requested: 15, capacity: 10, maxCapacity: 20 }
    ])
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 15, 1)
    assert.strictEqual(waiter.status, "held")
  })

  it("a cut quota fails the youngest waiters over it; leases stay", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const lease = held(ledger.claim("a", { cpu: 8 }, 0))
    const waiters = [2, 3, 3].map((amount) => waiting(ledger.claim("a", { cpu: amount + 1 }, 1)))
    ledger.setQuota("a", "cpu", 12, 2)
    assert.deepStrictEqual(statuses([lease, ...waiters]), ["held", "waiting", "left", "left"])
    ledger.setQuota("a", "cpu", 2, 3)
    assert.deepStrictEqual(statuses([lease, waiters[0]!]), ["held", "left"])
    assert.deepInclude(waiters[0]!.refusal, { reason: "neverFits", quota: 2, held: 8 })
  })

  it.each([NaN, -1, 0.5, 2 ** 53, Infinity])("refuses an amount of %d at the door", (amount) => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    assert.deepInclude(refused(ledger.claim("a", { cpu: amount }, 0)), { _tag: "InvalidClaim", field: "claim.cpu" })
  })

  it("gives back manual acquisitions newest first, all or nothing", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const [old, young] = [2, 3].map((amount) => held(ledger.claim("a", { cpu: amount }, 0, { manual: true })))
    held(ledger.claim("a", { cpu: 4 }, 0))
    const short = ledger.releaseManual("a", { cpu: 6 }, 1)
    assert.deepStrictEqual(short, { _tag: "ResourceNotAcquired", agent: "a", requested: { cpu: 6 }, held: { cpu: 5 } })
    assert.isUndefined(ledger.releaseManual("a", { cpu: 4 }, 2))
    assert.deepStrictEqual(statuses([old!, young!]), ["held", "returned"])
    assert.deepStrictEqual(
      old!.parts.map((part) => part.amount),
      [1]
    )
  })
})

describe("nesting", () => {
  const nested = (ledger: Ledger, agent: string, claim: Claim, parent: Request) =>
    ledger.claim(agent, claim, 1, { parent })

  it("AB/BA ends in the decision that would have queued the claim, with the cycle", () => {
    const ledger = setUp({ a: { capacity: 1 }, b: { capacity: 1 } })
    const first = held(ledger.claim("first", { a: 1 }, 0))
    const second = held(ledger.claim("second", { b: 1 }, 0))
    const waiter = waiting(nested(ledger, "first", { b: 1 }, first))
    assert.deepStrictEqual(refused(nested(ledger, "second", { a: 1 }, second)), {
      _tag: "DeadlockDetected",
      agent: "second",
      claim: { a: 1 },
      cycle: [
        { agent: "second", resourceType: "a", requested: 1, heldBy: "first", lease: first.id, holds: 1 },
        { agent: "first", resourceType: "b", requested: 1, heldBy: "second", lease: second.id, holds: 1 }
      ]
    })
    assert.strictEqual(waiter.status, "waiting")
    assert.deepStrictEqual(ledger.settled, [])
    ledger.release(second, 2)
    assert.strictEqual(waiter.status, "held")
  })

  it("taking twice what there is once is a deadlock of its own", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const outer = held(ledger.claim("a", { cpu: 6 }, 0))
    const { _tag } = refused(nested(ledger, "a", { cpu: 5 }, outer))
    assert.strictEqual(_tag, "DeadlockDetected")
    held(nested(ledger, "a", { cpu: 4 }, outer))
  })

  it("agents that cross on a pool with units to spare are not deadlocked", () => {
    const ledger = setUp({ a: { capacity: 3 }, b: { capacity: 3 } })
    const first = held(ledger.claim("first", { a: 1 }, 0))
    const second = held(ledger.claim("second", { b: 1 }, 0))
    const spare = [held(ledger.claim("third", { a: 2 }, 0)), held(ledger.claim("third", { b: 2 }, 0))]
    const waiters = [
      waiting(nested(ledger, "first", { b: 1 }, first)),
      waiting(nested(ledger, "second", { a: 1 }, second))
    ]
    for (const lease of spare) ledger.release(lease, 2)
    assert.deepStrictEqual(statuses(waiters), ["held", "held"])
  })

  it("fifty parallel children under one lease share a pool of ten", () => {
    const ledger = setUp({ outer: { capacity: 1 }, cpu: { capacity: 10 } })
    const outer = held(ledger.claim("a", { outer: 1 }, 0))
    const children = Array.from({ length: 50 }, () => nested(ledger, "a", { cpu: 1 }, outer)).filter(isRequest)
    assert.strictEqual(children.length, 50)
    for (const child of children) {
      assert.strictEqual(child.status, "held")
      ledger.release(child, 2)
    }
  })

  it("a wait that only order causes is let through, and counted", () => {
    const events: Array<LedgerEvent> = []
    const ledger = setUp({ cpu: { capacity: 10 } }, { sink: (event: LedgerEvent) => events.push(event) })
    const outer = held(ledger.claim("a", { cpu: 2 }, 0))
    const large = waiting(ledger.claim("b", { cpu: 10 }, 1))
    // Behind b it would wait for a, whose lease would wait for it.
    const child = held(nested(ledger, "a", { cpu: 1 }, outer))
    assert.strictEqual(ledger.books.exemptions, 1)
    assert.strictEqual(events.filter((event) => event._tag === "Exempted").length, 1)
    // Others keep their place.
    waiting(ledger.claim("c", { cpu: 1 }, 2))
    ledger.release(child, 3)
    ledger.release(outer, 3)
    assert.strictEqual(large.status, "held")
  })

  it("a lease with an expiry comes back by itself: no deadlock", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const outer = held(ledger.claim("a", { cpu: 6 }, 0, { ttl: 10 }))
    const inner = waiting(nested(ledger, "a", { cpu: 6 }, outer))
    ledger.advance(10)
    assert.strictEqual(inner.status, "held")
  })

  it("a wait that growth can end is no deadlock; one beyond the maximum is", () => {
    const ledger = setUp({ cpu: { capacity: 10, maxCapacity: 12 } })
    const outer = held(ledger.claim("a", { cpu: 6 }, 0))
    waiting(nested(ledger, "a", { cpu: 6 }, outer))
    assert.strictEqual(refused(nested(ledger, "a", { cpu: 7 }, outer))._tag, "DeadlockDetected")
  })

  it("a capacity that falls makes the youngest of the cycle fail", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const outer = held(ledger.claim("a", { cpu: 3 }, 0))
    held(ledger.claim("b", { cpu: 5 }, 0))
    const waiters = [waiting(nested(ledger, "a", { cpu: 3 }, outer)), waiting(nested(ledger, "a", { cpu: 3 }, outer))]
    ledger.setCapacity(ledger.books.pools.get("cpu")!, 5, 2)
    assert.deepStrictEqual(statuses(waiters), ["left", "left"])
    assert.strictEqual(waiters[1]!.refusal?._tag, "DeadlockDetected")
  })

  it("with detection off nobody is failed, but by time", () => {
    const ledger = setUp({ cpu: { capacity: 10 } }, { deadlock: detectionOff })
    const outer = held(ledger.claim("a", { cpu: 6 }, 0))
    const inner = waiting(ledger.claim("a", { cpu: 6 }, 1, { parent: outer, deadline: 10 }))
    ledger.advance(10)
    assert.strictEqual(inner.refusal?._tag, "ClaimTimedOut")
  })

  it("a parent that came back is skipped: its own parent still waits for the child", () => {
    const ledger = setUp({ a: { capacity: 1 }, b: { capacity: 1 }, c: { capacity: 1 } })
    const outer = held(ledger.claim("first", { a: 1 }, 0))
    const parent = held(ledger.claim("first", { b: 1 }, 0, { parent: outer }))
    const other = held(ledger.claim("second", { c: 1 }, 0))
    const child = waiting(nested(ledger, "first", { c: 1 }, parent))
    ledger.release(parent, 2)
    assert.strictEqual(refused(nested(ledger, "second", { a: 1 }, other))._tag, "DeadlockDetected")
    held(nested(ledger, "second", { b: 1 }, other))
    assert.strictEqual(child.status, "waiting")
  })
})

describe("leases that change", () => {
  it("grow takes its turn, and comes back with the lease", () => {
    const ledger = setUp({ cpu: { capacity: 10 }, memory: { capacity: 10 } })
    const lease = held(ledger.claim("a", { cpu: 4 }, 0))
    const other = held(ledger.claim("b", { cpu: 4 }, 0))
    const growth = waiting(ledger.grow(lease, { cpu: 4, memory: 1 }, 1))
    ledger.release(other, 2)
    assert.strictEqual(growth.status, "held")
    assert.deepStrictEqual(lease.agent.usage(), { cpu: 8, memory: 1 })
    ledger.release(lease, 3)
    assert.deepStrictEqual(lease.agent.usage(), {})
  })

  it("shrink serves waiters at once; more than is held changes nothing", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const lease = held(ledger.claim("a", { cpu: 10 }, 0))
    const waiter = waiting(ledger.claim("b", { cpu: 4 }, 1))
    assert.strictEqual(ledger.shrink(lease, { cpu: 11 }, 2)?._tag, "InvalidClaim")
    assert.strictEqual(waiter.status, "waiting")
    assert.isUndefined(ledger.shrink(lease, { cpu: 4 }, 3))
    assert.strictEqual(waiter.status, "held")
  })

  it("a growth that waits fails when its lease comes back", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const lease = held(ledger.claim("a", { cpu: 4 }, 0))
    held(ledger.claim("b", { cpu: 4 }, 0))
    const growth = waiting(ledger.grow(lease, { cpu: 4 }, 1))
    ledger.release(lease, 2)
    assert.deepStrictEqual(growth.refusal, { _tag: "LeaseRevoked", lease: lease.id, agent: "a", reason: "returned" })
    assert.strictEqual(ledger.books.pools.get("cpu")!.inUse, 4)
    assert.strictEqual(refused(ledger.grow(lease, { cpu: 1 }, 3))._tag, "LeaseRevoked")
  })

  it("a growth that takes what a wait inside needs makes the youngest of them fail", () => {
    const ledger = setUp({ cpu: { capacity: 10 } })
    const lease = held(ledger.claim("a", { cpu: 2 }, 0))
    const other = held(ledger.claim("b", { cpu: 6 }, 0))
    const growth = waiting(ledger.grow(lease, { cpu: 4 }, 1))
    const inner = waiting(ledger.claim("a", { cpu: 8 }, 2, { parent: lease }))
    ledger.release(other, 3)
    assert.strictEqual(growth.status, "held")
    assert.strictEqual(inner.refusal?._tag, "DeadlockDetected")
  })
})

describe("stop", () => {
  it("fails all waiters, refuses new claims, and lets leases return", () => {
    const ledger = setUp({ cpu: { capacity: 1 } })
    const lease = held(ledger.claim("a", { cpu: 1 }, 0))
    const waiters = ["b", "c"].map((agent) => waiting(ledger.claim(agent, { cpu: 1 }, 1)))
    ledger.stop(2)
    assert.deepStrictEqual(statuses(waiters), ["left", "left"])
    assert.deepStrictEqual(ledger.settled, waiters)
    assert.strictEqual(refused(ledger.claim("d", { cpu: 1 }, 3))._tag, "ManagerStopped")
    assert.strictEqual(lease.status, "held")
    assert.deepStrictEqual(ledger.revokeAll(4), [lease])
    assert.strictEqual(ledger.nextDueAt, Infinity)
  })
})
