/** Calls to a service that allows fifty a second, and a download that may take so many bytes a second. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { kibibytes, ResourceManager, TokenBucket } from "@resource-manager/core"
import { Console, Effect } from "effect"

/** The largest number of calls in any window of a length, in milliseconds. */
const busiest = (times: ReadonlyArray<number>, windowMillis: number) =>
  Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + windowMillis).length))

const calls = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const times: Array<number> = []
  const call = manager.withLease("client", { api: 1 })(Effect.sync(() => times.push(performance.now())))
  const startedAt = performance.now()
  yield* Effect.all(
    Array.from({ length: 30 }, () => call),
    { concurrency: "unbounded" }
  )
  const tookMillis = performance.now() - startedAt
  yield* Console.log(`30 calls in ${tookMillis.toFixed(0)} ms, at most ${busiest(times, 100)} in any 100 ms`)

  // Ten were saved up; the other twenty take 400 ms.
  assert(tookMillis >= 399, `it took only ${tookMillis} ms`)
  // The bound holds for grants. A body begins a moment after its grant, so allow for one that was late.
  assert(busiest(times, 100) <= 10 + 5 + 5)
  // A claim that no burst can ever pay for does not wait.
  const tooMany = yield* Effect.flip(manager.withLease("client", { api: 11 })(Effect.void))
  assert(tooMany._tag === "ResourceExhausted" && tooMany.reason === "neverFits")
})

// #region bucket
const download = Effect.gen(function* () {
  const bandwidth = yield* TokenBucket
  let received = 0
  while (received < kibibytes(640)) {
    yield* bandwidth.acquire(kibibytes(64))
    received += kibibytes(64)
  }
  return received
}).pipe(Effect.provide(TokenBucket.layer({ capacity: kibibytes(256), limit: kibibytes(1024) })))
// #endregion bucket

const downloading = Effect.gen(function* () {
  const startedAt = performance.now()
  const received = yield* download
  const tookMillis = performance.now() - startedAt
  yield* Console.log(`${received} bytes in ${tookMillis.toFixed(0)} ms`)
  // 256 KiB were saved up; the other 384 KiB take 375 ms at 1 MiB a second.
  assert(tookMillis >= 374, `it took only ${tookMillis} ms`)
})

const layer = ResourceManager.layer({
  pools: { api: { capacity: 100, rate: { limit: 50, interval: "1 second", burst: 10 } } }
})

NodeRuntime.runMain(Effect.provide(Effect.andThen(calls, downloading), layer))
