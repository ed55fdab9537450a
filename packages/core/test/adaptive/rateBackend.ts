/**
 * A service that counts the calls of each second and refuses those above what it allows,
 * and callers that always have one more call to make, on a manager under TestClock.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { AdaptiveRate, RatePolicy, ResourceManager } from "../../src/index.ts"

export const configured = { limit: 50, interval: "1 second", burst: 10 } as const

/** What the service allows in a second, and whether it says how long to leave it alone. */
export const allowed = [
  { fromSecond: 0, perSecond: 60, retryAfterSeconds: 0 },
  { fromSecond: 20, perSecond: 20, retryAfterSeconds: 0 },
  { fromSecond: 60, perSecond: 60, retryAfterSeconds: 0 },
  { fromSecond: 80, perSecond: 0, retryAfterSeconds: 10 },
  { fromSecond: 85, perSecond: 60, retryAfterSeconds: 0 }
]
export const seconds = 120

export interface Second {
  readonly second: number
  readonly served: number
  readonly refused: number
  /** Tokens a second, as set at its end. */
  readonly rate: number
}

class Refused extends Error {
  readonly retryAfter: Duration.Duration | undefined
  constructor(retryAfterSeconds: number) {
    super("429 Too Many Requests")
    this.retryAfter = retryAfterSeconds > 0 ? Duration.seconds(retryAfterSeconds) : undefined
  }
}

/** One service: it counts by the second of its own clock. */
const serviceOf = (now: () => number) => {
  let counting = -1
  let taken = 0
  return Effect.suspend(() => {
    const second = Math.floor(now() / 1_000)
    if (second !== counting) taken = 0
    counting = second
    const { perSecond, retryAfterSeconds } = allowed.findLast(({ fromSecond }) => fromSecond <= second)!
    if (taken >= perSecond) return Effect.fail(new Refused(retryAfterSeconds))
    taken++
    return Effect.sleep("100 millis")
  })
}

const stepMillis = 20

const program = Effect.gen(function* () {
  let now = 0
  let served = 0
  let refused = 0
  const rate = yield* AdaptiveRate.make({
    resourceType: "api",
    rate: configured,
    isOverload: (error) => error instanceof Refused,
    retryAfter: (error) => (error instanceof Refused ? error.retryAfter : undefined)
  })
  const service = serviceOf(() => now)
  const call = Effect.matchEffect(rate.withLease("caller", { api: 1 })(service), {
    onSuccess: () => Effect.sync(() => served++),
    onFailure: () => Effect.sync(() => refused++)
  })
  const callers = yield* Effect.forEach(Array.from({ length: 30 }), () => Effect.forkChild(Effect.forever(call)))
  const points: Array<Second> = []
  for (let second = 0; second < seconds; second++) {
    served = 0
    refused = 0
    for (let step = 0; step < 1_000; step += stepMillis) {
      now = 1_000 * second + step
      yield* TestClock.setTime(now)
    }
    const { pausedMillis, perSecond } = yield* rate.view
    points.push({ second, served, refused, rate: pausedMillis > 0 ? 0 : perSecond })
  }
  yield* Fiber.interruptAll(callers)
  return points
})

/** The seconds of a run: the same on every machine. */
export const simulateRate: Effect.Effect<ReadonlyArray<Second>> = program.pipe(
  Effect.scoped,
  Effect.provide(
    Layer.merge(
      RatePolicy.layer(RatePolicy.multiplicative({ backoff: 0.7, step: 0.02 })),
      ResourceManager.layerTest({ gracePeriod: 0, pools: { api: { capacity: 100 } } })
    ).pipe(Layer.provideMerge(TestClock.layer()))
  ),
  Effect.orDie
)
