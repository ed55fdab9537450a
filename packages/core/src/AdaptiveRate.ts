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
 *   pause.
 *
 * The pool's capacity is this rate's: let concurrency be limited by another pool, in the
 * same claim. Setting a rate is O(waiters of the pool), and happens at most once for the
 * calls that are on their way together, and once a step of the recovery.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import type { Claim, WaitOptions } from "./Claim.ts"
import type { InvalidCapacity, InvalidRate, UnknownResourceType } from "./Errors.ts"
import { makeApplier } from "./internal/applier.ts"
import * as control from "./internal/rateControl.ts"
import { formatDuration, invalidCapacity, invalidRate } from "./internal/refusal.ts"
import { type RateConfig, readRate } from "./PoolConfig.ts"
import { RatePolicy } from "./RatePolicy.ts"
import { ResourceManager } from "./ResourceManager.ts"
import * as RetryAfter from "./RetryAfter.ts"

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
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const { resourceType } = options
  const now = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000n)
  const { configured, retryAfterMaxMicros } = yield* readOptions(options, policy.problem)
  const pool = yield* manager.poolStatistics(resourceType)
  if (pool.minCapacity > 0) {
    return yield* invalidCapacity(resourceType, "min", pool.minCapacity, "0, so that it can be paused")
  }
  const { capacity } = pool

  let state = control.begin
  let overloads = 0
  const isPaused = () => state.pausedUntil > now()
  const why = () => {
    const share = `${Number((state.share / 10).toFixed(1))} % of the configured rate`
    if (isPaused()) return `left alone for ${formatDuration(state.pausedUntil - now())}, as asked for; then ${share}`
    return state.share === control.wholeShare ? "the configured rate" : `${share} after overload`
  }

  const { burst, ...unbounded } = options.rate
  /** Without a burst of its own the bucket holds as much as the pool has. */
  const setRate = (ownBurst: boolean) => {
    const flow = control.flowOf(configured, state.share)
    return manager.setRate(resourceType, {
      ...unbounded,
      ...(ownBurst && burst !== undefined ? { burst } : {}),
      limit: flow.limit,
      interval: Duration.nanos(BigInt(flow.intervalMicros) * 1_000n)
    })
  }

  const applied = { share: control.wholeShare, paused: false }
  yield* setRate(true)

  // A pool of nothing has a bucket of nothing: what was saved up is gone.
  const pause = Effect.andThen(
    Effect.suspend(() => setRate(false)),
    Effect.suspend(() => manager.setCapacity(resourceType, 0, { max: capacity, note: why() }))
  )
  // The rate first: nothing may leave at the one of before.
  const resume = Effect.andThen(
    Effect.suspend(() => setRate(true)),
    Effect.suspend(() => manager.setCapacity(resourceType, capacity, { note: why() }))
  )
  const applier = yield* makeApplier({
    isDue: () => applied.share !== state.share || applied.paused !== isPaused(),
    apply: Effect.suspend(() => {
      const wasPaused = applied.paused
      applied.share = state.share
      applied.paused = isPaused()
      if (applied.paused) return wasPaused ? Effect.void : pause
      return wasPaused ? resume : setRate(true)
    }),
    failed: `the rate of ${resourceType} was not changed`
  })

  /** Timers count whole milliseconds: never wake before it is over. */
  const untilResumed = Effect.whileLoop({
    while: isPaused,
    body: () => clock.sleep(Duration.millis(Math.max(1, Math.ceil((state.pausedUntil - now()) / 1_000)))),
    step: () => {}
  })
  let sleeps = false
  const resumeLater = Effect.suspend(() => {
    if (sleeps || !isPaused()) return Effect.void
    sleeps = true
    const sleeper: Effect.Effect<void> = Effect.andThen(
      untilResumed,
      Effect.suspend(() => {
        // It may have been asked again in between.
        if (isPaused()) return sleeper
        sleeps = false
        return applier
      })
    )
    return Effect.asVoid(Effect.forkIn(sleeper, scope, { startImmediately: true }))
  })

  const retryAfterMicros = (error: unknown): number | undefined => {
    const asked = options.retryAfter?.(error)
    const millis = millisOf(asked, clock.currentTimeMillisUnsafe())
    return millis === undefined ? undefined : Math.min(retryAfterMaxMicros, Math.ceil(millis * 1_000))
  }

  /** What a body that ended means, and what there is to do about it. */
  const ended = (startedAt: number, exit: Exit.Exit<unknown, unknown>): Effect.Effect<void> | undefined => {
    const at = now()
    if (Exit.isSuccess(exit)) state = control.onSuccess(policy, state, startedAt, at)
    else {
      const error = Cause.findErrorOption(exit.cause)
      if (error._tag === "None" || !options.isOverload(error.value)) return undefined
      overloads++
      const overload = { startedAt, now: at, retryAfterMicros: retryAfterMicros(error.value) }
      state = control.onOverload(policy, state, overload)
    }
    if (applied.share === state.share && applied.paused === isPaused()) return undefined
    return Effect.andThen(applier, resumeLater)
  }

  const observe = <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.suspend(() => {
      let startedAt: number | undefined
      const start = Effect.suspend(() => {
        startedAt = now()
        return body
      })
      return Effect.onExitPrimitive(
        Effect.suspend(() => (isPaused() ? Effect.andThen(untilResumed, start) : start)),
        (exit) => (startedAt === undefined ? undefined : ended(startedAt, exit))
      )
    })

  const withLease =
    (agent: string, claim: Claim, wait?: WaitOptions) =>
    <A, E, R>(body: Effect.Effect<A, E, R>) =>
      manager.withLease(agent, claim, wait)(observe(body))

  const perSecond = (flow: control.Flow) => (flow.limit / flow.intervalMicros) * 1_000_000

  return AdaptiveRate.of({
    resourceType,
    // The overloads differ only in whether an expiry can interrupt the body.
    withLease: withLease as ResourceManager["Service"]["withLease"],
    observe,
    view: Effect.sync(() => ({
      resourceType,
      policy: policy.name,
      share: state.share / control.wholeShare,
      perSecond: perSecond(control.flowOf(configured, state.share)),
      configuredPerSecond: perSecond(configured),
      pausedMillis: Math.max(0, (state.pausedUntil - now()) / 1_000),
      overloads,
      why: why()
    }))
  })
})

const millisOf = (asked: string | Date | Duration.Duration | undefined, nowMillis: number): number | undefined => {
  if (asked === undefined) return undefined
  if (typeof asked === "string") return RetryAfter.parse(asked, nowMillis)
  const millis = asked instanceof Date ? asked.getTime() - nowMillis : Duration.toMillis(asked)
  return Number.isNaN(millis) ? undefined : Math.max(0, millis)
}

const readOptions = Effect.fnUntraced(function* (
  options: AdaptiveRateOptions,
  problem: (typeof RatePolicy.Service)["problem"]
) {
  const { resourceType } = options
  if (problem !== undefined) return yield* invalidRate(resourceType, problem.field, problem.value, problem.allowed)
  const configured = yield* readRate(resourceType, options.rate)
  const retryAfterMaxMicros = Duration.toMicros(options.retryAfterMax ?? "1 day")
  if (!(retryAfterMaxMicros > 0) || retryAfterMaxMicros > Number.MAX_SAFE_INTEGER / 4) {
    return yield* invalidRate(resourceType, "retryAfterMax", options.retryAfterMax, "a duration above zero")
  }
  return { configured, retryAfterMaxMicros }
})
