/** A pool whose rate a governor sets, and which has nothing to give while the governor is paused. */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { InvalidCapacity, InvalidRate, UnknownResourceType } from "../Errors.ts"
import type { RateConfig } from "../PoolConfig.ts"
import type { ResourceManager } from "../ResourceManager.ts"
import { makeApplier } from "./applier.ts"
import { wholeShare } from "./rateControl.ts"
import type { RateGovernor } from "./RateGovernor.ts"
import { invalidCapacity } from "./refusal.ts"

export interface GovernedPool {
  /** What there is to do where the governor has changed. */
  readonly update: () => Effect.Effect<void> | undefined
  /** Does it, and goes on once the pool has what the governor says, and a journal that it has. */
  readonly updated: Effect.Effect<void>
  /** Goes on once the governor is paused no more. */
  readonly untilResumed: Effect.Effect<void>
}

/** Governs the pool until the scope closes; then it has its rate and capacity back. */
export const makeGovernedPool: (
  manager: ResourceManager["Service"],
  resourceType: string,
  rate: RateConfig,
  governor: RateGovernor
) => Effect.Effect<GovernedPool, InvalidCapacity | InvalidRate | UnknownResourceType, Scope.Scope> = Effect.fnUntraced(
  function* (manager, resourceType, rate, governor) {
    const pool = yield* manager.poolStatistics(resourceType)
    if (pool.minCapacity > 0) {
      return yield* invalidCapacity(resourceType, "min", pool.minCapacity, "0, so that it can be paused")
    }
    // With a journal it may have been paused when the last program ended: what it had then is its maximum.
    const capacity = pool.capacity === 0 ? pool.maxCapacity : pool.capacity
    const { burst, ...unbounded } = rate

    /** Without a burst of its own the bucket holds as much as the pool has. */
    const setRate = (ownBurst: boolean) =>
      Effect.suspend(() => {
        const { intervalMicros, limit } = governor.flow
        const interval = Duration.nanos(BigInt(intervalMicros) * 1_000n)
        const bounded = ownBurst && burst !== undefined ? { burst } : {}
        return manager.setRate(resourceType, { ...unbounded, ...bounded, limit, interval })
      })
    const setCapacity = (units: number, bounds: { readonly max?: number }) =>
      Effect.suspend(() => manager.setCapacity(resourceType, units, { ...bounds, note: governor.note() }))

    // A pool of nothing has a bucket of nothing: what was saved up is gone. Both in one step: no grant comes in between.
    const pause = Effect.all([setRate(false), setCapacity(0, { max: capacity })], {
      concurrency: "unbounded",
      discard: true
    })
    // The rate first: nothing may leave at the one of before.
    const resume = Effect.andThen(setRate(true), setCapacity(capacity, {}))

    yield* pool.capacity === 0 ? resume : setRate(true)
    const applied = { share: wholeShare, paused: false }
    const isDue = () => applied.share !== governor.share || applied.paused !== governor.isPaused
    const { applied: untilApplied, start } = yield* makeApplier({
      isDue,
      apply: Effect.suspend(() => {
        const wasPaused = applied.paused
        applied.share = governor.share
        applied.paused = governor.isPaused
        if (applied.paused) return wasPaused ? Effect.void : pause
        return wasPaused ? resume : setRate(true)
      }),
      failed: `the rate of ${resourceType} was not changed`
    })
    yield* Effect.addFinalizer(() =>
      applied.paused || applied.share < wholeShare
        ? Effect.ignore(
            Effect.andThen(manager.setRate(resourceType, rate), manager.setCapacity(resourceType, capacity))
          )
        : Effect.void
    )

    const { resumeLater, untilResumed } = yield* pausing(governor, start)
    return {
      update: () => (isDue() ? Effect.andThen(start, resumeLater) : undefined),
      updated: Effect.andThen(untilApplied, resumeLater),
      untilResumed
    }
  }
)

/** Waiting for the end of a pause: whoever has to, and one fiber that resumes. */
const pausing = Effect.fnUntraced(function* (governor: RateGovernor, resume: Effect.Effect<void>) {
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  /** Timers count whole milliseconds: never wake before it is over. */
  const untilResumed = Effect.whileLoop({
    while: () => governor.isPaused,
    body: () => clock.sleep(Duration.millis(Math.max(1, Math.ceil(governor.pausedMicros / 1_000)))),
    step: () => {}
  })
  let sleeps = false
  const sleeper: Effect.Effect<void> = Effect.andThen(
    untilResumed,
    Effect.suspend(() => {
      // It may have been asked again in between.
      if (governor.isPaused) return sleeper
      sleeps = false
      return resume
    })
  )
  const resumeLater = Effect.suspend(() => {
    if (sleeps || !governor.isPaused) return Effect.void
    sleeps = true
    return Effect.asVoid(Effect.forkIn(sleeper, scope, { startImmediately: true }))
  })
  return { resumeLater, untilResumed }
})
