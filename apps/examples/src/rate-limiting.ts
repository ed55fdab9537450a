/** Calls to a service that allows fifty a second, and a download that may take so many bytes a second. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { kibibytes, ResourceManager, TokenBucket } from "@resource-manager/core"
import { Clock, Console, Effect } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

/** The largest number of calls in any window of a length, in milliseconds. */
const busiest = (times: ReadonlyArray<number>, windowMillis: number) =>
  Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + windowMillis).length))

const calls = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const times: Array<number> = []
  const call = manager.withLease("client", { api: 1 })(Effect.map(Clock.currentTimeMillis, (now) => times.push(now)))
  const startedAt = yield* Clock.currentTimeMillis
  yield* Effect.all(
    Array.from({ length: 30 }, () => call),
    { concurrency: "unbounded" }
  )
  const tookMillis = (yield* Clock.currentTimeMillis) - startedAt
  yield* Console.log(`30 calls in ${tookMillis} ms, at most ${busiest(times, 100)} in any 100 ms`)

  // Ten were saved up; the other twenty take 400 ms.
  assert.equal(tookMillis, 400)
  assert(busiest(times, 100) <= 10 + 5)
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
  const startedAt = yield* Clock.currentTimeMillis
  const received = yield* download
  const tookMillis = (yield* Clock.currentTimeMillis) - startedAt
  yield* Console.log(`${received} bytes in ${tookMillis} ms`)
  // 256 KiB were saved up; the other 384 KiB take 375 ms at 1 MiB a second.
  assert.equal(tookMillis, 375)
})

const layer = ResourceManager.layer({
  pools: { api: { capacity: 100, rate: { limit: 50, interval: "1 second", burst: 10 } } }
})

NodeRuntime.runMain(inVirtualTime(Effect.provide(Effect.andThen(calls, downloading), layer)))
