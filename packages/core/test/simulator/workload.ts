/**
 * Chooses commands and carries them out: what a crowd of agents, administrators
 * and a clock might do, in any order. It steers towards a number of live claims
 * of which a good share waits, and knows nothing of the rules.
 */
import {
  type Books,
  Ledger,
  type LedgerEvent,
  type Pool,
  type Request,
  type ReservationWish,
  type Scheduling
} from "../../src/Ledger.ts"
import type { Answer, Command } from "./checker.ts"
import { amountsOf, type World, type WorldClaim } from "./model.ts"
import { groupNames, lendingGroup, randomGroup, randomShares } from "./groups.ts"
import { commandNames, type Profile, randomRate } from "./profile.ts"
import type { Random } from "./random.ts"

/** A command, chosen, and how to give it to the Ledger. */
export interface Planned {
  readonly command: Command
  readonly asking?: World["asking"]
  readonly run: (ledger: Ledger) => Answer
}

const day = 86_400_000_000

export class Workload {
  private readonly random: Random
  private readonly profile: Profile
  private readonly world: World
  /** What the claims' callers hold in hand. */
  readonly handles = new Map<number, Request>()
  /** Grants so new that their bodies have not begun. */
  readonly fresh: Array<WorldClaim> = []
  /** Leases that came back, whose callers give them back once more. */
  private readonly gone: Array<Request> = []
  private clock = 0
  private dueAt = Infinity
  private pools: ReadonlyArray<Pool> = []

  constructor(random: Random, profile: Profile, world: World) {
    this.random = random
    this.profile = profile
    this.world = world
  }

  define(ledger: Ledger): void {
    this.pools = this.profile.pools(this.random).map((options, index) => ledger.definePool(`type-${index}`, options, 0))
    if (!this.profile.groups && this.profile.shares !== true) return
    for (const group of groupNames) {
      ledger.setGroup(group, this.groupOptions(group), 0)
    }
    for (let agent = 0; agent < this.profile.agents; agent++) {
      ledger.assign(`agent-${agent}`, { group: this.random.pick(groupNames), onQuota: undefined }, 0)
    }
  }

  /** Keeps the handle of a claim that waits or is held. */
  answered(answer: Answer): void {
    if (typeof answer === "object" && "status" in answer) this.handles.set(answer.id, answer)
  }

  /** The Ledger was restored: what is held in hand is found by id. */
  restored(books: Books): void {
    this.pools = [...books.pools.values()]
    for (const id of this.handles.keys()) {
      const request = books.index?.get(id)
      if (request !== undefined) this.handles.set(id, request)
    }
  }

  heard(event: LedgerEvent): void {
    if (event._tag === "Granted" || event._tag === "GrantedAtOnce") {
      this.fresh.push(this.world.claim(event.id))
      if (this.fresh.length > 4) this.fresh.shift()
    }
    if (event._tag === "Kept") this.handles.delete(event.id)
    if (event._tag !== "Returned" && event._tag !== "Left" && event._tag !== "Undone") return
    const handle = this.handles.get(event.id)
    this.handles.delete(event.id)
    if (handle === undefined || handle.grows !== undefined) return
    this.gone.push(handle)
    if (this.gone.length > 4) this.gone.shift()
  }

  /** `dueAt`: when the Ledger has to be asked again. */
  next(ledger: Ledger, dueAt: number): Planned {
    const at = this.tick(dueAt)
    this.dueAt = dueAt
    const waiting = this.world.waiters.length
    const holding = this.world.leases.length
    const weights = { ...this.profile.weights }
    // Crowded: let more go than come. Mostly waiting: give back rather than ask.
    if (waiting + holding > this.profile.live) {
      weights.claim = (weights.claim ?? 0) / 4
      weights.abandon = (weights.abandon ?? 0) * (waiting > 0.7 * this.profile.live ? 3 : 1)
    } else if (waiting < 0.4 * (waiting + holding)) weights.release = (weights.release ?? 0) / 3
    for (const name of commandNames) weights[name] = Math.round((weights[name] ?? 0) * 12)
    const name = this.random.weighted(weights, commandNames)
    return this.plan(name, at) ?? this.planClaim("claim", at)
  }

