/**
 * Who goes first, by the rules as they are told: naive sums and sorts over the world,
 * sharing no code with the Ledger. The policy of a run is drawn by its seed.
 */
import type { LedgerEvent } from "../../src/Ledger.ts"
import { around, type Asked, type Need, type World, type WorldClaim } from "./model.ts"
import type { Random } from "./random.ts"

export interface ModelPolicy {
  readonly fair: "held" | "served" | undefined
  /** How long until what was granted counts half; `undefined`: by virtual time. */
  readonly halfLife: number | undefined
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
  halfLife: undefined,
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
  return { fair, halfLife: fair && drawHalfLife(random), priority, size, committed, bypass }
}

/** The same where nobody may pass others. */
export const drawUnpassed = (random: Random): ModelPolicy => ({ ...drawPolicy(random), bypass: undefined })

const drawHalfLife = (random: Random): number | undefined =>
  random.chance(0.4) ? random.pick([300, 20_000, 3_000_001]) : undefined

/** Shares are fair, by what is granted over time more often than not: only that goes wrong for ever. */
export const drawFair = (random: Random): Pick<ModelPolicy, "fair" | "halfLife"> => ({
  fair: random.chance(0.4) ? "held" : "served",
  halfLife: drawHalfLife(random)
})

/** What the world knows of an agent, or a group, beside its quotas. */
export interface WorldAgent {
  weight: number
  priority: number
  /** What it was granted over time, and with a half-life in which one that is a figure of. */
  served: number
  servedIn: number
  /** The group that it is in. */
  group: string | undefined
  readonly index: number
}

interface WorldGroup extends WorldAgent {
  /** The latest start of what was granted among those in it. */
  virtual: number
}

const nobody = (index: number): WorldAgent => ({
  weight: 1,
  priority: 0,
  served: 0,
  servedIn: 0,
  group: undefined,
  index
})

/** A waiter, or a claim that arrives. */
type Ranked = Pick<WorldClaim, "id" | "agent" | "scheduling"> & {
  readonly rescued?: boolean
  readonly chosen?: number
}

const once = <A>(of: (key: A) => number): ((key: A) => number) => {
  const known = new Map<A, number>()
  return (key) => {
    const value = known.get(key) ?? of(key)
    known.set(key, value)
    return value
  }
}

export class WorldOrder {
  readonly policy: ModelPolicy | undefined
  private readonly world: World
  private readonly agents = new Map<string, WorldAgent>()
  private readonly groups = new Map<string, WorldGroup>()
  private groupsEver = 0
  private virtual = 0
  private halfLife: number | undefined = undefined
  /** What is asked of the tree again and again, until it is another one. */
  private readonly paths = new Map<string, ReadonlyArray<WorldAgent>>()
  private readonly members = new Map<WorldAgent, ReadonlyArray<string>>()
  /** The line, until the next event. */
  private sorted: ReadonlyArray<WorldClaim> | undefined = undefined
  /** What each waiter runs at, until the next event. */
  private ranked: ReadonlyMap<WorldClaim, number> | undefined = undefined

  constructor(world: World, policy: ModelPolicy | undefined) {
    this.world = world
    this.policy = policy
  }

  agent(id: string): WorldAgent {
    let agent = this.agents.get(id)
    if (agent === undefined) {
      agent = nobody(this.agents.size)
      this.agents.set(id, agent)
      this.forgetTree()
    }
    return agent
  }

  /** Before the world takes an event in. */
  hear(event: LedgerEvent): void {
    this.sorted = undefined
    this.ranked = undefined
    if ("agent" in event) this.agent(event.agent)
    switch (event._tag) {
      case "AgentSet":
        Object.assign(this.agent(event.agent), { weight: event.weight, priority: event.priority })
        break
      case "SharesKept":
        this.halfLife = event.halfLife
        this.virtual = 0
        for (const group of this.groups.values()) Object.assign(group, { served: 0, servedIn: 0, virtual: 0 })
        for (const agent of this.agents.values()) Object.assign(agent, { served: 0, servedIn: 0 })
        break
      case "GroupSet":
        this.setGroup(event)
        break
      case "GroupRemoved":
        this.groups.delete(event.group)
        this.forgetTree()
        break
      case "AgentAssigned": {
        const agent = this.agent(event.agent)
        const waits = this.world.waiters.some((waiter) => waiter.agent === event.agent)
        if (agent.group !== event.group) this.move(agent, waits, event.group)
        break
      }
      case "Queued":
        this.catchUp(this.upFrom(event.agent))
        break
      case "GrantedAtOnce":
        this.charge(event.agent, this.needsOf(event), event.at)
        break
      case "Granted": {
        const claim = this.world.claim(event.id)
        this.charge(claim.agent, claim.needs, event.at)
        break
      }
      case "Undone": {
        const { agent, grantedAt, needs } = this.world.claim(event.id)
        for (const known of this.upFrom(agent)) {
          const part = this.dominant(needs)
          if (part === 0) continue
          const [number, counts] = this.counts(grantedAt)
          const was = this.halfLife === undefined ? part / known.weight : part * counts * 2 ** (number - known.servedIn)
          known.served = Math.max(0, known.served - was)
        }
        break
      }
      default:
    }
  }

