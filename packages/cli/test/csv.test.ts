import { assert, describe, it } from "@effect/vitest"
import { CsvReader } from "../src/replay/csv.ts"
import type { PoolSpec } from "../src/replay/pools.ts"
import { readTimestamp } from "../src/replay/timestamps.ts"
import { builtBy, everything, feed, processors } from "./support.ts"

const pool = (name: string, capacity: number): PoolSpec => ({ name, capacity, rate: undefined })

const reader = (columns: string | undefined, pools = processors(100), delimiter = ",") =>
  new CsvReader({ file: "test.csv", pools, window: everything, columns, delimiter })

const failureOf = (columns: string | undefined, header: string, pools = processors(100)) => {
  const { failure } = feed(reader(columns, pools), `${header}\n`)
  return failure?.message ?? "none"
}

describe("CsvReader", () => {
  it("reads columns by their names, in any order", () => {
    const text = "amount,run,agent,submit\n2,10,ann,5\n3,0.5,,7\n"
    const workload = builtBy(feed(reader(undefined), text, 3))
    assert.deepStrictEqual(workload.submit, [0, 2e6])
    assert.deepStrictEqual(workload.run, [10e6, 500_000])
    assert.deepStrictEqual(workload.amounts, [[2, 3]])
    assert.deepStrictEqual(workload.agents, ["ann", "-"])
  })

  it("maps sums, factors, units, constants and several pools", () => {
    const text =
      '\uFEFFTIMESTAMP,"In, all",Out\r\n2023-11-16 18:15:46.6805900,374,44\r\n2023-11-16 18:15:50.9951690,396,109\r\n'
    const columns =
      'submit=TIMESTAMP, run = 0.25ms*"In, all" + 25 ms * Out + 1s, slots=1, tokens="In, all"+Out, estimate=2m'
    const workload = builtBy(feed(reader(columns, [pool("slots", 4), pool("tokens", 1000)]), text))
    assert.deepStrictEqual(workload.submit, [0, 4_314_579])
    assert.deepStrictEqual(workload.run, [2_193_500, 3_824_000])
    assert.deepStrictEqual(workload.amounts, [
      [1, 1],
      [418, 505]
    ])
    assert.deepStrictEqual(workload.estimate, [120e6, 120e6])
  })

  it("reports malformed records with the line and the column", () => {
    const text = [
      "submit,run,amount",
      "1,2,3",
      "1,2",
      "x,2,3",
      "1,y,3",
      "1,2,1.5",
      "",
      "2,2,3",
      '1,"2"z,3',
      "3,1,1"
    ].join("\n")
    const workload = builtBy(feed(reader(undefined), text))
    assert.deepStrictEqual(Object.fromEntries(workload.malformed.byReason), {
      fieldCount: 1,
      notATime: 1,
      notANumber: 1,
      notWhole: 1,
      csv: 1
    })
    assert.deepStrictEqual(
      workload.malformed.lines.map(({ line }) => line),
      [3, 4, 5, 6, 9]
    )
    assert.include(workload.malformed.lines[2]?.problem, 'run is "y"')
    assert.strictEqual(workload.size, 3)
  })

  it("loses no more than its line to a quote that never ends", () => {
    const workload = builtBy(feed(reader(undefined), 'submit,run\n1,2\n2,"3\n4,5\n'))
    assert.strictEqual(workload.size, 2)
    assert.strictEqual(workload.malformed.lines[0]?.line, 3)
  })

  it("takes other delimiters, and a window", () => {
    const options = {
      file: "f",
      pools: processors(9),
      window: { from: 1, jobs: 2 },
      columns: undefined,
      delimiter: "\t"
    }
    const workload = builtBy(feed(new CsvReader(options), "submit\trun\tagent\n1\t1\t\n2\t2\t\n3\t3\t\n4\t4\t\n"))
    assert.deepStrictEqual(workload.run, [2e6, 3e6])
    assert.deepStrictEqual(workload.amounts, [[1, 1]])
  })

  it("says what is wrong with a mapping, and what is allowed", () => {
    assert.include(failureOf("submit=a,run=b", "a,c"), "a, c; b is none")
    assert.include(failureOf("submit=a", "a"), "at least submit=COLUMN,run=COLUMN")
    assert.include(failureOf("submit=a,run=a,cpu=a", "a"), "cpu is none")
    assert.include(failureOf("submit=a,run=a,run=a", "a"), "run is there twice")
    assert.include(failureOf("submit=a,run=a*a", "a"), "for run a sum of")
    assert.include(failureOf("submit=a,run=a,amount=2ms*a", "a"), "for amount a sum of")
    assert.include(failureOf('submit="a,run=a', "a"), "closed quotes")
    assert.include(failureOf("submit", "a"), "NAME=VALUE")
    assert.include(failureOf("submit=a,run=a,agent=1", "a"), "for agent one column")
    const two = [pool("x", 1), pool("y", 1)]
    assert.include(failureOf("submit=a,run=a,x=a", "a", two), "y=… is missing")
    assert.include(failureOf("submit=a,run=a,amount=a", "a", two), "amount (there are several pools) is none")
  })
})

describe("readTimestamp", () => {
  const second = 1_700_000_000
  const at = second * 1e6

  for (const [text, micros] of [
    ["1700000000", at],
    ["1700000000.5", at + 500_000],
    ["2023-11-14T22:13:20Z", at],
    ["2023-11-14 22:13:20", at],
    ["2023-11-14 22:13:20.1234567", at + 123_457],
    ["2023-11-14T23:13:20.25+01:00", at + 250_000],
    ["2023-11-14T20:43:20-0130", at],
    ["2023-11-14 22:13:20 UTC", at],
    ["2024-02-29", Date.UTC(2024, 1, 29) * 1000],
    ["2023-02-29", undefined],
    ["2023-13-01 00:00:00", undefined],
    ["2023-11-14 24:00:00", undefined],
    ["yesterday", undefined],
    ["Infinity", undefined],
    ["", undefined]
  ] as const) {
    it(`reads ${JSON.stringify(text)}`, () => {
      assert.strictEqual(readTimestamp(text), micros)
    })
  }
})

describe("the kind of the time column", () => {
  const reasons = (rows: ReadonlyArray<string>, columns?: string) => {
    const { malformed, size } = builtBy(feed(reader(columns), ["submit,run", ...rows, ""].join("\n")))
    return { size, lines: malformed.lines.map(({ line, problem, reason }) => `${line} ${reason}: ${problem}`) }
  }

  it("is settled by the first good row, and the others are no times", () => {
    assert.deepStrictEqual(reasons(["2024-01-01 00:00:00,1", "5,1", "2024-01-01 00:00:02,1"]), {
      size: 2,
      lines: ['3 notATime: submit is "5", not a timestamp as in line 2']
    })
    assert.deepStrictEqual(reasons(["5,1", "2024-01-01,1", "6,1"]), {
      size: 2,
      lines: ['3 notATime: submit is "2024-01-01", not seconds as in line 2']
    })
  })

  it("is not settled by a row that is malformed for another reason", () => {
    assert.deepStrictEqual(reasons(["5,x", "1e300,1", "2024-01-01,1", "2024-01-02,1"]), {
      size: 2,
      lines: [
        '2 notANumber: run is "x", not a number',
        '3 outOfRange: submit (submit is "1e300") is beyond 4000000000 s'
      ]
    })
  })
})