  private plan(name: Command["name"], at: number): Planned | undefined {
    const { random, world } = this
    switch (name) {
      case "claim":
      case "try":
        return this.planClaim(name, at)
      case "grow":
        return this.planGrow(at)
      case "shrink":
        return this.planShrink(at)
      case "settle":
        return this.planSettle(at)
      case "release": {
        const lease = this.someLease()
        const again = random.chance(0.03) ? random.pick(this.gone) : undefined
        const handle = again ?? (lease && this.handles.get(lease.id))
        return handle && { command: { name, returns: handle.id, at }, run: (ledger) => ledger.release(handle, at) }
      }
      case "releaseManual":
        return this.planManual(at)
      case "undo": {
        const claim = random.pick(this.fresh.filter((grant) => grant.status === "held" && !grant.touched))
        const handle = claim && this.handles.get(claim.id)
        if (handle === undefined) return undefined
        return { command: { name, at }, run: (ledger) => (ledger.undo(handle, at), undefined) }
      }
      case "keep": {
        const growth = random.pick(this.fresh.filter((grant) => grant.status === "held" && grant.grows !== undefined))
        const handle = growth && this.handles.get(growth.id)
        const command = handle && ({ name, keeps: handle.id, at } as const)
        return command && { command, run: (ledger) => (ledger.keep(handle, at), undefined) }
      }
      case "revoke": {
        const lease = this.someLease()
        const handle = lease && this.handles.get(lease.id)
        const reason = random.chance(0.5) ? "revoked" : "lost"
        const command = handle && ({ name, returns: handle.id, at } as const)
        return command && { command, run: (ledger) => ledger.revoke(handle, reason, at) }
      }
      case "yieldUp": {
        const lease = random.pick(world.leases.filter((candidate) => candidate.notice !== undefined))
        const handle = lease && this.handles.get(lease.id)
        return handle && { command: { name, returns: handle.id, at }, run: (ledger) => ledger.yieldUp(handle, at) }
      }
      case "linger": {
        const lease = random.pick(world.leases.filter(({ ttl }) => ttl !== 0)) ?? this.someLease()
        const handle = lease && this.handles.get(lease.id)
        return handle && { command: { name, at }, run: (ledger) => ledger.linger(handle, at) }
      }
      case "abandon": {
        const waiter = random.pick(world.waiters)
        const handle = waiter && this.handles.get(waiter.id)
        return handle && { command: { name, at }, run: (ledger) => (ledger.abandon(handle, at), undefined) }
      }
      case "advance":
        return { command: { name, at }, run: (ledger) => (ledger.advance(at), undefined) }
      case "setAgent": {
        const agent = this.someAgent()
        const weight = random.chance(0.4) ? undefined : random.pick([1, 2, 3, 0.5])
        const priority = random.chance(0.4) ? undefined : random.between(-1, 2)
        return {
          command: { name, agent, at },
          run: (ledger) => (ledger.setAgent(agent, { weight, priority }, at), undefined)
        }
      }
      case "reserve":
        return this.planReservation(at)
      case "endReservation": {
        const id = random.pick([...world.promises.keys()])
        const reason = random.chance(0.5) ? "cancelled" : "released"
        return id === undefined
          ? undefined
          : { command: { name, at }, run: (ledger) => ledger.endReservation(id, reason, at) }
      }
      case "setGroup": {
        const group = random.pick(groupNames)!
        const options = this.groupOptions(group)
        return { command: { name, at }, run: (ledger) => (ledger.setGroup(group, options, at), undefined) }
      }
      case "removeGroup": {
        const group = random.pick(groupNames)!
        return { command: { name, at }, run: (ledger) => (ledger.removeGroup(group, at), undefined) }
      }
      case "assign": {
        const agent = this.someAgent()
        const membership = {
          group: random.chance(0.85) ? random.pick(groupNames) : undefined,
          onQuota: this.profile.groups && random.chance(0.2) ? ("wait" as const) : undefined
        }
        return { command: { name, agent, at }, run: (ledger) => (ledger.assign(agent, membership, at), undefined) }
      }
      case "setQuota": {
        const agent = this.someAgent()
        const pool = this.somePool()
        const quota = random.chance(0.45) ? Infinity : random.between(0, Math.ceil(pool.capacity * 2.5))
        const change = { name, agent, at } as const
        return {
          command: change,
          run: (ledger) => {
            ledger.setQuota(agent, pool.type, quota, at)
            return undefined
          }
        }
      }
      default:
        return this.planPool(name, at)
    }
  }

