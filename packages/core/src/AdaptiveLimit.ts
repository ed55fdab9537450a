/**
 * Governs one pool of a manager by how the calls inside its leases go: the pool's
 * capacity is the limit that a `LimitPolicy` learns (AIMD, Vegas, Gradient2, or one of
 * your own).
 *
 * - A body that succeeds is a sample of the latency; one that times out, outlives its
 *   lease, or fails with what `isDrop` calls overload is a drop; any other failure, and
 *   an interruption, says nothing.
 * - Samples are summed up by round trips, so the limit changes at most once in each,
 *   and a hundred calls that time out together lower it once.
 * - Time spent waiting for the lease is no part of a sample.
 * - The capacity is changed by `setCapacity`, with a note that says why: so it works
 *   with every home of the manager, and `explain` shows it. No call waits for that.
 *   Claims up to the policy's maximum wait, those above fail; one above its minimum may
 *   wait for growth that does not come.
 *
 * It costs the pool's users a look at the clock at both ends of a call, and once a round
 * trip a change of capacity: O(waiters of the pool) where it falls.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Claim, WaitOptions } from "./Claim.ts"
import { type ClaimError, type InvalidCapacity, LeaseRevoked, type UnknownResourceType } from "./Errors.ts"
import { type Call, CallMeter, microsOf, newCall, type Outcome, outcomeOf } from "./internal/CallMeter.ts"
import { governPool, type GovernOptions } from "./internal/governPool.ts"
import { invalidClaim } from "./internal/refusal.ts"
import type { LimitState } from "./LimitPolicy.ts"
import { ResourceManager } from "./ResourceManager.ts"

export interface AdaptiveLimitOptions extends GovernOptions {
  /**
   * Whether a failure of the body says that the backend is overloaded: a drop. Other
   * failures are ignored. Time-outs (`Effect.timeout` inside the body) are always drops.
   */
  readonly isDrop?: (error: unknown) => boolean
}

/** The limit as it is, and how it came to that. */
export interface LimitView {
  readonly resourceType: string
  readonly policy: string
  readonly limit: number
  readonly min: number
  readonly max: number
  /** Why, as a line for people. */
  readonly why: string
  /** Units whose calls run now. */
  readonly inFlight: number
  /** Calls that succeeded, were dropped, and said nothing. */
  readonly served: number
  readonly dropped: number
  readonly ignored: number
  /** How often the limit changed. */
  readonly changes: number
  /** The state of the algorithm. */
  readonly state: LimitState
}

export class AdaptiveLimit extends Context.Service<
  AdaptiveLimit,
  {
    readonly resourceType: string
    /** As that of the manager, and the body is a sample. The claim asks for units of the pool, and perhaps for others. */
    readonly withLease: ResourceManager["Service"]["withLease"]
    /** Makes a sample of a body that is inside of a lease already. `units` of the pool: default 1. */
    readonly observe: (units?: number) => <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
    readonly limit: Effect.Effect<number>
    readonly view: Effect.Effect<LimitView>
  }
>()("@resource-manager/core/AdaptiveLimit") {
  /** A limit of its own, which governs the pool until the scope closes. */
  static readonly make = (options: AdaptiveLimitOptions) => make(options)

  static readonly layer = (
    options: AdaptiveLimitOptions
  ): Layer.Layer<AdaptiveLimit, InvalidCapacity | UnknownResourceType, ResourceManager> =>
    Layer.effect(AdaptiveLimit, make(options))
}

/** A limit of its own, which governs the pool until the scope closes. */
export const make: (
  options: AdaptiveLimitOptions
) => Effect.Effect<AdaptiveLimit["Service"], InvalidCapacity | UnknownResourceType, ResourceManager | Scope.Scope> =
  Effect.fnUntraced(function* (options) {
    const manager = yield* ResourceManager
    const clock = yield* Clock.Clock
    const { resourceType } = options
    const { changed, feed, limit, view } = yield* governPool(options, microsOf(clock))
    const meter = new CallMeter(clock, feed)
    const end = (call: Call, outcome: Outcome): Effect.Effect<void> | undefined => {
      meter.end(call, outcome)
      return changed()
    }

    /** `expects`: somebody around knows what an interruption was for. */
    const observed = <A, E, R>(call: Call, body: Effect.Effect<A, E, R>, expects: boolean) =>
      // Registered before it begins: an interruption in between must not leave it in flight.
      Effect.onExitPrimitive(
        Effect.suspend(() => {
          meter.begin(call)
          return body
        }),
        (exit) => {
          if (!call.began) return undefined
          meter.leave(call, exit)
          return call.interrupted && expects ? undefined : end(call, outcomeOf(exit, options.isDrop))
        }
      )

    const withLease =
      (agent: string, claim: Claim, wait?: WaitOptions) =>
      <A, E, R>(body: Effect.Effect<A, E, R>): Effect.Effect<A, E | ClaimError | LeaseRevoked, R> =>
        Effect.suspend(() => {
          const units = claim[resourceType]
          if (units === undefined) {
            return Effect.fail(
              invalidClaim(`claim.${resourceType}`, units, `units of ${resourceType}, which limits it`)
            )
          }
          const call = newCall(units)
          const expires = wait?.expiresAfter !== undefined
          const leased = manager.withLease(agent, claim, wait)(observed(call, body, expires))
          if (!expires) return leased
          return Effect.onExitPrimitive(leased, (exit) =>
            call.interrupted ? end(call, isExpiry(exit) ? "dropped" : "ignored") : undefined
          )
        })

    return AdaptiveLimit.of({
      resourceType,
      // The overloads differ only in whether an expiry can interrupt the body.
      withLease: withLease as ResourceManager["Service"]["withLease"],
      observe:
        (units = 1) =>
        (body) =>
          Effect.suspend(() => observed(newCall(units), body, false)),
      limit,
      view: view(meter)
    })
  })

/** Whether a body was interrupted because its lease had lasted long enough. */
const isExpiry = (exit: Exit.Exit<unknown, unknown>): boolean => {
  const error = Exit.isFailure(exit) ? Cause.findErrorOption(exit.cause) : undefined
  return error?._tag === "Some" && error.value instanceof LeaseRevoked && error.value.reason === "expired"
}
