/**
 * What the manager tells about itself, for people and programs: every figure by
 * pool and by agent. Durations are in milliseconds.
 *
 * Each is a schema of the same name, so that it crosses a wire and is what programs
 * read as JSON: a figure that there is not is an absent key.
 */
import * as Schema from "effect/Schema"
import { ClaimError } from "./Errors.ts"
import { formatReason, type Formats, holderText, toError } from "./internal/refusal.ts"
import * as ledger from "./ledger/explain.ts"
import type { Check as LedgerCheck } from "./ledger/check.ts"
import type { Agent } from "./ledger/Agent.ts"
import type { Histogram } from "./ledger/Histogram.ts"
import type { Pool } from "./ledger/Pool.ts"
import type { Ordering } from "./ledger/order/Ordering.ts"
import type { SafetyReason } from "./ledger/preemption/banker.ts"
import type { Request } from "./ledger/Request.ts"

/** A distribution of durations, in milliseconds. Quantiles are at most 3.2 % too high. */
export const Distribution = Schema.Struct({
  count: Schema.Number,
  mean: Schema.Number,
  max: Schema.Number,
  p50: Schema.Number,
  p90: Schema.Number,
  p99: Schema.Number
})
export interface Distribution extends Schema.Schema.Type<typeof Distribution> {}

const Amounts = Schema.Record(Schema.String, Schema.Number)

/** How fast a pool may be drawn from. */
export const RateStatistics = Schema.Struct({
  /** Tokens that accrue in one interval. */
  limit: Schema.Number,
  intervalMillis: Schema.Number,
  /** The most tokens that can be saved up. */
  burst: Schema.Number,
  /** What a token pays for: one unit of the amount, or one request of any amount. */
  per: Schema.Literals(["unit", "request"])
})
export interface RateStatistics extends Schema.Schema.Type<typeof RateStatistics> {}

/** Counts and distributions of one pool, since it was defined. */
export const PoolStatistics = Schema.Struct({
  resourceType: Schema.String,
  capacity: Schema.Number,
  minCapacity: Schema.Number,
  /** The most units that a claim can ever be granted. */
  maxCapacity: Schema.Number,
  inUse: Schema.Number,
  free: Schema.Number,
  /** Units set aside for waiters: not in use, not charged. */
  earmarked: Schema.Number,
  peak: Schema.Number,
  /** In use over capacity, in percent. 0 where there is no capacity. */
  usagePercent: Schema.Number,
  /** Mean units in use since the pool was defined. */
  meanInUse: Schema.Number,
  /**
   * How evenly the agents that hold some of it or wait for it share it now, by their weights and
   * those of their groups: Jain's index, from 1/n to 1. Absent where nobody holds any, or fewer
   * than two agents use it.
   */
  fairness: Schema.optionalKey(Schema.Number),
  acquisitions: Schema.Number,
  /** Claims that ended without a lease, by the tag of what ended them. */
  failures: Amounts,
  waiting: Schema.Number,
  /** The sum of what they ask for. */
  waitingAmount: Schema.Number,
  /** Whole tokens of the rate. Absent where there is none. */
  tokens: Schema.optionalKey(Schema.Number),
  /** Absent where there is none. */
  rate: Schema.optionalKey(RateStatistics),
  /** Why the capacity is what it is. Absent where nobody said so. */
  note: Schema.optionalKey(Schema.String),
  /** How long granted claims had waited. */
  waits: Distribution,
  /** How long returned leases had been held. */
  holds: Distribution
})
export interface PoolStatistics extends Schema.Schema.Type<typeof PoolStatistics> {}

/** What one agent has of one type. */
export const AccountStatistics = Schema.Struct({
  held: Schema.Number,
  waiting: Schema.Number,
  peak: Schema.Number,
  /** Absent where none is set. */
  quota: Schema.optionalKey(Schema.Number)
})
export interface AccountStatistics extends Schema.Schema.Type<typeof AccountStatistics> {}

export const AgentStatistics = Schema.Struct({
  agent: Schema.String,
  /** By resource type. */
  accounts: Schema.Record(Schema.String, AccountStatistics),
  acquisitions: Schema.Number,
  failures: Amounts,
  waiting: Schema.Number,
  waits: Distribution,
  holds: Distribution
})
export interface AgentStatistics extends Schema.Schema.Type<typeof AgentStatistics> {}

