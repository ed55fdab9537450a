/**
 * Governs the rate of one pool of a manager by overload: it backs off by a factor, keeps
 * still as long as the backend asks for (`Retry-After`), and recovers by steps. Never
 * above the configured rate.
 *
 * - The rate is set by `setRate`, as an exact share of the configured one. It does not
 *   take away what was saved up: a burst that is there may still leave.
 * - While the backend asks to be left alone the pool's capacity is 0, so claims wait in
 *   their order and take no tokens; what was granted but has not begun waits with them:
 *   no body begins before it is over. What was saved up is gone then, so that it does
 *   not begin with a burst.
 * - Recovery needs calls that go well: nothing runs in the background but the end of a
 *   pause. When the scope closes, the pool has its configured rate and its capacity back.
 *
 * The pool's capacity is this rate's: let concurrency be limited by another pool, in the
 * same claim. Setting a rate is O(waiters of the pool), and happens at most once for the
 * calls that are on their way together, and once a step of the recovery.
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Claim, WaitOptions } from "./Claim.ts"
import type { InvalidCapacity, InvalidRate, UnknownResourceType } from "./Errors.ts"
import { makeGovernedPool } from "./internal/governedPool.ts"
import { RateGovernor } from "./internal/RateGovernor.ts"
import { readRateOptions } from "./internal/rateOptions.ts"
import type { RateConfig } from "./PoolConfig.ts"
import { RatePolicy } from "./RatePolicy.ts"
import { ResourceManager } from "./ResourceManager.ts"

export interface AdaptiveRateOptions {
  /** The pool whose rate it governs. Its least capacity must be 0. */
  readonly resourceType: string
  /** The rate without overload, which is never exceeded. */
  readonly rate: RateConfig
  /** Whether a failure of the body says that the backend is overloaded. */
  readonly isOverload: (error: unknown) => boolean
  /** How long the backend asks to be left alone: the header as it came, a date or a duration. */
  readonly retryAfter?: (error: unknown) => string | Date | Duration.Duration | undefined
  /** The longest that it is left alone for. Default 1 day. */
  readonly retryAfterMax?: Duration.Input
}

/** The rate as it is, and how it came to that. */
export interface RateView {
  readonly resourceType: string
  readonly policy: string
  /** The part of the configured rate: 0.001 to 1. */
  readonly share: number
  /** Tokens a second, now and as configured. */
  readonly perSecond: number
  readonly configuredPerSecond: number
  /** Milliseconds that the backend is still left alone for. */
  readonly pausedMillis: number
  readonly overloads: number
  /** Why, as a line for people. */
  readonly why: string
}

export class AdaptiveRate extends Context.Service<
  AdaptiveRate,
  {
    readonly resourceType: string
    /** As that of the manager, and the body's outcome governs the rate. */
    readonly withLease: ResourceManager["Service"]["withLease"]
    /** Lets a body govern the rate that is inside of a lease already. It begins when the pause is over. */
    readonly observe: <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    readonly view: Effect.Effect<RateView>
  }
>()("@resource-manager/core/AdaptiveRate") {
  /** A rate of its own, which governs the pool until the scope closes. */
  static readonly make = (options: AdaptiveRateOptions) => make(options)

  static readonly layer = (
    options: AdaptiveRateOptions
  ): Layer.Layer<AdaptiveRate, InvalidCapacity | InvalidRate | UnknownResourceType, ResourceManager> =>
    Layer.effect(AdaptiveRate, make(options))
}

/** A rate of its own, which governs the pool until the scope closes. */
export const make: (
  options: AdaptiveRateOptions
) => Effect.Effect<
  AdaptiveRate["Service"],
  InvalidCapacity | InvalidRate | UnknownResourceType,
  ResourceManager | Scope.Scope
> = Effect.fnUntraced(function* (options) {
  const manager = yield* ResourceManager
  const policy = yield* RatePolicy
  const { resourceType } = options
  const governor = new RateGovernor(yield* Clock.Clock, {
    ...(yield* readRateOptions(options, policy.problem)),
    policy,
    isOverload: options.isOverload,
    retryAfter: options.retryAfter
  })
  const pool = yield* makeGovernedPool(manager, resourceType, options.rate, governor)

  const observe = <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      let startedAt: number | undefined
      const start = Effect.suspend(() => {
        startedAt = governor.now()
        return body
      })
      return Effect.onExitPrimitive(
        // It may have been granted just before.
        Effect.suspend(() => (governor.isPaused ? Effect.andThen(pool.untilResumed, start) : start)),
        (exit) => {
          if (startedAt === undefined) return undefined
          governor.ended(startedAt, exit)
          return pool.update()
        }
      )
    })

  const withLease =
    (agent: string, claim: Claim, wait?: WaitOptions) =>
    <A, E, R>(body: Effect.Effect<A, E, R>) =>
      manager.withLease(agent, claim, wait)(observe(body))

  return AdaptiveRate.of({
    resourceType,
    // The overloads differ only in whether an expiry can interrupt the body.
    withLease: withLease as ResourceManager["Service"]["withLease"],
    observe,
    view: Effect.sync(() => ({ resourceType, ...governor.view() }))
  })
})
