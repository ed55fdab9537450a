import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { Psi } from "../src/index.ts"

const line = (extent: string, total: string) => `${extent} avg10=2.17 avg60=1.19 avg300=0.00 total=${total}\n`

describe("Psi", () => {
  const files: ReadonlyArray<readonly [string, Psi.Stalls]> = [
    [line("some", "16909837") + line("full", "1593950"), { someMicros: 16_909_837, fullMicros: 1_593_950 }],
    [line("some", "0") + line("full", "0"), { someMicros: 0, fullMicros: 0 }],
    // Before Linux 5.13 `cpu` had no second line.
    [line("some", "7"), { someMicros: 7, fullMicros: undefined }],
    [line("some", "9007199254740991"), { someMicros: Number.MAX_SAFE_INTEGER, fullMicros: undefined }]
  ]
  it.each(files)("reads %j", (text, expected) => {
    assert.deepStrictEqual(Result.getOrThrow(Psi.parsePressure(text)), expected)
  })

  it.each([
    "",
    "\n",
    line("full", "1"),
    line("some", "-1"),
    line("some", "1.5"),
    line("some", ""),
    line("some", "9007199254740993"),
    "some total\n",
    "some total=5\n",
    `x${line("some", "5")}`,
    line("some", "5") + line("full", "x"),
    `${line("some", "5")}full avg10=0.00\n`
  ])("refuses %j", (text) => {
    const parsed = Psi.parsePressure(text)
    assert.isTrue(Result.isFailure(parsed))
    assert.include(Result.merge(parsed), "expected")
  })

  type Totals = readonly [number, number | undefined]
  const shares: ReadonlyArray<readonly [Totals, Totals, number, Psi.Shares | undefined]> = [
    [[0, 0], [0, 0], 1_000_000, { some: 0, full: 0 }],
    [[100, 50], [500_100, 20_050], 1_000_000, { some: 0.5, full: 0.02 }],
    // The longer the interval, the more it takes: half a second of ten.
    [[0, 0], [500_000, 0], 10_000_000, { some: 0.05, full: 0 }],
    // The clock was read after the counter.
    [[0, 0], [1_000_400, 0], 1_000_000, { some: 1, full: 0 }],
    [[0, undefined], [250_000, undefined], 1_000_000, { some: 0.25, full: undefined }],
    // A kernel was updated under a container that moved: no figure, rather than a wrong one.
    [[0, undefined], [250_000, 9], 1_000_000, { some: 0.25, full: undefined }],
    [[0, 9], [250_000, undefined], 1_000_000, { some: 0.25, full: undefined }],
    // Counters that go back are of another group by the same name.
    [[5, 0], [4, 0], 1_000_000, undefined],
    [[5, 5], [9, 4], 1_000_000, undefined],
    [[0, 0], [500, 0], 999, undefined],
    [[0, 0], [500, 0], 0, undefined],
    [[0, 0], [500, 0], -1_000_000, undefined]
  ]
  it.each(shares)("from %j to %j in %d µs were lost %j", (before, after, elapsed, expected) => {
    const stalls = ([someMicros, fullMicros]: Totals) => ({ someMicros, fullMicros })
    assert.deepStrictEqual(Psi.sharesBetween(stalls(before), stalls(after), elapsed), expected)
  })
})
