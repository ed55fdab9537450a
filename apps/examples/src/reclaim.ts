/** A team borrows what the other does not use; when the other needs it, the borrower is told, saves, and gives way. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Preemption, ResourceManager } from "@resource-manager/core"
import { Clock, Console, Effect, Fiber, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  yield* manager.setGroup("acme", { onQuota: "wait" })
  yield* manager.setGroup("research", { parent: "acme", limits: { cpu: { nominal: 6 } } })
  yield* manager.setGroup("web", { parent: "acme", limits: { cpu: { nominal: 4 } } })
  yield* manager.assign("trainer", { group: "research" })
  yield* manager.assign("importer", { group: "web" })

  /** Runs until it is taken, and says how. */
  const runs = (name: string) =>
    manager
      .withLease(
        "importer",
        { cpu: 4 },
        { preemptible: true }
      )(Effect.onInterrupt(Effect.never, () => Console.log(`${name}: saved`)))
      .pipe(Effect.flip)

  // Research is idle: web has its own four, and four that it borrowed.
  const own = yield* Effect.forkChild(runs("first import"))
  yield* Effect.sleep("1 second")
  const borrowed = yield* Effect.forkChild(runs("second import"))
  yield* Effect.sleep("1 second")

  // #region claim
  // Five of its six, and two are free: the import that borrowed has three seconds, then they are back.
  const before = yield* Clock.currentTimeMillis
  const served = yield* manager.withLease("trainer", { cpu: 5 })(Clock.currentTimeMillis)
  // #endregion claim
  assert.ok(served - before >= 3_000)
  yield* Console.log(`the training began ${(served - before) / 1_000} s later`)
  const error = yield* Fiber.join(borrowed)
  assert.equal(error._tag === "LeaseRevoked" && error.reason, "preempted")
  assert.equal(own.pollUnsafe(), undefined, "what is its own is never taken")
  yield* Fiber.interrupt(own)
})

// #region layer
const layer = ResourceManager.layer({ pools: { cpu: { capacity: 10 } } }).pipe(
  Layer.provide(Preemption.layerReclaim({ grace: "3 seconds", overrun: "5 seconds" }))
)
// #endregion layer

program.pipe(Effect.scoped, Effect.provide(layer), inVirtualTime, NodeRuntime.runMain)
