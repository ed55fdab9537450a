/** Events as lines, and what `up` and `run` tell about their agents. */
import { assert, describe, expect, it } from "@effect/vitest"
import { Ledger, type LedgerEvent, Request } from "@resource-manager/core/Ledger"
import { typesOf } from "../../src/render/amounts.ts"
import { EventPrinter, type TimedEvent } from "../../src/render/events.ts"
import { type Style, textStyle } from "../../src/render/style.ts"
import { sheet } from "./scenario.ts"
import { colored, show } from "./support.ts"

const gib = 1024 ** 3
const start = Date.UTC(2026, 10, 23, 14, 3, 12)

/** What a real Ledger tells of a small story. */
const story = (): ReadonlyArray<TimedEvent> => {
  const events: Array<TimedEvent> = []
  const ledger = new Ledger({ sink: (event) => events.push({ time: start + event.at / 1_000, event }) })
  const claim = (agent: string, claim: Record<string, number>, options = {}) => {
    const answer = ledger.claim(agent, claim, ledger.now, options)
    return answer instanceof Request ? answer : undefined
  }
  const cpu = ledger.definePool("cpu", { capacity: 8 }, 0)
  ledger.definePool("memory", { capacity: 16 * gib }, 0)
  ledger.setRate(cpu, { limit: 50, intervalMicros: 1_000_000, burst: undefined, per: "request" }, 0)
  ledger.setQuota("builder", "cpu", 6, 0)
  const first = claim("builder", { cpu: 4, memory: 4 * gib })!
  ledger.advance(1_500_000)
  claim("builder", { cpu: 3 })
  claim("ビルド", { cpu: 6 }, { deadline: 61_500_000 })
  claim("tests", { cpu: 1 }, { parent: first, ttl: 5_000_000 })
  ledger.advance(3_000_000)
  ledger.shrink(first, { memory: gib }, ledger.now)
  ledger.release(first, ledger.now)
  ledger.advance(70_000_000)
  ledger.stop(ledger.now)
  return events
}

const lines = (width: number, style: Style = textStyle): ReadonlyArray<string> => {
  const printer = new EventPrinter(sheet(width, style, typesOf([])))
  return story().map((event) => printer.line(event))
}

