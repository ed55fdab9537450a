/** A lease of the daemon, as its holder sees it. */
import type { Lease } from "@resource-manager/core/Lease"
import type { InvalidClaim, LeaseRevoked } from "@resource-manager/core/Errors"
import { type AnyFiber, frame, Nesting } from "@resource-manager/core/Nesting"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { ClientClaims } from "./clientClaims.ts"
import { claimTrouble, isTrouble, lost } from "./clientErrors.ts"
import type { Held } from "./held.ts"
import type { DaemonRpc } from "./link.ts"

type Changed = Effect.Effect<void, Effect.Error<ReturnType<DaemonRpc["Shrink" | "Settle"]>>>

/** A change of a lease that is held, as a command; what goes wrong is told as it is of a lease of this process. */
const changed = (
  claims: ClientClaims,
  held: Held,
  change: (rpc: DaemonRpc, ids: { readonly command: number; readonly ack: number }) => Changed
): Effect.Effect<void, InvalidClaim | LeaseRevoked> =>
  Effect.suspend((): Effect.Effect<void, InvalidClaim | LeaseRevoked> => {
    if (held.status !== "held") return Effect.fail(held.gone)
    return claims
      .command((rpc, ids) =>
        Effect.suspend((): Changed => (held.status === "held" ? change(rpc, ids) : Effect.fail(held.gone)))
      )
      .pipe(
        Effect.catch((error): Effect.Effect<never, InvalidClaim | LeaseRevoked> => {
          if (error._tag === "LeaseRevoked" || error._tag === "ForeignLease") {
            return Effect.fail(held.status === "held" ? lost(held.id, held.agent, "returned") : held.gone)
          }
          if (!isTrouble(error)) return Effect.fail(error)
          const trouble = claimTrouble(error)
          return trouble._tag === "InvalidClaim" ? Effect.fail(trouble) : Effect.die(error)
        })
      )
  })

const make = (claims: ClientClaims, held: Held, release: Effect.Effect<void>): Lease => ({
  id: held.id,
  agent: held.agent,
  get claim() {
    return held.claim
  },
  get parent() {
    return held.parent
  },
  token: held.token,
  get isHeld() {
    return held.status === "held"
  },
  release,
  shrink: (amounts) =>
    Effect.tap(
      changed(claims, held, (rpc, ids) => rpc.Shrink({ ...ids, lease: held.id, amounts })),
      () => Effect.sync(() => held.change(amounts, -1))
    ),
  settle: (actual) => changed(claims, held, (rpc, ids) => rpc.Settle({ ...ids, lease: held.id, actual })),
  grow: (claim, options) => claims.grow(held, claim, options),
  onPreempt: held.preempted,
  revoked: held.revoked,
  guard: (effect) =>
    Effect.withFiber((fiber) => {
      if (held.status !== "held") return Effect.fail(held.gone)
      const taken: Effect.Effect<never, LeaseRevoked> = Effect.flatMap(held.revoked, Effect.fail)
      return Effect.raceFirst(insideOf(claims, fiber, effect), taken)
    })
})

/**
 * The effect of a guard runs in a fiber of its own, which has no scoped leases: it
 * is told which leases the place of the call is inside of.
 */
const insideOf = <A, E, R>(
  claims: ClientClaims,
  fiber: AnyFiber,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> => {
  const around = claims.around(fiber)
  return around === undefined
    ? effect
    : Effect.provideService(effect, Nesting, frame(fiber.getRef(Nesting), claims, around))
}

/** Hands a grant to the scope around, in the uninterruptible region in which it was granted. */
export const hold = (claims: ClientClaims, held: Held): Effect.Effect<Lease, never, Scope.Scope> =>
  Effect.withFiber((fiber) => {
    // Closing a scope marks it closed before it runs its finalizers: in one step, or an
    // interruption in between would leave the lease to nobody.
    // A scope of its own, so that an early release leaves nothing in a long-lived one.
    const scope = Scope.forkUnsafe(Context.getUnsafe(fiber.context, Scope.Scope))
    claims.scoped.add(fiber, held)
    const giveBack = Effect.suspend(() => {
      claims.scoped.remove(fiber, held)
      return claims.release(held)
    })
    return Effect.as(
      Scope.addFinalizer(scope, giveBack),
      make(claims, held, Effect.uninterruptible(Scope.close(scope, Exit.void)))
    )
  })
