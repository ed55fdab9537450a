import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { draw, pictureFile, table } from "./picture.ts"
import { figuresOf, intruder, processors, simulate } from "./simulation.ts"

describe("a simulated workstation", () => {
  it.effect("shrinks fast, settles, and grows back slowly", () =>
    Effect.gen(function* () {
      const run = yield* simulate(true)
      const { samples } = run
      const figures = figuresOf(run)
      // Down: at the floor within five readings, and below the threshold as the leases return.
      assert.isAtMost(figures.untilLeast, 5)
      assert.isAtMost(figures.untilBelowThreshold, 5)
      assert.strictEqual(figures.least, processors / 4)
      // Settled: for the last minute of it the capacity stays, with readings between the thresholds.
      const settled = samples.filter(({ second }) => second >= intruder.until - 60 && second < intruder.until)
      assert.strictEqual(new Set(settled.map(({ capacity }) => capacity)).size, 1)
      for (const { lost } of settled) assert.isTrue(lost > 0.25 && lost <= 0.5, `${lost} is not between the thresholds`)
      assert.strictEqual(figures.relapses, 0)
      // Up: by at most a processor at a time, and in the time that growing takes.
      for (const [index, { capacity }] of samples.entries()) {
        if (index > 0) assert.isAtMost(capacity - samples[index - 1]!.capacity, 1)
      }
      assert.isAtLeast(figures.untilWhole, 20)
      assert.isAtMost(figures.untilWhole, 40)
      assert.strictEqual(samples.at(-1)?.capacity, processors)
      assert.strictEqual(samples.at(-1)?.inUse, processors)
    })
  )

  it.effect("is better for whoever leases nothing than without", () =>
    Effect.gen(function* () {
      const on = figuresOf(yield* simulate(true))
      const off = figuresOf(yield* simulate(false))
      assert.strictEqual(off.secondsOver, intruder.until - intruder.from)
      assert.isBelow(on.secondsOver, 10)
      assert.isBelow(on.lostPercent, off.lostPercent / 2)
      assert.isAbove(on.speedPercent, off.speedPercent + 15)
      // What it costs: jobs wait while it lasts.
      assert.isAbove(on.jobsDone, off.jobsDone * 0.85)
    })
  )

  it.effect("settles from any start: whatever shrinks it, without dithering", () =>
    Effect.gen(function* () {
      for (const shrinkBy of [0.3, 0.5, 0.9]) {
        for (const coolDown of ["2 seconds", "20 seconds"] as const) {
          const run = yield* simulate({ shrinkBy, coolDown, floor: 0.1 })
          const figures = figuresOf(run)
          assert.isAtMost(figures.relapses, 1, `shrinkBy ${shrinkBy}, coolDown ${coolDown}`)
          assert.isBelow(figures.secondsOver, 12)
          assert.strictEqual(run.samples.at(-1)?.capacity, processors)
        }
      }
    })
  )

  it.effect("is what the documentation shows", () =>
    Effect.gen(function* () {
      const [on, off] = yield* Effect.all([simulate(true), simulate(false)])
      const again = "run `npx -y pnpm@12 exec node packages/plugins/host/test/picture.ts`"
      assert.strictEqual(readFileSync(pictureFile, "utf8"), draw(on, off), `${again} to draw it`)
      const page = readFileSync(join(pictureFile, "../../pressure.md"), "utf8")
      assert.include(page, table(on, off), `${again} for the table`)
    })
  )
})
