/**
 * What happens to a deadlock: a service whose methods are plain synchronous
 * functions, so that a policy is swapped by a layer and costs no Effect.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import { type DeadlockPolicy as Policy, detectionOff, failRequester } from "./ledger/Ledger.ts"

export type { DeadlockPolicy as Policy } from "./ledger/Ledger.ts"
export { detectionOff, failRequester } from "./ledger/Ledger.ts"

/** The policy of managers built below. Unless provided, the claim that closes a cycle fails. */
export const DeadlockPolicy = Context.Reference<Policy>("@resource-manager/core/DeadlockPolicy", {
  defaultValue: () => failRequester
})

/** The claim that closes a cycle fails with `DeadlockDetected`; where none closed it, its youngest waiter. */
export const layerFail = Layer.succeed(DeadlockPolicy, failRequester)

/** Nothing is looked for: a deadlock lasts until a time-out ends it. */
export const layerOff = Layer.succeed(DeadlockPolicy, detectionOff)
