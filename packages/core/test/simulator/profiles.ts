/** Kinds of runs. */
import {
  bankers,
  failRequester,
  type PreemptionPolicy,
  preemptionOff,
  revokeVictim,
  woundWait
} from "../../src/Ledger.ts"
import { mixed } from "./mixed.ts"
import { drawFair, drawPolicy, drawUnpassed, noPolicy } from "./order.ts"
import {
  base,
  drawConservative,
  drawPastHeads,
  plain,
  type Profile,
  randomPreemption,
  randomRate,
  weights
} from "./profile.ts"
import type { Random } from "./random.ts"

const randomReclaim = (random: Random): PreemptionPolicy => ({
  ...randomPreemption(random),
  name: "reclaim",
  byPriority: random.chance(0.3),
  reclaim: true
})

/** Deadlocks are avoided, whoever passes others or takes from others; in some runs beside promises, of which many are for ever, or quotas of groups. */
const avoiding: Profile = {
  ...base,
  name: "avoiding",
  draw: (random) => {
    const promised = random.chance(0.4) ? { reserve: 2, endReservation: 1 } : {}
    const groups = random.chance(0.4)
    const changes = groups ? { setGroup: 4, removeGroup: 1, assign: 2 } : {}
    return { ...avoiding, standing: 0.5, groups, weights: { ...avoiding.weights, ...promised, ...changes } }
  },
  policy: (random) => (random.chance(0.5) ? drawPolicy(random) : noPolicy),
  backfill: drawPastHeads,
  preemption: randomPreemption,
  deadlock: () => bankers,
  maxima: true,
  pools: (random) => plain(random, random.between(1, 3)),
  agents: 5,
  live: 12,
  nested: 0.4,
  expected: 0.7,
  priorities: 0.5,
  preemptible: 0.3,
  moves: 0.6,
  weights: { ...weights, setAgent: 2, advance: 8 }
}

export const profiles: ReadonlyArray<Profile> = [
  mixed,
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
  avoiding,
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
    ttl: 0.35,
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
    // Who says how long it lasts runs into windows as time goes by.
    expected: 0.6,
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
    name: "windows",
    // Many that may be taken, and none of whom is endless for the calendar.
    expected: 0.4,
    priorities: 0.5,
    preemptible: 0.6,
    preemption: (random) => ({
      ...randomPreemption(random),
      byPriority: random.chance(0.6),
      windows: random.chance(0.9)
    }),
    detects: false,
    pools: (random) => plain(random, random.between(1, 2)),
    agents: 4,
    live: 9,
    nested: 0.15,
    deadline: 0.5,
    moves: 0.6,
    weights: { ...weights, linger: 2, reserve: 5, endReservation: 2, yieldUp: 3, setCapacity: 1, advance: 8 }
  },
  {
    ...base,
    // What is promised for ever beside waits inside leases: what nobody ever gets back.
    name: "reserved, nested",
    standing: 0.6,
    expected: 0.3,
    preemption: () => preemptionOff,
    policy: (random) => (random.chance(0.5) ? drawPolicy(random) : noPolicy),
    pools: (random) =>
      plain(random, random.between(1, 3)).map(({ capacity }) => ({
        capacity,
        ...(random.chance(0.3) ? { maxCapacity: capacity + random.between(0, 8) } : {}),
        ...(random.chance(0.2) ? { rate: randomRate(random, capacity) } : {})
      })),
    agents: 4,
    live: 11,
    nested: 0.6,
    ttl: 0.04,
    manual: 0.02,
    priorities: 0.5,
    moves: 0.6,
    weights: { ...weights, grow: 8, setCapacity: 3, setAgent: 2, reserve: 4, endReservation: 3, advance: 8 }
  },
  {
    ...base,
    name: "groups",
    groups: true,
    pools: (random) => {
      const grows = random.chance(0.5)
      const most = (capacity: number) => (grows ? { maxCapacity: capacity + random.between(0, 8) } : {})
      return plain(random, random.between(2, 4)).map(({ capacity }) => ({ capacity, ...most(capacity) }))
    },
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
    name: "reclaiming",
    groups: true,
    lends: true,
    pools: (random) => Array.from({ length: random.between(1, 2) }, () => ({ capacity: random.between(8, 16) })),
    agents: 6,
    live: 9,
    nested: 0.12,
    manual: 0.03,
    deadline: 0.3,
    priorities: 0.5,
    preemptible: 0.8,
    deadlock: () => failRequester,
    preemption: randomReclaim,
    moves: 0.6,
    weights: { ...weights, yieldUp: 4, setCapacity: 1, setQuota: 0, setGroup: 2, assign: 1 }
  },
  {
    ...base,
    name: "backfilled",
    preemption: () => preemptionOff,
    backfill: drawPastHeads,
    pools: (random) =>
      plain(random, random.between(1, 3)).map(({ capacity }) =>
        random.chance(0.3) ? { capacity, rate: randomRate(random, capacity) } : { capacity }
      ),
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
  },
  {
    ...base,
    // Processes work under leases that expire.
    name: "lingering",
    pools: (random) => plain(random, random.between(1, 3)),
    live: 15,
    ttl: 0.5,
    priorities: 0.6,
    preemptible: 0.5,
    preemption: (random) => (random.chance(0.7) ? randomPreemption(random) : { ...preemptionOff, overrun: 500 }),
    moves: 0.6,
    weights: { ...weights, linger: 9, yieldUp: 3, grow: 3, setCapacity: 3 }
  },
  {
    ...base,
    // Most come back when they said, so that starts that were told hold.
    name: "conservative",
    preemption: () => preemptionOff,
    policy: (random) => (random.chance(0.5) ? drawUnpassed(random) : noPolicy),
    backfill: drawConservative,
    pools: (random) =>
      plain(random, random.between(1, 3)).map(({ capacity }) => ({
        capacity,
        rate: random.chance(0.2) ? randomRate(random, capacity) : undefined
      })),
    live: 14,
    nested: 0.15,
    ttl: 0.9,
    expected: 0.3,
    deadline: 0.3,
    moves: 0.7,
    weights: { ...weights, release: 8, setCapacity: 0.3, settle: 0.3, revoke: 0.3, advance: 12 }
  }
]
