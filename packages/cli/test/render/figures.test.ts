/** Durations, instants, amounts, rates and bars. */
import { assert, describe, expect, it } from "@effect/vitest"
import { make } from "@resource-manager/core/ResourceType"
import {
  amount,
  amountArgument,
  amountOf,
  claimLong,
  claimShort,
  count,
  counted,
  frequency,
  percent,
  rateText,
  typesOf
} from "../../src/render/amounts.ts"
import { bar } from "../../src/render/bar.ts"
import { textStyle } from "../../src/render/style.ts"
import { painted, widthOf } from "../../src/render/text.ts"
import { clockTime, duration, wallTime } from "../../src/render/time.ts"
import { ascii, colored, show } from "./support.ts"

const gib = 1024 ** 3
const types = typesOf([make("gpu", { unit: "devices" }), make("lock", { unit: "holders" })])

describe("duration", () => {
  const rows: ReadonlyArray<readonly [number, string]> = [
    [0, "0 ms"],
    [0.4, "0 ms"],
    [340, "340 ms"],
    [999.6, "1 s"],
    [3_210, "3.2 s"],
    [9_949, "9.9 s"],
    [9_990, "10 s"],
    [45_400, "45 s"],
    [59_700, "1 min"],
    [125_000, "2 min 5 s"],
    [3_599_600, "1 h"],
    [11_520_000, "3 h 12 min"],
    [86_399_000, "1 d"],
    [352_800_000, "4 d 2 h"],
    [-5, "0 ms"],
    [Infinity, "for ever"],
    [Number.NaN, "?"],
    [1e15, "11574074 d 2 h"]
  ]
  for (const [millis, text] of rows) it(`${millis} ms is ${text}`, () => assert.strictEqual(duration(millis), text))
})

describe("an instant", () => {
  it("is told by the clock that was asked for", () => {
    const at = Date.UTC(2026, 10, 23, 14, 3, 12, 45)
    assert.strictEqual(wallTime(at, "utc"), "2026-11-23 14:03:12.045")
    assert.strictEqual(clockTime(at, "utc"), "14:03:12")
    const local = new Date(at)
    assert.strictEqual(clockTime(at, "local").slice(0, 2), String(local.getHours()).padStart(2, "0"))
  })

  it("that no calendar has is a question mark", () => {
    for (const at of [Number.NaN, Infinity, 8.64e15]) assert.strictEqual(wallTime(at, "utc"), "?")
  })
})

describe("an amount", () => {
  it("reads as its type says", () => {
    assert.strictEqual(amount(types, "cpu", 1), "1 core")
    assert.strictEqual(amount(types, "memory", 1.5 * gib), "1.50 GiB")
    assert.strictEqual(amount(types, "gpu", 2), "2 devices")
    assert.strictEqual(amount(types, "unheard-of", 2), "2 units")
    assert.strictEqual(amount(types, "cpu", Number.MAX_SAFE_INTEGER), "unlimited")
  })

  it("of another has its unit once", () => {
    assert.strictEqual(amountOf(types, "cpu", 6, 8), "6 / 8 cores")
    assert.strictEqual(amountOf(types, "cpu", 1, 8), "1 / 8 cores")
    assert.strictEqual(amountOf(types, "memory", 512 * 1024 ** 2, 4 * gib), "512 MiB / 4 GiB")
    assert.strictEqual(amountOf(types, "memory", 2 * gib, 4 * gib), "2 / 4 GiB")
    assert.strictEqual(amountOf(typesOf([make("x", { format: String })]), "x", 1, 4), "1 / 4")
  })

  it("of a claim keeps its unit where it means something", () => {
    assert.strictEqual(claimShort(types, { cpu: 2, memory: 4 * gib, lock: 1 }), "cpu 2, memory 4 GiB, lock 1")
    assert.strictEqual(claimShort(types, { memory: 512 }), "memory 512 B")
    assert.strictEqual(
      claimLong(types, { cpu: 2, memory: 4 * gib, lock: 1 }),
      "2 cores of cpu, 4 GiB of memory and 1 holder of lock"
    )
    assert.strictEqual(claimLong(types, {}), "nothing")
  })

  it("of a command is exact", () => {
    assert.strictEqual(amountArgument(types, "cpu", 11), "11")
    assert.strictEqual(amountArgument(types, "memory", 4 * gib), "4GiB")
    assert.strictEqual(amountArgument(types, "memory", 1.5 * gib), "1536MiB")
    assert.strictEqual(amountArgument(types, "memory", 1_000_001), "1000001")
    assert.strictEqual(amountArgument(types, "memory", 0), "0")
  })

  it("is grouped, and so is a frequency", () => {
    assert.strictEqual(count(1_234_567), "1,234,567")
    assert.strictEqual(count(999), "999")
    assert.strictEqual(counted(1, "lease"), "1 lease")
    assert.strictEqual(counted(0, "lease"), "0 leases")
    assert.deepStrictEqual([0, 0.04, 0.4, 9.96, 12.4, 1234.5, Number.NaN].map(frequency), [
      "0",
      "0",
      "0.4",
      "10",
      "12",
      "1,235",
      "?"
    ])
    assert.deepStrictEqual([0, 12.6, 112.5, Infinity].map(percent), ["0 %", "13 %", "113 %", "?"])
  })

  it("of a rate is by its interval", () => {
    const rate = (limit: number, intervalMillis: number) => rateText({ limit, intervalMillis })
    assert.deepStrictEqual([rate(50, 1000), rate(20, 60_000), rate(3, 2500)], ["50/s", "20/min", "3 per 2.5 s"])
  })
})

