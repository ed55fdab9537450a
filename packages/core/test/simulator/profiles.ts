/** Kinds of runs: what the pools are like, how crowded they are, and which commands come how often. */
import {
  type BackfillOptions,
  type DeadlockPolicy,
  failRequester,
  type PoolOptions,
  preemptionOff,
  type PreemptionPolicy,
  revokeVictim,
  woundWait
} from "../../src/Ledger.ts"
import type { CommandName } from "./checker.ts"
import type { ModelRate } from "./bucket.ts"
import { drawFair, drawPolicy, type ModelPolicy, noPolicy } from "./order.ts"
import type { Random } from "./random.ts"

export interface Profile {
  readonly name: string
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

const weights = {
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
  setCapacity: 2,
  setRate: 0,
  refund: 0,
  settle: 1,
  setQuota: 2,
  reserve: 0,
  endReservation: 0,
  advance: 4
} satisfies Profile["weights"]

const plain = (random: Random, pools: number): ReadonlyArray<PoolOptions> =>
  Array.from({ length: pools }, () => ({ capacity: random.between(3, 14) }))

export const randomRate = (random: Random, capacity: number): ModelRate => ({
  limit: random.between(1, 20),
  intervalMicros: random.pick([7, 100, 1_000, 1_000_000, 999_983]) ?? 1_000,
  burst: random.chance(0.5) ? undefined : random.between(1, capacity + 4),
  per: random.chance(0.6) ? "unit" : "request"
})

const randomPreemption = (random: Random): PreemptionPolicy => ({
  name: "priority",
  byPriority: true,
  grace: random.chance(0.2) ? 0 : random.between(1, 5_000),
  overrun: random.chance(0.2) ? 0 : random.between(1, 2_000)
})

const drawPastHeads = (random: Random): BackfillOptions => ({ kind: random.chance(0.5) ? "easy" : "shadow" })

const base: Omit<Profile, "name"> = {
  groups: false,
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

export const profiles: ReadonlyArray<Profile> = [
  { ...base, name: "contended" },
  {
    ...base,
    name: "nested",
    pools: (random) => plain(random, random.between(1, 3)),
    live: 11,
    nested: 0.7,
    ttl: 0.04,
    manual: 0.02,
    weights: { ...weights, grow: 8, setCapacity: 3 }
  },
  {
    ...base,
    name: "rated",
    pools: (random) =>
      plain(random, random.between(1, 3)).map(({ capacity }) =>
        random.chance(0.8) ? { capacity, rate: randomRate(random, capacity) } : { capacity }
      ),
    live: 14,
    nested: 0.3,
    moves: 0.6,
    weights: { ...weights, undo: 6, setRate: 2, refund: 2, settle: 6, advance: 12 }
  },
  {
    ...base,
    name: "growing",
    pools: (random) =>
      plain(random, random.between(1, 3)).map(({ capacity }) => ({
        capacity,
        minCapacity: 1,
        maxCapacity: capacity + random.between(0, 8),
        rate: random.chance(0.3) ? randomRate(random, capacity) : undefined
      })),
    live: 13,
    nested: 0.4,
    weights: { ...weights, setCapacity: 10, setRate: 1, refund: 1 }
  },
  {
    ...base,
    name: "quotas",
    agents: 4,
    live: 18,
    manual: 0.4,
    waitersMax: 12,
    waitersPerAgentMax: 5,
    weights: { ...weights, releaseManual: 10, setQuota: 10 }
  },
  {
    ...base,
    name: "preempting",
    pools: (random) => plain(random, random.between(1, 3)),
    live: 15,
    nested: 0.35,
    priorities: 0.8,
    preemptible: 0.7,
    preemption: randomPreemption,
    deadlock: (random) => random.pick([failRequester, revokeVictim, woundWait]) ?? failRequester,
    moves: 0.6,
    weights: { ...weights, yieldUp: 4, grow: 3, setCapacity: 3, abandon: 7 }
  },
  {
    ...base,
    name: "undetected",
    detects: false,
    live: 14,
    deadline: 0.6,
    nested: 0.5,
    moves: 0.3,
    weights: { ...weights, abandon: 8 }
  },
  {
    ...base,
    name: "crowded",
    pools: (random) =>
      plain(random, 5).map(({ capacity }) => ({
        capacity,
        rate: random.chance(0.3) ? randomRate(random, capacity) : undefined
      })),
    agents: 12,
    live: 70,
    nested: 0.15
  },
  {
    ...base,
    name: "ordered",
    policy: drawPolicy,
    preemption: () => preemptionOff,
    agents: 5,
    weights: { ...weights, setAgent: 3 }
  },
  {
    ...base,
    name: "ordered, nested",
    policy: drawPolicy,
    preemption: () => preemptionOff,
    pools: (random) => plain(random, random.between(1, 3)),
    agents: 4,
    live: 11,
    nested: 0.6,
    ttl: 0.04,
    manual: 0.02,
    weights: { ...weights, grow: 8, setCapacity: 3, setAgent: 3 }
  },
  {
    ...base,
    name: "ordered, rated",
    policy: drawPolicy,
    preemption: () => preemptionOff,
    pools: (random) =>
      plain(random, random.between(1, 3)).map(({ capacity }) =>
        random.chance(0.6) ? { capacity, rate: randomRate(random, capacity) } : { capacity }
      ),
    agents: 4,
    live: 14,
    nested: 0.3,
    moves: 0.6,
    weights: { ...weights, undo: 6, setRate: 2, settle: 4, advance: 12, setAgent: 3 }
  },
  {
    ...base,
    name: "reserved",
    preemption: () => preemptionOff,
    detects: false,
    pools: (random) => plain(random, random.between(1, 2)),
    agents: 4,
    live: 10,
    nested: 0.2,
    deadline: 0.5,
    moves: 0.6,
    weights: { ...weights, reserve: 6, endReservation: 2, advance: 8 }
  },
  {
    ...base,
    name: "groups",
    groups: true,
    deadlock: () => failRequester,
    preemption: () => preemptionOff,
    weights: { ...weights, setQuota: 2, setGroup: 5, removeGroup: 1, assign: 3 }
  },
  {
    ...base,
    name: "groups, ordered",
    groups: true,
    deadlock: () => failRequester,
    policy: drawPolicy,
    preemption: () => preemptionOff,
    nested: 0.5,
    weights: { ...weights, grow: 6, setAgent: 2, setGroup: 4, removeGroup: 1, assign: 2 }
  },
  {
    ...base,
    name: "shared",
    shares: true,
    policy: (random) => ({ ...drawPolicy(random), ...drawFair(random) }),
    preemption: () => preemptionOff,
    pools: (random) => plain(random, random.between(1, 3)),
    live: 14,
    nested: 0.2,
    moves: 0.6,
    weights: { ...weights, undo: 5, setAgent: 3, setGroup: 3, removeGroup: 0.3, assign: 3 }
  },
  {
    ...base,
    name: "backfilled",
    preemption: () => preemptionOff,
    backfill: drawPastHeads,
    pools: (random) => plain(random, random.between(1, 3)),
    live: 14,
    nested: 0.15,
    expected: 0.8,
    moves: 0.6,
    weights: { ...weights, setCapacity: 1, advance: 8 }
  },
  {
    ...base,
    name: "backfilled by size",
    preemption: () => preemptionOff,
    policy: (random) => ({ ...noPolicy, size: true, committed: random.chance(0.7) }),
    backfill: drawPastHeads,
    pools: (random) => plain(random, random.between(1, 2)),
    live: 14,
    nested: 0.15,
    expected: 0.8,
    moves: 0.6,
    weights: { ...weights, setCapacity: 1, advance: 8 }
  },
  {
    ...base,
    // Bytes and bytes per second: figures whose products leave the safe integers.
    name: "bytes",
    pools: (random) =>
      Array.from({ length: random.between(1, 3) }, () => {
        const capacity = random.between(1, 64) * 2 ** random.between(20, 44) + random.int(1000)
        const rate = {
          limit: random.between(1, 1024) * 2 ** random.between(10, 30) + random.int(100),
          intervalMicros: random.pick([1_000_000, 60_000_000, 3_600_000_000, 999_999_937]) ?? 1_000_000,
          burst: random.chance(0.3) ? capacity * 2 : undefined,
          per: "unit" as const
        }
        return { capacity, rate: random.chance(0.7) ? rate : undefined }
      }),
    live: 12,
    moves: 0.6,
    weights: { ...weights, undo: 5, refund: 2, settle: 5, advance: 10 }
  }
]
