/**
 * Governs the rate of one pool of a home by how its leases end, and by what their holders
 * report: the rate of `AdaptiveRate`, for leases whose bodies run elsewhere, in clients of
 * a daemon.
 *
 * - `overload` is what a holder was told by the backend (429, 503), perhaps with a
 *   `Retry-After`. It counts as a call that began with its lease, or with the last report
 *   of that lease: so calls that were let out together lower the rate once, and a lease
 *   of many calls lowers it again where it is refused again.
 * - A lease that its holder gives back is a call that went well, unless an overload was
 *   reported of it or `outcomeOf` says otherwise; one that expired, was taken, or whose
 *   holder is gone, says nothing.
 * - It reads the home's events, which slow nobody.
 *
 * The rest is as there: backing off, the pause, the recovery by steps, and that the rate is
 * never above the configured one. What was granted before a pause may begin within it: the
 * holders are elsewhere, and not asked to wait.
 */
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { LeaseOutcome } from "./AdaptiveLeases.ts"
import type { RateView } from "./AdaptiveRate.ts"
import type { InvalidCapacity, InvalidRate, UnknownResourceType } from "./Errors.ts"
import { makeGovernedPool } from "./internal/governedPool.ts"
import { RateGovernor } from "./internal/RateGovernor.ts"
import { type RateOptions, readRateOptions } from "./internal/rateOptions.ts"
import { follow } from "./LeaseLives.ts"
import type { LeaseTable, ReturnReason } from "./LeaseTable.ts"
import { RatePolicy } from "./RatePolicy.ts"
import { ResourceManager } from "./ResourceManager.ts"

/** The least capacity of the pool must be 0, so that it can be paused. */
export interface AdaptiveRateLeasesOptions extends RateOptions {
  /** What a lease that its holder gave back came to, where somebody knows. Served unless told. */
  readonly outcomeOf?: (lease: number) => LeaseOutcome | undefined
}

/** What a holder was told by the backend. */
export interface Overload {
  /** The lease of the call. A call of no lease is one that began now. */
  readonly lease?: number | undefined
  /** How long the backend asks to be left alone: the header as it came, a date or a duration. */
  readonly retryAfter?: string | Date | Duration.Duration | undefined
}

export interface AdaptiveRateLeases {
  readonly resourceType: string
  /** Takes in a report. The rate and a pause are in force when it completes, and in the journal where there is one. */
  readonly overload: (overload: Overload) => Effect.Effect<void>
  readonly view: Effect.Effect<RateView>
}

/** Governs the rate until the scope closes; then the pool has its configured rate and its capacity back. */
export const make: (
  options: AdaptiveRateLeasesOptions
) => Effect.Effect<
  AdaptiveRateLeases,
  InvalidCapacity | InvalidRate | UnknownResourceType,
  ResourceManager | LeaseTable | Scope.Scope
> = Effect.fnUntraced(function* (options) {
  const manager = yield* ResourceManager
  const policy = yield* RatePolicy
  const { outcomeOf, resourceType } = options
  const governor = new RateGovernor(yield* Clock.Clock, {
    ...(yield* readRateOptions(options, policy.problem)),
    policy,
    isOverload: () => false,
    retryAfter: undefined
  })
  const pool = yield* makeGovernedPool(manager, resourceType, options.rate, governor)
  /** Since when leases are held. Those that were there before count from when one first looked. */
  let starts: Map<number, number> = new Map()
  /** Leases that are held and of which an overload was reported. */
  const reported = new Set<number>()

  const ended = (lease: number, reason: ReturnReason, startedAt: number): void => {
    if (reported.delete(lease) || reason !== "released") return
    const outcome = outcomeOf?.(lease) ?? "served"
    if (outcome === "served") governor.succeeded(startedAt)
    else if (outcome === "dropped") governor.overloaded(startedAt, undefined)
  }

  const overload = ({ lease, retryAfter }: Overload): Effect.Effect<void> =>
    Effect.suspend(() => {
      const startedAt = lease === undefined ? undefined : starts.get(lease)
      governor.overloaded(startedAt ?? governor.now(), retryAfter)
      if (lease !== undefined && startedAt !== undefined) {
        reported.add(lease)
        // Its next call begins after the pause that it was told of.
        starts.set(lease, governor.now() + governor.pausedMicros)
      }
      return pool.updated
    })

  yield* follow({
    follows: (claim) => (claim[resourceType] ?? 0) > 0,
    reset: (leases) => {
      starts = new Map(leases.map(({ id }) => [id, starts.get(id) ?? governor.now()]))
      for (const lease of reported) if (!starts.has(lease)) reported.delete(lease)
      return undefined
    },
    granted: ({ id }) => starts.set(id, governor.now()),
    undone: (lease) => starts.delete(lease),
    returned: (lease, reason) => {
      const startedAt = starts.get(lease)
      if (startedAt === undefined) return undefined
      starts.delete(lease)
      ended(lease, reason, startedAt)
      return pool.update()
    }
  })

  return { resourceType, overload, view: Effect.sync(() => ({ resourceType, ...governor.view() })) }
})
