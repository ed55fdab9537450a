/** The tree of quotas at the edge: what is said of groups is read, and refusals become errors. */
import * as Effect from "effect/Effect"
import * as Errors from "../Errors.ts"
import type { GroupLimits as LedgerLimits } from "../ledger/quota/Level.ts"
import { groupViews } from "../ledger/quota/view.ts"
import type { InvalidClaim, UnknownResourceType } from "../ledger/Refusal.ts"
import { readRate } from "../PoolConfig.ts"
import { type GroupLimits, groupStatistics } from "../QuotaTree.ts"
import type { ResourceManager } from "../ResourceManager.ts"
import type { LedgerRuntime } from "./LedgerRuntime.ts"
import { tellable, unknownResourceType } from "./refusal.ts"

const invalidGroup = (group: string, field: string, value: unknown, allowed: string): Errors.InvalidGroup =>
  new Errors.InvalidGroup({
    message: `${field} of group ${String(group)} is ${JSON.stringify(tellable(value))}; allowed: ${allowed}`,
    group,
    field,
    value: tellable(value),
    allowed
  })

const refused = (group: string, refusal: InvalidClaim | UnknownResourceType) =>
  Effect.fail(
    refusal._tag === "UnknownResourceType"
      ? unknownResourceType(refusal.resourceType, refusal.known)
      : invalidGroup(group, refusal.field, refusal.value, refusal.allowed)
  )

const readLimits = Effect.fnUntraced(function* (
  group: string,
  type: string,
  { rate, ...limits }: GroupLimits
): Effect.fn.Return<LedgerLimits, Errors.InvalidGroup> {
  if (rate === undefined) return limits
  const read = yield* Effect.mapError(readRate(type, rate), (error) =>
    invalidGroup(group, `limits.${type}.${error.field}`, error.value, error.allowed)
  )
  return { ...limits, rate: read }
})

type Tree = Pick<ResourceManager["Service"], "setGroup" | "removeGroup" | "assign" | "groups">

export const make = (runtime: LedgerRuntime): Tree => ({
  setGroup: Effect.fnUntraced(function* (group, { limits = {}, ...options } = {}) {
    const read: Record<string, LedgerLimits> = {}
    for (const [type, ofType] of Object.entries(limits)) read[type] = yield* readLimits(group, type, ofType)
    const refusal = runtime.command((core, now) => core.setGroup(group, { ...options, limits: read }, now))
    if (refusal !== undefined) return yield* refused(group, refusal)
    yield* runtime.told(Effect.void)
  }),
  removeGroup: (group) =>
    Effect.suspend(() => {
      const refusal = runtime.command((core, now) => core.removeGroup(group, now))
      return refusal === undefined
        ? runtime.told(Effect.void)
        : Effect.fail(invalidGroup(group, refusal.field, refusal.value, refusal.allowed))
    }),
  assign: (agent, { group, onQuota } = {}) =>
    Effect.suspend(() => {
      const refusal = runtime.command((core, now) => core.assign(agent, { group, onQuota }, now))
      return refusal === undefined
        ? runtime.told(Effect.void)
        : Effect.fail(invalidGroup(group ?? "", refusal.field, refusal.value, refusal.allowed))
    }),
  groups: Effect.suspend(() => {
    const views = runtime.command((core, now) => {
      core.advance(now)
      return groupViews(core.books, core.now)
    })
    return runtime.told(Effect.succeed(views.map(groupStatistics)))
  })
})