describe("a bar", () => {
  const level = (inUse: number, earmarked: number, capacity: number) => ({ inUse, earmarked, capacity })
  const levels = [
    level(0, 0, 8),
    level(1, 0, 1_000_000),
    level(3, 0, 8),
    level(3, 2, 8),
    level(3, 5, 8),
    level(7, 1, 8),
    level(999_999, 0, 1_000_000),
    level(8, 0, 8),
    level(12, 0, 8),
    level(0, 0, 0),
    level(2, 0, 0)
  ]

  it("shows use, earmarks and what is free by their shapes", () => {
    expect(levels.map((each) => painted(bar(each, 20, textStyle), textStyle)).join("\n")).toMatchInlineSnapshot(`
      "····················
      ▏···················
      ███████▌············
      ███████▌▒▒▒▒▒·······
      ███████▌▒▒▒▒▒▒▒▒▒▒▒▒
      █████████████████▌▒▒
      ███████████████████▉
      ████████████████████
      ███████████████████»
      ····················
      ███████████████████»"
    `)
    expect(levels.map((each) => painted(bar(each, 20, ascii), ascii)).join("\n")).toMatchInlineSnapshot(`
      "[..................]
      [#.................]
      [#######...........]
      [#######====.......]
      [#######===========]
      [################==]
      [#################.]
      [##################]
      [#################>]
      [..................]
      [#################>]"
    `)
    expect(levels.map((each) => show(painted(bar(each, 20, colored), colored))).join("\n")).toMatchInlineSnapshot(`
      "‹2›····················‹0›
      ‹32›▏‹0›‹2›···················‹0›
      ‹32›███████▌‹0›‹2›············‹0›
      ‹32›███████▌‹0›‹36›▒▒▒▒▒‹0›‹2›·······‹0›
      ‹33›███████▌‹0›‹36›▒▒▒▒▒▒▒▒▒▒▒▒‹0›
      ‹33›█████████████████▌‹0›‹36›▒▒‹0›
      ‹32›███████████████████▉‹0›
      ‹33›████████████████████‹0›
      ‹31›███████████████████»‹0›
      ‹2›····················‹0›
      ‹31›███████████████████»‹0›"
    `)
  })

  it("is as wide as asked for", () => {
    for (const each of levels) {
      for (let width = 0; width <= 30; width++) {
        assert.strictEqual(widthOf(bar(each, width, textStyle)), width)
        if (width >= 2) assert.strictEqual(widthOf(bar(each, width, ascii)), width)
      }
    }
  })
})
