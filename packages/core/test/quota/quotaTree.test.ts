import { assert, describe, it } from "vitest"
import { Walk } from "./walk.ts"

const steps = Number(process.env["STEPS"] ?? 600)
const seeds = Number(process.env["SEEDS"] ?? 40)
const from = Number(process.env["SEED"] ?? 1)

describe("quotas as a tree, under random commands", () => {
  for (const rated of [false, true]) {
    it(`${rated ? "with rates" : "without rates"}: no rule is broken`, { timeout: 120_000 }, () => {
      const counts = new Map<string, number>()
      for (let seed = from; seed < from + seeds; seed++) {
        const walk = new Walk(seed, rated)
        let step = 0
        try {
          for (; step < steps; step++) walk.step()
        } catch (error) {
          throw new Error(`seed ${seed}, step ${step}`, { cause: error })
        }
        for (const [what, times] of walk.counts) counts.set(what, (counts.get(what) ?? 0) + times)
      }
      if (process.env["SHOW"] !== undefined) console.log(Object.fromEntries([...counts].toSorted()))
      for (const what of ["Admitted", "parked", "Withdrawn", "drained", "replayed", "went on"]) {
        assert.isAbove(counts.get(what) ?? 0, 0, what)
      }
    })
  }
})
