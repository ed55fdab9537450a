/**
 * The one thing that would help a waiter: a hint, most often with a command, by
 * rules that are tried in this order. The first that applies is told.
 *
 * - `quota`     A quota of its agent or of a group has nothing left: what lets it go on.
 * - `lowered`   A pool has less for now, and whoever lowered it said why: it comes back by itself.
 * - `grow`      It asks for more than a pool has: only growth serves it.
 * - `tooLate`   Tokens are all that it lacks, and they come after it gives up: a higher rate.
 * - `tokens`    Tokens are all that it lacks: nothing to do.
 * - `ahead`     Others are ahead of it in a queue: what would help the first of them.
 * - `ending`    Leases were told to end, and have enough of what it lacks before it gives up: nothing to do.
 * - `orphaned`  A lease without a client holds what it lacks: revoke it.
 * - `own`       A lease of the same agent, which it is not inside of, holds what it lacks.
 * - `expires`   Enough of what it lacks expires before it gives up: nothing to do.
 * - `stale`     A lease has been held far longer than leases of its pool are: revoke it.
 * - `raise`     Its pool may have as much more as it lacks: raise the capacity.
 * - `usual`     Leases of its pool come back soon, as a rule: wait, or revoke the one that suffices.
 * - `revoke`    Revoke the lease that suffices, the smallest of those that do.
 * - `reservation` What is free was promised to others: see what.
 * - `safety`    To grant it would risk a deadlock: the lease that declared more than would be left.
 * - `planned`   It starts by a known time, if leases return by when they say: nothing to do.
 * - `turn`      It lacks nothing: nothing to do.
 */
import type { WaitReason } from "@resource-manager/core/Statistics"
import { amount, amountArgument, type Types } from "../amounts.ts"
import { command, word } from "../commands.ts"
import { named } from "../names.ts"
import { byWeight } from "../reasons.ts"
import { duration } from "../time.ts"
import type { HeldLease, PoolStatistics, WaiterView } from "../views.ts"
import { held, type Scene } from "./scene.ts"

export type HintRule =
  | "quota"
  | "lowered"
  | "grow"
  | "tooLate"
  | "tokens"
  | "ahead"
  | "ending"
  | "orphaned"
  | "own"
  | "expires"
  | "stale"
  | "raise"
  | "usual"
  | "revoke"
  | "reservation"
  | "safety"
  | "planned"
  | "turn"
  // Of agents that do not wait: see `agentHints.ts`.
  | "quota"
  | "deadlock"
  | "timeout"
  | "exhausted"
  | "full"
  | "nothing"

export interface Hint {
  readonly rule: HintRule
  /** A sentence. */
  readonly text: string
  /** What to run, where something is to be run. */
  readonly command?: string | undefined
}

/** How much longer than nearly all others a lease is held before it counts as forgotten. */
const staleFactor = 10

/** No lease counts as forgotten before. */
const staleMillisMin = 60_000

/** How many must have come back before it is said what leases usually do. */
const usualMin = 5

export const hint = (rule: HintRule, text: string, command?: string): Hint =>
  command === undefined ? { rule, text } : { rule, text, command }

const leaseOf = (lease: HeldLease): string => `lease ${lease.id} of ${named(lease.agent)}`

/** A sentence begins with a capital; a name never does in these. */
const sentence = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

const growHint = (reason: WaitReason, scene: Scene, types: Types): Hint => {
  const type = reason.resourceType
  const pool = scene.pool(type)
  if (pool?.note !== undefined)
    return hint("lowered", `The pool ${named(type)} has less for now, and gets it back by itself: ${pool.note}.`)
  const needed = reason.requested ?? 0
  const has = pool === undefined ? "" : `, the pool has ${amount(types, type, pool.capacity)}`
  return hint(
    "grow",
    `It asks for ${amount(types, type, needed)} of ${named(type)}${has}: only growth serves it.`,
    command("pools set-capacity", type, amountArgument(types, type, needed))
  )
}

