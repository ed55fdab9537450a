/** Builds a project: several steps that share processors and memory, each agent within its quota. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { cores, mebibytes, ResourceManager } from "@resource-manager/core"
import { Console, Effect, Option } from "effect"

// #region program
const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  yield* manager.setQuota("compiler", "cpu", 3)

  // Around an effect: granted as one, given back whatever happens.
  const compile = (module: string) =>
    manager.withLease("compiler", { cpu: cores(1), memory: mebibytes(256) })(
      Effect.as(Effect.sleep("20 millis"), `${module}.js`)
    )
  const built = yield* Effect.all([compile("parser"), compile("checker"), compile("emitter")], {
    concurrency: "unbounded"
  })

  // Or held until the scope closes.
  const linked = yield* Effect.scoped(
    Effect.gen(function* () {
      const lease = yield* manager.lease("linker", { memory: mebibytes(512) }, { timeout: "5 seconds" })
      yield* Console.log(`lease ${lease.id} of ${lease.agent}`, lease.claim)
      return built.join(" + ")
    })
  )

  // Or not at all: it never waits. The pool has four processors, and this asks for them all.
  const all = yield* Effect.scoped(manager.tryLease("benchmark", { cpu: cores(4) }))

  // More than the quota fails at once, with the numbers in the error.
  const refused = yield* Effect.flip(manager.withLease("compiler", { cpu: cores(4) })(Effect.void))
  return { linked, benchmark: Option.isSome(all), refused }
})

const layer = ResourceManager.layer({
  pools: { cpu: { capacity: cores(4) }, memory: { capacity: mebibytes(1024) } }
})
// #endregion program

const checked = Effect.gen(function* () {
  const { benchmark, linked, refused } = yield* program
  yield* Console.log(`linked ${linked}\nrefused: ${refused.message}`)
  assert.equal(linked, "parser.js + checker.js + emitter.js")
  assert.equal(benchmark, true)
  assert(refused._tag === "QuotaExceeded" && refused.reason === "neverFits" && refused.quota === 3)

  const manager = yield* ResourceManager
  for (const pool of yield* manager.pools) {
    yield* Console.log(`${pool.resourceType}: peak ${pool.peak} of ${pool.capacity}, ${pool.acquisitions} leases`)
    assert.equal(pool.inUse, 0)
  }
  assert.equal((yield* manager.poolStatistics("cpu")).acquisitions, 4)
})

NodeRuntime.runMain(Effect.provide(checked, layer))
