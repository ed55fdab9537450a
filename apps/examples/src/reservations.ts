/** A demonstration at three o'clock: eight cores are there for it, and until then nobody idles. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager } from "@resource-manager/core"
import { Clock, Console, Effect, Fiber, Layer } from "effect"
import { TestClock } from "effect/testing"

// #region reserve
const promise = Effect.flatMap(ResourceManager, (manager) =>
  manager.reserve({ for: { agent: "demo" }, claim: { cpu: 8 }, startsIn: "1 hour", lasts: "30 minutes" })
)
// #endregion reserve

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const began: Array<string> = []
  const begins = (name: string) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.sync(() => began.push(`${name} after ${now / 60_000} min`)))
  yield* promise

  // #region claims
  // Says how long it takes, and would run into the window: it waits for the end of it.
  const long = manager.withLease("build", { cpu: 8 }, { expected: "2 hours" })(begins("the long build"))
  // Is done before: it runs now.
  const short = manager.withLease(
    "tests",
    { cpu: 8 },
    { expected: "20 minutes" }
  )(Effect.andThen(begins("the tests"), Effect.sleep("20 minutes")))
  // Has what it was promised, whoever waits before it.
  const demo = manager.withLease("demo", { cpu: 8 })(
    Effect.andThen(begins("the demonstration"), Effect.sleep("30 minutes"))
  )
  // #endregion claims

  const tests = yield* Effect.forkChild(short)
  yield* TestClock.adjust("30 minutes")
  yield* Fiber.join(tests)
  const build = yield* Effect.forkChild(long)
  yield* TestClock.adjust("1 minute")
  const [waiter] = yield* manager.explain("build")
  yield* Console.log(waiter?.reasons.map((reason) => reason.message).join("\n"))
  yield* TestClock.adjust("29 minutes")
  const shown = yield* Effect.forkChild(demo)
  yield* TestClock.adjust("30 minutes")
  yield* Fiber.join(shown)
  yield* Fiber.join(build)
  yield* Console.log(began.join("\n"))
  assert.deepEqual(began, ["the tests after 0 min", "the demonstration after 60 min", "the long build after 90 min"])
  assert.deepEqual(yield* manager.reservations, [])

  // What cannot be kept is refused at once.
  yield* manager.lease("endless", { cpu: 3 })
  const refused = yield* Effect.flip(promise)
  yield* Console.log(refused.message)
  assert.equal(refused._tag, "ReservationRefused")
})

const layer = ResourceManager.layer({ pools: { cpu: { capacity: 8 } } })

NodeRuntime.runMain(program.pipe(Effect.scoped, Effect.provide(Layer.provideMerge(layer, TestClock.layer()))))