const tokensHint = (waiter: WaiterView, scene: Scene): Hint => {
  const inMillis = waiter.earliestInMillis ?? 0
  const { timesOutInMillis } = waiter
  if (timesOutInMillis === undefined || inMillis <= timesOutInMillis) {
    return hint("tokens", `Nothing to do: its tokens come in ${duration(inMillis)}.`)
  }
  const last = waiter.reasons.toSorted((a, b) => (b.readyInMillis ?? 0) - (a.readyInMillis ?? 0))[0]
  const type = last?.resourceType ?? ""
  const rate = scene.pool(type)?.rate
  const text = `It gives up in ${duration(timesOutInMillis)}, and its tokens come in ${duration(inMillis)}.`
  if (rate === undefined) return hint("tooLate", text)
  // As much faster as it has to be, in the interval that the rate has.
  const limit = Math.ceil((rate.limit * inMillis) / Math.max(1, timesOutInMillis))
  const burst = rate.burst === scene.pool(type)?.capacity ? "" : `:${rate.burst}`
  return hint("tooLate", text, command("pools set-rate", type, `${rateArgument(limit, rate.intervalMillis)}${burst}`))
}

const intervals: Readonly<Record<number, string>> = { 1_000: "s", 60_000: "min", 3_600_000: "h", 86_400_000: "d" }

/** A rate as a command takes it: `100/10s`. */
const rateArgument = (limit: number, intervalMillis: number): string =>
  `${limit}/${intervals[intervalMillis] ?? `${intervalMillis}ms`}`

/** What a waiter lacks of a pool, as the reason of capacity says. */
interface Lack {
  readonly type: string
  readonly missing: number
  readonly requested: number
}

const lacksOf = (waiter: WaiterView): ReadonlyArray<Lack> =>
  waiter.reasons
    .filter(({ _tag }) => _tag === "Capacity")
    .map(({ available = 0, requested = 0, resourceType }) => ({
      type: resourceType,
      requested,
      missing: Math.max(1, requested - available)
    }))

const covers = (lease: HeldLease, lacks: ReadonlyArray<Lack>): number =>
  lacks.filter(({ missing, type }) => held(lease, type) >= missing).length

/** Of some leases the one that helps with the least harm: all that is lacking if it can, the smallest that does. */
const best = (leases: ReadonlyArray<HeldLease>, lacks: ReadonlyArray<Lack>): HeldLease | undefined => {
  const [first] = lacks
  if (first === undefined) return undefined
  const sufficient = leases.filter((lease) => covers(lease, lacks) > 0)
  const ranked = sufficient.toSorted(
    (a, b) => covers(b, lacks) - covers(a, lacks) || held(a, first.type) - held(b, first.type) || a.id - b.id
  )
  return ranked[0] ?? leases.toSorted((a, b) => held(b, first.type) - held(a, first.type) || a.id - b.id)[0]
}

const holdsText = (lease: HeldLease, lacks: ReadonlyArray<Lack>, types: Types): string => {
  const amounts = lacks
    .filter(({ type }) => held(lease, type) > 0)
    .map(({ type }) => `${amount(types, type, held(lease, type))} of ${named(type)}`)
  return sentence(`${leaseOf(lease)} holds ${amounts.join(" and ")}`)
}

/** What would be short even then: a sentence, or nothing. */
const restText = (lease: HeldLease, lacks: ReadonlyArray<Lack>, types: Types): string => {
  const short = lacks
    .filter(({ missing, type }) => held(lease, type) < missing)
    .map(({ missing, type }) => `${amount(types, type, missing - held(lease, type))} of ${named(type)}`)
  return short.length === 0 ? "" : ` It would still lack ${short.join(" and ")}.`
}

/** A hint to take a lease back: why that one, and what it is not enough for. */
const take = (rule: HintRule, text: string, lease: HeldLease, lacks: ReadonlyArray<Lack>, types: Types): Hint =>
  hint(rule, text + restText(lease, lacks, types), command("leases revoke", lease.id))

const expiry = ({ expiresInMillis = Infinity }: HeldLease): number => expiresInMillis

const forcedEnd = ({ ending }: HeldLease): number => ending?.latestInMillis ?? Infinity

/** The time in which so much is back by itself that nothing lacks, if that much is. */
const backIn = (
  leases: ReadonlyArray<HeldLease>,
  lacks: ReadonlyArray<Lack>,
  timeOf: (lease: HeldLease) => number
): number | undefined => {
  const inOrder = leases.toSorted((a, b) => (timeOf(a) < timeOf(b) ? -1 : timeOf(a) > timeOf(b) ? 1 : 0))
  const times = lacks.map(({ missing, type }) => {
    let freed = 0
    for (const lease of inOrder) {
      freed += held(lease, type)
      if (freed >= missing) return timeOf(lease)
    }
    return Infinity
  })
  const last = Math.max(...times)
  return last === Infinity ? undefined : last
}

