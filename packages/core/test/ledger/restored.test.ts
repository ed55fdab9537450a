/** Books that were captured and restored decide as those that were not: what the simulator found that did not. */
import { assert, describe, it } from "vitest"
import { capture, Ledger, type LedgerEvent, type LedgerOptions, Order, Request, restore } from "../../src/Ledger.ts"

/** The events of commands on a Ledger, restored from its state before the last of them or not. */
const eventsOf = (
  options: LedgerOptions,
  commands: ReadonlyArray<(ledger: Ledger) => unknown>,
  restored: boolean
): ReadonlyArray<LedgerEvent> => {
  const events: Array<LedgerEvent> = []
  const sink = (event: LedgerEvent) => events.push(event)
  let ledger = new Ledger({ ...options, indexed: true, sink })
  commands.forEach((command, at) => {
    if (restored && at === commands.length - 1) {
      const books = restore(JSON.parse(JSON.stringify(capture(ledger.books))))
      ledger = new Ledger({ ...options, books, indexed: true, sink })
    }
    command(ledger)
  })
  return events
}

const decidesTheSame = (commands: ReadonlyArray<(ledger: Ledger) => unknown>, options: LedgerOptions = {}) => {
  const events = eventsOf(options, commands, false)
  assert.deepStrictEqual(eventsOf(options, commands, true), events)
  return events
}

describe("restored books", () => {
  it("let waiters for quota pass in the same order, in whatever order their groups came to their tree", () => {
    const limits = { cpu: { nominal: 10 } }
    const events = decidesTheSame([
      (ledger) => {
        ledger.definePool("cpu", { capacity: 20 }, 0)
        ledger.setGroup("org", { onQuota: "wait", limits }, 0)
        for (const id of ["red", "blue"]) ledger.setGroup(id, {}, 0)
        // The other way round than they were made.
        for (const id of ["blue", "red"]) ledger.setGroup(id, { parent: "org" }, 0)
        ledger.assign("anna", { group: "red", onQuota: undefined }, 0)
        ledger.assign("bob", { group: "blue", onQuota: undefined }, 0)
        ledger.claim("anna", { cpu: 10 }, 1)
        ledger.claim("anna", { cpu: 4 }, 2)
        ledger.claim("bob", { cpu: 4 }, 3)
      },
      // Now both have quota, each in a tree of its own.
      (ledger) => ledger.setGroup("red", { onQuota: "wait" }, 4)
    ])
    assert.strictEqual(events.filter(({ _tag }) => _tag === "Admitted").length, 2)
  })

  it("fail waiters for quota in the same order, however often they had it in between", () => {
    const events = decidesTheSame([
      (ledger) => {
        ledger.definePool("cpu", { capacity: 9 }, 0)
        ledger.definePool("gpu", { capacity: 9 }, 0)
        const set = (max: number) => ledger.setGroup("org", { onQuota: "wait", limits: { cpu: { max } } }, 0)
        set(8)
        for (const agent of ["anna", "bob"]) ledger.assign(agent, { group: "org", onQuota: undefined }, 0)
        ledger.claim("other", { cpu: 9 }, 0)
        for (let claims = 0; claims < 2; claims++) ledger.claim("anna", { cpu: 4 }, 1)
        ledger.claim("bob", { cpu: 4, gpu: 3 }, 2)
        // The second had its quota, and waits for it now behind one that always did.
        set(4)
      },
      (ledger) => ledger.setCapacity(ledger.books.pools.get("cpu")!, 2, 7)
    ])
    assert.strictEqual(events.filter(({ _tag }) => _tag === "Withdrawn").length, 1)
    assert.strictEqual(events.filter(({ _tag }) => _tag === "Left").length, 3)
  })

  it("keep who was inside a lease that came back in the line of its group", () => {
    const events = decidesTheSame([
      (ledger) => {
        ledger.definePool("cpu", { capacity: 9 }, 0)
        ledger.setGroup("org", { onQuota: "wait", limits: { cpu: { nominal: 2 } } }, 0)
        ledger.setGroup("team", { parent: "org", limits: { cpu: { nominal: 4 } } }, 0)
        for (const agent of ["anna", "bob"]) ledger.assign(agent, { group: "team", onQuota: undefined }, 0)
        ledger.assign("carl", { group: "org", onQuota: undefined }, 0)
        const around = ledger.claim("other", { cpu: 1 }, 0)
        assert.instanceOf(around, Request)
        ledger.claim("carl", { cpu: 3 }, 1)
        ledger.claim("anna", { cpu: 2 }, 1)
        ledger.claim("anna", { cpu: 4 }, 2)
        ledger.claim("bob", { cpu: 2 }, 3, { parent: around })
        ledger.release(around, 4)
      },
      (ledger) => ledger.release(ledger.books.index!.get(2)!, 5)
    ])
    assert.deepStrictEqual(
      events.flatMap((event) => (event._tag === "Admitted" ? [event.id] : [])),
      [4]
    )
  })

  it("look at who is rescued as often, whoever waited for quota once", () => {
    const order = new Order({ name: "aging", priority: { inherits: false, aging: { afterMicros: 5, oneIn: 1 } } })
    const events = decidesTheSame(
      [
        (ledger) => {
          ledger.definePool("cpu", { capacity: 3 }, 0)
          ledger.setQuota("anna", "cpu", 2, 0)
          const first = ledger.claim("anna", { cpu: 2 }, 0)
          assert.instanceOf(first, Request)
          const scheduling = { expected: 0, preemptible: false, onQuota: "wait" as const }
          const waits = ledger.claim("anna", { cpu: 1 }, 0, { scheduling })
          assert.instanceOf(waits, Request)
          // Nobody waits for quota any more.
          ledger.abandon(waits, 1)
          ledger.claim("bob", { cpu: 2 }, 1)
        },
        (ledger) => ledger.setQuota("anna", "cpu", 3, 10)
      ],
      { order }
    )
    assert.strictEqual(events.at(-1)?._tag, "QuotaSet")
  })
})
