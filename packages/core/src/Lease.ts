/** A granted claim, as its holder sees it. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ClaimError, InvalidClaim, LeaseRevoked } from "./Errors.ts"
import type { WaitOptions } from "./internal/claimOptions.ts"
import type { LedgerRuntime } from "./internal/LedgerRuntime.ts"
import { leaseGone } from "./internal/refusal.ts"
import { settleLease } from "./internal/settleLease.ts"
import { claimOf } from "./ledger/Books.ts"
import type { Claim } from "./ledger/Claim.ts"
import { enclosing, type Request } from "./ledger/Request.ts"
import type { PreemptionNotice } from "./Preemption.ts"
import { type AnyFiber, frame, Nesting } from "./Nesting.ts"

export interface Lease {
  /** Its place in the one order of all claims. */
  readonly id: number
  readonly agent: string
  /** What it holds now. */
  readonly claim: Claim
  /** The lease that it is inside of. */
  readonly parent: number | undefined
  /** Fencing token: grows from grant to grant. Send it along to refuse writes of a former holder. */
  readonly token: number
  /** Whether it still holds its units. */
  readonly isHeld: boolean
  /** Gives everything back before the scope closes. Idempotent. */
  readonly release: Effect.Effect<void>
  /** Gives some of it back: all of the amounts or, with `InvalidClaim`, none. */
  readonly shrink: (amounts: Claim) => Effect.Effect<void, InvalidClaim | LeaseRevoked>
  /**
   * Says what it cost in the end, in tokens of its pools' rates: the difference to what
   * was paid comes back, or is charged; where that is not there, nothing more is granted
   * until it is paid. All of the types or, with `InvalidClaim`, none. What `grow` paid stays.
   */
  readonly settle: (actual: Claim) => Effect.Effect<void, InvalidClaim | LeaseRevoked>
  /** Takes more: an ordinary claim inside the lease, given back with it. */
  readonly grow: (claim: Claim, options?: WaitOptions) => Effect.Effect<void, ClaimError | LeaseRevoked>
  /**
   * Completes when the lease is told to end, with the deadline; at once where it was. A
   * holder that ends until then has lost nothing. It may be withdrawn: see `isHeld` at the deadline.
   */
  readonly onPreempt: Effect.Effect<PreemptionNotice>
  /**
   * Completes when the lease is taken away (it expired, was revoked or preempted, or the
   * manager stopped); never when its holder releases it. One that is preempted is held
   * until its scope closes, or its units are taken by force.
   */
  readonly revoked: Effect.Effect<LeaseRevoked>
  /** Runs an effect that is interrupted, and fails with `LeaseRevoked`, when the lease is taken away. */
  readonly guard: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E | LeaseRevoked, R>
}

/**
 * Runs an effect outside of every lease: what it waits for keeps none of them
 * from coming back. For work that outlives the body that starts it; without it
 * the deadlock detector counts its waits as inside of the lease.
 */
export { detached } from "./Nesting.ts"

const make = (runtime: LedgerRuntime, request: Request, release: Effect.Effect<void>): Lease => ({
  id: request.id,
  agent: request.agent.id,
  get claim() {
    return request.status === "held" ? claimOf(request) : {}
  },
  get parent() {
    return enclosing(request)?.id
  },
  token: request.token,
  get isHeld() {
    return request.status === "held"
  },
  release,
  shrink: (amounts) => Effect.suspend(() => runtime.shrink(request, amounts)),
  settle: (actual) => settleLease(runtime, request, actual),
  grow: (claim, options) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.withFiber((fiber) =>
        request.status === "held"
          ? Effect.map(
              runtime.obtain(runtime.askMore(fiber, request, claim, options), restore, runtime.growError),
              (growth) => runtime.keep(growth)
            )
          : runtime.told(Effect.fail(leaseGone(request)))
      )
    ),
  onPreempt: runtime.leaseWatch.preempted(request),
  revoked: runtime.leaseWatch.revoked(request),
  guard: (effect) => Effect.withFiber((fiber) => runtime.guard(request, insideOf(runtime, fiber, effect)))
})

/**
 * The effect of a guard runs in a fiber of its own, which has no scoped leases: it
 * is told which leases the place of the call is inside of.
 */
const insideOf = <A, E, R>(
  runtime: LedgerRuntime,
  fiber: AnyFiber,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const outer = fiber.getRef(Nesting)
  const lease = runtime.scoped.innermost(fiber, outer, runtime)
  if (lease === undefined) return effect
  return Effect.provideService(effect, Nesting, frame(outer, runtime, lease))
}

/**
 * Hands a granted request to the scope around, in the uninterruptible region in
 * which it was granted.
 *
 * @internal
 */
export const hold = (runtime: LedgerRuntime, request: Request): Effect.Effect<Lease, never, Scope.Scope> =>
  Effect.withFiber((fiber) => {
    // Closing a scope marks it closed before it runs its finalizers: in one step, or an
    // interruption in between would leave the lease to nobody.
    // A scope of its own, so that an early release leaves nothing in a long-lived one.
    const scope = Scope.forkUnsafe(Context.getUnsafe(fiber.context, Scope.Scope))
    runtime.scoped.add(fiber, request)
    const giveBack = Effect.sync(() => {
      runtime.scoped.remove(fiber, request)
      runtime.release(request)
    })
    return Effect.as(
      Scope.addFinalizer(scope, giveBack),
      make(runtime, request, Effect.uninterruptible(Scope.close(scope, Exit.void)))
    )
  })
