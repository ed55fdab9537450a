/** Tables fit any width, and say what to do where they are empty. */
import { assert, describe, expect, it } from "@effect/vitest"
import { textStyle } from "../../src/render/style.ts"
import { type Column, fields, table } from "../../src/render/table.ts"
import { span, widthOf } from "../../src/render/text.ts"
import { ascii, colored, hostileNames, on, show, withoutColors } from "./support.ts"

interface Row {
  readonly id: number
  readonly agent: string
  readonly claim: string
  readonly held: string
}

const columns: ReadonlyArray<Column<Row>> = [
  { header: "ID", cell: ({ id }) => String(id), align: "right" },
  { header: "AGENT", cell: ({ agent }) => agent, least: 8 },
  { header: "CLAIM", cell: ({ claim }) => span("accent", claim), least: 10, hide: 2 },
  { header: "HELD", cell: ({ held }) => held, align: "right", hide: 1 }
]

const rows: ReadonlyArray<Row> = [
  { id: 7, agent: "builder", claim: "cpu 2, memory 4 GiB", held: "3.2 s" },
  { id: 1234, agent: "ビルドサーバー", claim: "cpu 16, memory 128 GiB, network 3", held: "2 min 5 s" },
  { id: 9, agent: "👩‍👩‍👧‍👦", claim: "gpu 1", held: "4 d 2 h" }
]

describe("a table", () => {
  it("at its natural width", () => {
    expect(show(table(rows, columns, on(200)))).toMatchInlineSnapshot(`
      "  ID  AGENT           CLAIM                                   HELD
         7  builder         cpu 2, memory 4 GiB                    3.2 s
      1234  ビルドサーバー  cpu 16, memory 128 GiB, network 3  2 min 5 s
         9  👩‍👩‍👧‍👦              gpu 1                                4 d 2 h"
    `)
  })

  it("cuts, then hides, as the width shrinks", () => {
    expect(show([60, 44, 30, 16, 12].flatMap((width) => [`-- ${width}`, ...table(rows, columns, on(width))])))
      .toMatchInlineSnapshot(`
        "-- 60
          ID  AGENT           CLAIM                             HELD
           7  builder         cpu 2, memory 4 GiB              3.2 s
        1234  ビルドサーバー  cpu 16, memory 128 GiB, ne…  2 min 5 s
           9  👩‍👩‍👧‍👦              gpu 1                          4 d 2 h
        -- 44
          ID  AGENT         CLAIM               HELD
           7  builder       cpu 2, memor…      3.2 s
        1234  ビルドサー…   cpu 16, memo…  2 min 5 s
           9  👩‍👩‍👧‍👦            gpu 1            4 d 2 h
        -- 30
          ID  AGENT        CLAIM
           7  builder      cpu 2, mem…
        1234  ビルドサー…  cpu 16, me…
           9  👩‍👩‍👧‍👦           gpu 1
        -- 16
          ID  AGENT
           7  builder
        1234  ビルドサ…
           9  👩‍👩‍👧‍👦
        -- 12
          ID  AGENT
           7  build…
        1234  ビル…
           9  👩‍👩‍👧‍👦"
      `)
  })

  it("in colour", () => {
    expect(show(table(rows, columns, on(60, colored)))).toMatchInlineSnapshot(`
      "  ‹2›ID‹0›  ‹2›AGENT‹0›           ‹2›CLAIM‹0›                             ‹2›HELD‹0›
         7  builder         ‹36›cpu 2, memory 4 GiB‹0›              3.2 s
      1234  ビルドサーバー  ‹36›cpu 16, memory 128 GiB, ne…‹0›  2 min 5 s
         9  👩‍👩‍👧‍👦              ‹36›gpu 1‹0›                          4 d 2 h"
    `)
  })

  it("in ASCII", () => {
    expect(show(table(rows.slice(0, 1), columns, on(26, ascii)))).toMatchInlineSnapshot(`
      "ID  AGENT    CLAIM
       7  builder  cpu 2, memo.."
    `)
  })

  it("never passes the width, and never wraps", () => {
    const hostile = hostileNames.map((name, id): Row => ({ id, agent: name, claim: name, held: name }))
    for (let width = 1; width <= 120; width++) {
      for (const each of table(hostile, columns, on(width, colored))) {
        assert.isAtMost(widthOf(withoutColors(each)), width)
        assert.isFalse(each.includes("\n"))
      }
    }
  })

  it("says what colour says without it", () => {
    for (const width of [20, 40, 80]) {
      const painted = table(rows, columns, on(width, colored)).map(withoutColors)
      assert.deepStrictEqual(painted, table(rows, columns, on(width, textStyle)))
    }
  })

  it("says what to do next where there is nothing", () => {
    assert.deepStrictEqual(table([], columns, on(80), "No leases: try `resource-manager run --cpu 1 -- make`."), [
      "No leases: try `resource-manager run --cpu 1 -- make`."
    ])
    assert.deepStrictEqual(table([], columns, on(80)), ["ID  AGENT  CLAIM  HELD"])
  })
})

describe("fields", () => {
  it("are below each other, without those that have no value", () => {
    const pairs = [
      ["pool", "cpu"],
      ["rate", undefined],
      ["capacity", "8 cores"]
    ] as const
    expect(show(fields(pairs, on(40)))).toMatchInlineSnapshot(`
      "pool      cpu
      capacity  8 cores"
    `)
  })
})
