import { assert, describe, it } from "vitest"
import { Checker } from "../src/workstation/checker.ts"
import { memoryOf, planJob } from "../src/workstation/job.ts"
import { quotas } from "../src/workstation/machine.ts"
import { makeProgress } from "../src/workstation/progress.ts"
import { Registry } from "../src/workstation/registry.ts"
import { shuffle } from "../src/workstation/run.ts"
import { jain } from "../src/workstation/summary.ts"
import { drawTable } from "../src/workstation/table.ts"

describe("the checker", () => {
  const checkerAt = (clock: { at: number }) => new Checker({ cpu: 2 }, { cpu: 1 }, () => clock.at)

  it("sees more in use than there is", () => {
    const checker = checkerAt({ at: 0 })
    for (const agent of ["a", "b", "c"]) checker.begin(agent, { cpu: 1 }, 0)
    assert.deepStrictEqual(checker.violations, ["cpu in use by all: 3, allowed 2"])
  })

  it("sees an agent over its quota", () => {
    const checker = checkerAt({ at: 0 })
    checker.begin("a", { cpu: 1 }, 0)
    checker.begin("a", { cpu: 1 }, 0)
    assert.deepStrictEqual(checker.violations, ["cpu in use by a: 2, allowed 1"])
  })

  it("lets a claim that was granted before a shrink begin after it, and no later one", () => {
    const clock = { at: 0 }
    const checker = checkerAt(clock)
    checker.begin("a", { cpu: 1 }, 0)
    clock.at = 10
    checker.capacityChanged("cpu", 1)
    clock.at = 11
    checker.begin("b", { cpu: 1 }, 9)
    assert.deepStrictEqual(checker.violations, [])
    checker.end("b", { cpu: 1 })
    checker.begin("b", { cpu: 1 }, 11)
    assert.deepStrictEqual(checker.violations, ["cpu in use by all: 2, allowed 1"])
  })

  it("sees what did not come back, and measures use by time", () => {
    const clock = { at: 0 }
    const checker = checkerAt(clock)
    checker.begin("a", { cpu: 1 }, 0)
    clock.at = 10
    assert.deepStrictEqual(checker.use("cpu"), { peak: 1, utilization: 0.5 })
    checker.expectNothingInUse()
    assert.deepStrictEqual(checker.violations, ["1 of cpu did not come back", "a still uses 1 of cpu"])
  })
})

describe("the registry", () => {
  it("refuses what is over its burst and its rate, and nothing else", () => {
    const clock = { at: 0 }
    const registry = new Registry({ rate: 10, burst: 3, connections: 2 }, () => clock.at)
    const admitted = (count: number) => Array.from({ length: count }, () => registry.admit()).filter(Boolean).length
    assert.strictEqual(admitted(20), 5)
    clock.at = 100
    assert.strictEqual(admitted(20), 1)
    clock.at = 350
    assert.strictEqual(admitted(20), 2)
    clock.at = 1e9
    assert.strictEqual(admitted(20), 5)
    assert.strictEqual(registry.counts().refused, 80 - 13)
  })
})

describe("the plan of a job", () => {
  it("takes no more memory than an agent may have, whatever the size of the file", () => {
    for (const bytes of [0, 1, 1024, 1024 ** 2, 1024 ** 2 + 1, 1024 ** 4]) {
      assert.isAtMost(memoryOf(planJob(0, "file", bytes, 11)), quotas["memory"]!)
    }
  })

  it("has the same order of files for the same seed, and loses none", () => {
    const files = Array.from({ length: 50 }, (_, index) => ({ path: `${index}`, absolute: `/${index}`, bytes: index }))
    assert.deepStrictEqual(shuffle(files, 7), shuffle(files, 7))
    assert.notDeepEqual(shuffle(files, 7), shuffle(files, 8))
    assert.deepStrictEqual(
      shuffle(files, 7).toSorted((a, b) => a.bytes - b.bytes),
      files
    )
  })
})

describe("the index of fairness", () => {
  it("is 1 for equals and 1/n where one has all", () => {
    assert.strictEqual(jain([5, 5, 5, 5]), 1)
    assert.strictEqual(jain([8, 0, 0, 0]), 0.25)
    assert.strictEqual(jain([0, 0]), 1)
  })
})

describe("the live table", () => {
  const progress = makeProgress(["agent-01", "agent-02", "agent-03"], 10)

  it.each([
    [20, 4],
    [80, 24],
    [200, 60]
  ])("fits a terminal of %i columns and %i rows", (columns, rows) => {
    const lines = drawTable({ progress, pools: [], waiters: [] }, { columns, rows, colors: false })
    assert.isAtMost(lines.length, rows)
    for (const line of lines) assert.isAtMost(line.length, Math.max(columns, 34))
  })
})
