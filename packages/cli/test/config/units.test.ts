import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Result from "effect/Result"
import { isSize, readAmount, readDuration, readRate } from "../../src/config/units.ts"

const GiB = 1024 ** 3

describe("amounts", () => {
  for (const [input, expected] of [
    [0, 0],
    [7, 7],
    ["7", 7],
    [" 12 ", 12],
    ["1B", 1],
    ["4GiB", 4 * GiB],
    ["4 GiB", 4 * GiB],
    ["1.5GiB", 1.5 * GiB],
    ["512 MiB", 512 * 1024 ** 2],
    ["1kB", 1000],
    ["2 TB", 2e12],
    ["8 PiB", undefined],
    ["9007199254740991", Number.MAX_SAFE_INTEGER],
    ["9007199254740992", undefined],
    [Number.MAX_SAFE_INTEGER + 1, undefined],
    [-1, undefined],
    [0.5, undefined],
    [Number.NaN, undefined],
    [Infinity, undefined],
    ["", undefined],
    ["-1", undefined],
    ["1e3", undefined],
    ["0x10", undefined],
    ["1.5", undefined],
    ["0.3B", undefined],
    ["4G", undefined],
    ["4gib", undefined],
    ["4  GiB", undefined],
    ["4GiB x", undefined]
  ] as const) {
    it(`${JSON.stringify(input)} is ${expected === undefined ? "none" : expected}`, () => {
      assert.strictEqual(Result.getOrUndefined(readAmount(input)), expected)
    })
  }

  it("say what is allowed", () => {
    const read = readAmount("4G")
    assert.isTrue(Result.isFailure(read) && read.failure.includes("4GiB"))
  })

  it("know a size from a number", () => {
    assert.deepStrictEqual(["4GiB", "4", 4, "1 B", null].map(isSize), [true, false, false, true, false])
  })
})

describe("durations", () => {
  for (const [input, millis] of [
    ["10s", 10_000],
    ["5 seconds", 5_000],
    ["1 second", 1_000],
    ["250ms", 250],
    ["0s", 0],
    ["1.5 minutes", 90_000],
    ["1h 30m", 5_400_000],
    ["1h30m", 5_400_000],
    ["2 days", 172_800_000],
    ["10", undefined],
    ["", undefined],
    ["s", undefined],
    ["-1s", undefined],
    ["1 fortnight", undefined],
    ["1h  30m", undefined],
    ["1h and 30m", undefined],
    ["1 m s", undefined]
  ] as const) {
    it(`${JSON.stringify(input)} is ${millis === undefined ? "none" : `${millis} ms`}`, () => {
      const read = Result.getOrUndefined(readDuration(input))
      assert.strictEqual(read === undefined ? undefined : Duration.toMillis(read), millis)
    })
  }
})

describe("rates", () => {
  for (const [input, expected] of [
    ["60/minute", [60, 60_000, undefined]],
    ["60 / minute", [60, 60_000, undefined]],
    ["100/10s", [100, 10_000, undefined]],
    ["8000/s:20000", [8_000, 1_000, 20_000]],
    ["1/0.5 s", [1, 500, undefined]],
    ["0/s", undefined],
    ["1/0s", undefined],
    ["1/s:0", undefined],
    ["60", undefined],
    ["60/", undefined],
    ["60/fortnight", undefined],
    ["60 per minute", undefined],
    ["-1/s", undefined]
  ] as const) {
    it(`${JSON.stringify(input)} is ${expected === undefined ? "none" : expected.join(", ")}`, () => {
      const read = Result.getOrUndefined(readRate(input))
      const found = read === undefined ? undefined : [read.limit, Duration.toMillis(read.interval), read.burst]
      assert.deepStrictEqual<unknown>(found, expected)
    })
  }
})
