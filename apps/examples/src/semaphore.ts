/** A counting semaphore taken alone: first come, first served whatever the sizes. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { Semaphore } from "@resource-manager/core"
import { Console, Effect, Fiber } from "effect"

// #region program
const program = Effect.gen(function* () {
  const semaphore = yield* Semaphore
  const order: Array<string> = []
  const work = (name: string, permits: number) =>
    semaphore.withPermits(permits)(
      Effect.andThen(
        Effect.sync(() => order.push(name)),
        Effect.sleep("5 millis")
      )
    )

  // Three permits, one in use. The large one asks next, and small ones keep coming.
  const fibers = yield* Effect.forEach(
    [
      ["small-1", 1],
      ["large", 3],
      ["small-2", 1],
      ["small-3", 1]
    ] as const,
    ([name, permits]) => Effect.forkChild(work(name, permits), { startImmediately: true })
  )
  yield* Fiber.joinAll(fibers)
  return order
}).pipe(Effect.provide(Semaphore.layer(3)))
// #endregion program

const checked = Effect.gen(function* () {
  const order = yield* program
  yield* Console.log(order.join(", "))
  // Two permits were free all the time, and yet the small ones did not pass: the large one is never starved.
  assert.deepEqual(order, ["small-1", "large", "small-2", "small-3"])

  const semaphore = yield* Semaphore
  // More than there is fails at once, and nothing can be given back that was not taken.
  const tooMany = yield* Effect.flip(semaphore.acquire(2))
  assert.equal(tooMany._tag, "ResourceExhausted")
  assert.equal(yield* semaphore.tryAcquire(1), true)
  assert.equal(yield* semaphore.tryAcquire(1), false)
  yield* semaphore.release(1)
  const overRelease = yield* Effect.flip(semaphore.release(1))
  yield* Console.log(overRelease.message)
  assert.equal(overRelease._tag, "ResourceNotAcquired")
  assert.equal(yield* semaphore.available, 1)
}).pipe(Effect.provide(Semaphore.layer(1)))

NodeRuntime.runMain(checked)
