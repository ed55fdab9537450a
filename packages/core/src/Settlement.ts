/**
 * Reserve, settle, refund: for costs that are known only afterwards. A claim takes an
 * estimate from its pools' rates, and once the call is over its lease is settled with
 * what it really cost: the difference comes back or is charged. A pool that was charged
 * more than was there is in debt, and grants nothing until its rate has paid for it: so
 * in the long run no more is spent than the rate allows, whatever was estimated.
 */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { Claim, WaitOptions } from "./Claim.ts"
import type { ClaimError, LeaseRevoked } from "./Errors.ts"
import type { Lease } from "./Lease.ts"
import { ResourceManager } from "./ResourceManager.ts"

/** What a failed call cost: nothing, what was estimated, or so many tokens of some types (the estimate of others). */
export type FailureCost = "refund" | "keep" | Claim

export interface Rule<A, E> {
  /** Tokens that a call really cost, by type. Types that it does not name cost what was estimated. */
  readonly success?: (value: A) => Claim
  /**
   * What a call that failed cost. Unless given, a typed failure is refunded and an
   * interruption or a defect is not: nobody knows how far it came.
   */
  readonly failure?: (cause: Cause.Cause<E>) => FailureCost
}

const costOf = <A, E>(rule: Rule<A, E>, estimate: Claim, exit: Exit.Exit<A, E>): Claim => {
  if (Exit.isSuccess(exit)) return rule.success?.(exit.value) ?? {}
  const cost = rule.failure?.(exit.cause) ?? (Cause.hasFails(exit.cause) ? "refund" : "keep")
  if (cost === "keep") return {}
  return cost === "refund" ? Object.fromEntries(Object.keys(estimate).map((type) => [type, 0])) : cost
}

/**
 * Settles a lease by how a body ends, before that is seen. A rule that makes no sense
 * (a fraction, a type that the lease does not hold) is logged, and the estimate stands;
 * so it does where the lease was taken away meanwhile.
 */
export const settling = <A, E, R>(
  lease: Lease,
  estimate: Claim,
  body: Effect.Effect<A, E, R>,
  rule: Rule<A, E> = {}
): Effect.Effect<A, E, R> =>
  Effect.onExit(body, (exit) =>
    Effect.suspend(() => lease.settle(costOf(rule, estimate, exit))).pipe(
      Effect.catchTag("LeaseRevoked", () => Effect.void),
      Effect.catchCause((cause) => Effect.logWarning(`lease ${lease.id} was not settled`, cause))
    )
  )

/**
 * Runs a body inside a lease of the estimate, which is settled by the rule. As the
 * manager's `withLease` otherwise; with `expiresAfter` the body is interrupted when the
 * lease expires, and the estimate stands.
 */
export const withLease = <A, E, R>(
  agent: string,
  estimate: Claim,
  body: Effect.Effect<A, E, R>,
  options: Rule<A, E> & WaitOptions = {}
): Effect.Effect<A, E | ClaimError | LeaseRevoked, R | ResourceManager> =>
  Effect.scoped(
    Effect.flatMap(ResourceManager, (manager) =>
      Effect.flatMap(manager.lease(agent, estimate, options), (lease) => {
        const settled = settling(lease, estimate, body, options)
        return options.expiresAfter === undefined ? settled : lease.guard(settled)
      })
    )
  )
