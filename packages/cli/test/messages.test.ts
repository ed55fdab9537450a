/** What people are told: the value as it was written, in words that are true, and nothing that moves their cursor. */
import { assert, describe, it } from "@effect/vitest"
import { CsvReader } from "../src/replay/csv.ts"
import { builtBy, everything, feed, processors, readSwf, runCli, swfLine, temporaryFile } from "./support.ts"

const job = { submit: 0, run: 5, allocated: 2 }
const good = swfLine(1, job)

const swfProblem = (line: string) => readSwf(`${good}\n${line}\n`).malformed.lines[0]

const csvReader = (columns: string | undefined) =>
  new CsvReader({ file: "test.csv", pools: processors(100), window: everything, columns, delimiter: "," })

const csvProblem = (row: string, columns?: string) =>
  builtBy(feed(csvReader(columns), `submit,run,amount\n1,1,1\n${row}\n`)).malformed.lines[0]

describe("a malformed line", () => {
  for (const written of ["99999999999999999999", "9007199254740993"]) {
    it(`is out of range with ${written} processors, shown as written`, () => {
      const problem = `field 5 (allocated processors) is "${written}", beyond 9007199254740991`
      assert.deepStrictEqual(swfProblem(swfLine(2, { ...job, allocated: written })), {
        line: 2,
        reason: "outOfRange",
        problem
      })
      assert.deepStrictEqual(csvProblem(`1,1,${written}`), {
        line: 3,
        reason: "outOfRange",
        problem: `the amount of processors (amount is "${written}") is beyond 9007199254740991`
      })
    })
  }

  it("is not whole only where it has a fraction", () => {
    assert.deepStrictEqual(swfProblem(swfLine(2, { ...job, allocated: "2.50" })), {
      line: 2,
      reason: "notWhole",
      problem: 'field 5 (allocated processors) is "2.50", not whole'
    })
    assert.strictEqual(
      csvProblem("1,1,2.50")?.problem,
      'the amount of processors (amount is "2.50") is not a whole number'
    )
  })

  it("names the time that is beyond the range, and its value", () => {
    const problems = [
      swfLine(2, { ...job, submit: "1e300" }),
      swfLine(2, { ...job, run: "4000000001" }),
      swfLine(2, { ...job, estimate: 5_000_000_000 }),
      swfLine(2, { ...job, submit: -1, run: "1e305" })
    ].map((line) => swfProblem(line)?.problem)
    assert.deepStrictEqual(problems, [
      'field 2 (submit time) is "1e300", beyond 4000000000 s',
      'field 4 (run time) is "4000000001", beyond 4000000000 s',
      'field 9 (requested time) is "5000000000", beyond 4000000000 s',
      'field 4 (run time) is "1e305", beyond 4000000000 s'
    ])
    assert.strictEqual(csvProblem("1,5e9,1")?.problem, 'run (run is "5e9") is beyond 4000000000 s')
    assert.strictEqual(
      csvProblem("1,3e9,2", "submit=submit,run=run+1h*amount+run")?.problem,
      'run (run is "3e9", amount is "2", run is "3e9") is beyond 4000000000 s'
    )
  })
})

describe("simulate", () => {
  it("says of a CSV file with a header alone what it is", () => {
    const run = runCli("simulate", temporaryFile("header.csv", "submit,run\n"), "--capacity", "1")
    assert.strictEqual(run.code, 3)
    assert.include(run.stderr, "has no jobs: there is only a header")
    const empty = runCli("simulate", temporaryFile("empty.csv", ""), "--capacity", "1")
    assert.include(empty.stderr, "has no jobs: the file is empty\n")
  })

  it("says which option is empty, and what is allowed", () => {
    const run = runCli("simulate", "x.swf", "--out", "")
    assert.strictEqual(run.code, 2)
    assert.include(run.stderr, '--out: got "", allowed is a name that ends in .html or .svg')
  })

  it("prints no control character of a file's name or content", () => {
    const names = [`e\u001B[31m.swf`, `c\u009B31m.swf`, `d\u202Etxt.swf`]
    // oxlint-disable-next-line no-control-regex
    const harmful = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202E]/
    for (const name of names) {
      const file = temporaryFile(name, `${good}\n\u001B[31m\u009B\n${good}\n`)
      for (const args of [
        [file, "--capacity", "9"],
        [`${file}.gone`],
        [file, "--capacity", "9", "--out", `/nowhere/${name}.svg`],
        [file, "--capacity", "9", "--out", name],
        [file, `--${name}`]
      ]) {
        const run = runCli("simulate", ...args)
        assert.notMatch(run.stdout, harmful)
        assert.notMatch(run.stderr, harmful)
      }
    }
    const csv = temporaryFile("columns.csv", "a\u001B[31m,b\n1,2\n")
    const run = runCli("simulate", csv, "--capacity", "9")
    assert.strictEqual(run.code, 2)
    assert.notMatch(run.stderr, harmful)
    assert.include(run.stderr, "a\\u001b[31m, b")
  }, 120_000)
})

describe("a file whose lines end in carriage returns alone", () => {
  const header = "; MaxProcs: 64\r"
  for (const [what, name, content] of [
    ["SWF with a header", "old.swf", `${header}${good}\r${good}\r`],
    ["SWF without one", "bare.swf", `${good}\r${good}\r`],
    ["a long one", "long.swf", `${good}\r`.repeat(10_000)],
    ["CSV", "old.csv", "submit,run\r1,2\r3,4\r"]
  ] as const) {
    it(`is called that: ${what}`, () => {
      const run = runCli("simulate", temporaryFile(name, content), "--capacity", "64")
      assert.deepStrictEqual([run.code, run.stdout], [3, ""])
      assert.include(run.stderr, "its lines end in carriage returns alone")
    })
  }

  it("is not one that has such a line before others", () => {
    const file = temporaryFile("mixed.swf", `;${"x\r".repeat(200_000)}\n${good}\n${good}\n`)
    const run = runCli("simulate", file, "--capacity", "64", "--jobs", "2")
    assert.strictEqual(run.code, 0, run.stderr)
  })

  it("is not one line with a carriage return at its end", () => {
    const run = runCli("simulate", temporaryFile("one.swf", `${good}\r`), "--capacity", "64")
    assert.strictEqual(run.code, 0, run.stderr)
  })
})
