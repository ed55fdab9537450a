/** Calls to a service whose limits nobody told us: how many at once, and how many a second. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { AdaptiveLimit, AdaptiveRate, Aimd, LimitPolicy, RatePolicy, ResourceManager } from "@resource-manager/core"
import { Clock, Console, Effect, Layer, Schema } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

class TooManyRequests extends Schema.TaggedError<TooManyRequests>()("TooManyRequests", {
  /** The header as it came. */
  retryAfter: Schema.optional(Schema.String)
}) {}

const isTooMany = Schema.is(TooManyRequests)

// #region limit
/** How many calls at once: learnt from the calls that the service refuses. */
const limitLayer = AdaptiveLimit.layer({ resourceType: "calls", isDrop: isTooMany }).pipe(
  // Any other policy is another layer: `Vegas`, `Gradient2`, or one of your own.
  Layer.provide(LimitPolicy.layer(Aimd.make({ initial: 2, max: 100 })))
)
// #endregion limit

// #region rate
/** How many calls a second: at most twenty, less after a refusal, none before the service wants to be asked again. */
const rateLayer = AdaptiveRate.layer({
  resourceType: "requests",
  rate: { limit: 20, interval: "1 second", burst: 5 },
  isOverload: isTooMany,
  retryAfter: (error) => (isTooMany(error) ? error.retryAfter : undefined)
}).pipe(Layer.provide(RatePolicy.layer(RatePolicy.multiplicative({ backoff: 0.5, step: 0.1 }))))
// #endregion rate

/** A service that has room for eight calls at once, and refuses more. */
const makeService = () => {
  let atOnce = 0
  return Effect.suspend(() => {
    if (atOnce === 8) return Effect.fail(new TooManyRequests({}))
    atOnce++
    return Effect.ensuring(
      Effect.sleep("10 millis"),
      Effect.sync(() => atOnce--)
    )
  })
}

const concurrency = Effect.gen(function* () {
  const limit = yield* AdaptiveLimit
  const service = makeService()
  const limits: Array<number> = []
  // #region calls
  const call = limit.withLease("client", { calls: 1 })(service)
  // #endregion calls
  yield* Effect.forEach(
    Array.from({ length: 1_500 }),
    () =>
      Effect.andThen(
        Effect.exit(call),
        Effect.flatMap(limit.limit, (now) => Effect.sync(() => limits.push(now)))
      ),
    { concurrency: 40, discard: true }
  )
  const { dropped, served, why } = yield* limit.view
  yield* Console.log(`${served} calls, ${dropped} refused; ${why}`)
  const later = limits.slice(750)
  assert(Math.max(...later) <= 9, `a limit of ${Math.max(...later)}, for a service of 8`)
  assert(Math.min(...later) >= 6, `a limit of ${Math.min(...later)}, for a service of 8`)
  assert(dropped > 0 && dropped <= served / 10, `${dropped} were refused`)
})

const rate = Effect.gen(function* () {
  const requests = yield* AdaptiveRate
  const begun: Array<number> = []
  let refusedAt = 0
  const call = requests.withLease("client", { requests: 1 })(
    Effect.gen(function* () {
      const now = yield* Clock.currentTimeMillis
      begun.push(now)
      if (begun.length !== 3) return
      refusedAt = now
      return yield* new TooManyRequests({ retryAfter: "1" })
    })
  )
  yield* Effect.forEach(Array.from({ length: 10 }), () => Effect.exit(call), { concurrency: "unbounded" })
  const during = begun.slice(3).filter((at) => at < refusedAt + 1_000)
  const { share, why } = yield* requests.view
  yield* Console.log(`after "Retry-After: 1", ${during.length} calls began within a second; then at ${why}`)
  assert.equal(during.length, 0)
  assert.equal(begun.length, 10)
  assert(share >= 0.5 && share <= 0.7)
})

const layer = Layer.merge(limitLayer, rateLayer).pipe(
  Layer.provideMerge(ResourceManager.layer({ pools: { calls: { capacity: 100 }, requests: { capacity: 100 } } }))
)

// What is learnt depends on when calls are answered. In virtual time they are always answered after ten milliseconds.
NodeRuntime.runMain(inVirtualTime(Effect.provide(Effect.andThen(concurrency, rate), layer)))
