import { isDeepStrictEqual } from "node:util"
import { assert, describe, it } from "vitest"
import {
  capture,
  type ClaimOptions,
  Ledger,
  type LedgerEvent,
  type LedgerOptions,
  Order,
  type PreemptionPolicy,
  type Refusal,
  Replay,
  Request,
  type Reservation,
  restore,
  type State
} from "../../src/Ledger.ts"

const policy: PreemptionPolicy = { name: "windows", byPriority: false, windows: true, grace: 1_000, overrun: 500 }
const lead = 1_500

const setUp = (cpu = 10, preemption = policy, policies: LedgerOptions = {}) => {
  const events: Array<LedgerEvent> = []
  const ledger = new Ledger({ ...policies, preemption, sink: (event) => events.push(event), indexed: true })
  ledger.definePool("cpu", { capacity: cpu }, 0)
  return { ledger, events }
}

const request = (answer: Request | Refusal): Request =>
  answer instanceof Request ? answer : assert.fail(`refused: ${JSON.stringify(answer)}`)

const reserve = (ledger: Ledger, cpu: number, from: number, until: number, now = 0): Reservation => {
  const answer = ledger.reserve({ holder: { _tag: "Agent", agent: "demo" }, claim: { cpu }, from, until }, now)
  return "_tag" in answer ? assert.fail(`refused: ${JSON.stringify(answer)}`) : answer
}

const yielding = (priority = 0, expected = 0): ClaimOptions => ({
  scheduling: { priority, expected, preemptible: true }
})

const told = (events: ReadonlyArray<LedgerEvent>) =>
  events.flatMap((event) => (event._tag === "Preempting" ? [event.id] : []))

