/** Rates: refused at once, and granted at once. */
import Bottleneck from "bottleneck"
import { bulkhead } from "cockatiel"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as RateLimiter from "effect/persistence/RateLimiter"
import { RateLimiter as Limiter } from "limiter"
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { ResourceManager, TokenBucket } from "../core.ts"
import { assertEqual, type BenchCase, type Side, startWatch, timed, type Timing } from "../harness.ts"
import { agentOf, agents, quota } from "../manager.ts"

const makeRateLimiter = Effect.runPromise(
  Effect.provide(RateLimiter.RateLimiter, RateLimiter.layer.pipe(Layer.provide(RateLimiter.layerStoreMemory)))
)

/** Runs attempts one after the other and checks how many told `expected`. */
const effects = (
  name: string,
  attempt: (index: number, told: (granted: boolean) => void) => Effect.Effect<void, unknown>,
  expected: boolean
): Side => ({
  name,
  sample: async (operations): Promise<Timing> => {
    let count = 0
    const elapsed = startWatch()
    await Effect.runPromise(
      Effect.gen(function* () {
        for (let index = 0; index < operations; index++) {
          yield* attempt(index, (granted) => {
            if (granted === expected) count += 1
          })
        }
      })
    )
    const nanos = elapsed()
    assertEqual(`answers of ${name}`, count, operations)
    return { operations, nanos }
  }
})

const calls = (name: string, attempt: () => boolean, expected: boolean): Side => ({
  name,
  sample: async (operations) => {
    let count = 0
    const timing = timed(operations, () => {
      for (let index = 0; index < operations; index++) if (attempt() === expected) count += 1
    })
    assertEqual(`answers of ${name}`, count, operations)
    return timing
  }
})

const promises = (name: string, attempt: () => Promise<boolean>, expected: boolean): Side => ({
  name,
  sample: async (operations) => {
    let count = 0
    const elapsed = startWatch()
    for (let index = 0; index < operations; index++) if ((await attempt()) === expected) count += 1
    const nanos = elapsed()
    assertEqual(`answers of ${name}`, count, operations)
    return { operations, nanos }
  }
})

/** Whether a promise was kept, for libraries that refuse by rejecting with `refusal`. */
const kept = (refusal: (error: unknown) => boolean) => async (run: () => Promise<unknown>) => {
  try {
    await run()
    return true
  } catch (error) {
    if (refusal(error)) return false
    throw error
  }
}

const consume = (
  limiter: RateLimiter.RateLimiter,
  algorithm: "fixed-window" | "token-bucket",
  limit: number,
  told: (granted: boolean) => void
) =>
  limiter.consume({ algorithm, onExceeded: "fail", window: "1 hour", limit, key: `${algorithm} of ${limit}` }).pipe(
    Effect.matchEffect({
      onFailure: (error) =>
        error.reason._tag === "RateLimitExceeded" ? Effect.sync(() => told(false)) : Effect.fail(error),
      onSuccess: () => Effect.sync(() => told(true))
    })
  )

const flexible = (points: number) => {
  const limiter = new RateLimiterMemory({ points, duration: 3_600 })
  const attempt = kept((error) => error instanceof RateLimiterRes)
  return () => attempt(() => limiter.consume("api"))
}

/** One token an hour, and it is gone. */
export const rateRefused: BenchCase = {
  name: "refused rate claim",
  measures:
    "A pool with units to spare has no token left; a claim that does not wait is refused, for 16 agents in turn. " +
    "Every peer refuses at once, too: by an error, a rejection or `false`.",
  prepare: async () => {
    const runtime = ManagedRuntime.make(
      ResourceManager.layer({ pools: { api: { capacity: 100, rate: { limit: 1, interval: "1 hour", burst: 1 } } } })
    )
    const manager = await runtime.runPromise(ResourceManager)
    const limiter = await makeRateLimiter
    const simple = new Limiter({ tokensPerInterval: 1, interval: "hour" })
    const consumeFlexible = flexible(1)
    const bottleneck = new Bottleneck({ reservoir: 1, highWater: 0, strategy: Bottleneck.strategy.OVERFLOW })
    const full = bulkhead(1, 0)
    const gate = Promise.withResolvers<void>()
    const holding = full.execute(() => gate.promise)
    const notKept = kept((error) => error instanceof Error)

    // Whoever has a token to give gives it away first.
    await Effect.runPromise(
      Effect.gen(function* () {
        for (const agent of agents) yield* manager.setQuota(agent, "api", quota)
        yield* manager.tryAcquire(agents[0]!, { api: 1 })
        yield* manager.release(agents[0]!, { api: 1 })
        yield* consume(limiter, "token-bucket", 1, () => {})
        yield* consume(limiter, "fixed-window", 1, () => {})
      })
    )
    simple.tryRemoveTokens(1)
    await consumeFlexible()
    await bottleneck.schedule(async () => {})
    const peer = (side: Side, goal: number | null) => ({ ...side, goal })
    return {
      ours: effects(
        "tryAcquire",
        (index, told) => Effect.map(manager.tryAcquire(agentOf(index), { api: 1 }), (granted) => told(granted)),
        false
      ),
      peers: [
        peer(
          effects(
            "Effect RateLimiter.consume, token-bucket",
            (_, told) => consume(limiter, "token-bucket", 1, told),
            false
          ),
          0.1
        ),
        peer(
          effects(
            "Effect RateLimiter.consume, fixed-window",
            (_, told) => consume(limiter, "fixed-window", 1, told),
            false
          ),
          0.1
        ),
        peer(
          calls("limiter", () => simple.tryRemoveTokens(1), false),
          null
        ),
        peer(promises("rate-limiter-flexible", consumeFlexible, false), null),
        peer(
          promises("bottleneck, full reservoir queue", () => notKept(() => bottleneck.schedule(async () => {})), false),
          null
        ),
        peer(
          promises("cockatiel, full bulkhead", () => notKept(() => full.execute(() => {})), false),
          null
        )
      ],
      close: async () => {
        gate.resolve()
        await holding
        await bottleneck.disconnect()
        await runtime.dispose()
      }
    }
  }
}

/** More tokens than any run takes. */
const plenty = 1_000_000_000_000

export const rateGranted: BenchCase = {
  name: "granted rate token",
  measures: "One token is taken from a bucket that has plenty.",
  prepare: async () => {
    const runtime = ManagedRuntime.make(TokenBucket.layer({ capacity: plenty, limit: plenty }))
    const bucket = await runtime.runPromise(TokenBucket)
    const limiter = await makeRateLimiter
    const simple = new Limiter({ tokensPerInterval: plenty, interval: "hour" })
    const peer = (side: Side) => ({ ...side, goal: null })
    return {
      ours: effects("TokenBucket.tryAcquire", (_, told) => Effect.map(bucket.tryAcquire(1), told), true),
      peers: [
        peer(
          effects(
            "Effect RateLimiter.consume, token-bucket",
            (_, told) => consume(limiter, "token-bucket", plenty, told),
            true
          )
        ),
        peer(
          effects(
            "Effect RateLimiter.consume, fixed-window",
            (_, told) => consume(limiter, "fixed-window", plenty, told),
            true
          )
        ),
        peer(calls("limiter", () => simple.tryRemoveTokens(1), true)),
        peer(promises("rate-limiter-flexible", flexible(plenty), true))
      ],
      close: () => runtime.dispose()
    }
  }
}
