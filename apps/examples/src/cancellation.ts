/** Requests that give up: who is interrupted or out of time leaves the queue at once, and has cost nobody anything. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager } from "@resource-manager/core"
import { Clock, Console, Effect, Fiber } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager

  // Ten tokens a second, one saved up: it goes to the first request.
  yield* manager.withLease("first", { connections: 1 })(Effect.void)

  // Five requests wait for a token each, and are interrupted: by a user who went away, say.
  const impatient = yield* Effect.forEach(["a", "b", "c", "d", "e"], (agent) =>
    Effect.forkChild(manager.withLease(agent, { connections: 1 })(Effect.void), { startImmediately: true })
  )
  assert.equal((yield* manager.waiters).length, 5)
  yield* Fiber.interruptAll(impatient)
  assert.equal((yield* manager.waiters).length, 0)

  // The sixth is served as though they had never been there: 100 ms for its token, not 600.
  const startedAt = yield* Clock.currentTimeMillis
  yield* manager.withLease("f", { connections: 1 })(Effect.void)
  const waited = (yield* Clock.currentTimeMillis) - startedAt
  yield* Console.log(`the sixth waited ${waited} ms`)
  assert.equal(waited, 100)

  // A time-out is a typed error that says what was missing.
  const holder = yield* Effect.forkChild(manager.withLease("holder", { handles: 2 })(Effect.never), {
    startImmediately: true
  })
  const late = yield* Effect.flip(manager.withLease("late", { handles: 1 }, { timeout: "50 millis" })(Effect.void))
  yield* Console.log(late.message)
  assert(late._tag === "ClaimTimedOut" && late.reasons.length === 1)

  // What is interrupted in the middle of its work gives everything back as well.
  assert.deepEqual(yield* manager.usage("holder"), { handles: 2 })
  yield* Fiber.interrupt(holder)
  assert.deepEqual(yield* manager.usage("holder"), {})
})

const layer = ResourceManager.layer({
  pools: {
    connections: { capacity: 10, rate: { limit: 10, burst: 1 } },
    handles: { capacity: 2 }
  }
})

NodeRuntime.runMain(inVirtualTime(Effect.provide(program, layer)))
