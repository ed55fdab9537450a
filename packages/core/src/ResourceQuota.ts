/**
 * Quotas taken alone: how much each agent may use of each type. Check and record
 * are one step, so agents that race for the last unit never exceed it.
 *
 * Invariant: what is recorded of an agent never exceeds its quota, except after a
 * cut, and is never negative.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Claim } from "./Claim.ts"
import { InvalidQuota, QuotaExceeded, ResourceNotAcquired, type InvalidClaim } from "./Errors.ts"
import { invalidClaim, tellable } from "./internal/refusal.ts"
import { wholeNumber, isAmount } from "./ledger/Claim.ts"

export class ResourceQuota extends Context.Service<
  ResourceQuota,
  {
    readonly setQuota: (agent: string, resourceType: string, quota: number) => Effect.Effect<void, InvalidQuota>
    readonly removeQuota: (agent: string, resourceType: string) => Effect.Effect<void>
    /** Whether an amount could be recorded now. Records nothing. */
    readonly check: (
      agent: string,
      resourceType: string,
      amount: number
    ) => Effect.Effect<void, QuotaExceeded | InvalidClaim>
    /** Checks and records in one step. */
    readonly record: (
      agent: string,
      resourceType: string,
      amount: number
    ) => Effect.Effect<void, QuotaExceeded | InvalidClaim>
    /** Takes an amount off what is recorded; more than that fails and changes nothing. */
    readonly release: (
      agent: string,
      resourceType: string,
      amount: number
    ) => Effect.Effect<void, ResourceNotAcquired | InvalidClaim>
    /** What is recorded of an agent, by type. */
    readonly usage: (agent: string) => Effect.Effect<Claim>
  }
>()("@resource-manager/core/ResourceQuota") {
  /** Quotas of their own. */
  static readonly make = () => make()

  static readonly layer: Layer.Layer<ResourceQuota> = Layer.sync(ResourceQuota, () => quotas())
}

interface Account {
  used: number
  quota: number
}

/** Quotas of their own. An agent without one is unlimited. */
export const make = (): Effect.Effect<ResourceQuota["Service"]> => Effect.sync(quotas)

const quotas = (): ResourceQuota["Service"] => {
  const agents = new Map<string, Map<string, Account>>()

  const accountOf = (agent: string, resourceType: string): Account => {
    const accounts = agents.get(agent) ?? new Map<string, Account>()
    agents.set(agent, accounts)
    const account = accounts.get(resourceType) ?? { used: 0, quota: Infinity }
    accounts.set(resourceType, account)
    return account
  }

  const refusal = (agent: string, resourceType: string, amount: number) => {
    if (!isAmount(amount)) return invalidClaim("amount", amount, wholeNumber)
    const { quota, used } = accountOf(agent, resourceType)
    if (used + amount <= Math.min(quota, Number.MAX_SAFE_INTEGER)) return undefined
    return new QuotaExceeded({
      message: `${agent} asked for ${amount} of ${resourceType}: its quota is ${quota}, it uses ${used}`,
      reason: amount > quota ? "neverFits" : "inUse",
      agent,
      resourceType,
      requested: amount,
      quota,
      held: used,
      waiting: 0
    })
  }

  return ResourceQuota.of({
    setQuota: (agent, resourceType, quota) =>
      Effect.suspend(() => {
        if (!isAmount(quota)) {
          return Effect.fail(
            new InvalidQuota({
              message: `the quota of ${agent} on ${resourceType} is ${String(quota)}; allowed: ${wholeNumber}`,
              agent,
              resourceType,
              value: tellable(quota),
              allowed: wholeNumber
            })
          )
        }
        accountOf(agent, resourceType).quota = quota
        return Effect.void
      }),
    removeQuota: (agent, resourceType) =>
      Effect.sync(() => {
        accountOf(agent, resourceType).quota = Infinity
      }),
    check: (agent, resourceType, amount) =>
      Effect.suspend(() => {
        const refused = refusal(agent, resourceType, amount)
        return refused === undefined ? Effect.void : Effect.fail(refused)
      }),
    record: (agent, resourceType, amount) =>
      Effect.suspend(() => {
        const refused = refusal(agent, resourceType, amount)
        if (refused !== undefined) return Effect.fail(refused)
        accountOf(agent, resourceType).used += amount
        return Effect.void
      }),
    release: (agent, resourceType, amount) =>
      Effect.suspend((): Effect.Effect<void, ResourceNotAcquired | InvalidClaim> => {
        if (!isAmount(amount)) return Effect.fail(invalidClaim("amount", amount, wholeNumber))
        const account = accountOf(agent, resourceType)
        if (amount > account.used) {
          return Effect.fail(
            new ResourceNotAcquired({
              message: `${agent} cannot release ${amount} of ${resourceType}: it uses ${account.used}`,
              agent,
              requested: { [resourceType]: amount },
              held: { [resourceType]: account.used }
            })
          )
        }
        account.used -= amount
        return Effect.void
      }),
    usage: (agent) =>
      Effect.sync(() =>
        Object.fromEntries(
          [...(agents.get(agent) ?? [])]
            .filter(([, account]) => account.used > 0)
            .map(([type, { used }]) => [type, used])
        )
      )
  })
}
