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
import * as Stream from "effect/Stream"
import type { LeaseOutcome } from "./AdaptiveLeases.ts"
import type { RateView } from "./AdaptiveRate.ts"
import type { InvalidCapacity, InvalidRate, UnknownResourceType } from "./Errors.ts"
import { makeGovernedPool } from "./internal/governedPool.ts"
import { type EndedLease, LeaseStarts } from "./internal/LeaseStarts.ts"
import { RateGovernor } from "./internal/RateGovernor.ts"
import { type RateOptions, readRateOptions } from "./internal/rateOptions.ts"
import { LeaseTable } from "./LeaseTable.ts"
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
  const table = yield* LeaseTable
  const policy = yield* RatePolicy
  const { outcomeOf, resourceType } = options
  const governor = new RateGovernor(yield* Clock.Clock, {
    ...(yield* readRateOptions(options, policy.problem)),
    policy,
    isOverload: () => false,
    retryAfter: undefined
  })
  const pool = yield* makeGovernedPool(manager, resourceType, options.rate, governor)
  const starts = new LeaseStarts(resourceType, () => governor.now())
  /** Leases that are held and of which an overload was reported. */
  const reported = new Set<number>()

  const ended = ({ id, reason, startedAt }: EndedLease): void => {
    if (reported.delete(id) || reason !== "released") return
    const outcome = outcomeOf?.(id) ?? "served"
    if (outcome === "served") governor.succeeded(startedAt)
    else if (outcome === "dropped") governor.overloaded(startedAt, undefined)
  }

  const overload = ({ lease, retryAfter }: Overload): Effect.Effect<void> =>
    Effect.suspend(() => {
      const startedAt = lease === undefined ? undefined : starts.startOf(lease)
      governor.overloaded(startedAt ?? governor.now(), retryAfter)
      if (lease !== undefined && startedAt !== undefined) {
        reported.add(lease)
        // Its next call begins after the pause that it was told of.
        starts.restart(lease, governor.now() + governor.pausedMicros)
      }
      return pool.updated
    })

  const begun = Effect.map(Effect.all([manager.leases, manager.waiters]), ([leases, waiters]) => {
    starts.reset(leases, waiters)
    for (const lease of reported) if (starts.startOf(lease) === undefined) reported.delete(lease)
  })
  yield* table.events.pipe(
    Stream.runForEach((event) => {
      if (event._tag === "Dropped") return begun
      const lease = starts.hear(event)
      if (lease === undefined) return Effect.void
      ended(lease)
      return pool.update() ?? Effect.void
    }),
    Effect.forkScoped({ startImmediately: true })
  )
  yield* begun

  return { resourceType, overload, view: Effect.sync(() => ({ resourceType, ...governor.view() })) }
})
