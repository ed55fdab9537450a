/**
 * What happens to a deadlock: a service whose methods are plain synchronous
 * functions, so that a policy is swapped by a layer and costs no Effect.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import {
  bankers,
  type DeadlockPolicy as Policy,
  detectionOff,
  failRequester,
  revokeVictim,
  waitDie,
  woundWait
} from "./ledger/DeadlockPolicy.ts"

export type { DeadlockPolicy as Policy, RevocableLease } from "./ledger/DeadlockPolicy.ts"
export { bankers, detectionOff, failRequester, revokeVictim, waitDie, woundWait } from "./ledger/DeadlockPolicy.ts"

/** The policy of managers built below. Unless provided, the claim that closes a cycle fails. */
export const DeadlockPolicy = Context.Reference<Policy>("@resource-manager/core/DeadlockPolicy", {
  defaultValue: () => failRequester
})

/** The claim that closes a cycle fails with `DeadlockDetected`; where none closed it, its youngest waiter. */
export const layerFail = Layer.succeed(DeadlockPolicy, failRequester)

/** Nothing is looked for: a deadlock lasts until a time-out ends it. */
export const layerOff = Layer.succeed(DeadlockPolicy, detectionOff)

/**
 * A preemptible lease of the cycle is taken: the one of the lowest priority, of those the
 * youngest. Its holder has the grace of `Preemption`. Where none is preemptible, as `layerFail`.
 */
export const layerRevoke = Layer.succeed(DeadlockPolicy, revokeVictim)

/**
 * Wait-die: a claim inside a lease fails where it needs what a lease older than its
 * outermost one holds. Nothing that is tried again inside the same lease fails for ever.
 */
export const layerWaitDie = Layer.succeed(DeadlockPolicy, waitDie)

/** Wound-wait: a claim inside a lease takes the preemptible leases that it needs of those younger than its outermost one. */
export const layerWoundWait = Layer.succeed(DeadlockPolicy, woundWait)

/**
 * The banker's algorithm: outermost leases declare the `maximum` that they and all inside
 * them will hold, and a claim is granted only while all of them can still have it. A claim
 * inside a lease that is more than that fails with `InvalidClaim`, as does a maximum that can
 * never be had: over the pool, over what is not promised to others for ever, or over a quota.
 */
export const layerBanker = Layer.succeed(DeadlockPolicy, bankers)
