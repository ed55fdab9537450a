/** `deadlocks`: as text, as Mermaid and as a picture. */
import { assert, describe, expect, it } from "@effect/vitest"
import { Ledger, Request } from "@resource-manager/core/Ledger"
import { type Deadlocks, type DetectedDeadlock, waitGraphOf } from "@resource-manager/core/WaitGraph"
import stringWidth from "string-width"
import { typesOf } from "../../src/render/amounts.ts"
import { groupsOf } from "../../src/render/deadlocks/drawing.ts"
import { deadlocksMermaid } from "../../src/render/deadlocks/mermaid.ts"
import { deadlocksSvg } from "../../src/render/deadlocks/svg.ts"
import { deadlocksText } from "../../src/render/deadlocks/text.ts"
import { busy, deadlocked, sheet } from "./scenario.ts"
import { colored, hostileNames, show, withoutColors } from "./support.ts"

const types = typesOf([])

const detected: DetectedDeadlock = {
  detectedAt: Date.UTC(2026, 10, 23, 14, 3, 12),
  agent: "b",
  claim: { x: 1 },
  cycle: [
    { agent: "b", resourceType: "x", requested: 1, heldBy: "a", lease: 1, holds: 1 },
    { agent: "a", resourceType: "y", requested: 1, heldBy: "b", lease: 2, holds: 1 }
  ]
}

const nothing: Deadlocks = {
  graph: { waits: [], waitsTotal: 0, leases: [], pools: [] },
  detected: [],
  detectedTotal: 0
}

const now: Deadlocks = { ...nothing, graph: busy.graph, detected: [detected], detectedTotal: 2 }

const stuck: Deadlocks = { ...nothing, graph: deadlocked.graph }

/** Agents that hold some of one pool and wait for much of the next, and a crowd that only waits. */
const crowd = ((): Deadlocks => {
  const ledger = new Ledger()
  const pools = ["cpu", "memory", "disk", "net"]
  for (const type of pools) ledger.definePool(type, { capacity: 24 }, 0)
  const typeAt = (index: number) => pools[index % pools.length]!
  const held = Array.from({ length: 14 }, (_, index) => ledger.claim(`agent-${index}`, { [typeAt(index)]: 4 }, 0))
  held.forEach((parent, index) => {
    if (parent instanceof Request) ledger.claim(`agent-${index}`, { [typeAt(index + 1)]: 12 }, 1e6, { parent })
  })
  for (let index = 0; index < 300; index++) ledger.claim(`other-${index}`, { cpu: 9 }, 2e6)
  return { ...nothing, graph: waitGraphOf(ledger.books, 3e6) }
})()

/** Everything is called by the same bad name. */
const called = (name: string): Deadlocks => ({
  detectedTotal: 1,
  detected: [
    {
      ...detected,
      agent: name,
      claim: { [name]: 1 },
      cycle: [{ agent: name, resourceType: name, requested: 1, heldBy: name, lease: 1, holds: Number.MAX_SAFE_INTEGER }]
    }
  ],
  graph: {
    waitsTotal: 1,
    waits: [
      {
        id: 2,
        agent: name,
        claim: { [name]: 1 },
        inside: [1],
        waitedMillis: 1e15,
        short: [name],
        exempt: true,
        stuck: false
      }
    ],
    leases: [{ id: 1, agent: name, claim: { [name]: Number.MAX_SAFE_INTEGER }, heldMillis: 1 }],
    pools: [
      { resourceType: name, capacity: 1, maxCapacity: 1, inUse: Number.MAX_SAFE_INTEGER, earmarked: 0, waiting: 1 }
    ]
  }
})

const markup = [
  "<script>alert(1)</script>",
  '"]; click w1 "x"',
  "`md`",
  "a & b",
  "{{x}}",
  "%%{init: {}}%%",
  "end",
  "]]>",
  "#quot;"
]

