import { assert, describe, it } from "vitest"
import { describeFailure, replayCommand } from "./campaign.ts"
import { ModelBucket } from "./bucket.ts"
import { profiles } from "./profiles.ts"
import { Random } from "./random.ts"
import { Report } from "./report.ts"
import { simulate } from "./simulation.ts"

describe("the simulator", () => {
  it.each(profiles)("takes the same way twice: $name", (profile) => {
    const run = (seed: number) => simulate(seed, profile, 300, new Report())
    const once = run(7)
    assert.deepStrictEqual(run(7), once)
    assert.notDeepEqual(run(8).digests, once.digests)
  })

  it("says how to see a failure again", () => {
    const failure = { checker: "order", message: "3 overtook", profile: "nested", seed: 5, step: 12, command: "claim" }
    assert.strictEqual(replayCommand(failure), "pnpm simulate --profile nested --seed 5 --seeds 1 --steps 12")
    assert.include(describeFailure(failure), "order: 3 overtook")
  })

  it("draws evenly, and the same numbers for the same seed", () => {
    const random = new Random(1)
    const counts = [0, 0, 0, 0]
    for (let i = 0; i < 40_000; i++) counts[random.int(4)]!++
    for (const count of counts) assert.closeTo(count, 10_000, 400)
    assert.strictEqual(new Random(3).next(), new Random(3).next())
    for (let i = 0; i < 1000; i++) assert.isBelow(random.int(2 ** 50), 2 ** 50)
  })

  it("has a model bucket that accrues by its definition", () => {
    const bucket = new ModelBucket(3, 10, 5, 0)
    bucket.take(5, 0)
    assert.deepStrictEqual(
      [0, 3, 4, 7, 16, 17, 100].map((at) => bucket.level(at)),
      [0, 0, 1, 2, 4, 5, 5]
    )
  })
})
