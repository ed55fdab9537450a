/** What a kind of run is: what the pools are like, how crowded they are, and which commands come how often. */
import {
  type BackfillOptions,
  type DeadlockPolicy,
  failRequester,
  type PoolOptions,
  preemptionOff,
  type PreemptionPolicy
} from "../../src/Ledger.ts"
import type { CommandName } from "./checker.ts"
import type { ModelRate } from "./bucket.ts"
import type { ModelPolicy } from "./order.ts"
import type { Random } from "./random.ts"

export interface Profile {
  readonly name: string
  /** What a seed makes of it, where each is another kind of run. */
  readonly draw?: (random: Random) => Profile
  readonly pools: (random: Random) => ReadonlyArray<PoolOptions>
  readonly agents: number
  /** Waiters and leases together, that the commands steer towards. */
  readonly live: number
  /** How often a claim is made inside a lease. */
  readonly nested: number
  readonly ttl: number
  readonly deadline: number
  readonly manual: number
  readonly detects: boolean
  /** How often a claim has a priority, and how often its lease may be taken. */
  readonly priorities: number
  readonly preemptible: number
  readonly preemption: (random: Random) => PreemptionPolicy
  /** What is done about a deadlock, where it is detected. */
  readonly deadlock: (random: Random) => DeadlockPolicy
  /** Whether agents are in groups, with quotas of theirs. */
  readonly groups: boolean
  /** Whether agents are in groups that limit nothing, and have shares. */
  readonly shares?: true
  /** Whether these have quotas that are mostly lent, and few other limits. */
  readonly lends?: boolean
  /** Whether claims that are inside of no lease declare the most that they and all inside them will hold. */
  readonly maxima: boolean
  /** How often a promise has no end; at times where absent. */
  readonly standing?: number
  /** How often a claim says how long it lasts. */
  readonly expected: number
  /** Who may start before a blocked head; nobody where absent. */
  readonly backfill?: (random: Random) => BackfillOptions
  /** Who goes first; first come, first served where absent. */
  readonly policy?: (random: Random) => ModelPolicy
  readonly waitersMax: number
  readonly waitersPerAgentMax: number
  /** How often the clock moves before a command. */
  readonly moves: number
  readonly weights: Readonly<Partial<Record<CommandName, number>>>
}

export const commandNames: ReadonlyArray<CommandName> = [
  "claim",
  "try",
  "grow",
  "shrink",
  "release",
  "releaseManual",
  "undo",
  "keep",
  "abandon",
  "revoke",
  "yieldUp",
  "linger",
  "setCapacity",
  "setRate",
  "refund",
  "settle",
  "setQuota",
  "setAgent",
  "reserve",
  "endReservation",
  "setGroup",
  "removeGroup",
  "assign",
  "advance"
]

export const weights = {
  claim: 40,
  try: 5,
  grow: 4,
  shrink: 3,
  release: 26,
  releaseManual: 2,
  undo: 3,
  keep: 2,
  abandon: 5,
  revoke: 1,
  yieldUp: 1,
  linger: 0,
  setCapacity: 2,
  setRate: 0,
  refund: 0,
  settle: 1,
  setQuota: 2,
  reserve: 0,
  endReservation: 0,
  advance: 4
} satisfies Profile["weights"]

export const plain = (random: Random, pools: number): ReadonlyArray<PoolOptions> =>
  Array.from({ length: pools }, () => ({ capacity: random.between(3, 14) }))

export const randomRate = (random: Random, capacity: number): ModelRate => ({
  limit: random.between(1, 20),
  intervalMicros: random.pick([7, 100, 1_000, 1_000_000, 999_983]) ?? 1_000,
  burst: random.chance(0.5) ? undefined : random.between(1, capacity + 4),
  per: random.chance(0.6) ? "unit" : "request"
})

export const randomPreemption = (random: Random): PreemptionPolicy => ({
  name: "priority",
  byPriority: true,
  grace: random.chance(0.2) ? 0 : random.between(1, 5_000),
  overrun: random.chance(0.2) ? 0 : random.between(1, 2_000)
})

export const drawPastHeads = (random: Random): BackfillOptions => ({
  kind: random.chance(0.5) ? "easy" : "shadow",
  depth: random.pick([2, 4, 1_000, 1_000])
})

export const drawConservative = (random: Random): BackfillOptions => ({
  kind: "conservative",
  depth: random.pick([1, 3, 1_000])
})

export const base: Omit<Profile, "name"> = {
  groups: false,
  maxima: false,
  pools: (random) => plain(random, random.between(2, 4)),
  agents: 6,
  live: 16,
  nested: 0.35,
  ttl: 0.08,
  deadline: 0.15,
  manual: 0.1,
  detects: true,
  deadlock: () => failRequester,
  priorities: 0.3,
  preemptible: 0.15,
  expected: 0.1,
  preemption: (random) => (random.chance(0.3) ? randomPreemption(random) : preemptionOff),
  waitersMax: 1_000_000,
  waitersPerAgentMax: Infinity,
  moves: 0.4,
  weights
}