/**
 * For whom a lease has to end: a claim of higher priority, one that takes back what was lent, an
 * older one (wound-wait), those that are in a deadlock, a reservation; or because its own time is over.
 */
export const NoticeCause = Schema.Literals(["priority", "reclaim", "age", "deadlock", "reservation", "expiry"])

/** That a lease was told to end. */
export const EndingView = Schema.Struct({
  cause: NoticeCause,
  /** Time until it is back at the latest: what is still out then is taken by force. */
  latestInMillis: Schema.Number,
  /** The number of the reservation that it ends for. */
  reservation: Schema.optionalKey(Schema.Number)
})
export interface EndingView extends Schema.Schema.Type<typeof EndingView> {}

export const LeaseView = Schema.Struct({
  id: Schema.Number,
  agent: Schema.String,
  claim: Amounts,
  /** The lease that it is inside of. Absent where there is none. */
  parent: Schema.optionalKey(Schema.Number),
  /** Fencing token. */
  token: Schema.Number,
  heldMillis: Schema.Number,
  /** Time left until it expires. Absent where it does not. */
  expiresInMillis: Schema.optionalKey(Schema.Number),
  /** Whether it was acquired by hand. */
  manual: Schema.Boolean,
  /** Absent where it was not told to end. */
  ending: Schema.optionalKey(EndingView)
})
export interface LeaseView extends Schema.Schema.Type<typeof LeaseView> {}

/** A lease as seen from a pool that it holds. */
export const HolderView = Schema.Struct({
  lease: Schema.Number,
  agent: Schema.String,
  amount: Schema.Number,
  heldMillis: Schema.Number,
  /** Absent where it was not told to end. */
  ending: Schema.optionalKey(EndingView)
})
export interface HolderView extends Schema.Schema.Type<typeof HolderView> {}

/** What is kept for somebody else by a reservation. */
export const Kept = Schema.Struct({
  for: Schema.String,
  amount: Schema.Number,
  /** Time until its window begins; 0 where it is now. */
  inMillis: Schema.Number
})
export interface Kept extends Schema.Schema.Type<typeof Kept> {}

/** One reason of a wait: the facts, and as a line for people. */
export const WaitReason = Schema.Struct({
  _tag: Schema.Literals(["Capacity", "Growth", "Reservation", "Rate", "Order", "Quota", "Safety"]),
  resourceType: Schema.String,
  message: Schema.String,
  /** Why the pool has no more, as whoever set its capacity says; where units are the reason. */
  note: Schema.optionalKey(Schema.String),
  /** Absent where the reason is order. */
  requested: Schema.optionalKey(Schema.Number),
  /** Units free, or tokens there. */
  available: Schema.optionalKey(Schema.Number),
  /** Who holds the units, the largest first. */
  holders: Schema.Array(HolderView),
  /** What of the free units is promised to others, where that is the reason. */
  kept: Schema.optionalKey(Schema.Array(Kept)),
  /** The leases that declared more than would be left, where deadlocks are avoided so. Number 0 is the claim itself. */
  declared: Schema.optionalKey(
    Schema.Array(Schema.Struct({ lease: Schema.Number, agent: Schema.String, amount: Schema.Number }))
  ),
  /** How many waiters are ahead in this pool. */
  ahead: Schema.Number,
  /** Time until the tokens are there, where the rate is the reason and that is known. */
  readyInMillis: Schema.optionalKey(Schema.Number),
  /** Which quota it waits for, where that is the reason. */
  quota: Schema.optionalKey(
    Schema.Struct({
      /** The groups from the root down. Empty where it is the agent's own. */
      path: Schema.Array(Schema.String),
      limit: Schema.Literals(["nominal", "borrowing", "max", "leases", "rate", "order"]),
      quota: Schema.Number,
      held: Schema.Number,
      /** Whether it asks for what is its group's own, and lent to others. */
      entitled: Schema.Boolean,
      /** Groups that use more than their quota, the largest first. */
      borrowers: Schema.Array(Schema.Struct({ group: Schema.String, borrowed: Schema.Number }))
    })
  )
})
export interface WaitReason extends Schema.Schema.Type<typeof WaitReason> {}

