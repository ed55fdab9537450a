/**
 * Who goes first, by the rules as they are told: naive sums and sorts over the world,
 * sharing no code with the Ledger. The policy of a run is drawn by its seed.
 */
import type { LedgerEvent } from "../../src/Ledger.ts"
import { around, type Asked, type Need, type World, type WorldClaim } from "./model.ts"
import type { Random } from "./random.ts"

export interface ModelPolicy {
  readonly fair: "held" | "served" | undefined
  readonly priority:
    | { readonly inherits: boolean; readonly aging: { readonly after: number; readonly oneIn: number } | undefined }
    | undefined
  /** Shortest declared duration first. */
  readonly size: boolean
  /** Whether who is next in a pool stays next until it is granted. */
  readonly committed: boolean
  readonly bypass: { readonly max: number; readonly within: number; readonly depth: number } | undefined
}

export const noPolicy: ModelPolicy = {
  fair: undefined,
  priority: undefined,
  size: false,
  committed: false,
  bypass: undefined
}

/** Some of everything, never nothing. */
export const drawPolicy = (random: Random): ModelPolicy => {
  const priority = random.chance(0.7)
    ? {
        inherits: random.chance(0.7),
        aging: random.chance(0.6)
          ? { after: random.pick([0, 300, 5_000]) ?? 0, oneIn: random.pick([1, 2, 3, 6]) ?? 2 }
          : undefined
      }
    : undefined
  const fair = random.chance(0.5) ? random.pick(["held", "served"] as const) : undefined
  const size = random.chance(0.2)
  const bypass =
    random.chance(0.4) || (priority === undefined && fair === undefined && !size)
      ? {
          max: random.pick([1, 2, 5, Infinity]) ?? 1,
          within: random.pick([200, 10_000, Infinity]) ?? Infinity,
          depth: random.pick([2, 1_000]) ?? 2
        }
      : undefined
  const committed = (size || priority !== undefined || fair !== undefined) && random.chance(0.25)
  return { fair, priority, size, committed, bypass }
}

/** What the world knows of an agent beside its quotas. */
export interface WorldAgent {
  weight: number
  priority: number
  served: number
  readonly index: number
}

/** A waiter, or a claim that arrives. */
type Ranked = Pick<WorldClaim, "id" | "agent" | "scheduling"> & {
  readonly rescued?: boolean
  readonly chosen?: number
}

export class WorldOrder {
  readonly policy: ModelPolicy | undefined
  private readonly world: World
  private readonly agents = new Map<string, WorldAgent>()
  private virtual = 0
  /** The line, until the next event. */
  private sorted: ReadonlyArray<WorldClaim> | undefined = undefined

  constructor(world: World, policy: ModelPolicy | undefined) {
    this.world = world
    this.policy = policy
  }

  agent(id: string): WorldAgent {
    let agent = this.agents.get(id)
    if (agent === undefined) {
      agent = { weight: 1, priority: 0, served: 0, index: this.agents.size }
      this.agents.set(id, agent)
    }
    return agent
  }

  /** Before the world takes an event in. */
  hear(event: LedgerEvent): void {
    this.sorted = undefined
    if ("agent" in event) this.agent(event.agent)
    switch (event._tag) {
      case "AgentSet":
        Object.assign(this.agent(event.agent), { weight: event.weight, priority: event.priority })
        break
      case "Queued":
        this.agent(event.agent).served = this.startOf(event.agent)
        break
      case "GrantedAtOnce":
        this.charge(event.agent, this.needsOf(event))
        break
      case "Granted": {
        const claim = this.world.claim(event.id)
        this.charge(claim.agent, claim.needs)
        break
      }
      case "Undone": {
        const { agent, needs } = this.world.claim(event.id)
        const known = this.agent(agent)
        known.served = Math.max(0, known.served - this.dominant(needs) / known.weight)
        break
      }
      default:
    }
  }

  /** The waiters, first come where nothing else decides. */
  line(): ReadonlyArray<WorldClaim> {
    const { policy, world } = this
    if (policy === undefined) return world.waiters
    this.sorted ??= world.waiters.toSorted(this.comparer(this.ranks()))
    return this.sorted
  }