describe("deadlocks as text", () => {
  it("tells the waits that keep leases, and what was detected", () => {
    expect(show(deadlocksText(now, sheet(100)))).toMatchInlineSnapshot(`
      "Now 5 waiters, 1 lease with waits inside: every wait can be served.

      Waiter 26: tests asks for db-lock 1, for 2.4 s now
        inside lease 25 (cpu 2, memory 2 GiB, held 2.4 s)
        lacks db-lock: 1 / 1 holder in use
          1 holder in leases that come back by themselves

      2 deadlocks detected since the start, the last 1 of them:

      2026-11-23 14:03:12.000: b asked for x 1 and would have waited for ever
        b waits for 1 unit of x, of which a holds 1 unit (lease 1)
        a waits for 1 unit of y, of which b holds 1 unit (lease 2)"
    `)
  })

  it("tells a deadlock that stands, and what would end it", () => {
    expect(show(deadlocksText(stuck, sheet(80, undefined, types)))).toMatchInlineSnapshot(`
      "Now 3 waiters, 2 leases with waits inside: 3 deadlocked, or behind a deadlock.

      Waiter 3, deadlocked: c asks for x 1, for 5 s now
        lacks x: 1 / 1 unit in use
          1 unit in lease 1 of a, which comes back after waiter 4

      Waiter 4, deadlocked: a asks for y 1, for 4 s now
        inside lease 1 (x 1, cpu 1, held 5 s)
        lacks y: 1 / 1 unit in use
          1 unit in lease 2 of b, which comes back after waiter 5

      Waiter 5, deadlocked: b asks for x 1, for 3 s now
        inside lease 2 (y 1, held 5 s)
        lacks x: 1 / 1 unit in use
          1 unit in lease 1 of a, which comes back after waiter 4

      Hint: nobody looks for deadlocks here. Lease 2 of b is the youngest in it; to
      take it:
        resource-manager leases revoke 2

      No deadlock was detected since the start."
    `)
    expect(show(deadlocksText(stuck, sheet(40, colored, types)).slice(0, 8))).toMatchInlineSnapshot(`
      "Now 3 waiters, 2 leases with waits
      inside: 3 deadlocked, or behind a
      deadlock.

      ‹1›Waiter 3‹0›‹31›, deadlocked‹0›: ‹36›c‹0› asks for x 1, f…
        lacks ‹36›x‹0›: 1 / 1 unit in use
          1 unit in lease 1 of ‹36›a‹0›, which comes…
      "
    `)
  })

  it("says that there is none", () => {
    assert.deepStrictEqual(deadlocksText(nothing, sheet(80)), [
      "Now nobody waits.",
      "",
      "No deadlock was detected since the start."
    ])
  })

  it("of a crowd names some and counts the rest", () => {
    const lines = deadlocksText(crowd, sheet(100))
    assert.isBelow(lines.length, 120)
    assert.match(lines[0]!, /^Now 31\d waiters, \d+ leases with waits inside: every wait can be served\.$/)
  })

  it("stays within its width, whatever the names", () => {
    for (const name of [...hostileNames, ...markup]) {
      for (const width of [1, 20, 80]) {
        for (const each of deadlocksText(called(name), sheet(width, colored)).map(withoutColors)) {
          assert.isAtMost(stringWidth(each), Math.max(2, width))
          // oxlint-disable-next-line no-control-regex
          assert.notMatch(each, /[\u0000-\u001f\u007f-\u009f\u202e\u200b]/)
        }
      }
    }
  })
})

