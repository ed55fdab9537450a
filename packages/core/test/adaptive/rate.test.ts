import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { pictures } from "./pictures.ts"
import { allowed, configured, seconds, simulateRate } from "./rateBackend.ts"

describe("an adaptive rate and a service that allows less and more", () => {
  it.effect(
    "never above the configured rate, few refusals, nothing while it is left alone, and back to all of it",
    () =>
      Effect.gen(function* () {
        const points = yield* simulateRate
        assert.strictEqual(points.length, seconds)
        const between = (from: number, to: number) => points.slice(from, to)
        const sum = (from: number, to: number, of: "served" | "refused") =>
          between(from, to).reduce((total, point) => total + point[of], 0)
        for (const { rate, served, refused, second } of points) {
          assert.isAtMost(rate, configured.limit)
          assert.isAtMost(served + refused, configured.limit + configured.burst, `second ${second}`)
        }
        assert.strictEqual(sum(0, 20, "refused"), 0)
        assert.isAtLeast(sum(1, 20, "served"), 19 * configured.limit)
        // Once it knows: most of what is allowed, and less than one call in twenty refused.
        const { perSecond } = allowed[1]!
        assert.isAtLeast(sum(25, 60, "served"), 0.8 * 35 * perSecond)
        assert.isAtMost(sum(25, 60, "refused"), sum(25, 60, "served") / 20)
        assert.isTrue(between(81, 90).every(({ refused, served }) => served === 0 && refused === 0))
        assert.isTrue(between(116, seconds).every(({ rate }) => rate === configured.limit))
        assert.isAtMost(sum(60, seconds, "refused"), 3)
      })
  )

  it.effect("the pictures of the docs are of these simulations", () =>
    Effect.gen(function* () {
      const drawn = yield* pictures
      assert.isAtLeast(drawn.length, 5)
      for (const [name, svg] of drawn) {
        const file = join(import.meta.dirname, "../../../../docs/images", name)
        // Not deepStrictEqual: nobody reads the difference of two paths.
        assert.isTrue(readFileSync(file, "utf8") === svg, `${name}: run node packages/core/test/adaptive/main.ts`)
      }
    })
  )
})