/** Where a waiter stands by the order of a policy, and why. */
export const Standing = Schema.Struct({
  /** What it runs at: its own priority, or one that it inherits. */
  priority: Schema.Number,
  inherits: Schema.Boolean,
  /** Whether it goes before all others, because it has waited for so long. */
  rescued: Schema.Boolean,
  /** How often others were granted past it; how often they may be, where that is bounded. */
  passed: Schema.Number,
  passedMax: Schema.optionalKey(Schema.Number),
  /** The dominant share of its agent, by weight, where shares are what decides. */
  share: Schema.optionalKey(Schema.Number),
  /** The first of those ahead where it has not its share, and what decides between it and them. */
  ahead: Schema.Array(
    Schema.Struct({
      id: Schema.Number,
      agent: Schema.String,
      because: Schema.Literals(["rescued", "committed", "share", "priority", "size", "arrival"]),
      /** The group of the one ahead whose share decides. Absent where it is the agent's own. */
      group: Schema.optionalKey(Schema.String),
      /** The group of the waiter whose share is compared with that. Absent where it is the agent's own. */
      behind: Schema.optionalKey(Schema.String)
    })
  )
})
export interface Standing extends Schema.Schema.Type<typeof Standing> {}

/** A waiting claim, and why it waits: all reasons at once. */
export const WaiterView = Schema.Struct({
  id: Schema.Number,
  agent: Schema.String,
  claim: Amounts,
  parent: Schema.optionalKey(Schema.Number),
  waitedMillis: Schema.Number,
  /** Time left until `ClaimTimedOut`. Absent where it waits for ever. */
  timesOutInMillis: Schema.optionalKey(Schema.Number),
  reasons: Schema.Array(WaitReason),
  /** Types whose units are kept for it already: not in use, not charged. */
  earmarked: Schema.Array(Schema.String),
  /** Whether it may pass the queue, because order alone would keep it for ever. */
  exempt: Schema.Boolean,
  /**
   * Time until it is granted, where that is known: only tokens are missing; backfill planned for
   * it; or it is the first, and what leases have that were told to end is enough for it.
   */
  earliestInMillis: Schema.optionalKey(Schema.Number),
  /** Absent where first come is first served. */
  standing: Schema.optionalKey(Standing)
})
export interface WaiterView extends Schema.Schema.Type<typeof WaiterView> {}

/** Whether a claim would be granted now; if not, the errors it would fail with and the reasons it would wait for. */
export const Check = Schema.Struct({
  granted: Schema.Boolean,
  errors: Schema.Array(ClaimError),
  reasons: Schema.Array(WaitReason),
  /** By what one that may wait would be granted at once all the same, past those before it. */
  passing: Schema.optionalKey(Schema.Literals(["bypass", "backfill"]))
})
export interface Check extends Schema.Schema.Type<typeof Check> {}

/** A key that is there where its value is: JSON has no `undefined`. */
const where = <const Key extends string, A>(key: Key, value: A | undefined): { readonly [K in Key]?: A } =>
  // A computed key is typed as any string.
  (value === undefined ? {} : { [key]: value }) as { readonly [K in Key]?: A }

const until = <const Key extends string>(key: Key, at: number | undefined, now: number) =>
  where(key, at === undefined || at === Infinity ? undefined : (at - now) / 1_000)

const endingView = (ending: ledger.HolderView["ending"], now: number): { readonly ending?: EndingView } => {
  if (ending === undefined) return {}
  const { endsAtLatest, ...view } = ending
  return { ending: { ...view, latestInMillis: Math.max(0, endsAtLatest - now) / 1_000 } }
}

const distribution = (histogram: Histogram): Distribution => {
  const micros = histogram.distribution()
  return {
    count: micros.count,
    mean: micros.mean / 1_000,
    max: micros.max / 1_000,
    p50: micros.p50 / 1_000,
    p90: micros.p90 / 1_000,
    p99: micros.p99 / 1_000
  }
}

const rateStatistics = ({ capacity, rate }: Pool): RateStatistics | undefined =>
  rate && {
    limit: rate.limit,
    intervalMillis: rate.intervalMicros / 1_000,
    burst: rate.burst ?? capacity,
    per: rate.per
  }

/** @internal */
export const poolStatistics = (pool: Pool, note: string | undefined, now: number): PoolStatistics => {
  const { fairness, tokens, ...figures } = ledger.poolStatistics(pool, now)
  return {
    ...figures,
    ...where("fairness", fairness),
    ...where("tokens", tokens),
    ...where("rate", rateStatistics(pool)),
    ...where("note", note),
    waits: distribution(pool.waits),
    holds: distribution(pool.holds)
  }
}