  private groupOptions(group: string) {
    if (this.profile.shares === true) return randomShares(this.random)
    const types = this.pools.map((pool) => pool.type)
    const capacity = Math.max(...this.pools.map((pool) => pool.capacity))
    return this.profile.lends === true
      ? lendingGroup(this.random, group, types, capacity)
      : randomGroup(this.random, types, capacity)
  }

  /** Mostly windows soon; at times one that began already, or at all times. */
  private planReservation(at: number): Planned {
    const { random } = this
    const pool = this.somePool()
    const from = at + random.between(-50, 2_000)
    const until = random.chance(this.profile.standing ?? 0.15) ? undefined : from + random.between(1, 3_000)
    const claim = {
      [pool.type]: random.between(0, Math.ceil(pool.capacity * 0.6)),
      ...(random.chance(0.3) ? { [this.somePool().type]: random.between(1, 3) } : {})
    }
    const wish: ReservationWish = {
      holder: random.chance(0.7)
        ? { _tag: "Agent", agent: this.someAgent() }
        : { _tag: "Priority", atLeast: random.between(-1, 2) },
      claim,
      from,
      ...(until === undefined ? {} : { until }),
      ...(random.chance(0.2) ? { note: "for a demonstration" } : {})
    }
    return { command: { name: "reserve", wish, at }, run: (ledger) => ledger.reserve(wish, at) }
  }

  private planPool(name: Command["name"], at: number): Planned | undefined {
    const random = this.random
    const pool = this.somePool()
    switch (name) {
      case "setCapacity": {
        const highest = pool.maxCapacity ?? Math.ceil(pool.capacity * 1.3) + 1
        // Back up to what claims are made for, or all that is left are the small ones.
        const lowest = Math.max(pool.minCapacity, random.chance(0.8) ? Math.floor(pool.capacity * 0.7) : 1)
        const capacity = random.chance(0.15) ? highest : random.between(lowest, highest)
        if (pool.maxCapacity === undefined || random.chance(0.7)) {
          return { command: { name, at }, run: (ledger) => (ledger.setCapacity(pool, capacity, at), undefined) }
        }
        // The maximum moves too, as with a machine that is under pressure: claims up to it wait for growth.
        const bounds = { maxCapacity: capacity + random.between(0, 8) }
        return { command: { name, at }, run: (ledger) => (ledger.setCapacity(pool, capacity, at, bounds), undefined) }
      }
      case "setRate": {
        const rate = random.chance(0.2) ? undefined : randomRate(random, Math.min(pool.capacity, 20))
        return { command: { name, at }, run: (ledger) => (ledger.setRate(pool, rate, at), undefined) }
      }
      case "refund": {
        const tokens = random.between(1, Math.max(1, Math.floor(pool.capacity / 3)))
        return { command: { name, at }, run: (ledger) => (ledger.refund(pool, tokens, at), undefined) }
      }
      default:
        return undefined
    }
  }

  private planClaim(name: "claim" | "try", at: number): Planned {
    const { profile, random } = this
    const parent = random.chance(profile.nested) ? this.someLease(true) : undefined
    const handle = parent && this.handles.get(parent.id)
    const agent = parent !== undefined && random.chance(0.7) ? parent.agent : this.someAgent()
    const claim = this.someClaim()
    const wait = name === "claim"
    const said = this.atQuota(this.someScheduling())
    const scheduling = this.withMaximum(said, claim, parent)
    const ttl = random.chance(profile.ttl) ? random.between(1, 5_000) : 0
    const deadline = this.someDeadline(at)
    const manual = handle === undefined && random.chance(profile.manual)
    return {
      command: { name, agent, claim, wait, deadline, scheduling, ttl, manual, at },
      asking: { parent: handle && parent, grows: undefined },
      run: (ledger) => ledger.claim(agent, claim, at, { parent: handle, wait, ttl, deadline, manual, scheduling })
    }
  }

