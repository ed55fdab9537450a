/**
 * Quotas as a tree: groups of agents (organisation, team, ...) of any depth, each with
 * what it brings of a type, what it may borrow from idle siblings and lend to them, and
 * limits on the amount in use, on leases at once and on rate.
 *
 * `ResourceManager` keeps the tree (`setGroup`, `assign`, `groups`); this module has what
 * is said to it and what it tells. The arithmetic is that of Kueue's cohorts; see
 * docs/policies/quota-tree.md.
 */
import type * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { Amount } from "./Amount.ts"
import type { OnQuota as LedgerOnQuota } from "./ledger/quota/Group.ts"
import type { GroupView, LevelView } from "./ledger/quota/view.ts"
import type { RateConfig } from "./PoolConfig.ts"
import { RateStatistics } from "./Statistics.ts"

/** What a claim does that is over a quota for now: fail at once (the default), or wait for it. */
export type OnQuota = LedgerOnQuota
export const OnQuota = Schema.Literals(["fail", "wait"])

/** What a group may have of one type. What is left out does not limit. */
export interface GroupLimits {
  /** Units that it brings: its own where it wants them, its siblings' while they are idle. */
  readonly nominal?: Amount | undefined
  /** The most that it may use beyond its quota. Unless set, all that is idle in its tree. */
  readonly borrowingLimit?: Amount | undefined
  /** The most of its quota that others may use. Unless set, all of it; the rest is guaranteed to it. */
  readonly lendingLimit?: Amount | undefined
  /** The most in use at once by all of its agents and groups, borrowed or not. */
  readonly max?: Amount | undefined
  /** The most leases at once that hold some of it. */
  readonly leases?: number | undefined
  /** How fast all of its agents together may be granted. The burst is what one interval brings, unless set. */
  readonly rate?: RateConfig | undefined
}

/** All that a group is: what is left out is as if it was never set. */
export interface GroupOptions {
  /** The group that it is in. A root unless given. */
  readonly parent?: string | undefined
  /** What claims of its agents do at a quota, unless they or a nearer group say. As the parent says unless given. */
  readonly onQuota?: OnQuota | undefined
  /** What it may have beside its siblings where shares are fair: 0.000001 to 1000000. Default 1. */
  readonly weight?: number | undefined
  /** By resource type. */
  readonly limits?: Readonly<Record<string, GroupLimits>> | undefined
}

/** What an agent is in. */
export interface Membership {
  /** None unless given. */
  readonly group?: string | undefined
  /** What its claims do at a quota. As its group says unless given. */
  readonly onQuota?: OnQuota | undefined
}

const Limit = Schema.optionalKey(Schema.Number)

/** A rate as a wire and a file have it. The interval is a duration such as `"1 minute"`; a second unless given. */
export const RateInput = Schema.Struct({
  limit: Schema.Number,
  interval: Schema.optionalKey(Schema.Union([Schema.String, Schema.Number])),
  burst: Limit,
  per: Schema.optionalKey(Schema.Literals(["unit", "request"]))
})

/** `GroupOptions` as a wire has them. */
export const GroupInput = Schema.Struct({
  parent: Schema.optionalKey(Schema.String),
  onQuota: Schema.optionalKey(OnQuota),
  weight: Limit,
  limits: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({
        nominal: Limit,
        borrowingLimit: Limit,
        lendingLimit: Limit,
        max: Limit,
        leases: Limit,
        rate: Schema.optionalKey(RateInput)
      })
    )
  )
})
export interface GroupInput extends Schema.Schema.Type<typeof GroupInput> {}

/** The options that an input says. What makes no sense in them the manager refuses. */
export const fromInput = ({ limits, ...options }: GroupInput): GroupOptions => ({
  ...options,
  limits: Object.fromEntries(
    Object.entries(limits ?? {}).map(([type, { rate, ...ofType }]) => [
      type,
      // Read by the manager, which refuses what is no duration.
      rate === undefined ? ofType : { ...ofType, rate: rate as RateConfig }
    ])
  )
})