/** @internal */
export const agentStatistics = (agent: Agent): AgentStatistics => {
  const { accounts, ...figures } = ledger.agentStatistics(agent)
  return {
    ...figures,
    accounts: Object.fromEntries(
      Object.entries(accounts).map(([type, { quota, ...account }]) => [type, { ...account, ...where("quota", quota) }])
    ),
    waits: distribution(agent.waits),
    holds: distribution(agent.holds)
  }
}

/** @internal */
export const leaseView = (lease: Request, now: number): LeaseView => {
  const { ending, expiresAt, heldMicros, parent, ...view } = ledger.leaseView(lease, now)
  return {
    ...view,
    ...endingView(ending, now),
    ...where("parent", parent),
    heldMillis: heldMicros / 1_000,
    ...until("expiresInMillis", expiresAt, now)
  }
}

const waitReason = (reason: ledger.WaitReason, formats: Formats, now: number): WaitReason => {
  const { _tag, resourceType } = reason
  const facts = { _tag, resourceType, message: formatReason(reason, formats, now), holders: [], ahead: 0 }
  switch (reason._tag) {
    case "Capacity":
      return {
        ...facts,
        ...where("note", formats.note?.(resourceType)),
        requested: reason.requested,
        available: Math.max(0, reason.free),
        holders: reason.holders.map(({ ending, heldMicros, ...holder }) => ({
          ...holder,
          heldMillis: heldMicros / 1_000,
          ...endingView(ending, now)
        }))
      }
    case "Growth":
      return { ...facts, ...where("note", formats.note?.(resourceType)), requested: reason.requested }
    case "Reservation":
      return {
        ...facts,
        requested: reason.requested,
        available: reason.free,
        kept: reason.kept.map(({ amount, from, holder }) => ({
          for: holderText(holder),
          amount,
          inMillis: Math.max(0, from - now) / 1_000
        }))
      }
    case "Rate":
      return {
        ...facts,
        requested: reason.requested,
        available: reason.tokens,
        ...until("readyInMillis", reason.readyAt, now)
      }
    case "Quota": {
      const { ahead, borrowers, entitled, held, limit, path, quota, readyAt, requested } = reason
      return {
        ...facts,
        requested,
        ahead,
        // Where there is no limit of a number, there is nothing to tell.
        quota: { path, limit, quota: Math.min(quota, Number.MAX_SAFE_INTEGER), held, entitled, borrowers },
        ...until("readyInMillis", readyAt, now)
      }
    }
    case "Order":
      return { ...facts, ahead: reason.ahead }
    case "Safety":
      return { ...facts, requested: reason.requested, available: reason.left, declared: reason.declared }
  }
}

/** @internal */
export const waiterView = (
  waiter: Request,
  formats: Formats,
  now: number,
  walks?: ledger.Walks,
  ordering?: Ordering,
  plannedAt?: number,
  safety?: ReadonlyArray<SafetyReason>
): WaiterView => {
  const { deadline, earliestAt, parent, reasons, standing, waitedMicros, ...view } = ledger.explain(
    waiter,
    now,
    walks,
    ordering,
    plannedAt,
    safety
  )
  return {
    ...view,
    ...where("parent", parent),
    waitedMillis: waitedMicros / 1_000,
    ...until("timesOutInMillis", deadline, now),
    reasons: reasons.map((reason) => waitReason(reason, formats, now)),
    ...until("earliestInMillis", earliestAt, now),
    ...(standing === undefined ? {} : { standing: standingView(standing) })
  }
}

const standingView = ({ ahead, passedMax, share, ...view }: ledger.Standing): Standing => ({
  ...view,
  ahead: ahead.map(({ behind, group, ...other }) => ({
    ...other,
    ...where("group", group),
    ...where("behind", behind)
  })),
  ...(passedMax === undefined || passedMax === Infinity ? {} : { passedMax }),
  ...where("share", share)
})

/** @internal */
export const check = ({ passing, reasons, refusals, ...view }: LedgerCheck, formats: Formats, now: number): Check => ({
  ...view,
  errors: refusals.flatMap((refusal) => {
    const error = toError(refusal, formats, now)
    return error._tag === "LeaseRevoked" ? [] : [error]
  }),
  reasons: reasons.map((reason) => waitReason(reason, formats, now)),
  ...where("passing", passing)
})
