/** A pool of workers that grows while jobs queue, and shrinks when they are done. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager, ScalingPolicy } from "@resource-manager/core"
import { Console, Effect, Fiber, Layer, Stream } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

// #region layer
const layer = ResourceManager.layer({
  pools: { workers: { capacity: 2, min: 2, max: 16 } },
  loadInterval: "20 millis",
  callbackTimeout: "1 hour"
}).pipe(Layer.provide(ScalingPolicy.layer(ScalingPolicy.thresholds({ scaleUpAt: 0.8, scaleDownAt: 0.2 }))))
// #endregion layer

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const seen: Array<string> = []

  // Called with every sample. One that throws, is slow or never ends harms nobody: neither the others nor the pools.
  yield* manager.onLoad(() => Effect.never)
  yield* manager.onLoad(({ pools }) => Effect.sync(() => seen.push(`${pools[0]!.load}`)))

  // The same samples as a stream: capacities, without repetition, until it has shrunk to what it was.
  const capacities = yield* manager.loadSamples.pipe(
    Stream.map(({ pools }) => pools[0]!.capacity),
    Stream.changes,
    Stream.takeUntil((capacity) => capacity === 2 && seen.length > 10),
    Stream.runCollect,
    Effect.forkChild({ startImmediately: true })
  )

  const job = manager.withLease("batch", { workers: 1 })(Effect.sleep("30 millis"))
  yield* Effect.all(
    Array.from({ length: 100 }, () => job),
    { concurrency: "unbounded" }
  )

  const history = yield* Fiber.join(capacities)
  const peak = (yield* manager.poolStatistics("workers")).peak
  yield* Console.log(`capacity over time: ${history.join(" → ")}, at most ${peak} jobs at once`)
  assert.equal(Math.max(...history), 16)
  assert.equal(peak, 16)
  assert.equal(history.at(-1), 2)
  assert(seen.length > 0)
}).pipe(Effect.scoped)

NodeRuntime.runMain(inVirtualTime(Effect.provide(program, layer)))
