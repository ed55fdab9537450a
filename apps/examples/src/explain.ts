/** Why am I waiting? Every wait can be explained: all reasons at once, who holds what, and until when where that is known. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { mebibytes, ResourceManager } from "@resource-manager/core"
import { Console, Effect } from "effect"

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const claim = { memory: mebibytes(300), api: 1 }

  // A training run holds most of the memory, and the API's token is spent.
  yield* manager.lease("training", { memory: mebibytes(900), api: 1 })

  // Would it be granted, and if not, why? Asking takes nothing.
  const check = yield* manager.check("report", claim)
  assert.equal(check.granted, false)
  assert.deepEqual(check.errors, [])

  yield* Effect.forkScoped(manager.withLease("report", claim)(Effect.never), { startImmediately: true })
  yield* Effect.forkScoped(manager.withLease("backup", { memory: mebibytes(50) })(Effect.never), {
    startImmediately: true
  })

  for (const agent of ["report", "backup"]) {
    const [waiter] = yield* manager.explain(agent)
    assert(waiter !== undefined)
    yield* Console.log(`${agent} waits for`, waiter.claim)
    for (const { message } of waiter.reasons) yield* Console.log(`  ${message}`)
  }

  const [report] = yield* manager.explain("report")
  assert.deepEqual(
    report!.reasons.map(({ _tag, resourceType }) => [_tag, resourceType]),
    [
      ["Capacity", "memory"],
      ["Rate", "api"]
    ]
  )
  assert.equal(report!.reasons[0]!.holders[0]!.agent, "training")
  assert(report!.reasons[1]!.readyInMillis! > 0)

  // 124 MiB are free, but the report came first: what is there is kept for it, and the backup waits its turn.
  const [backup] = yield* manager.explain("backup")
  assert.deepEqual(
    backup!.reasons.map(({ _tag, ahead }) => [_tag, ahead]),
    [["Order", 1]]
  )
}).pipe(Effect.scoped)

const layer = ResourceManager.layer({
  pools: {
    memory: { capacity: mebibytes(1024) },
    api: { capacity: 10, rate: { limit: 1, interval: "1 hour", burst: 1 } }
  }
})

NodeRuntime.runMain(Effect.provide(program, layer))