/** What options say, as a wire carries it. `interval`: a duration as the wire has it. */
export const toInput = (
  { limits, onQuota, parent, weight }: GroupOptions,
  interval: (input: Duration.Input) => string | number
): GroupInput => ({
  ...(parent === undefined ? {} : { parent }),
  ...(onQuota === undefined ? {} : { onQuota }),
  ...(weight === undefined ? {} : { weight }),
  limits: Object.fromEntries(
    Object.entries(limits ?? {}).map(([type, ofType]) => {
      const { borrowingLimit, lendingLimit, leases, max, nominal, rate } = ofType
      return [
        type,
        {
          ...(nominal === undefined ? {} : { nominal }),
          ...(borrowingLimit === undefined ? {} : { borrowingLimit }),
          ...(lendingLimit === undefined ? {} : { lendingLimit }),
          ...(max === undefined ? {} : { max }),
          ...(leases === undefined ? {} : { leases }),
          ...(rate === undefined
            ? {}
            : {
                rate: {
                  limit: rate.limit,
                  ...(rate.interval === undefined ? {} : { interval: interval(rate.interval) }),
                  ...(rate.burst === undefined ? {} : { burst: rate.burst }),
                  ...(rate.per === undefined ? {} : { per: rate.per })
                }
              })
        }
      ]
    })
  )
})

/** What a group has of one type, and where that is. */
export const LevelStatistics = Schema.Struct({
  nominal: Limit,
  borrowingLimit: Limit,
  lendingLimit: Limit,
  max: Limit,
  leasesMax: Limit,
  rate: Schema.optionalKey(RateStatistics),
  /** Its nominal quota with those of all groups below it. Absent where its tree has none of the type. */
  quota: Limit,
  /** What leases of its agents and of all groups below it hold. */
  inUse: Schema.Number,
  /** What of that is beyond its quota. */
  borrowed: Schema.Number,
  /** What of its quota others use. */
  lent: Schema.Number,
  leases: Schema.Number,
  /** What waiters that have their quota will hold. */
  waiting: Schema.Number,
  /** The most that was ever in use. */
  peak: Schema.Number,
  /** Whole tokens of its rate. Absent where there is none. */
  tokens: Limit
})
export interface LevelStatistics extends Schema.Schema.Type<typeof LevelStatistics> {}

export const GroupStatistics = Schema.Struct({
  group: Schema.String,
  /** Absent where it is a root. */
  parent: Schema.optionalKey(Schema.String),
  /** From the root down to it. */
  path: Schema.Array(Schema.String),
  /** Absent where it is as its parent says. */
  onQuota: Schema.optionalKey(OnQuota),
  weight: Schema.Number,
  /** Those directly in it. */
  agents: Schema.Array(Schema.String),
  /** How many claims of theirs wait for quota. */
  waitingForQuota: Schema.Number,
  /** By resource type. */
  types: Schema.Record(Schema.String, LevelStatistics)
})
export interface GroupStatistics extends Schema.Schema.Type<typeof GroupStatistics> {}

const levelStatistics = ({ limits, quota, tokens, ...figures }: LevelView): LevelStatistics => {
  const { borrowingLimit, leases, lendingLimit, max, nominal, rate } = limits
  return {
    ...(nominal === undefined ? {} : { nominal }),
    ...(borrowingLimit === undefined ? {} : { borrowingLimit }),
    ...(lendingLimit === undefined ? {} : { lendingLimit }),
    ...(max === undefined ? {} : { max }),
    ...(leases === undefined ? {} : { leasesMax: leases }),
    ...(rate === undefined
      ? {}
      : {
          rate: {
            limit: rate.limit,
            intervalMillis: rate.intervalMicros / 1_000,
            burst: rate.burst ?? rate.limit,
            per: rate.per
          }
        }),
    ...(quota === undefined ? {} : { quota }),
    ...figures,
    ...(tokens === undefined ? {} : { tokens })
  }
}

/** @internal */
export const groupStatistics = ({ onQuota, parent, types, ...view }: GroupView): GroupStatistics => ({
  ...view,
  ...(parent === undefined ? {} : { parent }),
  ...(onQuota === undefined ? {} : { onQuota }),
  types: Object.fromEntries(Object.entries(types).map(([type, level]) => [type, levelStatistics(level)]))
})
