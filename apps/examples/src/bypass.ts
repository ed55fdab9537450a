/** A large job waits for the whole machine, and small ones do not wait behind it: but it is passed only so often. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Order, ResourceManager } from "@resource-manager/core"
import { Console, type Duration, Effect, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

// #region layer
/** A claim that does not fit is passed three times at most; then what comes back is kept for it. */
const withBypass = Order.layer({ bypass: { max: 3 } })
// #endregion layer

const managerWith = (order: Layer.Layer<never>) =>
  ResourceManager.layer({ pools: { cpu: { capacity: 4 } } }).pipe(Layer.provide(order))

const day = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const started: Array<string> = []
  const job = (agent: string, cpu: number, after: Duration.Input, lasts: Duration.Input) =>
    Effect.delay(
      manager.withLease(agent, { cpu })(
        Effect.andThen(
          Effect.sync(() => started.push(agent)),
          Effect.sleep(lasts)
        )
      ),
      after
    )
  yield* Effect.all(
    [
      job("first", 2, "0 millis", "1 second"),
      job("large", 4, "1 millis", "1 second"),
      // One small job every 100 ms.
      ...Array.from({ length: 10 }, (_, index) => job(`small-${index}`, 1, `${100 * (index + 1)} millis`, "300 millis"))
    ],
    { concurrency: "unbounded" }
  )
  return started
})

const program = Effect.gen(function* () {
  // By arrival all small jobs wait behind the large one, with two processors idle.
  const byArrival = yield* Effect.provide(day, managerWith(Layer.empty))
  assert.deepEqual(byArrival.slice(0, 3), ["first", "large", "small-0"])

  const passed = yield* Effect.provide(day, managerWith(withBypass))
  yield* Console.log(`started: ${passed.join(", ")}`)
  // Three pass, and no more: the large one is the next.
  assert.deepEqual(passed.slice(0, 5), ["first", "small-0", "small-1", "small-2", "large"])
})

NodeRuntime.runMain(inVirtualTime(program))
