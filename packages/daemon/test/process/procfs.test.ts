import { assert, describe, it } from "@effect/vitest"
import * as procfs from "../../src/process/procfs.ts"

const tail =
  "20 0 3 0 90540 2998272 363 18446744073709551615 94 94 14 0 0 0 0 0 0 0 17 1 0 0 0 0 0 94 94 94 14 14 14 14 0\n"
const line = (name: string, state = "S") =>
  `12686 (${name}) ${state} 12656 12650 3365 34816 12656 4194304 100 0 0 0 7 5 3 1 ${tail}`

const expected = {
  pid: 12_686,
  name: "head",
  state: "S",
  parent: 12_656,
  group: 12_650,
  session: 3365,
  terminal: 34_816,
  foreground: 12_656,
  cpuTicks: 16,
  threads: 3,
  startTicks: 90_540
}

describe("/proc/PID/stat", () => {
  const names = ["head", "a b", "((", "))", ") S 1 2 3 (", "a)b", "x\n) R 1", "", " ", "tmux: server", "é".repeat(7)]
  it.each(names)("is read whatever the process calls itself: %j", (name) => {
    assert.deepStrictEqual(procfs.parseStat(line(name)), { ...expected, name })
  })

  it("is read where there is no terminal", () => {
    const stat = procfs.parseStat("1 (init) S 0 1 1 0 -1 4194560 9 9 9 9 1 2 3 4 20 0 1 0 2 9 9 9\n")
    assert.deepStrictEqual([stat?.foreground, stat?.terminal, stat?.parent, stat?.startTicks], [-1, 0, 0, 2])
  })

  const broken: ReadonlyArray<readonly [string, string]> = [
    ["nothing", ""],
    ["cut before the start", line("head").slice(0, 70)],
    ["no name", "12 head S 1 1 1 0 -1"],
    ["letters for numbers", line("head").replace("12656", "parent")],
    ["a state of two letters", line("head", "SS")],
    ["no process id", line("head").replace("12686", "self")],
    ["another file", "cpu  1 2 3 4"]
  ]
  it.each(broken)("is none where it holds %s", (_, text) => {
    assert.strictEqual(procfs.parseStat(text), undefined)
  })

  const endings: ReadonlyArray<readonly [string, number, boolean]> = [
    ["R", 1, false],
    ["S", 9, false],
    ["D", 1, false],
    ["T", 1, false],
    ["t", 1, false],
    ["I", 1, false],
    ["Z", 1, true],
    ["Z", 0, true],
    // Its first thread has ended, the others have not.
    ["Z", 2, false],
    ["X", 1, true],
    ["x", 0, true]
  ]
  it.each(endings)("in state %s with %i threads has ended: %s", (state, threads, ended) => {
    assert.strictEqual(procfs.hasEnded({ state, threads }), ended)
  })
})

describe("/proc/PID/environ", () => {
  const environments: ReadonlyArray<readonly [string, boolean]> = [
    ["MARK=12.ab\0", true],
    ["A=1\0MARK=12.ab\0B=2\0", true],
    ["A=1\0MARK=12.ab", true],
    ["", false],
    ["MARK=12.abc\0", false],
    ["MARK=12.a\0", false],
    ["OTHERMARK=12.ab\0", false],
    ["A=MARK=12.ab\0", false],
    ["A=x MARK=12.ab\0", false],
    ["MARK=\0", false]
  ]
  it.each(environments)("%j carries MARK=12.ab: %s", (text, carries) => {
    assert.strictEqual(procfs.environmentHas(text, "MARK", "12.ab"), carries)
  })
})

describe("figures", () => {
  it("are read from the lines that hold them", () => {
    assert.strictEqual(procfs.parseForks("cpu 1 2\nctxt 5\nbtime 17\nprocesses 12689\nprocs_running 1\n"), 12_689)
    assert.strictEqual(procfs.parseForks("cpu 1 2\nprocs_running 1\n"), undefined)
    assert.strictEqual(procfs.parseNumber("32768\n"), 32_768)
    assert.strictEqual(procfs.parseNumber("max\n"), undefined)
    assert.strictEqual(
      procfs.parseProportional("0-1 ---p 0 0 [rollup]\nRss: 4 kB\nPss:      1025 kB\nPss_Dirty: 3 kB\n"),
      1_049_600
    )
    assert.strictEqual(procfs.parseProportional(""), undefined)
    assert.strictEqual(procfs.parseResident("Name:\tx\nVmRSS:\t    2048 kB\nRssAnon: 1 kB\n"), 2_097_152)
    assert.strictEqual(procfs.parseResident("Name:\tkthreadd\n"), undefined)
  })
})
