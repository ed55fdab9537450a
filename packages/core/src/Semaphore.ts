/**
 * A counting semaphore that does what the ones that it replaces leave out: first
 * come, first served whatever the sizes, so that a large claim is not starved by
 * small ones; more than there is fails at once instead of waiting for ever; a
 * release of more than was acquired fails; and a fiber that waits for itself is
 * told so.
 *
 * An interrupted waiter leaves at once and wakes whoever it kept waiting.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { WaitOptions } from "./Claim.ts"
import type { ClaimError, InvalidCapacity, InvalidClaim, LeaseRevoked, ResourceNotAcquired } from "./Errors.ts"
import { invalidCapacity } from "./internal/refusal.ts"
import * as singlePool from "./internal/singlePool.ts"
import type { Lease } from "./Lease.ts"
import { isAmount } from "./ledger/Claim.ts"
import * as ResourceType from "./ResourceType.ts"

export class Semaphore extends Context.Service<
  Semaphore,
  {
    readonly capacity: number
    /** Runs an effect with permits, given back whatever happens. */
    readonly withPermits: (
      permits: number,
      options?: WaitOptions
    ) => <A, E, R>(body: Effect.Effect<A, E, R>) => Effect.Effect<A, E | ClaimError | LeaseRevoked, R>
    /** Permits until the scope closes. */
    readonly lease: (permits: number, options?: WaitOptions) => Effect.Effect<Lease, ClaimError, Scope.Scope>
    /** Permits until `release`, for bridges that cannot use a scope. */
    readonly acquire: (permits: number, options?: WaitOptions) => Effect.Effect<void, ClaimError>
    /** The same without waiting, never past a waiter: whether they were there. */
    readonly tryAcquire: (permits: number) => Effect.Effect<boolean, ClaimError>
    /** Gives back permits of `acquire`: all of them or, where fewer are held, none. */
    readonly release: (permits: number) => Effect.Effect<void, ResourceNotAcquired | InvalidClaim>
    /** Permits that nobody holds. */
    readonly available: Effect.Effect<number>
    /** Fails all waiters and refuses new ones with `ManagerStopped`. */
    readonly stop: Effect.Effect<void>
  }
>()("@resource-manager/core/Semaphore") {
  /** A semaphore of its own, stopped when the scope closes. */
  static readonly make = (capacity: number) => make(capacity)

  static readonly layer = (capacity: number): Layer.Layer<Semaphore, InvalidCapacity> =>
    Layer.effect(Semaphore, make(capacity))
}

const permits = ResourceType.make("permits", { unit: "permits" })

/** A semaphore of its own, stopped when the scope closes. */
export const make = Effect.fnUntraced(function* (capacity: number) {
  if (!isAmount(capacity) || capacity === 0) {
    return yield* invalidCapacity("permits", "capacity", capacity, "a whole number from 1")
  }
  const single = yield* singlePool.make(permits, { capacity })
  return Semaphore.of({
    capacity,
    withPermits: single.withUnits,
    lease: single.lease,
    acquire: single.acquire,
    tryAcquire: single.tryAcquire,
    release: single.release,
    available: single.current(() => single.pool.free),
    stop: single.stop
  })
})
