import { assert, describe, it } from "@effect/vitest"
import { Audit, type Rule } from "../src/replay/audit.ts"
import type { PoolSpec } from "../src/replay/pools.ts"
import type { Row } from "../src/replay/workload.ts"
import { workloadOf } from "./support.ts"

const pools: ReadonlyArray<PoolSpec> = [
  { name: "cpu", capacity: 4, rate: undefined },
  { name: "net", capacity: 10, rate: { limit: 1, intervalMicros: 10, burst: 3, text: "" } }
]

const row = (submit: number, cpu: number, net: number): Row => ({
  submit,
  run: 5,
  estimate: 5,
  agent: "a",
  amounts: [cpu, net]
})

/** Each rule is broken alone, by a history that no Ledger would write. */
const histories: ReadonlyArray<readonly [Rule | "none", ReadonlyArray<Row>, (audit: Audit) => void]> = [
  [
    "none",
    [row(0, 4, 0), row(0, 0, 3)],
    (audit) => {
      audit.arrived(0, 0)
      audit.started(0, 0)
      audit.arrived(1, 0)
      audit.started(1, 0)
      audit.settled(0, (pool) => (pool === 0 ? 4 : 3))
      audit.finished(0, 5)
      audit.finished(1, 5)
    }
  ],
  [
    "capacity",
    [row(0, 3, 0), row(0, 3, 0)],
    (audit) => {
      for (const job of [0, 1]) audit.arrived(job, 0)
      for (const job of [0, 1]) audit.started(job, 0)
      for (const job of [0, 1]) audit.finished(job, 5)
    }
  ],
  [
    "rate",
    [row(0, 0, 3), row(9, 0, 1)],
    (audit) => {
      audit.arrived(0, 0)
      audit.started(0, 0)
      audit.finished(0, 5)
      audit.arrived(1, 9)
      // The token is there one microsecond later.
      audit.started(1, 9)
      audit.finished(1, 14)
    }
  ],
  [
    "order",
    [row(0, 4, 0), row(0, 1, 0)],
    (audit) => {
      for (const job of [0, 1]) audit.arrived(job, 0)
      audit.started(1, 0)
      audit.finished(1, 5)
      audit.started(0, 5)
      audit.finished(0, 10)
    }
  ],
  [
    "order",
    [row(0, 4, 0), row(0, 1, 1)],
    (audit) => {
      for (const job of [0, 1]) audit.arrived(job, 0)
      audit.started(1, 0)
      audit.finished(1, 5)
      audit.started(0, 5)
      audit.finished(0, 10)
    }
  ],
  [
    "idle",
    [row(0, 4, 0)],
    (audit) => {
      audit.arrived(0, 0)
      audit.settled(0, () => 0)
      audit.started(0, 1)
      audit.finished(0, 6)
    }
  ],
  [
    "once",
    [row(0, 1, 0)],
    (audit) => {
      audit.arrived(0, 0)
      audit.started(0, 0)
      audit.started(0, 0)
      audit.finished(0, 5)
    }
  ],
  [
    "once",
    [row(0, 1, 0)],
    (audit) => {
      audit.arrived(0, 0)
      audit.started(0, 0)
      audit.finished(0, 4)
    }
  ],
  [
    "conservation",
    [row(0, 1, 0)],
    (audit) => {
      audit.arrived(0, 0)
      audit.started(0, 0)
      audit.settled(0, () => 0)
      audit.finished(0, 5)
    }
  ]
]

describe("Audit", () => {
  for (const [index, [rule, rows, replay]] of histories.entries()) {
    it(`finds ${rule} (history ${index})`, () => {
      const audit = new Audit(workloadOf(pools, rows), pools)
      replay(audit)
      audit.close(100)
      const broken = Object.entries(audit.counts).filter(([, count]) => count > 0)
      assert.deepStrictEqual(
        broken.map(([name]) => name),
        rule === "none" ? [] : [rule]
      )
      assert.strictEqual(audit.examples.length, audit.total)
    })
  }

  it("finds a job that was forgotten, and what it left behind", () => {
    const audit = new Audit(workloadOf(pools, [row(0, 2, 0), row(1, 1, 0)]), pools)
    audit.arrived(0, 0)
    audit.started(0, 0)
    audit.close(9)
    assert.strictEqual(audit.counts.once, 2)
    assert.strictEqual(audit.counts.conservation, 2)
  })

  it("lets a later job start first over another pool", () => {
    const audit = new Audit(workloadOf(pools, [row(0, 4, 0), row(0, 4, 0), row(1, 0, 1)]), pools)
    audit.arrived(0, 0)
    audit.started(0, 0)
    audit.arrived(1, 0)
    audit.arrived(2, 1)
    audit.started(2, 1)
    assert.strictEqual(audit.total, 0)
  })
})
