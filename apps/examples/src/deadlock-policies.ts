/** Two jobs that cross, under each policy: who gives way, and what that costs. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DeadlockPolicy, Preemption, ResourceManager } from "@resource-manager/core"
import { Console, Effect, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

type Order = readonly ["disk" | "tape", "disk" | "tape"]

// #region job
/** Holds one device for a second, then needs the other one too. */
const job = (name: string, order: Order, priority: number) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    yield* manager.withLease(
      name,
      { [order[0]]: 1 },
      { priority, preemptible: true, maximum: { disk: 1, tape: 1 } }
    )(Effect.andThen(Effect.sleep("1 second"), manager.withLease(name, { [order[1]]: 1 })(Effect.sleep("1 second"))))
    return "done"
  }).pipe(
    Effect.catchTags({
      DeadlockDetected: ({ avoided }) =>
        Effect.succeed(avoided === undefined ? "failed: deadlock" : `failed: ${avoided}`),
      LeaseRevoked: ({ reason }) => Effect.succeed(reason)
    })
  )
// #endregion job

const under = (policy: Layer.Layer<never>) =>
  Effect.all([job("first", ["disk", "tape"], 5), job("second", ["tape", "disk"], 1)], {
    concurrency: "unbounded"
  }).pipe(
    Effect.provide(
      ResourceManager.layer({ pools: { disk: { capacity: 1 }, tape: { capacity: 1 } } }).pipe(
        Layer.provide(Layer.merge(policy, Preemption.layerOff({ grace: "2 seconds" })))
      )
    )
  )

const program = Effect.gen(function* () {
  const outcomes = {
    fail: yield* under(DeadlockPolicy.layerFail),
    revoke: yield* under(DeadlockPolicy.layerRevoke),
    "wait-die": yield* under(DeadlockPolicy.layerWaitDie),
    "wound-wait": yield* under(DeadlockPolicy.layerWoundWait),
    banker: yield* under(DeadlockPolicy.layerBanker)
  }
  yield* Console.log(outcomes)
  assert.deepEqual(outcomes, {
    // The claim that closes the cycle fails.
    fail: ["done", "failed: deadlock"],
    // The lease of the lower priority is taken, in the middle of its work.
    revoke: ["done", "preempted"],
    // The younger one must not wait for the older one; the older one waits for it.
    "wait-die": ["done", "failed: wait-die"],
    // The older one takes what it needs of the younger one.
    "wound-wait": ["done", "preempted"],
    // The second did not start while the first might need both: it takes longer, and nobody loses anything.
    banker: ["done", "done"]
  })
})

NodeRuntime.runMain(inVirtualTime(program))