describe("deadlocks as Mermaid", () => {
  it("draws the graph now and what was detected", () => {
    expect(deadlocksMermaid({ ...stuck, detected: [detected], detectedTotal: 1 }, sheet(80, undefined, types)))
      .toMatchInlineSnapshot(`
      "flowchart LR
        subgraph g0["Now 3 waiters, 2 leases with waits inside: 3 deadlocked, or behind a deadlock."]
          w3(["waiter 3: c<br>asks for x 1<br>deadlocked for 5 s"])
          w4(["waiter 4: a<br>asks for y 1<br>deadlocked for 4 s"])
          w5(["waiter 5: b<br>asks for x 1<br>deadlocked for 3 s"])
          p0{{"pool x<br>1 / 1 unit in use"}}
          p1{{"pool y<br>1 / 1 unit in use"}}
          l1["lease 1: a<br>holds x 1, cpu 1<br>for 5 s"]
          l2["lease 2: b<br>holds y 1<br>for 5 s"]
          w3 -->|"waits for 1 unit"| p0
          w4 -->|"waits for 1 unit"| p1
          w5 -->|"waits for 1 unit"| p0
          p0 -->|"held by 1 unit"| l1
          p1 -->|"held by 1 unit"| l2
          l1 -.->|"comes back after"| w4
          l2 -.->|"comes back after"| w5
        end
        subgraph g1["2026-11-23 14:03:12.000: b asked for x 1 and would have waited for ever"]
          d0w0(["b<br>asked for 1 unit of x"])
          d0l0["lease 1: a<br>held 1 unit of x"]
          d0w1(["a<br>asked for 1 unit of y"])
          d0l1["lease 2: b<br>held 1 unit of y"]
          d0w0 -->|"waits for x"| d0l0
          d0l0 -.->|"comes back after"| d0w1
          d0w1 -->|"waits for y"| d0l1
          d0l1 -.->|"comes back after"| d0w0
        end
        classDef stuck stroke:#c62828,stroke-width:3px
        class w3,w4,w5,p0,p1,l1,l2,d0w0,d0l0,d0w1,d0l1 stuck"
    `)
    expect(deadlocksMermaid(nothing, sheet(80))).toMatchInlineSnapshot(`
      "flowchart LR
        nobody["Nobody waits, and no deadlock was detected."]"
    `)
  })

  it("lets no name out of its quotes", () => {
    for (const name of [...hostileNames, ...markup]) {
      const lines = deadlocksMermaid(called(name), sheet(80)).split("\n")
      for (const text of lines) {
        const quoted = text.split('"')
        assert.isTrue(quoted.length === 1 || quoted.length === 3, text)
        assert.match(quoted[1] ?? "", /^(?:[^&<>"`\\[\](){}|]|<br>)*$/, text)
        // oxlint-disable-next-line no-control-regex
        assert.notMatch(text, /[\u0000-\u001f\u007f-\u009f\u202e]/)
      }
      assert.strictEqual(lines.filter((text) => text.trim() === "end").length, 2)
    }
  })
})

describe("what is drawn", () => {
  it("has an edge for each wait, holding and nesting, between nodes that are there", () => {
    const [group] = groupsOf(stuck, sheet(80, undefined, types))
    assert.deepStrictEqual(
      group!.edges.map(({ from, kind, to }) => `${from} ${kind} ${to}`),
      [
        "w3 waitsFor p0",
        "w4 waitsFor p1",
        "w5 waitsFor p0",
        "p0 heldBy l1",
        "p1 heldBy l2",
        "l1 comesBackAfter w4",
        "l2 comesBackAfter w5"
      ]
    )
    assert.isTrue(group!.nodes.every((node) => node.stuck))
  })

  it("is at most about fifty nodes, of whatever crowd, and counts the others", () => {
    const [group] = groupsOf(crowd, sheet(80, undefined, types))
    const keys = new Set(group!.nodes.map(({ key }) => key))
    assert.isAtMost(keys.size, 55)
    assert.strictEqual(keys.size, group!.nodes.length)
    for (const { from, to } of group!.edges) assert.isTrue(keys.has(from) && keys.has(to), `${from} ${to}`)
    assert.deepStrictEqual(
      group!.nodes.filter(({ kind }) => kind === "more").map(({ lines }) => lines),
      [["294 more wait"]]
    )
  })

  it("is the graph now and the latest three detected", () => {
    assert.strictEqual(groupsOf({ ...now, detected: Array.from({ length: 9 }, () => detected) }, sheet(80)).length, 4)
    assert.strictEqual(groupsOf({ ...nothing, detected: [detected] }, sheet(80)).length, 1)
  })
})

/** Enough of XML to see that what is opened is closed, in order, and that texts hold no markup. */
const assertWellFormed = (svg: string): void => {
  const open: Array<string> = []
  for (const [, closing, name, rest] of svg.matchAll(/<(\/?)([a-zA-Z]+)([^<>]*)>/g)) {
    if (closing === "/") assert.strictEqual(open.pop(), name)
    else if (!rest!.endsWith("/")) open.push(name!)
  }
  assert.deepStrictEqual(open, [])
  assert.notMatch(svg.replaceAll(/<\/?[a-zA-Z][^<>]*>/g, "").replaceAll(/&(?:amp|lt|gt|quot);/g, ""), /[<>&]/)
}

describe("deadlocks as a picture", () => {
  const coordinates = (svg: string) =>
    [...svg.matchAll(/translate\((-?[\d.]+) (-?[\d.]+)\)/g)].map(([, x, y]) => [Number(x), Number(y)] as const)

  it("is of its own: nothing is fetched, nothing runs", () => {
    for (const deadlocks of [now, stuck, nothing, crowd]) {
      const svg = deadlocksSvg(deadlocks, sheet(80, undefined, types))
      assertWellFormed(svg)
      assert.notMatch(svg, /script|href|@import|url\((?!#)/)
      assert.match(svg, /prefers-color-scheme: dark/)
      assert.match(svg, /<title id="t">Who waits for whom<\/title><desc id="d">.+<\/desc>/)
    }
  })

  it("has all nodes within, and apart from each other", () => {
    const svg = deadlocksSvg(crowd, sheet(80, undefined, types))
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!
    const boxes = [...svg.matchAll(/class="node[^"]*" transform="translate\(([\d.]+) ([\d.]+)\)">/g)].map(
      ([, x, y]) => ({ x: Number(x), y: Number(y) })
    )
    assert.isAbove(boxes.length, 30)
    for (const [x, y] of coordinates(svg)) {
      assert.isTrue(x >= 0 && x <= Number(width) && y >= 0 && y <= Number(height))
    }
    assert.strictEqual(new Set(boxes.map(({ x, y }) => `${x} ${y}`)).size, boxes.length)
    assert.notInclude(svg, "NaN")
  })

  it("says so where there is nothing to draw", () => {
    assert.include(deadlocksSvg(nothing, sheet(80)), "Nobody waits, and no deadlock was detected.")
  })

  it("stays a picture, whatever the names", () => {
    for (const name of [...hostileNames, ...markup]) {
      const svg = deadlocksSvg(called(name), sheet(80))
      assertWellFormed(svg)
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(svg, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\uFFFE]|[\ud800-\udbff](?![\udc00-\udfff])/)
    }
  })
})
