import { assert, describe, it } from "@effect/vitest"
import { readPools } from "../src/replay/pools.ts"
import { makeProgress } from "../src/replay/progress.ts"
import { distributionOf, jainIndexOf, sumOf } from "../src/replay/statistics.ts"
import { boundedSlowdownOf } from "../src/replay/summary.ts"
import { formatSeconds } from "../src/replay/text.ts"
import { Timeline } from "../src/replay/timeline.ts"
import { intFrom, randomFrom } from "./support.ts"

describe("statistics", () => {
  it("takes percentiles by nearest rank", () => {
    const values = Float64Array.from({ length: 200 }, (_, index) => 200 - index)
    const { max, mean, p50, p90, p95, p99 } = distributionOf(values)
    assert.deepStrictEqual([mean, p50, p90, p95, p99, max], [100.5, 100, 180, 190, 198, 200])
    assert.deepStrictEqual(distributionOf(Float64Array.of(7)).p99, 7)
    assert.isNull(distributionOf(new Float64Array(0)).mean)
  })

  it("sums without losing small values", () => {
    assert.strictEqual(sumOf([1e16, 1, -1e16, 1]), 2)
  })

  it("bounds slowdowns from below, by 1 and by runs of ten seconds", () => {
    assert.strictEqual(boundedSlowdownOf(0, 0), 1)
    assert.strictEqual(boundedSlowdownOf(100, 0), 10)
    assert.strictEqual(boundedSlowdownOf(100, 5), 10.5)
    assert.strictEqual(boundedSlowdownOf(100, 50), 3)
  })

  it("knows equal and unequal shares", () => {
    assert.strictEqual(jainIndexOf([3, 3, 3]), 1)
    assert.strictEqual(jainIndexOf([1, 0, 0, 0]), 0.25)
    assert.strictEqual(jainIndexOf([0, 0]), 1)
    assert.isNull(jainIndexOf([]))
  })
})

describe("Timeline", () => {
  for (let seed = 1; seed <= 30; seed++) {
    it(`agrees with a look at every instant (seed ${seed})`, () => {
      const random = randomFrom(seed)
      const timeline = new Timeline(1)
      const levels: Array<number> = []
      let level = 0
      for (let at = 0; at < intFrom(random, 1, 9000);) {
        const by = intFrom(random, -level, 5)
        timeline.change(0, by, at)
        level += by
        const step = intFrom(random, 0, 40)
        for (let i = 0; i < step; i++) levels.push(level)
        at += step
      }
      const view = timeline.view(levels.length)
      const cells = Math.ceil(levels.length / view.cellMicros)
      for (let cell = 0; cell < cells; cell++) {
        const slice = levels.slice(cell * view.cellMicros, (cell + 1) * view.cellMicros)
        const mean = slice.reduce((a, b) => a + b, 0) / slice.length
        assert.closeTo(view.series[0]?.means[cell] ?? Number.NaN, mean, 1e-9)
        assert.strictEqual(view.series[0]?.peaks[cell], Math.max(...slice))
      }
      assert.isAtMost(cells, 1024)
    })
  }
})

describe("pools", () => {
  const read = (pools: ReadonlyArray<string>, rates: ReadonlyArray<string> = [], capacity?: number) => {
    const result = readPools({ capacity, pools, rates })
    return result._tag === "Success" ? result.success : result.failure.message
  }

  it("reads capacities and rates", () => {
    assert.deepStrictEqual(read(["slots=34", "tokens=unlimited"], ["tokens=8000/2s:20000"]), [
      { name: "slots", capacity: 34, rate: undefined },
      {
        name: "tokens",
        capacity: Number.MAX_SAFE_INTEGER,
        rate: { limit: 8000, intervalMicros: 2_000_000, burst: 20_000, text: "8000/2s:20000" }
      }
    ])
    assert.deepStrictEqual(read([], [], 5), [{ name: "processors", capacity: 5, rate: undefined }])
    assert.isUndefined(read([]))
  })

  for (const [pools, rates, told] of [
    [["slots"], [], "NAME=CAPACITY"],
    [["slots=0"], [], "from 1 to"],
    [["slots=1.5"], [], "from 1 to"],
    [["run=3"], [], "none of submit"],
    [["9=3"], [], "a name of letters"],
    [["a=3", "a=4"], [], "each pool once"],
    [Array.from({ length: 9 }, (_, index) => `p${index}=1`), [], "at most 8 pools"],
    [["a=3"], ["b=1/s"], "there is none"],
    [["a=3"], ["a=1"], "LIMIT/INTERVAL"],
    [["a=3"], ["a=0/s"], "LIMIT/INTERVAL"],
    [["a=3"], ["a=1/s:0"], "LIMIT/INTERVAL"],
    [["a=unlimited"], ["a=1/s"], "a burst"]
  ] as const) {
    it(`refuses ${pools.join(" ").slice(0, 30)} ${rates.join(" ")}`, () => {
      assert.include(read(pools, rates), told === "there is none" ? "a pool named by --pool" : told)
    })
  }
})

describe("progress", () => {
  const drawn = (isTTY: boolean) => {
    let text = ""
    let now = 0
    const progress = makeProgress({ isTTY, write: (more) => (text += more) }, () => now)
    for (let i = 0; i <= 10; i++) {
      now += 60
      progress.show("replaying", i / 10)
    }
    progress.clear()
    return text
  }

  it("is drawn on a terminal at most ten times a second, and erased", () => {
    const frames = drawn(true).split("\r\u001B[2K")
    assert.strictEqual(frames.length, 7)
    assert.include(frames[3], "50 %")
    assert.strictEqual(frames.at(-1), "")
  })

  it("is nothing elsewhere", () => {
    assert.strictEqual(drawn(false), "")
  })
})

describe("text", () => {
  it("writes durations for people", () => {
    assert.deepStrictEqual([null, 0, 0.00025, 0.25, 1.5, 119, 120, 7200, 200_000].map(formatSeconds), [
      "–",
      "0 s",
      "250 µs",
      "250 ms",
      "1.5 s",
      "119 s",
      "2 min",
      "2 h",
      "2.315 d"
    ])
  })
})
