import { assert, describe, it } from "@effect/vitest"
import { costMicros, formatMicros } from "../src/index.ts"

describe("money", () => {
  it("is counted in millionths of a dollar, rounded up", () => {
    const price = { input: 0.25, output: 1.25 }
    assert.strictEqual(costMicros(price, { input: 1_000, output: 200 }), 500)
    assert.strictEqual(costMicros(price, { input: 1, output: 0 }), 1)
    assert.strictEqual(costMicros(price, { input: 0, output: 0 }), 0)
    assert.strictEqual(costMicros({ input: 3, output: 15 }, { input: 1_000_000, output: 1_000_000 }), 18_000_000)
  })

  it.each([
    [0, "$0.00"],
    [1, "$0.000001"],
    [4_000, "$0.004"],
    [20_000, "$0.02"],
    [23_100, "$0.0231"],
    [500_000, "$0.50"],
    [1_000_000, "$1.00"],
    [12_345_678, "$12.35"],
    [-5_000, "$-0.005"]
  ])("%d reads as %s", (micros, text) => {
    assert.strictEqual(formatMicros(micros), text)
  })
})
