/** By when a waiter starts by what was announced: where it is the first, lacks units alone, and they are enough. */
import { assert, describe, it } from "vitest"
import { Ledger, leaseView, type LedgerOptions, type Refusal, Request } from "../../src/Ledger.ts"
import { Order } from "../../src/ledger/order/Order.ts"

const preemption = { name: "priority", byPriority: true, grace: 1_000, overrun: 500 }

const setUp = (options: LedgerOptions = {}) => {
  const ledger = new Ledger({ preemption, ...options })
  for (const type of ["cpu", "memory"]) ledger.definePool(type, { capacity: 10 }, 0)
  return ledger
}

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`refused: ${JSON.stringify(answer)}`)

const low = { scheduling: { priority: 0, expected: 0, preemptible: true } }
const high = { scheduling: { priority: 5, expected: 0, preemptible: false } }

describe("the start by what was announced", () => {
  it("is when the last lease that it needs is taken, in all its pools", () => {
    const ledger = setUp()
    request(ledger.claim("a", { cpu: 5 }, 0, low))
    request(ledger.claim("b", { cpu: 5 }, 0, low))
    request(ledger.claim("c", { memory: 10 }, 0, low))
    const first = request(ledger.claim("first", { cpu: 5 }, 100, high))
    assert.strictEqual(ledger.plannedStart(first), 1_600)
    ledger.giveUp(first, 100)
    const both = request(ledger.claim("both", { cpu: 10, memory: 4 }, 300, high))
    assert.strictEqual(ledger.plannedStart(both), 1_800)
    ledger.advance(1_800)
    assert.strictEqual(both.status, "held")
    assert.isUndefined(ledger.plannedStart(both))
  })

  it("is not known behind others, where it is not enough, or where others may pass", () => {
    const ledger = setUp()
    const taken = request(ledger.claim("a", { cpu: 5 }, 0, low))
    request(ledger.claim("b", { cpu: 5, memory: 10 }, 0))
    const first = request(ledger.claim("first", { cpu: 4 }, 0, high))
    const second = request(ledger.claim("second", { cpu: 1 }, 0, high))
    const elsewhere = request(ledger.claim("elsewhere", { memory: 1 }, 0, high))
    assert.isDefined(taken.notice)
    assert.deepStrictEqual(
      [first, second, elsewhere].map((waiter) => ledger.plannedStart(waiter)),
      [1_500, undefined, undefined]
    )

    const passing = setUp({
      order: new Order({ name: "bypass", bypass: { max: 5, withinMicros: Infinity, depth: 10 } })
    })
    const held = request(passing.claim("a", { cpu: 10 }, 0, low))
    const waiter = request(passing.claim("first", { cpu: 4 }, 0, high))
    assert.isDefined(held.notice)
    assert.isUndefined(passing.plannedStart(waiter))
  })

  it("is the expiry of a lease that was told, where that is before, but of one that lingers", () => {
    for (const lingers of [false, true]) {
      const ledger = setUp()
      const lease = request(ledger.claim("a", { cpu: 10 }, 0, { ...low, ttl: 1_200 }))
      if (lingers) ledger.linger(lease, 0)
      const waiter = request(ledger.claim("first", { cpu: 4 }, 0, high))
      const until = lingers ? 1_500 : 1_200
      assert.deepStrictEqual(leaseView(lease, 0).ending, { cause: "priority", endsAtLatest: until })
      assert.strictEqual(ledger.plannedStart(waiter), until)
      ledger.advance(until - 1)
      assert.strictEqual(waiter.status, "waiting")
      ledger.advance(until)
      assert.strictEqual(waiter.status, "held")
    }
  })
})