describe("preemptible leases and windows", () => {
  it("are let in, told in time, and back as the window begins", () => {
    const { events, ledger } = setUp()
    const { id } = reserve(ledger, 8, 10_000, 20_000)
    const batch = request(ledger.claim("batch", { cpu: 10 }, 0, yielding()))
    assert.strictEqual(batch.status, "held")
    assert.strictEqual(ledger.nextDueAt, 10_000 - lead)
    ledger.advance(10_000 - lead - 1)
    assert.strictEqual(batch.notice, undefined)
    ledger.advance(10_000 - lead)
    assert.deepStrictEqual(batch.notice, {
      by: 0,
      cause: "reservation",
      reservation: id,
      deadline: 9_500,
      forcedAt: 10_000,
      ending: false
    })
    const demo = request(ledger.claim("demo", { cpu: 8 }, 9_999))
    assert.strictEqual(demo.status, "waiting")
    ledger.advance(10_000)
    assert.deepStrictEqual([batch.returnedBy, demo.status, demo.grantedAt], ["overrun", "held", 10_000])
    assert.deepStrictEqual(told(events), [batch.id])
  })

  it("have what is promised to nobody; who may not be taken does not, and may have what they have", () => {
    const { ledger } = setUp()
    reserve(ledger, 8, 10_000, 20_000)
    assert.strictEqual(request(ledger.claim("endless", { cpu: 4 }, 0)).status, "waiting")
    const batch = request(ledger.claim("batch", { cpu: 6 }, 0, yielding()))
    assert.strictEqual(batch.status, "waiting", "behind who came before")
    const { ledger: other } = setUp()
    reserve(other, 8, 10_000, 20_000)
    request(other.claim("batch", { cpu: 8 }, 0, yielding()))
    // It fits beside the window: the batch is told to end in time.
    assert.strictEqual(request(other.claim("endless", { cpu: 2 }, 0)).status, "held")
    other.advance(10_000)
    assert.strictEqual(other.books.pools.get("cpu")!.free, 8)
  })

  it("are not let into a window that begins too soon to tell them", () => {
    for (const [now, status] of [
      [10_000 - lead - 1, "held"],
      [10_000 - lead, "waiting"]
    ] as const) {
      const { ledger } = setUp()
      reserve(ledger, 8, 10_000, 20_000)
      assert.strictEqual(request(ledger.claim("batch", { cpu: 10 }, now, yielding())).status, status)
    }
  })

  it("are told as few as can be: the lowest priority, then the most recently granted, and nobody who is back in time", () => {
    const { events, ledger } = setUp()
    reserve(ledger, 5, 10_000, 20_000)
    const [high, low, brief, young] = [
      yielding(2),
      yielding(1),
      // Is back after the window is due, and before it begins.
      yielding(0, 9_000),
      yielding(1)
    ].map((options, index) => request(ledger.claim(`a${index}`, { cpu: 2 }, index, options)))
    // Leaves before anybody is told.
    const gone = request(ledger.claim("gone", { cpu: 2 }, 5, yielding(9)))
    ledger.release(gone, 8_000)
    ledger.advance(8_500)
    assert.deepStrictEqual(told(events), [young!.id])
    ledger.release(brief!, 9_000)
    ledger.advance(10_000)
    assert.deepStrictEqual([high!.status, low!.status, young!.status], ["held", "held", "returned"])
    assert.strictEqual(ledger.books.pools.get("cpu")!.free, 6)
  })

  it("are told too where they should have been back as the window became due", () => {
    const { events, ledger } = setUp()
    reserve(ledger, 8, 10_000, 20_000)
    const late = request(ledger.claim("late", { cpu: 10 }, 0, yielding(0, 5_000)))
    ledger.advance(10_000)
    assert.deepStrictEqual([told(events), late.returnedBy], [[late.id], "overrun"])
  })

  it("make up for who should have been back as the window became due, and may not be taken", () => {
    const { events, ledger } = setUp()
    reserve(ledger, 6, 10_000, 20_000)
    const fixed = request(ledger.claim("fixed", { cpu: 4 }, 0, { scheduling: { expected: 5_000, preemptible: false } }))
    const batch = request(ledger.claim("batch", { cpu: 4 }, 0, yielding()))
    ledger.advance(8_500)
    assert.deepStrictEqual(told(events), [batch.id])
    ledger.release(fixed, 9_000)
    assert.strictEqual(batch.notice, undefined)
  })

  it("make up for them too where they come while a window is due already, whoever else may go on", () => {
    const order = new Order({ name: "priority", priority: { inherits: false } })
    for (const policies of [{}, { order }, { backfill: { kind: "easy" } } as const]) {
      const { ledger } = setUp(10, policy, policies)
      const late = request(ledger.claim("late", { cpu: 5 }, 0, { scheduling: { expected: 10, preemptible: false } }))
      reserve(ledger, 4, 10_000, 20_000, 5)
      // Backfill looks again once something came back.
      ledger.release(request(ledger.claim("short", { cpu: 1 }, 9_000)), 9_000)
      const batch = request(ledger.claim("batch", { cpu: 5 }, 9_000, yielding(0, 5_000)))
      assert.deepStrictEqual([late.status, batch.status, batch.notice?.cause], ["held", "held", "reservation"])
    }
  })

  it("are spared when the promise is over, or something else came back; not once their time has come", () => {
    const run = (change: (ledger: Ledger, reservation: number, other: Request, now: number) => void, now: number) => {
      const { ledger } = setUp()
      const { id } = reserve(ledger, 6, 10_000, 20_000)
      const other = request(ledger.claim("other", { cpu: 4 }, 0))
      const batch = request(ledger.claim("batch", { cpu: 6 }, 0, yielding()))
      ledger.advance(8_500)
      assert.strictEqual(batch.notice?.cause, "reservation")
      change(ledger, id, other, now)
      return batch.notice === undefined ? "spared" : "ends"
    }
    const cancel = (ledger: Ledger, id: number, _: Request, now: number) => ledger.endReservation(id, "cancelled", now)
    const release = (ledger: Ledger, _: number, other: Request, now: number) => ledger.release(other, now)
    const grow = (ledger: Ledger, _id: number, _: Request, now: number) =>
      ledger.setCapacity(ledger.books.pools.get("cpu")!, 16, now)
    assert.deepStrictEqual([run(cancel, 9_499), run(cancel, 9_500)], ["spared", "ends"])
    assert.deepStrictEqual([run(release, 9_000), run(grow, 9_000)], ["ends", "spared"])
  })

  it("make a promise possible that begins late enough, and no other", () => {
    const { ledger } = setUp()
    const batch = request(ledger.claim("batch", { cpu: 10 }, 0, yielding()))
    const wish = { holder: { _tag: "Agent", agent: "demo" }, claim: { cpu: 4 }, until: 20_000 } as const
    assert.deepInclude(ledger.reserve({ ...wish, from: 100 + lead - 1 }, 100), { _tag: "ReservationRefused", short: 4 })
    assert.notProperty(ledger.reserve({ ...wish, from: 100 + lead }, 100), "_tag")
    assert.strictEqual(batch.notice?.forcedAt, 100 + lead, "told at once")
  })

  it("are told at once where something is missing later: of a window that is due, or has begun", () => {
    for (const [now, forcedAt] of [
      [9_000, 10_500],
      [12_000, 13_500]
    ] as const) {
      const { ledger } = setUp()
      reserve(ledger, 6, 10_000, 20_000)
      const batch = request(ledger.claim("batch", { cpu: 4 }, 0, yielding()))
      ledger.advance(now - 1)
      assert.strictEqual(batch.notice, undefined)
      ledger.setCapacity(ledger.books.pools.get("cpu")!, 8, now)
      assert.deepInclude(batch.notice, { cause: "reservation", deadline: forcedAt - 500, forcedAt })
    }
  })

  it("end for nobody else's promise: the holder's own are within it", () => {
    const { events, ledger } = setUp()
    reserve(ledger, 6, 10_000, 20_000)
    request(ledger.claim("demo", { cpu: 6 }, 0, yielding()))
    request(ledger.claim("demo", { cpu: 4 }, 1, yielding(5)))
    ledger.advance(15_000)
    assert.deepStrictEqual(told(events), [])
  })

  it("are let in no more where no policy tells them to end", () => {
    for (const preemption of [
      { ...policy, windows: false },
      { ...policy, windows: undefined },
      { ...policy, byPriority: true, windows: false }
    ]) {
      const { ledger } = setUp(10, preemption)
      reserve(ledger, 8, 10_000, 20_000)
      assert.strictEqual(request(ledger.claim("batch", { cpu: 10 }, 0, yielding())).status, "waiting")
    }
    const { ledger } = setUp(10, { ...policy, byPriority: true, windows: undefined })
    reserve(ledger, 8, 10_000, 20_000)
    assert.strictEqual(request(ledger.claim("batch", { cpu: 10 }, 0, yielding())).status, "held")
  })

  it("are told by a Ledger that goes on from a snapshot, or from the events, as by the first", () => {
    const { events, ledger } = setUp()
    reserve(ledger, 8, 10_000, 20_000)
    request(ledger.claim("batch", { cpu: 10 }, 0, yielding()))
    request(ledger.claim("more", { cpu: 1 }, 1, yielding()))
    for (const now of [2, 8_600, 9_600]) {
      ledger.advance(now)
      const state: State = JSON.parse(JSON.stringify(capture(ledger.books)))
      const replay = new Replay()
      for (const event of events) replay.apply(JSON.parse(JSON.stringify(event)))
      const replayed = replay.finish(now)
      assert.isTrue(isDeepStrictEqual(JSON.parse(JSON.stringify(capture(replayed))), state))
      const ends = [restore(state), replayed].map((books) => {
        const heard: Array<LedgerEvent> = []
        const again = new Ledger({ preemption: policy, indexed: true, books, sink: (event) => heard.push(event) })
        again.advance(30_000)
        return heard.filter(({ _tag }) => _tag !== "LeadSet")
      })
      const first: Array<LedgerEvent> = []
      const copy = new Ledger({
        preemption: policy,
        indexed: true,
        books: restore(state),
        sink: (event) => first.push(event)
      })
      copy.advance(30_000)
      assert.isAbove(first.length, 0)
      for (const heard of ends) assert.deepStrictEqual(heard, first)
    }
  })
})
