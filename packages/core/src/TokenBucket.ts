/**
 * A rate limiter whose level is exact: integers and a remainder, so nothing drifts.
 * Never more than `burst + rate * t` tokens leave in any window of length `t`.
 * Waiters are served first come, first served; one that is interrupted has taken
 * none. There is no background fiber: at most one timer, armed for the instant the
 * first waiter can be served.
 *
 * The pure transitions are `Bucket` in `@resource-manager/core/Ledger`.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { WaitOptions } from "./Claim.ts"
import type { ClaimError, InvalidCapacity, InvalidClaim, InvalidRate } from "./Errors.ts"
import { invalidCapacity, invalidClaim } from "./internal/refusal.ts"
import * as singlePool from "./internal/singlePool.ts"
import { isAmount } from "./ledger/Claim.ts"
import { type RateConfig, readRate } from "./PoolConfig.ts"
import * as ResourceType from "./ResourceType.ts"

export interface TokenBucketOptions extends Pick<RateConfig, "limit" | "interval"> {
  /** The most tokens that can be saved up; as many are there at the start. */
  readonly capacity: number
}

export class TokenBucket extends Context.Service<
  TokenBucket,
  {
    /** Takes tokens, waiting for them where needed. More than the capacity fails at once. */
    readonly acquire: (tokens: number, options?: WaitOptions) => Effect.Effect<void, ClaimError>
    /** Takes tokens now or not at all, never past a waiter: whether they were there. */
    readonly tryAcquire: (tokens: number) => Effect.Effect<boolean, ClaimError>
    /** Gives tokens back, for a call that did not happen. Never above the capacity. */
    readonly release: (tokens: number) => Effect.Effect<void, InvalidClaim>
    /** Whole tokens that are there. */
    readonly available: Effect.Effect<number>
    /** Fails all waiters and refuses new ones with `ManagerStopped`. */
    readonly stop: Effect.Effect<void>
  }
>()("@resource-manager/core/TokenBucket") {
  /** A bucket of its own, stopped when the scope closes. */
  static readonly make = (options: TokenBucketOptions) => make(options)

  static readonly layer = (options: TokenBucketOptions): Layer.Layer<TokenBucket, InvalidCapacity | InvalidRate> =>
    Layer.effect(TokenBucket, make(options))
}

const tokenType = ResourceType.make("tokens", { unit: "tokens" })

/** A bucket of its own, stopped when the scope closes. */
export const make = Effect.fnUntraced(function* (options: TokenBucketOptions) {
  if (!isAmount(options.capacity) || options.capacity === 0) {
    return yield* invalidCapacity("tokens", "capacity", options.capacity, "a whole number from 1")
  }
  const rate = yield* readRate("tokens", { ...options, burst: options.capacity })
  // Units without bound: only the rate limits, and a grant gives them back at once.
  const single = yield* singlePool.make(tokenType, { capacity: Number.MAX_SAFE_INTEGER, rate })
  const { pool, runtime } = single
  return TokenBucket.of({
    acquire: single.consume,
    tryAcquire: single.tryConsume,
    release: (tokens) =>
      isAmount(tokens)
        ? Effect.sync(() => runtime.command((ledger, now) => ledger.refund(pool, tokens, now)))
        : Effect.fail(invalidClaim("tokens", tokens, "a whole number from 0")),
    available: single.current((now) => pool.tokens(now)),
    stop: single.stop
  })
})