  private someScheduling(): Scheduling | undefined {
    const { profile, random } = this
    const said = random.chance(profile.priorities)
    const preemptible = random.chance(profile.preemptible)
    const expected = random.chance(profile.expected) ? random.between(1, 5_000) : 0
    if (!said && !preemptible && expected === 0) return undefined
    return { ...(said ? { priority: random.between(-2, 3) } : {}), expected, preemptible }
  }

  /** Where deadlocks are avoided most outermost claims say what they may need in the end. */
  private withMaximum(
    scheduling: Scheduling | undefined,
    claim: Readonly<Record<string, number>>,
    parent: WorldClaim | undefined
  ): Scheduling | undefined {
    const { profile, random } = this
    if (!profile.maxima || parent !== undefined || random.chance(0.25)) return scheduling
    const maximum = Object.fromEntries(
      this.pools.flatMap((pool) => {
        const own = claim[pool.type] ?? 0
        const least = Number.isSafeInteger(own) && own >= 0 ? own : 0
        // At times less than it asks for at once.
        const most = random.chance(0.02) ? least - 1 : random.between(least, Math.max(least, pool.capacity))
        return most <= 0 ? [] : [[pool.type, most]]
      })
    )
    return { ...(scheduling ?? { expected: 0, preemptible: false }), maximum }
  }

  private planGrow(at: number): Planned | undefined {
    const { random, world } = this
    const lease = this.someLease(true)
    const handle = lease && this.handles.get(lease.id)
    if (lease === undefined || handle === undefined) return undefined
    const inside = random.chance(0.3)
      ? random.pick(world.leases.filter((other) => other.agent === lease.agent))
      : undefined
    const place = inside && this.handles.get(inside.id)
    const claim = this.someClaim()
    const wait = random.chance(0.85)
    const scheduling = this.someScheduling()
    const deadline = random.chance(this.profile.deadline)
      ? at + random.int(random.chance(0.5) ? 20_000 : 500_000)
      : Infinity
    return {
      command: { name: "grow", agent: lease.agent, claim, wait, deadline, scheduling, grows: lease, at },
      asking: { parent: place === undefined ? lease : inside, grows: lease },
      run: (ledger) => ledger.grow(handle, claim, at, { parent: place, wait, deadline, scheduling })
    }
  }

  private planShrink(at: number): Planned | undefined {
    const random = this.random
    const lease = random.pick(this.world.leases)
    const handle = lease && this.handles.get(lease.id)
    if (lease === undefined || handle === undefined) return undefined
    const amounts = Object.fromEntries(
      Object.entries(amountsOf(lease)).flatMap(([type, amount]) =>
        random.chance(0.3) ? [] : [[type, random.between(0, random.chance(0.1) ? amount + 1 : amount)]]
      )
    )
    return { command: { name: "shrink", claim: amounts, at }, run: (ledger) => ledger.shrink(handle, amounts, at) }
  }

  /** What a lease cost in the end: mostly about what was reckoned, at times nothing, or far more than there is. */
  private planSettle(at: number): Planned | undefined {
    const random = this.random
    const paid = this.world.leases.filter((lease) => lease.needs.some((need) => need.cost > 0))
    const lease = random.chance(0.1) ? random.pick(this.world.leases) : random.pick(paid)
    const handle = lease && this.handles.get(lease.id)
    if (lease === undefined || handle === undefined) return undefined
    const actual = Object.fromEntries(
      lease.needs.flatMap(({ cost, pool }) => {
        if (random.chance(0.2)) return []
        const most = random.chance(0.15) ? cost + 3 * Math.min(pool.burstLimit, 2 ** 50) : 2 * cost
        return [[pool.type, random.chance(0.15) ? 0 : random.between(0, most)]]
      })
    )
    if (random.chance(0.03))
      actual[random.chance(0.5) ? this.somePool().type : "unheard"] = random.chance(0.5) ? 1 : 0.5
    // Refused where the pool is in debt. Else it would be one that nobody can ever pay.
    // By the Ledger's own time: a command may come with an earlier one, and who looked last is not the same in each run.
    const now = Math.max(at, this.world.now)
    const owing = lease.needs.find(({ cost, pool }) => pool.bucket?.owesMore(cost, now) === true)
    if (owing !== undefined && random.chance(0.5)) actual[owing.pool.type] = Number.MAX_SAFE_INTEGER
    return {
      command: { name: "settle", settles: lease, claim: actual, at },
      run: (ledger) => ledger.settleLease(handle, actual, at)
    }
  }

