import { assert, describe, it } from "vitest"
import { Histogram } from "../../src/Ledger.ts"
import { Random } from "../simulator/random.ts"

const record = (values: ReadonlyArray<number>) => {
  const histogram = new Histogram()
  for (const value of values) histogram.record(value)
  return histogram
}

describe("Histogram", () => {
  it("of nothing is all zeros", () => {
    assert.deepStrictEqual(new Histogram().distribution(), { count: 0, mean: 0, max: 0, p50: 0, p90: 0, p99: 0 })
  })

  it("is exact below 64 microseconds", () => {
    const histogram = record(Array.from({ length: 64 }, (_, index) => index))
    for (let rank = 1; rank <= 64; rank++) assert.strictEqual(histogram.quantile(rank / 64), rank - 1)
  })

  it("counts zeros and what is below without a cell", () => {
    const histogram = record([0, 0, 0, -5, 10])
    assert.deepStrictEqual([histogram.zeros, histogram.count, histogram.sum], [4, 5, 10])
    assert.deepStrictEqual([histogram.quantile(0.8), histogram.quantile(0.81)], [0, 10])
  })

  it("reports a quantile at most 1/32 above what was recorded, and never above the largest", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Random(seed)
      const values = Array.from({ length: 300 }, () => random.int(2 ** random.between(1, 53)))
      const histogram = record(values)
      const sorted = values.toSorted((a, b) => a - b)
      for (const fraction of [0.01, 0.25, 0.5, 0.9, 0.99, 1]) {
        const exact = sorted[Math.ceil(fraction * values.length) - 1]!
        const told = histogram.quantile(fraction)
        assert.isAtLeast(told, exact, `seed ${seed}`)
        assert.isAtMost(told, Math.min(exact * (1 + 1 / 32), sorted.at(-1)!), `seed ${seed}`)
      }
    }
  })

  it.each([31, 32, 63, 64, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 40, 2 ** 52, Number.MAX_SAFE_INTEGER])(
    "has a cell for %d",
    (micros) => {
      const histogram = record([micros, micros + micros])
      assert.isAtLeast(histogram.quantile(0.5), micros)
      assert.isAtMost(histogram.quantile(0.5), micros * (1 + 1 / 32))
    }
  )

  it("counts what is at most a bound, and nothing that is more than 1/32 above it", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Random(seed)
      const values = Array.from({ length: 300 }, () => random.int(2 ** random.between(0, 53)))
      const bounds = Array.from({ length: 10 }, () => random.int(2 ** random.between(0, 53))).toSorted((a, b) => a - b)
      const counts = record(values).atMost(bounds)
      for (const [index, bound] of bounds.entries()) {
        assert.isAtLeast(counts[index]!, values.filter((value) => value <= bound).length, `seed ${seed}`)
        assert.isAtMost(counts[index]!, values.filter((value) => value <= bound * (1 + 1 / 32)).length, `seed ${seed}`)
      }
    }
  })

  it("counts at bounds that no value reaches, that are no whole number, and of nothing", () => {
    assert.deepStrictEqual(record([0, 3, 3, 7]).atMost([0, 0.5, 3, 6.9, 7, 1e9]), [1, 1, 3, 3, 4, 4])
    assert.deepStrictEqual(new Histogram().atMost([0, 1, 1_000]), [0, 0, 0])
    assert.deepStrictEqual(record([5]).atMost([]), [])
  })

  it("forgets what was recorded before", () => {
    const histogram = record([0, 5, 100])
    histogram.forget(100)
    histogram.forget(0)
    assert.deepStrictEqual([histogram.count, histogram.sum, histogram.zeros], [1, 5, 0])
    assert.strictEqual(histogram.quantile(1), 5)
  })

  it("has the mean of what was recorded", () => {
    assert.strictEqual(record([0, 10, 20, 30]).distribution().mean, 15)
  })
})