  /** Whether anything but arrival decides. */
  private get isKeyed(): boolean {
    const { policy } = this
    return policy !== undefined && (policy.fair !== undefined || policy.priority !== undefined || policy.size)
  }

  /** Who is in the queues, first come where nothing else decides. */
  line(): ReadonlyArray<WorldClaim> {
    const { world } = this
    if (!this.isKeyed) return world.queued
    this.sorted ??= world.queued.toSorted(this.comparer(this.ranks()))
    return this.sorted
  }

  /** Those whom a claim that arrives comes behind. */
  before(claim: Ranked): ReadonlyArray<WorldClaim> {
    if (!this.isKeyed) return this.world.queued
    const ranks = new Map<Ranked, number>(this.ranks())
    // One that waits for quota runs at what it inherits already.
    if (!ranks.has(claim)) ranks.set(claim, this.own(claim))
    const compare = this.comparer(ranks)
    return this.line().filter((waiter) => compare(waiter, claim) < 0)
  }

  private comparer(ranks: ReadonlyMap<Ranked, number>): (a: Ranked, b: Ranked) => number {
    const { policy } = this
    const { queued } = this.world
    const placeOf = once((claim: Ranked) => {
      const place = queued.findIndex(({ id }) => id === claim.id)
      return place < 0 ? Infinity : place
    })
    const shareOf = once((sharer: WorldAgent) => this.shareOf(sharer))
    const startOf = once((sharer: WorldAgent) => this.startOf(sharer))
    return (a, b) => {
      const rescued = Number(b.rescued ?? false) - Number(a.rescued ?? false)
      if (rescued !== 0) return rescued
      const arrival = placeOf(a) === placeOf(b) ? 0 : placeOf(a) - placeOf(b)
      if (a.rescued === true) return arrival
      const chosen =
        (a.chosen || Infinity) === (b.chosen || Infinity) ? 0 : (a.chosen || Infinity) - (b.chosen || Infinity)
      if (chosen !== 0) return chosen
      if (policy?.fair !== undefined && a.agent !== b.agent) {
        const [one, other] = this.siblings(a.agent, b.agent)
        const held = shareOf(one) - shareOf(other)
        const served = startOf(one) - startOf(other)
        const first = policy.fair === "held" ? held || served : served || held
        if (first !== 0) return first
        // Groups before agents, each in the order in which they came to be.
        const groups = Number(this.isGroup(other)) - Number(this.isGroup(one))
        return groups || one.index - other.index
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

  own({ agent, scheduling }: Pick<WorldClaim, "agent" | "scheduling">): number {
    return scheduling.priority ?? this.agentPriority(agent)
  }

  agentPriority(agent: string): number {
    return this.agents.get(agent)?.priority ?? 0
  }

  /** What a waiter runs at: its own priority, or what it inherits. */
  rankOf(waiter: WorldClaim): number {
    return this.ranks().get(waiter)!
  }

  private ranks(): ReadonlyMap<WorldClaim, number> {
    this.ranked ??= this.ranksNow()
    return this.ranked
  }

  /** What each waiter runs at: at least what those run at who wait for a lease around it, and are not in it. */
  private ranksNow(): Map<WorldClaim, number> {
    const { policy, world } = this
    const ranks = new Map(world.waiters.map((waiter) => [waiter, this.own(waiter)]))
    if (policy?.priority?.inherits !== true) return ranks
    for (let changed = true; changed;) {
      changed = false
      for (const wait of world.waiters) {
        for (const lease of around(wait)) {
          if (lease.ttl !== 0 || lease.notice !== undefined) continue
          for (const other of world.queued) {
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

  /** Where two agents part on the way down from the roots. */
  siblings(a: string, b: string): readonly [WorldAgent, WorldAgent] {
    if (this.agents.get(a)?.group === this.agents.get(b)?.group) return [this.upFrom(a)[0]!, this.upFrom(b)[0]!]
    const one = this.upFrom(a).toReversed()
    const other = this.upFrom(b).toReversed()
    const at = one.findIndex((sharer, depth) => sharer !== other[depth])
    return [one[at]!, other[at]!]
  }

  isGroup(sharer: WorldAgent): boolean {
    return [...this.groups.values()].some((group) => group === sharer)
  }

  /** An agent, and the groups that it is in, the innermost first. */
  upFrom(agent: string): ReadonlyArray<WorldAgent> {
    const known = this.paths.get(agent)
    if (known !== undefined) return known
    const first = this.agents.get(agent) ?? nobody(this.agents.size)
    const path = [first, ...this.groupsFrom(first.group)]
    if (this.agents.has(agent)) this.paths.set(agent, path)
    return path
  }

  private groupsFrom(id: string | undefined): ReadonlyArray<WorldGroup> {
    const group = id === undefined ? undefined : this.groups.get(id)
    return group === undefined ? [] : [group, ...this.groupsFrom(group.group)]
  }

  /** The agents that a share is of. */
  private below(sharer: WorldAgent): ReadonlyArray<string> {
    let agents = this.members.get(sharer)
    if (agents === undefined) {
      agents = [...this.agents.keys()].filter((agent) => this.upFrom(agent).includes(sharer))
      this.members.set(sharer, agents)
    }
    return agents
  }

  private waitsIn(sharer: WorldAgent): boolean {
    const agents = this.below(sharer)
    return this.world.waiters.some((waiter) => agents.includes(waiter.agent))
  }

  private setGroup(event: Extract<LedgerEvent, { readonly _tag: "GroupSet" }>): void {
    const known = this.groups.get(event.group)
    const group = known ?? { ...nobody(this.groupsEver++), virtual: 0 }
    this.groups.set(event.group, group)
    group.weight = event.weight
    if (group.group !== event.parent) this.move(group, this.waitsIn(group), event.parent)
  }

  /** What it is ahead of its siblings by goes with it. */
  private move(sharer: WorldAgent, waits: boolean, to: string | undefined): void {
    const ahead = Math.max(0, sharer.served - this.virtualOf(sharer.group))
    if (this.halfLife === undefined) sharer.served = this.virtualOf(to) + ahead
    if (waits) this.catchUp(this.groupsFrom(to))
    sharer.group = to
    this.forgetTree()
  }

  private forgetTree(): void {
    this.paths.clear()
    this.members.clear()
  }

  /** Somebody comes to wait: those in which nobody did are not behind their siblings. */
  private catchUp(sharers: ReadonlyArray<WorldAgent>): void {
    if (this.halfLife !== undefined) return
    for (const sharer of sharers) sharer.served = this.startOf(sharer)
  }

  private virtualOf(group: string | undefined): number {
    return group === undefined ? this.virtual : this.groups.get(group)!.virtual
  }

  private shareOf(sharer: WorldAgent): number {
    const agents = this.below(sharer)
    let largest = 0
    for (const pool of this.world.pools) {
      const sums = agents.map((agent) => this.world.sum(this.world.leases, agent, pool))
      largest = Math.max(largest, sums.reduce((total, sum) => total + sum, 0) / Math.max(1, pool.capacity))
    }
    return largest / sharer.weight
  }

  private startOf(sharer: WorldAgent): number {
    const { group, served, servedIn, weight } = sharer
    if (this.halfLife !== undefined) {
      const used = served / weight
      if (used === 0) return -Number.MAX_VALUE
      // The logarithm, as a straight line between powers of two.
      let power = Math.round(Math.log2(used))
      while (2 ** power > used) power--
      while (2 ** (power + 1) <= used) power++
      return servedIn + power + (used / 2 ** power - 1)
    }
    return this.waitsIn(sharer) ? served : Math.max(served, this.virtualOf(group))
  }

  /** In which half-life an instant is, and what a grant then counts against one at its beginning. */
  private counts(at: number): readonly [number, number] {
    const halfLife = this.halfLife ?? 1
    return [Math.floor(at / halfLife), 1 + (at % halfLife) / halfLife]
  }

  private charge(agent: string, needs: ReadonlyArray<Pick<Need, "amount" | "pool">>, at: number): void {
    // So that it is known, before its groups.
    this.agent(agent)
    const part = this.dominant(needs)
    for (const sharer of this.upFrom(agent)) {
      if (this.halfLife !== undefined) {
        const [number, counts] = this.counts(at)
        // Not divided by the power, which is beyond all numbers after 1,024 half-lives: what is left is not nothing yet.
        sharer.served = sharer.served * 2 ** (sharer.servedIn - number) + part * counts
        sharer.servedIn = number
        continue
      }
      const start = this.startOf(sharer)
      const group = sharer.group === undefined ? undefined : this.groups.get(sharer.group)
      if (group === undefined) this.virtual = Math.max(this.virtual, start)
      else group.virtual = Math.max(group.virtual, start)
      sharer.served = start + part / sharer.weight
    }
  }

  private dominant(needs: ReadonlyArray<Pick<Need, "amount" | "pool">>): number {
    return Math.max(0, ...needs.map(({ amount, pool }) => amount / Math.max(1, pool.capacity)))
  }

  private needsOf(event: Asked) {
    return Object.entries(event.claim).map(([type, amount]) => ({ amount, pool: this.world.pool(type) }))
  }
}