  /** Those whom a claim that arrives comes behind. */
  before(claim: Ranked): ReadonlyArray<WorldClaim> {
    if (this.policy === undefined) return this.world.waiters
    const ranks = new Map<Ranked, number>(this.ranks())
    ranks.set(claim, this.own(claim))
    const compare = this.comparer(ranks)
    return this.line().filter((waiter) => compare(waiter, claim) < 0)
  }

  private comparer(ranks: ReadonlyMap<Ranked, number>): (a: Ranked, b: Ranked) => number {
    const { policy } = this
    const shares = new Map<string, number>()
    const shareOf = (agent: string): number => {
      const known = shares.get(agent)
      if (known !== undefined) return known
      const share = this.shareOf(agent)
      shares.set(agent, share)
      return share
    }
    return (a, b) => {
      const rescued = Number(b.rescued ?? false) - Number(a.rescued ?? false)
      if (rescued !== 0) return rescued
      const arrival = (a.id || Infinity) === (b.id || Infinity) ? 0 : (a.id || Infinity) - (b.id || Infinity)
      if (a.rescued === true) return arrival
      const chosen =
        (a.chosen || Infinity) === (b.chosen || Infinity) ? 0 : (a.chosen || Infinity) - (b.chosen || Infinity)
      if (chosen !== 0) return chosen
      if (policy?.fair !== undefined && a.agent !== b.agent) {
        const held = shareOf(a.agent) - shareOf(b.agent)
        const served = this.startOf(a.agent) - this.startOf(b.agent)
        const first = policy.fair === "held" ? held || served : served || held
        return first || this.indexOf(a.agent) - this.indexOf(b.agent)
      }
      if (policy?.priority !== undefined) {
        const rank = ranks.get(b)! - ranks.get(a)!
        if (rank !== 0) return rank
      }
      if (policy?.size === true) {
        const [one, other] = [a, b].map(({ scheduling }) => scheduling.expected || Infinity)
        if (one !== other) return one! < other! ? -1 : 1
      }
      return arrival
    }
  }

  own({ agent, scheduling }: Ranked): number {
    return scheduling.priority ?? this.agents.get(agent)?.priority ?? 0
  }

  /** What each waiter runs at: at least what those run at who wait for a lease around it, and are not in it. */
  private ranks(): Map<WorldClaim, number> {
    const { policy, world } = this
    const ranks = new Map(world.waiters.map((waiter) => [waiter, this.own(waiter)]))
    if (policy?.priority?.inherits !== true) return ranks
    for (let changed = true; changed;) {
      changed = false
      for (const wait of world.waiters) {
        for (const lease of around(wait)) {
          if (lease.ttl !== 0 || lease.notice !== undefined) continue
          for (const other of world.waiters) {
            if (ranks.get(other)! <= ranks.get(wait)! || around(other).includes(lease)) continue
            if (!other.needs.some((need) => lease.needs.some((held) => held.pool === need.pool))) continue
            ranks.set(wait, ranks.get(other)!)
            changed = true
          }
        }
      }
    }
    return ranks
  }

  private indexOf(agent: string): number {
    return this.agents.get(agent)?.index ?? this.agents.size
  }

  private shareOf(agent: string): number {
    let largest = 0
    for (const pool of this.world.pools) {
      largest = Math.max(largest, this.world.sum(this.world.leases, agent, pool) / Math.max(1, pool.capacity))
    }
    return largest / (this.agents.get(agent)?.weight ?? 1)
  }

  private startOf(agent: string): number {
    const served = this.agents.get(agent)?.served ?? 0
    return this.world.waiters.some((waiter) => waiter.agent === agent) ? served : Math.max(served, this.virtual)
  }

  private charge(agent: string, needs: ReadonlyArray<Pick<Need, "amount" | "pool">>): void {
    const start = this.startOf(agent)
    this.virtual = Math.max(this.virtual, start)
    const known = this.agent(agent)
    known.served = start + this.dominant(needs) / known.weight
  }

  private dominant(needs: ReadonlyArray<Pick<Need, "amount" | "pool">>): number {
    return Math.max(0, ...needs.map(({ amount, pool }) => amount / Math.max(1, pool.capacity)))
  }

  private needsOf(event: Asked) {
    return Object.entries(event.claim).map(([type, amount]) => ({ amount, pool: this.world.pool(type) }))
  }
}
