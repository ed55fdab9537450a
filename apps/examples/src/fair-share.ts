/** Two teams and one cluster: each gets a fair part of what it wants most, however much it asks for. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { gibibytes, Order, ResourceManager } from "@resource-manager/core"
import { Console, type Duration, Effect, Fiber, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

// #region layer
const layer = ResourceManager.layer({
  pools: { cpu: { capacity: 9 }, memory: { capacity: gibibytes(18) } }
}).pipe(Layer.provide(Order.layer({ fairShare: true })))
// #endregion layer

/** How many tasks of each team run at once, after a while in which both asked for as many as they could. */
const running = (weight: number) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    // #region program
    yield* manager.setAgent("analysts", { weight })
    const tasks = { analysts: 0, engineers: 0 }
    const work = (
      team: keyof typeof tasks,
      claim: { readonly cpu: number; readonly memory: number },
      lasts: Duration.Input
    ) =>
      manager.withLease(
        team,
        claim
      )(
        Effect.acquireUseRelease(
          Effect.sync(() => tasks[team]++),
          () => Effect.sleep(lasts),
          () => Effect.sync(() => tasks[team]--)
        )
      )
    // Analysts need memory, engineers need processors; and engineers' tasks last ten times as long.
    const analysts = Effect.forever(work("analysts", { cpu: 1, memory: gibibytes(4) }, "10 millis"))
    const engineers = Effect.forever(work("engineers", { cpu: 3, memory: gibibytes(1) }, "100 millis"))
    // #endregion program
    const fibers = yield* Effect.forEach([analysts, engineers], (each) =>
      Effect.forEach(Array.from({ length: 12 }), () => Effect.forkChild(each))
    )
    yield* Effect.sleep("1005 millis")
    const seen = { ...tasks }
    yield* Fiber.interruptAll(fibers.flat())
    return seen
  }).pipe(Effect.provide(layer))

const program = Effect.gen(function* () {
  // The example of the paper: two thirds of the memory for one, two thirds of the processors for the other.
  const equal = yield* running(1)
  yield* Console.log(`of equal weight: ${JSON.stringify(equal)}`)
  assert.deepEqual(equal, { analysts: 3, engineers: 2 })

  // Who weighs four times as much gets more of what is short.
  const weighted = yield* running(4)
  yield* Console.log(`analysts weigh 4: ${JSON.stringify(weighted)}`)
  assert.deepEqual(weighted, { analysts: 4, engineers: 1 })
})

NodeRuntime.runMain(inVirtualTime(program))
