/** The real binary as a child process: what it prints where, and what it ends with. */
import { readFileSync } from "node:fs"
import { gzipSync } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { generatedJobs, runCli, swfLine, swfText, temporaryFile } from "./support.ts"

const Count = Schema.Int.check(Schema.isGreaterThanOrEqualTo(0))
const Figure = Schema.NullOr(Schema.Finite)
const Distribution = Schema.Struct({
  mean: Figure,
  p50: Figure,
  p90: Figure,
  p95: Figure,
  p99: Figure,
  max: Figure
})
const Counts = Schema.Struct({ total: Count, byReason: Schema.Record(Schema.String, Count) })

/** What docs/simulate.md promises. */
const Output = Schema.fromJsonString(
  Schema.Struct({
    file: Schema.String,
    format: Schema.Literals(["swf", "csv"]),
    order: Schema.Literal("fcfs"),
    window: Schema.Struct({ from: Count, rows: Count, requested: Schema.NullOr(Count) }),
    jobs: Count,
    skipped: Counts,
    malformed: Schema.Struct({
      ...Counts.fields,
      lines: Schema.Array(Schema.Struct({ line: Count, reason: Schema.String, problem: Schema.String }))
    }),
    boundedSlowdown: Distribution,
    wait: Distribution,
    response: Distribution,
    utilization: Figure,
    utilizationToLastStart: Figure,
    makespan: Schema.Finite,
    lastStart: Schema.Finite,
    queue: Schema.Struct({ mean: Figure, max: Count }),
    pools: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        capacity: Schema.NullOr(Count),
        rate: Schema.NullOr(Schema.String),
        work: Schema.Finite,
        peak: Count,
        utilization: Figure,
        utilizationToLastStart: Figure
      })
    ),
    fairness: Schema.Struct({
      agents: Count,
      jain: Schema.Struct({ wait: Figure, boundedSlowdown: Figure }),
      largest: Schema.Array(
        Schema.Struct({
          agent: Schema.String,
          jobs: Count,
          work: Schema.Finite,
          waitMean: Schema.Finite,
          boundedSlowdownMean: Schema.Finite
        })
      )
    }),
    violations: Count,
    violationsByRule: Schema.Record(Schema.String, Count),
    replay: Schema.Struct({ events: Count, milliseconds: Count })
  })
)

const decode = Schema.decodeUnknownSync(Output)

const simulate = (...args: ReadonlyArray<string>) => {
  const run = runCli("simulate", ...args, "--json")
  assert.strictEqual(run.code, 0, run.stderr)
  return { ...decode(run.stdout), stderr: run.stderr }
}

const text = swfText(generatedJobs(7, 300))
const workload = temporaryFile("workload.swf", `; MaxProcs: 64\n${text}`)

