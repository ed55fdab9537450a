/**
 * Governs one pool of a home by how its leases end: the limit of `AdaptiveLimit`, for
 * leases whose bodies run elsewhere, in clients of a daemon.
 *
 * - A lease that its holder gives back is a sample of how long it was held, unless
 *   `outcomeOf` says otherwise of it; one that outlived its time is a drop; one that
 *   was taken, or whose holder is gone, says nothing.
 * - What grows a lease is part of it, and no call of its own.
 * - It reads the home's events, which slow nobody. Where it missed some, the leases that
 *   were held then say nothing.
 *
 * The rest is as there: samples are round trips, and the capacity is set with a note that
 * says why.
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type * as Scope from "effect/Scope"
import type { LimitView } from "./AdaptiveLimit.ts"
import type { InvalidCapacity, UnknownResourceType } from "./Errors.ts"
import { makeApplier } from "./internal/applier.ts"
import { LeaseMeter } from "./internal/LeaseMeter.ts"
import { LimitFeed } from "./internal/limitFeed.ts"
import { type FeedSettings, readSettings } from "./internal/limitSettings.ts"
import { LeaseTable, type ReturnReason } from "./LeaseTable.ts"
import { LimitPolicy } from "./LimitPolicy.ts"
import { ResourceManager } from "./ResourceManager.ts"

export type LeaseOutcome = "served" | "dropped" | "ignored"

export interface AdaptiveLeasesOptions extends FeedSettings {
  /** What a lease that its holder gave back came to, where somebody knows. Served unless told. */
  readonly outcomeOf?: (lease: number) => LeaseOutcome | undefined
  /** Spreads the probes of the base latency. Random unless given. */
  readonly seed?: number
}

export interface AdaptiveLeases {
  readonly resourceType: string
  readonly limit: Effect.Effect<number>
  readonly view: Effect.Effect<LimitView>
}

const served = (reason: ReturnReason): LeaseOutcome | undefined => {
  switch (reason) {
    case "released":
      return undefined
    case "expired":
      return "dropped"
    default:
      return "ignored"
  }
}

/** Governs the pool until the scope closes; it keeps its last limit then. */
export const make: (
  options: AdaptiveLeasesOptions
) => Effect.Effect<AdaptiveLeases, InvalidCapacity | UnknownResourceType, ResourceManager | LeaseTable | Scope.Scope> =
  Effect.fnUntraced(function* (options) {
    const manager = yield* ResourceManager
    const table = yield* LeaseTable
    const policy = yield* LimitPolicy
    const { outcomeOf, resourceType } = options
    const settings = yield* readSettings(options, policy.problem)
    const governor = policy.begin(options.seed ?? (yield* Random.nextInt))
    const feed = new LimitFeed(governor, { ...settings, settles: policy.comparesLatency }, 0)
    const meter = new LeaseMeter(
      resourceType,
      feed,
      (lease, reason) => served(reason) ?? outcomeOf?.(lease) ?? "served"
    )
    let changes = 0

    const set = (limit: number) =>
      manager.setCapacity(resourceType, limit, { max: policy.max, note: governor.explain() })
    // Both bounds must be allowed, or a limit could be learnt that cannot be set.
    yield* manager.setCapacity(resourceType, policy.min, { max: policy.max })
    let applied = governor.state.limit
    yield* set(applied)
    const applier = yield* makeApplier({
      isDue: () => governor.state.limit !== applied,
      apply: Effect.suspend(() => {
        applied = governor.state.limit
        changes++
        return set(applied)
      }),
      failed: `the limit of ${resourceType} was not changed`
    })

    const begun = Effect.map(Effect.all([manager.leases, manager.waiters]), ([leases, waiters]) =>
      meter.reset(leases, waiters)
    )
    yield* table.events.pipe(
      Stream.runForEach((event) => {
        if (event._tag === "Dropped") return begun
        meter.hear(event)
        return governor.state.limit === applied ? Effect.void : applier
      }),
      Effect.forkScoped({ startImmediately: true })
    )
    // Heard from now on: what is counted twice is counted once.
    yield* begun

    return {
      resourceType,
      limit: Effect.sync(() => governor.state.limit),
      view: Effect.sync(() => ({
        resourceType,
        policy: policy.name,
        limit: governor.state.limit,
        min: policy.min,
        max: policy.max,
        why: governor.explain(),
        inFlight: meter.inFlight,
        ...meter.counts,
        changes,
        state: governor.state
      }))
    }
  })
