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
import type * as Scope from "effect/Scope"
import type { LimitView } from "./AdaptiveLimit.ts"
import type { InvalidCapacity, UnknownResourceType } from "./Errors.ts"
import { governPool, type GovernOptions } from "./internal/governPool.ts"
import { LeaseMeter } from "./internal/LeaseMeter.ts"
import { follow } from "./LeaseLives.ts"
import type { LeaseTable, ReturnReason } from "./LeaseTable.ts"
import type { ResourceManager } from "./ResourceManager.ts"

export type LeaseOutcome = "served" | "dropped" | "ignored"

export interface AdaptiveLeasesOptions extends GovernOptions {
  /** What a lease that its holder gave back came to, where somebody knows. Served unless told. */
  readonly outcomeOf?: (lease: number) => LeaseOutcome | undefined
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
    const { outcomeOf, resourceType } = options
    const { changed, feed, limit, view } = yield* governPool(options, 0)
    const meter = new LeaseMeter(
      resourceType,
      feed,
      (lease, reason) => served(reason) ?? outcomeOf?.(lease) ?? "served"
    )

    yield* follow({
      follows: meter.follows,
      granted: meter.granted,
      undone: meter.undone,
      reset: (leases) => {
        meter.reset(leases)
        return undefined
      },
      returned: (lease, reason, at) => {
        meter.returned(lease, reason, at)
        return changed()
      }
    })

    return { resourceType, limit, view: view(meter) }
  })