describe("simulate --json", () => {
  it("prints one object, the same for gzip, tabs and CRLF", () => {
    const plain = simulate(workload)
    assert.strictEqual(plain.jobs, 300)
    assert.strictEqual(plain.violations, 0)
    assert.strictEqual(plain.fairness.agents, 7)
    assert.strictEqual(plain.pools[0]?.capacity, 64)
    assert.strictEqual(plain.stderr, "")
    const others = [
      temporaryFile("workload.swf.gz", gzipSync(`; MaxProcs: 64\n${text}`)),
      temporaryFile("crlf.swf", `; MaxProcs: 64\r\n\r\n${text.replaceAll(" ", "\t").replaceAll("\n", "\r\n")}`)
    ]
    for (const other of others) {
      const { file: _file, replay: _replay, ...figures } = simulate(other)
      const { file: _plainFile, replay: _plainReplay, ...expected } = plain
      assert.deepStrictEqual(figures, expected)
    }
  })

  it("computes what can be computed by hand", () => {
    // 4 processors: 3 for 100 s; then 4 for 20 s, which waits 90 s; then 1 for 5 s, which waits 105 s.
    const jobs = [
      { submit: 1000, run: 100, allocated: 3 },
      { submit: 1010, run: 20, allocated: 4 },
      { submit: 1015, run: 5, allocated: 1 }
    ]
    const output = simulate(temporaryFile("hand.swf", swfText(jobs)), "--capacity", "4")
    assert.strictEqual(output.wait.mean, (0 + 90 + 105) / 3)
    assert.strictEqual(output.wait.p99, 105)
    assert.strictEqual(output.boundedSlowdown.mean, (1 + 110 / 20 + 110 / 10) / 3)
    assert.strictEqual(output.makespan, 125)
    assert.strictEqual(output.utilization, (300 + 80 + 5) / (4 * 125))
    assert.strictEqual(output.utilizationToLastStart, (300 + 80 + 5) / (4 * 120))
    assert.strictEqual(output.queue.max, 2)
  })

  it("reports malformed lines by file and line, and counts what it skips", () => {
    const lines = [
      swfLine(1, { submit: 0, run: 5, allocated: 1 }),
      "oops",
      swfLine(3, { submit: 1, run: -1, allocated: 1 })
    ]
    const file = temporaryFile("bad.swf", `${lines.join("\n")}\n${"1 2 3\n".repeat(30)}`)
    const output = simulate(file, "--capacity", "4")
    assert.strictEqual(output.jobs, 1)
    assert.deepStrictEqual(output.skipped, { total: 1, byReason: { runBelowZero: 1 } })
    assert.deepStrictEqual(output.malformed.byReason, { notANumber: 1, fieldCount: 30 })
    assert.include(output.stderr, `${file}:2: field 1 (job number) is "oops"`)
    assert.include(output.stderr, "21 more malformed lines")
    assert.strictEqual(output.malformed.lines.length, 20)
  })

  it("takes windows of one job, and says where the file ends first", () => {
    const one = simulate(workload, "--from", "5", "--jobs", "1")
    assert.deepStrictEqual([one.jobs, one.utilizationToLastStart, one.wait.max], [1, null, 0])
    const last = simulate(workload, "--from", "298", "--jobs", "1024")
    assert.deepStrictEqual(last.window, { from: 298, rows: 2, requested: 1024 })
    assert.include(last.stderr, "it has 300 rows")
  })

  it("has figures of nothing where every job is skipped", () => {
    const output = simulate(
      temporaryFile("wide.swf", swfText([{ submit: 0, run: 1, allocated: 9 }])),
      "--capacity",
      "4"
    )
    assert.deepStrictEqual([output.jobs, output.wait.mean, output.utilization], [0, null, null])
    assert.deepStrictEqual(output.skipped.byReason, { amountOverCapacity: 1 })
    assert.include(output.stderr, "every row of the window was skipped")
  })

  it("replays CSV through several pools and a rate", () => {
    const file = temporaryFile("requests.csv", "at,in,out\n2024-01-01 00:00:00.5,3,1\n2024-01-01 00:00:00.5,4,2\n")
    const output = simulate(
      file,
      "--pool=slots=1",
      "--pool=tokens=unlimited",
      "--rate=tokens=1/s:5",
      "--csv-columns=submit=at,run=100ms*out,slots=1,tokens=in"
    )
    // Two tokens are left of five, and the second asks for four.
    assert.deepStrictEqual([output.wait.max, output.makespan], [2, 2.2])
    assert.deepStrictEqual(
      output.pools.map(({ capacity, name, utilization }) => [name, capacity, utilization === null]),
      [
        ["slots", 1, false],
        ["tokens", null, true]
      ]
    )
  })

  it("writes a page and a picture", () => {
    const [page, picture] = [temporaryFile("report.html"), temporaryFile("report.svg")]
    simulate(workload, "--out", page)
    simulate(workload, "--out", picture)
    assert.match(readFileSync(page, "utf8"), /^<!doctype html>[^]*<\/html>\n$/)
    assert.match(readFileSync(picture, "utf8"), /^<svg [^]*<\/svg>\n$/)
  })
})

