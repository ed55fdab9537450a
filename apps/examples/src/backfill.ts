/** A build waits for the whole machine. What will be done before it can start need not wait behind it; what will not, must. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Order, ResourceManager } from "@resource-manager/core"
import { Console, type Duration, Effect, Layer } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

// #region layer
/** Whoever ends before the next claim can start, or leaves it enough, may start before it. */
const withBackfill = Order.layer({ backfill: "easy" })
// #endregion layer

const managerWith = (order: Layer.Layer<never>) =>
  ResourceManager.layer({ pools: { cpu: { capacity: 4 } } }).pipe(Layer.provide(order))

const day = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const started: Array<string> = []
  const job = (agent: string, cpu: number, after: Duration.Input, expected: Duration.Input) =>
    Effect.delay(
      manager.withLease(
        agent,
        { cpu },
        { expected }
      )(
        Effect.andThen(
          Effect.sync(() => started.push(agent)),
          Effect.sleep(expected)
        )
      ),
      after
    )
  yield* Effect.all(
    [
      job("tests", 3, "0 minutes", "10 minutes"),
      job("build", 4, "1 minute", "5 minutes"),
      job("report", 1, "2 minutes", "20 minutes"),
      job("lint", 1, "3 minutes", "2 minutes")
    ],
    { concurrency: "unbounded" }
  )
  return started
})

const program = Effect.gen(function* () {
  const byArrival = yield* Effect.provide(day, managerWith(Layer.empty))
  assert.deepEqual(byArrival, ["tests", "build", "report", "lint"])

  const backfilled = yield* Effect.provide(day, managerWith(withBackfill))
  yield* Console.log(`started: ${backfilled.join(", ")}`)
  // Lint is done before the build can start; the report would keep it waiting.
  assert.deepEqual(backfilled, ["tests", "lint", "build", "report"])
})

NodeRuntime.runMain(inVirtualTime(program, "1 second"))
