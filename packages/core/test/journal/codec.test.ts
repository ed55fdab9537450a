/** What the simulator's Ledgers say and are goes through the journal's text unchanged. */
import { assert, describe, it } from "vitest"
import { capture, failRequester, Ledger, type LedgerEvent, Replay, restore } from "../../src/Ledger.ts"
import { decodeEvent, encodeEvent } from "../../src/internal/journal/eventCodec.ts"
import { decodeState } from "../../src/internal/journal/stateSchema.ts"
import { World } from "../simulator/model.ts"
import { profiles } from "../simulator/profiles.ts"
import { Random } from "../simulator/random.ts"
import { Workload } from "../simulator/workload.ts"

// JSON has no `undefined`: a key without a value is no key.
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe("the journal's text", () => {
  it.each(profiles)("carries every event and every state: $name", (profile) => {
    const world = new World()
    const random = new Random(11)
    const workload = new Workload(random, profile, world)
    const events: Array<LedgerEvent> = []
    const ledger = new Ledger({
      deadlock: failRequester,
      indexed: true,
      sink: (event) => {
        events.push(event)
        world.apply(event)
        workload.heard(event)
      }
    })
    workload.define(ledger)
    for (let step = 0; step < 2_000; step++) {
      const planned = workload.next(ledger, ledger.nextDueAt)
      world.asking = planned.asking ?? { parent: undefined, grows: undefined }
      workload.answered(planned.run(ledger))
      ledger.settled.length = 0
      if (step % 100 !== 0) continue
      const state = capture(ledger.books)
      assert.deepStrictEqual(decodeState(plain(state)), state)
    }
    const stored = events.map((event) => JSON.stringify(encodeEvent(event)))
    const decoded = stored.map((text) => decodeEvent(JSON.parse(text)))
    assert.deepStrictEqual(plain(decoded), plain(events))
    const replay = new Replay()
    for (const event of decoded) replay.apply(event)
    assert.deepStrictEqual(capture(replay.finish(ledger.now)), capture(ledger.books))
  })

  it("carries a type that is called __proto__, and pools that were configured again", () => {
    const events: Array<LedgerEvent> = []
    const ledger = new Ledger({ indexed: true, sink: (event) => events.push(event) })
    const options = {
      capacity: 5,
      maxCapacity: 9,
      rate: { limit: 2, intervalMicros: 7, burst: 3, per: "unit" }
    } as const
    ledger.definePool("__proto__", options, 0)
    ledger.claim("__proto__", JSON.parse('{"__proto__":2}'), 1, { ttl: 5.5 })
    ledger.books.restart()
    ledger.definePool("__proto__", { ...options, capacity: 6 }, 2)
    ledger.stop(3)
    const decoded = events.map((event) => decodeEvent(JSON.parse(JSON.stringify(encodeEvent(event)))))
    assert.deepStrictEqual(plain(decoded), plain(events))
    assert.deepStrictEqual(
      events.map((event) => event._tag),
      ["PoolDefined", "GrantedAtOnce", "PoolConfigured", "Stopped"]
    )
    const state = capture(ledger.books)
    assert.deepStrictEqual(capture(restore(decodeState(plain(state)))), state)
  })

  it("carries starts that were told", () => {
    const events: Array<LedgerEvent> = []
    const ledger = new Ledger({
      backfill: { kind: "conservative" },
      indexed: true,
      sink: (event) => events.push(event)
    })
    ledger.definePool("cpu", { capacity: 2 }, 0)
    const scheduling = { expected: 10, preemptible: false }
    ledger.claim("a", { cpu: 2 }, 0, { scheduling })
    ledger.claim("b", { cpu: 1 }, 1, { scheduling })
    const told = capture(ledger.books)
    assert.deepStrictEqual(decodeState(plain(told)), told)
    assert.strictEqual(told.requests[1]?.toldStart, 10)
    // Overdue: it is not known any more.
    ledger.advance(11)
    const stored = events.map((event) => JSON.stringify(encodeEvent(event)))
    assert.deepStrictEqual(stored.slice(3), ['["S",1,[[2,10]]]', '["S",11,[],[2]]'])
    const decoded = stored.map((text) => decodeEvent(JSON.parse(text)))
    assert.deepStrictEqual(plain(decoded), plain(events))
    const replay = new Replay()
    for (const event of decoded) replay.apply(event)
    assert.deepStrictEqual(capture(replay.finish(ledger.now)), capture(ledger.books))
  })

  it("carries a bucket that is in debt", () => {
    const ledger = new Ledger({ indexed: true })
    ledger.definePool("calls", { capacity: 9, rate: { limit: 2, intervalMicros: 7, burst: 3, per: "unit" } }, 0)
    const lease = ledger.claim("a", { calls: 3 }, 1)
    if ("_tag" in lease) throw new Error(lease._tag)
    ledger.settleLease(lease, { calls: 8 }, 2)
    const state = capture(ledger.books)
    assert.isBelow(state.pools[0]!.bucket!.level, 0)
    const restored = restore(decodeState(plain(state)))
    assert.deepStrictEqual(capture(restored), state)
    const next = [ledger, new Ledger({ books: restored })].map((each) => {
      each.claim("a", { calls: 1 }, 3)
      return each.nextDueAt
    })
    assert.strictEqual(next[0], next[1])
  })

  it("refuses what is no event", () => {
    const wrong: ReadonlyArray<readonly [ReadonlyArray<unknown>, RegExp]> = [
      [[], /no event begins with undefined/],
      [["?", 1], /no event begins with "\?"/],
      [["G", 1, 2], /Missing key/],
      [["G", 1, 2, "3"], /Expected number/],
      [["G", 1, 2, 3, [4], 5, 6], /has 6 fields/],
      [["G", 1, -2, 3], /between 0/],
      [["x", 1, 2, "gone"], /Expected/]
    ]
    for (const [stored, message] of wrong) assert.throws(() => decodeEvent(stored), message)
  })
})