  private planManual(at: number): Planned | undefined {
    const random = this.random
    const lease = random.pick(this.world.leases.filter((candidate) => candidate.manual))
    if (lease === undefined) return undefined
    const agent = lease.agent
    const claim = Object.fromEntries(
      this.world.pools.flatMap((pool) => {
        const held = this.world.sum(
          this.world.leases.filter((candidate) => candidate.manual),
          agent,
          pool
        )
        return held === 0 || random.chance(0.3)
          ? []
          : [[pool.type, random.between(0, held + (random.chance(0.1) ? 1 : 0))]]
      })
    )
    return {
      command: { name: "releaseManual", agent, claim, at },
      run: (ledger) => ledger.releaseManual(agent, claim, at)
    }
  }

  /** Where there are groups, some claims say themselves what they do at a quota. */
  private atQuota(scheduling: Scheduling | undefined): Scheduling | undefined {
    if (!this.profile.groups || !this.random.chance(0.3)) return scheduling
    const onQuota = this.random.chance(0.5) ? "wait" : "fail"
    return { ...(scheduling ?? { expected: 0, preemptible: false }), onQuota }
  }

  /** At times the very instant at which something else is due. */
  private someDeadline(at: number): number {
    const random = this.random
    if (!random.chance(this.profile.deadline)) return Infinity
    if (this.dueAt < Infinity && random.chance(0.2)) return this.dueAt
    return at + random.int(random.chance(0.5) ? 20_000 : 500_000)
  }

  private someAgent(): string {
    return `agent-${this.random.int(this.profile.agents)}`
  }

  private somePool(): Pool {
    return this.random.pick(this.pools)!
  }

  /** To be inside of: often the newest, so that chains form; else any, so that children run side by side. */
  private someLease(toNest = false): WorldClaim | undefined {
    const leases = this.world.leases
    if (toNest && this.random.chance(0.4)) return leases.at(-1)
    return this.random.pick(leases)
  }

  private someClaim(): Record<string, number> {
    const random = this.random
    if (random.chance(0.008)) return this.someMalformed()
    const claim: Record<string, number> = {}
    const types = random.chance(0.6) ? 1 : random.chance(0.75) ? 2 : 3
    for (let i = 0; i < types; i++) {
      const pool = this.somePool()
      claim[pool.type] = this.someAmount(pool)
    }
    return claim
  }

  private someAmount(pool: Pool): number {
    const random = this.random
    const most = Math.max(pool.capacity, pool.maxCapacity ?? 0)
    if (random.chance(0.01)) return most + random.between(1, 3)
    if (random.chance(0.01)) return 0
    if (random.chance(0.15)) return random.between(1, Math.max(1, most))
    return random.between(1, Math.max(1, Math.floor(pool.capacity * 0.45)))
  }

  private someMalformed(): Record<string, number> {
    const type = this.somePool().type
    const claims: ReadonlyArray<Record<string, number>> = [
      {},
      { [type]: NaN },
      { [type]: -1 },
      { [type]: 1.5 },
      { [type]: 2 ** 53 },
      { unheard: 1 }
    ]
    return this.random.pick(claims) ?? {}
  }

  /** Moves the clock: mostly a little, at times exactly to what is due, a minute, a day; or it lies. */
  private tick(due: number): number {
    const random = this.random
    if (!random.chance(this.profile.moves)) return this.clock
    const kind = random.int(200)
    if (kind < 120) this.clock += random.between(1, 500)
    else if (kind < 170) {
      if (due < this.clock + day) this.clock = Math.max(this.clock, due + random.between(-1, 1))
    } else if (kind < 188) this.clock += random.between(1_000, 20_000)
    else if (kind < 193) this.clock += random.between(1_000_000, 60_000_000)
    else if (kind < 194) this.clock += day
    else return Math.max(0, this.clock - random.between(1, 5_000_000))
    return this.clock
  }
}
