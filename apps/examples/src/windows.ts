/** Batch work on eight cores that are promised for later: it goes on until the last minute, and makes room in time. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Preemption, ResourceManager } from "@resource-manager/core"
import { Clock, Console, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

// #region layer
const layer = ResourceManager.layer({ pools: { cpu: { capacity: 8 } } }).pipe(
  Layer.provide(Preemption.layerWindows({ grace: "4 minutes", overrun: "1 minute" }))
)
// #endregion layer

const minutes = Effect.map(Clock.currentTimeMillis, (now) => now / 60_000)

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const log: Array<string> = []
  const note = (what: string) => Effect.flatMap(minutes, (now) => Effect.sync(() => log.push(`${now} min: ${what}`)))

  // #region batch
  yield* manager.reserve({ for: { agent: "demo" }, claim: { cpu: 8 }, startsIn: "1 hour", lasts: "30 minutes" })
  // Says nothing of how long it takes, and is let in all the same: it can be told to end.
  const batch = manager.withLease(
    "batch",
    { cpu: 8 },
    { preemptible: true }
  )(Effect.onInterrupt(Effect.never, () => note("the batch saves its work")))
  // #endregion batch

  const working = yield* Effect.forkChild(Effect.flip(batch))
  yield* TestClock.adjust("54 minutes")
  const fixed = yield* manager.tryLease("fixed", { cpu: 1 })
  assert.equal(fixed._tag, "None")

  // Told at 55, stopped at 59, so that its last minute for finalizers is over at 60.
  yield* TestClock.adjust("5 minutes")
  const ended = yield* Fiber.join(working)
  assert.equal(ended._tag === "LeaseRevoked" && ended.reason, "preempted")

  // Nobody who could not be told in time is let in any more.
  const late = yield* manager.tryLease("batch", { cpu: 1 }, { preemptible: true })
  assert.equal(late._tag, "None")

  yield* TestClock.adjust("1 minute")
  yield* manager.withLease("demo", { cpu: 8 })(note("the demonstration has its cores"))
  yield* Console.log(log.join("\n"))
  assert.deepEqual(log, ["59 min: the batch saves its work", "60 min: the demonstration has its cores"])
})

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(Layer.provideMerge(layer, TestClock.layer()))))
