/**
 * A resource type that the manager has never heard of: agents train models on four
 * graphics processors that a plugin of another author brings.
 *
 * Run it: `node apps/examples/src/third-party-plugin.ts`
 */
import { runMain } from "@effect/platform-node/NodeRuntime"
import { gibibytes, ResourceManager, ResourceType } from "@resource-manager/core"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import assert from "node:assert/strict"
import { type Gpu, Gpus } from "./third-party-gpu/Gpus.ts"
import * as GpuPlugin from "./third-party-gpu/plugin.ts"

/** Four devices of 80 GiB, one of which somebody else uses already. */
const devices: Array<Gpu> = Array.from({ length: 4 }, (_, index) => ({
  name: `device ${index}`,
  memoryBytes: gibibytes(80),
  memoryUsedBytes: index === 0 ? gibibytes(6) : 0
}))

// #region provide
// On a machine with such devices: `Gpus.layerNvidia`, and the rest is the same.
const plugin = GpuPlugin.layer({ interval: "20 millis" }).pipe(Layer.provide(Gpus.layerSimulated(devices)))

const layer = plugin.pipe(Layer.provideMerge(ResourceManager.layer({ pools: { cpu: { capacity: 16 } } })))
// #endregion

const describePools = Effect.gen(function* () {
  const manager = yield* ResourceManager
  for (const { format, name } of yield* manager.types) {
    const pool = yield* manager.poolStatistics(name)
    const measured = Option.map(yield* manager.measure(name), (units) => `, ${format(units)} really in use`)
    yield* Console.log(`  ${name}: ${format(pool.capacity)}${Option.getOrElse(measured, () => "")}`)
  }
})

/** Six trainings of two devices each: two at a time fit, and all get their turn in order. */
const train = Effect.gen(function* () {
  const manager = yield* ResourceManager
  // #region claim
  const claim = { gpu: 2, gpuMemory: gibibytes(100), cpu: 4 }
  const finished = yield* Effect.forEach(
    ["ada", "bob", "cleo", "dan", "eve", "fay"],
    (agent) => manager.withLease(agent, claim)(Effect.as(Effect.yieldNow, agent)),
    { concurrency: "unbounded" }
  )
  // #endregion
  const { acquisitions, inUse, peak } = yield* manager.poolStatistics("gpu")
  yield* Console.log(`${finished.length} trainings done, at most ${GpuPlugin.gpu.format(peak)} leased at a time`)
  assert.deepEqual(
    { finished: finished.length, acquisitions, inUse, peak },
    { finished: 6, acquisitions: 6, inUse: 0, peak: 4 }
  )
})

const refusals = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const tooMany = yield* Effect.flip(manager.withLease("ada", { gpu: 5 })(Effect.void))
  yield* Console.log(`five devices: ${tooMany.message}`)
  assert.equal(tooMany.message, "gpu: 5 GPUs can never be granted, the pool has at most 4 GPUs")

  const rival = manager.register("@rival/gpu", ResourceType.make("gpu"), { capacity: 1 })
  const taken = yield* Effect.flip(rival)
  yield* Console.log(`another plugin: ${taken.message}`)
  assert.equal(taken._tag, "ResourceTypeTaken")
  assert.equal(taken.message, "gpu is claimed by @rival/gpu, and was registered by @acme/gpu")
})

/** A device fails while a claim for all four waits: it can never be served now, and is told so. Nobody else is. */
const deviceFails = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const lease = yield* manager.lease("bob", { gpu: 1 })
  const four = yield* Effect.forkChild(Effect.flip(manager.withLease("cleo", { gpu: 4 })(Effect.void)))
  const three = yield* Effect.forkChild(manager.withLease("dan", { gpu: 3 })(Effect.succeed("served")))
  while ((yield* manager.waiters).length < 2) yield* Effect.yieldNow

  devices.pop()
  const refused = yield* Fiber.join(four)
  yield* Console.log(`a device failed: ${refused.message}`)
  assert.equal(refused.message, "gpu: 4 GPUs can never be granted, the pool has at most 3 GPUs")

  yield* lease.release
  assert.equal(yield* Fiber.join(three), "served")
}).pipe(Effect.scoped)

const program = Effect.gen(function* () {
  yield* Console.log("what there is:")
  yield* describePools
  yield* train
  yield* refusals
  yield* deviceFails
  yield* Console.log("what there is now:")
  yield* describePools
})

runMain(Effect.provide(program, layer))
