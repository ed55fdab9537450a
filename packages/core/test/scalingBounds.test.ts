import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ResourceManager, ResourceType, ScalingPolicy } from "../src/index.ts"

const lock = ResourceType.exclusive("lock")

const layer = ResourceManager.layerTest({
  pools: { [lock.name]: lock.pool, cpu: { capacity: 10, min: 5, max: 20 } }
}).pipe(Layer.provide(ScalingPolicy.layer(ScalingPolicy.thresholds())))

describe("scaling", () => {
  it.effect("leaves a pool without a maximum alone: an idle lock is still a lock", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.sampleLoad
      assert.strictEqual((yield* manager.poolStatistics("cpu")).capacity, 8)
      assert.strictEqual((yield* manager.poolStatistics(lock.name)).capacity, 1)
      assert.strictEqual(yield* manager.withLease("a", lock.hold)(Effect.succeed("held")), "held")
    }).pipe(Effect.provide(layer))
  )
})
