/** Classes of work on one pool: the urgent goes first, and the patient is rescued now and then. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Order, ResourceManager } from "@resource-manager/core"
import { Console, Effect, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

// #region layer
const order = Order.layer({
  priority: {
    classes: { background: -10, interactive: 10 },
    // One build in five is for the oldest that has waited for a second, whatever its class.
    aging: { after: "1 second", oneIn: 5 }
  }
})
const layer = ResourceManager.layer({ pools: { builders: { capacity: 2 } } }).pipe(Layer.provide(order))
// #endregion layer

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const served: Array<string> = []

  // #region build
  const build = (agent: string, priority: string) =>
    manager.withLease(
      agent,
      { builders: 1 },
      { priority }
    )(
      Effect.andThen(
        Effect.sync(() => served.push(agent)),
        Effect.sleep("100 millis")
      )
    )
  // #endregion build

  const nightly = Array.from({ length: 4 }, () => build("nightly", "background"))
  // More than the builders can do: four a second too many, for three seconds.
  const pushes = Array.from({ length: 72 }, (_, index) =>
    Effect.delay(build("push", "interactive"), `${index * 42} millis`)
  )
  yield* Effect.all([...pushes, ...nightly], { concurrency: "unbounded" })

  // While there was too much of everything, classes kept their meaning: at most one in five was rescued.
  const lastNightly = served.lastIndexOf("nightly")
  const overloaded = served.slice(0, lastNightly + 1)
  yield* Console.log(
    `${overloaded.length} builds until the last nightly one: ${overloaded.map((name) => name[0]).join("")}`
  )
  assert.equal(served.filter((agent) => agent === "nightly").length, 4)
  assert.ok(lastNightly < served.length - 1, "a nightly build had to wait until all else was done")
  assert.ok(overloaded.filter((agent) => agent === "push").length >= 12)
})

NodeRuntime.runMain(inVirtualTime(Effect.provide(program, layer)))
