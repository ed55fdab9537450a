/** How a program that uses the manager is tested: with a test clock, and without a sleep. */
import { assert, describe, it } from "@effect/vitest"
import { ResourceManager, TestResourceManager } from "@resource-manager/core"
import { Effect, Fiber, Latch } from "effect"
import { TestClock } from "effect/testing"

// #region subject
/** What is tested: sends a mail over one of two connections, and gives up after a minute. */
const send = (agent: string, deliver: Effect.Effect<void>) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    return yield* manager.withLease(agent, { smtp: 1 }, { timeout: "1 minute" })(Effect.as(deliver, "sent"))
  }).pipe(Effect.catchTag("ClaimTimedOut", () => Effect.succeed("try again later")))
// #endregion subject

// #region test
const layer = ResourceManager.layerTest({ pools: { smtp: { capacity: 2 } } })

describe("send", () => {
  it.effect("waits for a connection", () =>
    Effect.gen(function* () {
      const { awaitWaiting } = yield* TestResourceManager
      const delivered = yield* Latch.make()
      const first = yield* Effect.forkChild(send("a", delivered.await))
      const second = yield* Effect.forkChild(send("b", delivered.await))
      const third = yield* Effect.forkChild(send("c", Effect.void))

      // Completes once one claim waits: the third, because there are two connections.
      yield* awaitWaiting(1)
      yield* delivered.open
      assert.deepStrictEqual(yield* Fiber.joinAll([first, second, third]), ["sent", "sent", "sent"])
    }).pipe(Effect.provide(layer))
  )

  it.effect("gives up after a minute", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { awaitWaiting } = yield* TestResourceManager
      yield* manager.lease("others", { smtp: 2 })
      const late = yield* Effect.forkChild(send("a", Effect.void))
      yield* awaitWaiting(1)
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(yield* Fiber.join(late), "try again later")
    }).pipe(Effect.scoped, Effect.provide(layer))
  )
})
// #endregion test