const staleAfter = (pool: PoolStatistics): number =>
  pool.holds.count < usualMin ? Infinity : Math.max(staleMillisMin, staleFactor * pool.holds.p99)

const capacityHint = (waiter: WaiterView, scene: Scene, types: Types): Hint => {
  const lacks = lacksOf(waiter)
  const [first] = lacks
  const inside = new Set(scene.around(waiter.parent))
  const holders = scene.overview.leases.filter(
    (lease) => !inside.has(lease) && lacks.some(({ type }) => held(lease, type) > 0)
  )
  const pool = first === undefined ? undefined : scene.pool(first.type)
  if (first === undefined || pool === undefined) return hint("turn", "Nothing to do: it is its turn.")

  const forced = backIn(holders, lacks, forcedEnd)
  if (forced !== undefined && forced <= (waiter.timesOutInMillis ?? Infinity)) {
    return hint("ending", `Nothing to do: what it lacks was told to end, and is back within ${duration(forced)}.`)
  }
  const orphans = holders.filter(({ orphaned }) => orphaned === true)
  const orphan = best(orphans, lacks)
  if (orphan !== undefined) {
    const text = `${holdsText(orphan, lacks, types)} without a client, for processes that go on.`
    return take("orphaned", text, orphan, lacks, types)
  }
  const siblings = holders.filter((lease) => lease.agent === waiter.agent && covers(lease, lacks) === lacks.length)
  const own = best(siblings, lacks)
  if (own !== undefined) {
    const text = `It waits for what its own agent has. ${holdsText(own, lacks, types)}: give that back, or take it.`
    return take("own", text, own, lacks, types)
  }
  const expired = backIn(holders, lacks, expiry)
  if (expired !== undefined && expired <= (waiter.timesOutInMillis ?? Infinity)) {
    return hint("expires", `Nothing to do: what it lacks expires within ${duration(expired)}.`)
  }
  const old = holders.filter((lease) => held(lease, first.type) > 0 && lease.heldMillis > staleAfter(pool))
  const stale = best(old, lacks)
  if (stale !== undefined) {
    const usual = `Leases of ${named(first.type)} mostly (99 %) come back within ${duration(pool.holds.p99)}.`
    const text = `${holdsText(stale, lacks, types)}, for ${duration(stale.heldMillis)} now. ${usual}`
    return take("stale", text, stale, lacks, types)
  }
  const needed = pool.inUse + pool.earmarked + first.requested
  if (lacks.length === 1 && needed <= pool.maxCapacity && needed > pool.capacity) {
    const room = `The pool ${named(first.type)} may have up to ${amount(types, first.type, pool.maxCapacity)}.`
    return hint("raise", room, command("pools set-capacity", first.type, amountArgument(types, first.type, needed)))
  }
  return revokeHint(holders, lacks, pool, types)
}

const revokeHint = (
  holders: ReadonlyArray<HeldLease>,
  lacks: ReadonlyArray<Lack>,
  pool: PoolStatistics,
  types: Types
): Hint => {
  const lease = best(holders, lacks)
  const type = named(pool.resourceType)
  if (lease === undefined) return hint("revoke", `Who holds ${type}:`, command("pools show", pool.resourceType))
  const holding = holdsText(lease, lacks, types)
  if (pool.holds.count < usualMin)
    return take("revoke", `${holding}: wait for it, or take it back.`, lease, lacks, types)
  const text = `Leases of ${type} mostly (90 %) come back within ${duration(pool.holds.p90)}. ${holding}: to have that at once, take it back.`
  return take("usual", text, lease, lacks, types)
}

/** Who keeps it from its turn: the first ahead that is itself short there, else the first ahead. */
const blockerOf = (waiter: WaiterView, scene: Scene): WaiterView | undefined => {
  for (const { _tag, resourceType } of waiter.reasons) {
    if (_tag !== "Order") continue
    const ahead = scene.aheadOf(waiter, resourceType)
    const blocker = ahead.find(({ earmarked }) => !earmarked.includes(resourceType)) ?? ahead[0]
    if (blocker !== undefined) return blocker
  }
  return undefined
}

