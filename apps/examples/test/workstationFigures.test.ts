import type { WaiterView } from "@resource-manager/core/Statistics"
import { assert, describe, it } from "vitest"
import { describeWaiters } from "../src/workstation/display.ts"
import { formatSummary, type Summary } from "../src/workstation/summary.ts"

const summary: Summary = {
  directory: "d",
  files: 3,
  bytesIn: 100,
  bytesOut: 50,
  ratio: 0.5,
  seconds: 1,
  agents: 3,
  threads: 1,
  pools: {},
  fairness: 1,
  leases: 0,
  deadlocks: { detected: 0, retried: 0, cycles: [] },
  capacityChanges: [],
  registry: { stored: 3, refused: 0, openPeak: 1 },
  skipped: { unreadable: [], vanished: 0, symlinks: 0, special: 0 },
  manifestProblem: undefined,
  violations: []
}

const said = (change: Partial<Summary>) => formatSummary({ ...summary, ...change }).join("\n")

describe("the summary", () => {
  it("has no ratio where nothing was read", () => {
    assert.include(said({}), "(50 %)")
    assert.include(said({ bytesIn: 0, bytesOut: 0, ratio: 1 }), "(-)")
  })

  it("has no fairness where there are fewer files than agents", () => {
    assert.include(said({}), "fairness 1.000 (Jain)")
    assert.include(said({ files: 2, fairness: 0.5 }), "fairness - (fewer files than agents)")
  })

  it("says that the waits of a file's types are those of one claim", () => {
    assert.include(said({}), "cpu, memory and fileHandles are claimed together: their waits are those of one claim")
  })
})

describe("the plain lines", () => {
  const waiter = (
    reasons: ReadonlyArray<Pick<WaiterView["reasons"][number], "_tag" | "resourceType">>
  ): WaiterView => ({
    id: 1,
    agent: "a",
    claim: {},
    waitedMillis: 0,
    earmarked: [],
    exempt: false,
    reasons: reasons.map((reason) => ({
      ...reason,
      message: "",
      holders: [],
      ahead: 0
    }))
  })
  const rate = waiter([{ _tag: "Rate", resourceType: "network" }])
  const behind = waiter([{ _tag: "Order", resourceType: "network" }])
  const core = waiter([{ _tag: "Capacity", resourceType: "cpu" }])

  it("say what the waiters wait for while the cpu is idle", () => {
    assert.strictEqual(describeWaiters([], 0), "0 waiting")
    assert.strictEqual(describeWaiters([rate, rate], 0), "2 waiting for the registry's rate")
    assert.strictEqual(describeWaiters([rate, behind, core], 0), "3 waiting (2 for the registry's rate, 1 for cpu)")
    assert.strictEqual(describeWaiters([rate, core], 1), "2 waiting")
  })
})