describe("simulate", () => {
  it("prints a summary for people", () => {
    const { code, stdout } = runCli("simulate", workload)
    assert.strictEqual(code, 0)
    for (const word of ["300 replayed", "bounded slowdown", "utilization", "violations        0"])
      assert.include(stdout, word)
  })

  const truncated = temporaryFile("truncated.swf.gz", gzipSync(text).subarray(0, 500))
  const damaged = temporaryFile("damaged.swf.gz", Uint8Array.of(0x1f, 0x8b, ...Array.from({ length: 99 }, () => 7)))
  const words = temporaryFile("words.swf", "these are\nno jobs\n")
  const csv = temporaryFile("plain.csv", "submit,run\n1,2\n")

  for (const [what, args, code, told] of [
    ["no file", [], 2, "Missing required argument"],
    ["an unknown flag", [workload, "--capcity", "4"], 2, "--capcity"],
    ["a capacity of 0", [workload, "--capacity", "0"], 2, "a whole number from 1"],
    ["a capacity that is no number", [workload, "--capacity", "many"], 2, '--capacity: "many"'],
    ["a negative window", [workload, "--from", "-1"], 2, "a whole number from 0"],
    ["a window of no jobs", [workload, "--jobs", "0"], 2, "a whole number from 1"],
    ["another order", [workload, "--order", "lifo"], 2, '"fcfs"'],
    ["no capacity at all", [temporaryFile("bare.swf", text)], 2, "--capacity: nothing is given"],
    ["two pools for SWF", [workload, "--pool", "a=1", "--pool", "b=1"], 2, "one pool"],
    ["a report of another kind", [workload, "--out", "report.pdf"], 2, ".html or .svg"],
    ["columns that are not there", [csv, "--capacity", "1", "--csv-columns", "submit=a,run=run"], 2, "a is none"],
    ["a file that is not there", ["nowhere.swf"], 3, "nowhere.swf: there is no such file"],
    ["a directory", [import.meta.dirname], 3, "is a directory"],
    ["an empty file", [temporaryFile("empty.swf", "")], 3, "has no jobs"],
    ["only comments", [temporaryFile("comments.swf", "; MaxProcs: 4\n")], 3, "has no jobs"],
    ["a truncated gzip", [truncated, "--capacity", "64"], 3, "the file is truncated"],
    ["a damaged gzip", [damaged, "--capacity", "64"], 3, "is damaged"],
    ["no workload", [words, "--capacity", "4"], 3, "none of its 2 lines is a job"],
    ["a window past the end", [workload, "--from", "300"], 3, "has 300 rows, so --from can be at most 299"],
    ["a report that cannot be written", [workload, "--out", "/nowhere/report.html"], 4, "there is no such directory"]
  ] as const) {
    it(`ends with ${code} for ${what}, and keeps standard output clean`, () => {
      const run = runCli("simulate", ...args, "--json")
      assert.strictEqual(run.code, code)
      assert.strictEqual(run.stdout, "")
      assert.include(run.stderr, told)
      assert.notMatch(run.stderr, /\bat .*\.ts:\d+/)
    })
  }
})

describe("resource-manager", () => {
  it("helps on standard output where that was asked for", () => {
    const help = runCli("simulate", "--help")
    assert.strictEqual(help.code, 0)
    for (const word of ["--capacity", "--csv-columns", "EXAMPLES", "Exit codes"]) assert.include(help.stdout, word)
    assert.match(runCli("--version").stdout, /resource-manager v\d+\.\d+\.\d+/)
  })

  it("ends with 2 for a command that is none", () => {
    const run = runCli("simulat")
    assert.deepStrictEqual([run.code, run.stdout], [2, ""])
    assert.include(run.stderr, "simulat")
  })
})
