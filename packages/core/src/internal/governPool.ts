/** A pool whose capacity is what a `LimitPolicy` learns: the same whoever feeds it. */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type * as Scope from "effect/Scope"
import type { LimitView } from "../AdaptiveLimit.ts"
import type { InvalidCapacity, UnknownResourceType } from "../Errors.ts"
import { LimitPolicy } from "../LimitPolicy.ts"
import { ResourceManager } from "../ResourceManager.ts"
import { makeApplier } from "./applier.ts"
import { LimitFeed } from "./limitFeed.ts"
import { type FeedSettings, readSettings } from "./limitSettings.ts"

export interface GovernOptions extends FeedSettings {
  /** Spreads the probes of the base latency among clients. Random unless given. */
  readonly seed?: number
}

/** What goes through the pool, as whoever feeds it counts it. */
export interface Traffic {
  readonly inFlight: number
  readonly counts: Pick<LimitView, "served" | "dropped" | "ignored">
}

export interface Governed {
  /** Takes what comes to an end. */
  readonly feed: LimitFeed
  /** After something was fed: sets the capacity where the limit is another one; `undefined` where it is not. */
  readonly changed: () => Effect.Effect<void> | undefined
  readonly limit: Effect.Effect<number>
  readonly view: (traffic: Traffic) => Effect.Effect<LimitView>
}

/** Governs the pool until the scope closes; it keeps its last limit then. `now`: in microseconds of the feed's clock. */
export const governPool: (
  options: GovernOptions,
  now: number
) => Effect.Effect<Governed, InvalidCapacity | UnknownResourceType, ResourceManager | Scope.Scope> = Effect.fnUntraced(
  function* (options, now) {
    const manager = yield* ResourceManager
    const policy = yield* LimitPolicy
    const { resourceType } = options
    const settings = yield* readSettings(options, policy.problem)
    const governor = policy.begin(options.seed ?? (yield* Random.nextInt))
    const feed = new LimitFeed(governor, { ...settings, settles: policy.comparesLatency }, now)
    let changes = 0

    const set = (limit: number) =>
      manager.setCapacity(resourceType, limit, { max: policy.max, note: governor.explain() })
    // Both bounds must be allowed, or a limit could be learnt that cannot be set.
    yield* manager.setCapacity(resourceType, policy.min, { max: policy.max })
    let applied = governor.state.limit
    yield* set(applied)
    const isDue = () => governor.state.limit !== applied
    const { start } = yield* makeApplier({
      isDue,
      apply: Effect.suspend(() => {
        applied = governor.state.limit
        changes++
        return set(applied)
      }),
      failed: `the limit of ${resourceType} was not changed`
    })

    return {
      feed,
      changed: () => (isDue() ? start : undefined),
      limit: Effect.sync(() => governor.state.limit),
      view: (traffic) =>
        Effect.sync(() => ({
          resourceType,
          policy: policy.name,
          limit: governor.state.limit,
          min: policy.min,
          max: policy.max,
          why: governor.explain(),
          inFlight: traffic.inFlight,
          ...traffic.counts,
          changes,
          state: governor.state
        }))
    }
  }
)