describe("events", () => {
  it("are a line each", () => {
    expect(show(lines(Infinity))).toMatchInlineSnapshot(`
      "2026-11-23 14:03:12.000  pool       cpu: 8 cores
      2026-11-23 14:03:12.000  pool       memory: 16 GiB
      2026-11-23 14:03:12.000  rate       cpu: 50/s by the request
      2026-11-23 14:03:12.000  quota      builder: at most 6 cores of cpu
      2026-11-23 14:03:12.000  granted    lease 1 to builder: cpu 4, memory 4 GiB
      2026-11-23 14:03:13.500  refused    builder: over quota (cpu)
      2026-11-23 14:03:13.500  waiting    waiter 2 of ビルド: cpu 6, gives up in 1 min
      2026-11-23 14:03:13.500  waiting    waiter 3 of tests: cpu 1, inside lease 1, for at most 5 s
      2026-11-23 14:03:13.500  exempted   waiter 3 of tests may pass the queue
      2026-11-23 14:03:13.500  granted    lease 3 to tests: cpu 1 after 0 ms
      2026-11-23 14:03:15.000  shrunk     lease 1 of builder gave back memory 1 GiB
      2026-11-23 14:03:15.000  returned   lease 1 of builder after 3 s
      2026-11-23 14:03:15.000  granted    lease 2 to ビルド: cpu 6 after 1.5 s
      2026-11-23 14:03:18.500  returned   lease 3 of tests after 5 s: expired
      2026-11-23 14:04:22.000  stopped    no more claims are taken"
    `)
    expect(show(lines(60).slice(0, 5))).toMatchInlineSnapshot(`
      "2026-11-23 14:03:12.000  pool       cpu: 8 cores
      2026-11-23 14:03:12.000  pool       memory: 16 GiB
      2026-11-23 14:03:12.000  rate       cpu: 50/s by the request
      2026-11-23 14:03:12.000  quota      builder: at most 6 core…
      2026-11-23 14:03:12.000  granted    lease 1 to builder: cpu…"
    `)
    expect(show(lines(120, colored).slice(4, 8))).toMatchInlineSnapshot(`
      "‹2›2026-11-23 14:03:12.000‹0›  ‹32›granted‹0›    lease 1 to ‹36›builder‹0›: cpu 4, memory 4 GiB
      ‹2›2026-11-23 14:03:13.500‹0›  ‹31›refused‹0›    ‹36›builder‹0›: over quota (cpu)
      ‹2›2026-11-23 14:03:13.500‹0›  ‹33›waiting‹0›    waiter 2 of ‹36›ビルド‹0›: cpu 6, gives up in 1 min
      ‹2›2026-11-23 14:03:13.500‹0›  ‹33›waiting‹0›    waiter 3 of ‹36›tests‹0›: cpu 1, inside lease 1, for at most 5 s"
    `)
  })

  it("of claims that were not seen to begin name them by number", () => {
    const printer = new EventPrinter(sheet(120))
    const events: ReadonlyArray<LedgerEvent> = [
      { _tag: "Granted", at: 0, id: 7, token: 9 },
      { _tag: "Returned", at: 0, id: 7, reason: "expired" },
      { _tag: "Left", at: 0, id: 8, reason: "Interrupted" },
      { _tag: "Undone", at: 0, id: 9 },
      { _tag: "Exempted", at: 0, id: 10 },
      { _tag: "Planned", at: 0, starts: [[10, 90_000_000]] },
      {
        _tag: "Planned",
        at: 0,
        starts: [
          [10, 5],
          [11, 6]
        ],
        unknown: [12]
      },
      { _tag: "Planned", at: 0, starts: [], unknown: [10, 11] },
      { _tag: "Shrunk", at: 0, id: 11, amounts: { cpu: 1 } },
      { _tag: "Refunded", at: 0, type: "cpu", tokens: 1 },
      { _tag: "Settled", at: 0, id: 12, costs: { cpu: 1, tokens: 812 } },
      { _tag: "QuotaSet", at: 0, agent: "a b", type: "cpu", quota: undefined },
      { _tag: "RateSet", at: 0, type: "cpu", rate: undefined },
      { _tag: "Refused", at: 0, agent: "\u001B[2J", types: ["cpu", ""], reason: "DeadlockDetected" }
    ]
    expect(show(events.map((event) => printer.line({ time: start, event })))).toMatchInlineSnapshot(`
      "2026-11-23 14:03:12.000  granted    lease 7
      2026-11-23 14:03:12.000  returned   lease 7: expired
      2026-11-23 14:03:12.000  left       waiter 8: given up
      2026-11-23 14:03:12.000  undone     lease 9: its work never began
      2026-11-23 14:03:12.000  exempted   waiter 10 may pass the queue
      2026-11-23 14:03:12.000  planned    waiter 10 starts in 1 min 30 s at the latest
      2026-11-23 14:03:12.000  planned    2 waiters told by when they start, 1 waiter told that nobody knows any more
      2026-11-23 14:03:12.000  planned    2 waiters told that nobody knows any more
      2026-11-23 14:03:12.000  shrunk     lease 11 gave back cpu 1
      2026-11-23 14:03:12.000  refunded   cpu: 1 token
      2026-11-23 14:03:12.000  settled    lease 12: 1 token of cpu, 812 tokens of tokens
      2026-11-23 14:03:12.000  quota      a b: no quota of cpu
      2026-11-23 14:03:12.000  rate       cpu: no rate
      2026-11-23 14:03:12.000  refused    \\u001b[2J: deadlocked (cpu, "")"
    `)
  })

  it("tell what was missed, and kinds that this version does not know", () => {
    const printer = new EventPrinter(sheet(120))
    // As a newer daemon may send them.
    const newer = { _tag: "Preempted", at: 1, id: 3 } as unknown as LedgerEvent
    expect(
      show([
        printer.line({ time: start, event: { _tag: "Dropped", count: 1_200 } }),
        printer.line({ time: start, event: newer })
      ])
    ).toMatchInlineSnapshot(`
      "2026-11-23 14:03:12.000  missed     1,200 events came faster than they were read
      2026-11-23 14:03:12.000  Preempted  {"at":1,"id":3}"
    `)
  })

  it("cost a bounded memory", () => {
    const printer = new EventPrinter(sheet(80))
    const asked = {
      at: 0,
      agent: "a",
      claim: {},
      parent: undefined,
      grows: undefined,
      manual: false,
      ttl: 0,
      deadline: undefined
    }
    for (let id = 1; id <= 10_001; id++) printer.line({ time: start, event: { _tag: "Queued", id, ...asked } })
    const granted = (id: number) => printer.line({ time: start, event: { _tag: "Granted", at: 0, id, token: 1 } })
    assert.include(granted(10_001), "lease 10001 to a")
    assert.notInclude(granted(1), "to a")
  })
})
