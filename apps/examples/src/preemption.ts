/** A night's batch gives way to whoever comes by day: it saves where it is, and goes on there later. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Preemption, ResourceManager } from "@resource-manager/core"
import { Clock, Console, Effect, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

// #region batch
/** A hundred steps of a second each. Where its lease is taken it goes on later, where it was. */
const batch = Effect.gen(function* () {
  const manager = yield* ResourceManager
  let done = 0
  let taken = 0
  const work = Effect.gen(function* () {
    while (done < 100) {
      yield* Effect.sleep("1 second")
      done++
    }
  })
  yield* manager
    .withLease(
      "batch",
      { cpu: 8 },
      { priority: 0, preemptible: true }
    )(Effect.onInterrupt(work, () => Effect.andThen(Console.log(`saved at step ${done}`), Effect.sleep("1 second"))))
    .pipe(
      Effect.tapErrorTag("LeaseRevoked", (error) => Effect.sync(() => assert.equal(error.reason, "preempted"))),
      Effect.tapErrorTag("LeaseRevoked", () => Effect.sync(() => taken++)),
      Effect.retry({ while: (error) => error._tag === "LeaseRevoked" })
    )
  return { done, taken }
})
// #endregion batch

/** How long a question waits for two processors. */
const question = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const askedAt = yield* Clock.currentTimeMillis
  return yield* manager.withLease(
    "person",
    { cpu: 2 },
    { priority: 10 }
  )(
    Effect.gen(function* () {
      const waited = (yield* Clock.currentTimeMillis) - askedAt
      yield* Effect.sleep("2 seconds")
      return waited
    })
  )
})

const program = Effect.gen(function* () {
  const [{ done, taken }, waited] = yield* Effect.all([batch, Effect.delay(question, "10500 millis")], {
    concurrency: "unbounded"
  })
  yield* Console.log(
    `the question waited ${waited / 1_000} s; the batch gave way ${taken} time and did all ${done} steps`
  )
  // The grace of 3 s, and the second that saving takes: not the minute and a half that were left of the batch.
  assert.equal(waited, 4_000)
  assert.deepEqual([done, taken], [100, 1])
})

const layer = ResourceManager.layer({ pools: { cpu: { capacity: 8 } } }).pipe(
  Layer.provide(Preemption.layerPriority({ grace: "3 seconds", overrun: "5 seconds" }))
)

NodeRuntime.runMain(inVirtualTime(Effect.provide(program, layer)))
