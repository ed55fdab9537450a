/** `limits list`, and what `settle` and `overload` say. */
import { describe, expect, it } from "vitest"
import type { LimitState } from "@resource-manager/daemon/Protocol"
import { limitList, noLimits, overloadLines, settledLine } from "../../src/render/limits.ts"
import { rateText } from "../../src/render/amounts.ts"
import { sheet } from "./scenario.ts"
import { show } from "./support.ts"

const limits: ReadonlyArray<LimitState> = [
  {
    name: "acme",
    pools: ["acme.requests", "acme.calls"],
    rate: {
      pool: "acme.requests",
      share: 0.5,
      perSecond: 50,
      configuredPerSecond: 100,
      pausedMillis: 0,
      overloads: 3,
      why: "50 % of the configured rate after overload"
    },
    concurrency: {
      pool: "acme.calls",
      limit: 7,
      min: 1,
      max: 50,
      inFlight: 2,
      why: "aimd: falls to 7, a call was dropped"
    },
    budgets: [
      { pool: "acme.spend", budgetMicros: 20_000_000, spentMicros: 1_234_567 },
      { pool: "acme.spend of nightly", agent: "nightly", budgetMicros: 5_000_000, spentMicros: 0 }
    ]
  },
  {
    name: "search",
    pools: ["search"],
    rate: {
      pool: "search",
      share: 1,
      perSecond: 0.5,
      configuredPerSecond: 0.5,
      pausedMillis: 12_000,
      overloads: 1,
      why: "left alone for 12.0 s, as asked for; then 50 % of the configured rate"
    }
  },
  {
    name: "api",
    pools: ["api"],
    concurrency: { pool: "api", limit: 8, min: 1, max: 8, inFlight: 0, why: "aimd: begins at 8" }
  }
]

describe("limits list", () => {
  it("at 200 and 50 columns, and where there are none", () => {
    expect(show(limitList(limits, sheet(200)))).toMatchInlineSnapshot(`
      "LIMIT   RATE               AT ONCE                   WHY
      acme    50/s of 100/s      2 of 7 units, at most 50  50 % of the configured rate after overload; aimd: falls to 7, a call was dropped
      search  paused, of 30/min  -                         left alone for 12.0 s, as asked for; then 50 % of the configured rate
      api     -                  0 of 8 units, at most 8   aimd: begins at 8

      LIMIT  OF          SPENT TODAY  BUDGET
      acme   all agents        $1.23  $20.00
      acme   nightly           $0.00   $5.00"
    `)
    expect(show(limitList(limits, sheet(50)))).toMatchInlineSnapshot(`
      "LIMIT   RATE               AT ONCE
      acme    50/s of 100/s      2 of 7 units, at most …
      search  paused, of 30/min  -
      api     -                  0 of 8 units, at most 8

      LIMIT  OF          SPENT TODAY  BUDGET
      acme   all agents        $1.23  $20.00
      acme   nightly           $0.00   $5.00"
    `)
    expect(limitList([], sheet(200))).toStrictEqual([noLimits])
  })
})

describe("a report", () => {
  it("says what it did", () => {
    expect(overloadLines(limits)).toStrictEqual([
      "acme: 50 % of the configured rate after overload",
      "search: left alone for 12.0 s, as asked for; then 50 % of the configured rate",
      "api: its limit falls when the lease comes back"
    ])
    const settled = { lease: 7, agent: "nightly", tokens: { "acme.inputTokens": 812 } }
    expect(settledLine({ ...settled, costMicros: 2_436 }, sheet(200))).toBe(
      "lease 7 of nightly is settled: acme.inputTokens 812, $0.002436"
    )
    expect(settledLine({ ...settled, tokens: {} }, sheet(200))).toBe("lease 7 of nightly is settled")
  })
})

describe("a share of a rate", () => {
  it("reads by the time in which it comes out even", () => {
    // As an adaptive rate sets it: in thousandths of the configured one.
    expect(rateText({ limit: 20 * 550, intervalMillis: 1_000_000 })).toBe("11/s")
    expect(rateText({ limit: 20 * 10, intervalMillis: 1_000_000 })).toBe("12/min")
    expect(rateText({ limit: 6_000 * 123, intervalMillis: 60_000_000 })).toBe("738/min")
    expect(rateText({ limit: 1 * 123, intervalMillis: 60_000_000 })).toBe("123 per 16 h 40 min")
    expect(rateText({ limit: 5, intervalMillis: 3_600_000 })).toBe("5/h")
  })
})
