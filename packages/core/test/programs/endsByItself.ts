/**
 * Uses a manager in every way that could leave something running, and must end by
 * itself: no timer, no fiber, nothing open. Prints what Node still knows of.
 */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { makeUnsafe, ResourceManager, ScalingPolicy } from "../../src/index.ts"

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  // Timers of waits, expiries, rates, samples and callbacks are all armed at the end.
  yield* Effect.forkChild(manager.withLease("a", { cpu: 10 }, { expiresAfter: "1 hour" })(Effect.never))
  yield* Effect.yieldNow
  yield* Effect.forkDetach(Effect.exit(manager.withLease("b", { cpu: 1 }, { timeout: "1 hour" })(Effect.void)))
  yield* manager.withLease("c", { calls: 1 })(Effect.void)
  yield* Effect.forkDetach(Effect.exit(manager.withLease("c", { calls: 1 })(Effect.void)))
  yield* Effect.forkChild(Stream.runDrain(manager.loadSamples))
  yield* manager.onLoad(() => Effect.never)
  yield* Effect.yieldNow
  yield* manager.sampleLoad
  const lease = yield* manager.lease("d", { memory: 1 }, { expiresAfter: "1 hour" })
  yield* Effect.forkDetach(lease.revoked)
})

const layer = ResourceManager.layer({
  loadInterval: "10 millis",
  callbackTimeout: "1 hour",
  gracePeriod: "20 millis",
  pools: {
    cpu: { capacity: 10, max: 20 },
    memory: { capacity: 10 },
    calls: { capacity: 1, rate: { limit: 1, interval: "1 hour" } }
  }
}).pipe(Layer.provide(ScalingPolicy.layer(ScalingPolicy.thresholds())))

const unsafe = async () => {
  const manager = makeUnsafe({ pools: { cpu: { capacity: 1 } }, gracePeriod: "10 millis" })
  await manager.lease("a", { cpu: 1 }, { expiresAfter: "1 hour" })
  const waiting = manager.lease("b", { cpu: 1 }, { timeout: "1 hour" }).then(
    () => "granted",
    () => "refused"
  )
  await manager.explain("b")
  await manager.stop()
  return waiting
}

const fiber = Effect.runFork(Effect.scoped(program).pipe(Effect.provide(layer)))
const exit = await Effect.runPromise(Fiber.await(fiber))
const refused = await unsafe()
const timers = process.getActiveResourcesInfo().filter((resource) => resource === "Timeout")
process.stdout.write(JSON.stringify({ exit: exit._tag, refused, timers }))