/** What would help who waits for quota. */
const quotaHint = (waiter: WaiterView, reason: WaitReason, types: Types): Hint => {
  const { requested = 0, resourceType: type } = reason
  const { held = 0, limit, quota = 0 } = reason.quota ?? {}
  const group = reason.quota?.path.at(-1)
  const isBound = limit === "max" || limit === "leases"
  if (reason.quota?.entitled === true && !isBound) {
    return hint("quota", "Nothing to do: it asks for what is its group's own, and has it first as leases return.")
  }
  if (reason.quota?.limit === "rate") return hint("quota", "Nothing to do: the tokens of its group come by themselves.")
  if (limit === "order") return hint("quota", "Nothing to do: others of its tree come first.", command("quota tree"))
  if (group === undefined) {
    const more = amountArgument(types, type, held + requested)
    const text = "It waits for its agent's own quota: it goes on as leases of the agent return, or with a higher one."
    return hint("quota", text, command("quota set", waiter.agent, type, more))
  }
  const text = `It waits for the quota of ${named(group)}: it goes on as leases of its tree return.`
  // The flag first: what stands behind the group may be behind `--`.
  const raise = (field: string, value: string | number) =>
    hint("quota", text, command(`quota group set --limit ${word(`${type}.${field}=${value}`)}`, group))
  if (limit === "max") return raise("max", amountArgument(types, type, held + requested))
  if (limit === "leases") return raise("leases", quota + 1)
  return hint("quota", `${text} Who has what of it:`, command("quota tree"))
}

/** The lease to wait for, where to grant a claim would risk a deadlock. */
const safetyHint = (waiter: WaiterView, reason: WaitReason, types: Types): Hint => {
  const other = reason.declared?.find(({ lease }) => lease > 0 && lease !== waiter.id)
  if (other === undefined)
    return hint("safety", "Nothing to do: it is granted once enough of what it declared is free.")
  const most = amount(types, reason.resourceType, other.amount)
  const text = `Lease ${other.lease} of ${named(other.agent)} declared that it may ask for ${most} more of ${named(reason.resourceType)}: wait for it, or take it back.`
  return hint("safety", text, command("leases revoke", other.lease))
}

const reservationHint = (reason: WaitReason): Hint => {
  const later = (reason.kept ?? []).filter(({ inMillis }) => inMillis > 0)
  const [first] = later
  if (first === undefined || later.length < (reason.kept ?? []).length) {
    return hint("reservation", "What is free was promised to others:", command("reserve list"))
  }
  const text = `It would run into what was promised to ${named(first.for)} in ${duration(first.inMillis)}. A claim that declares to be done before (run --expected) starts now.`
  return hint("reservation", text, command("reserve list"))
}

/** What would help a waiter. */
export const hintForWaiter = (waiter: WaiterView, scene: Scene, types: Types): Hint => {
  const [first] = byWeight(waiter.reasons)
  if (first === undefined) return hint("turn", "Nothing to do: it is its turn.")
  if (first._tag === "Quota") return quotaHint(waiter, first, types)
  if (first._tag === "Growth") return growHint(first, scene, types)
  const onlyTokens = waiter.reasons.every((reason) => reason._tag === "Rate")
  if (waiter.earliestInMillis !== undefined && onlyTokens) return tokensHint(waiter, scene)
  const blocker = blockerOf(waiter, scene)
  if (blocker !== undefined) {
    // Whoever is ahead is listed before it, so this ends.
    const helps = hintForWaiter(blocker, scene, types)
    return { ...helps, rule: "ahead", text: `Waiter ${blocker.id} of ${named(blocker.agent)} is ahead. ${helps.text}` }
  }
  if (first._tag === "Safety") return safetyHint(waiter, first, types)
  if (first._tag === "Reservation") return reservationHint(first)
  if (first._tag === "Capacity") return capacityHint(waiter, scene, types)
  if (waiter.earliestInMillis !== undefined) {
    const text = `Nothing to do: it starts within ${duration(waiter.earliestInMillis)}, if leases return by when they say.`
    return hint("planned", text)
  }
  return hint("turn", "Nothing to do: its turn comes.")
}
