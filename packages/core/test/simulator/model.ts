/**
 * The world as the events tell it: naive structures, every figure by plain sums.
 * The checkers compare the Ledger with it and judge each event by it. It shares
 * no code with the Ledger.
 */
import type { LedgerEvent, NoticeCause, Scheduling } from "../../src/Ledger.ts"
import type { Promise } from "./promises.ts"
import { ModelBucket, type ModelRate, type Taken } from "./bucket.ts"
import { type ModelPolicy, WorldOrder } from "./order.ts"
import { Tree } from "./tree.ts"

const noScheduling: Scheduling = { expected: 0, preemptible: false }

export class WorldPool {
  readonly type: string
  readonly index: number
  capacity: number
  maxCapacity: number | undefined
  rate: ModelRate | undefined = undefined
  bucket: ModelBucket | undefined = undefined
  inUse = 0

  constructor(type: string, index: number, capacity: number, maxCapacity: number | undefined) {
    this.type = type
    this.index = index
    this.capacity = capacity
    this.maxCapacity = maxCapacity
  }

  get free(): number {
    return this.capacity - this.inUse
  }

  /** The most units that growth can bring. */
  get limit(): number {
    return Math.max(this.capacity, this.maxCapacity ?? 0)
  }

  /** The most tokens that can ever be there at once. */
  get burstLimit(): number {
    return this.rate === undefined ? Infinity : (this.rate.burst ?? this.limit)
  }

  costOf(amount: number): number {
    if (this.rate === undefined) return 0
    return this.rate.per === "unit" ? amount : 1
  }

  tokens(now: number): number {
    return this.bucket === undefined ? Infinity : this.bucket.level(now)
  }
}

export interface Need {
  readonly pool: WorldPool
  amount: number
  cost: number
  /** The bucket just after the grant took its tokens. */
  taken?: Taken
}

/** A claim from its arrival on: a waiter, then a lease, then gone. */
export interface WorldClaim {
  readonly id: number
  readonly agent: string
  readonly needs: Array<Need>
  parent: WorldClaim | undefined
  readonly grows: WorldClaim | undefined
  readonly manual: boolean
  readonly ttl: number
  /** How long it says that it lasts; 0 is unknown. */
  readonly expected: number
  readonly deadline: number
  readonly askedAt: number
  readonly scheduling: Scheduling
  /** Whether it goes before all others; how often it was passed as the first that is short, and since when. */
  rescued: boolean
  /** By when it starts, as it was told; `undefined` where it was not. */
  told: number | undefined
  /** The number of its choice, where it was chosen next; else 0. */
  chosen: number
  passed: number
  passedSince: number
  /** The command that it arrived in. */
  readonly arrivedIn: number
  grantedAt: number
  token: number
  status: "waiting" | "held" | "gone"
  exempt: boolean
  /** Whether it waits for quota, in no queue of a pool. */
  parked: boolean
  /** What it ran at as it was granted: the claims above that may take it. */
  leasePriority: number
  readonly preemptible: boolean
  /** What it was told, where it has to end. */
  notice: WorldNotice | undefined
  /** Whether it is told to end when it expires, and does not come back by that alone. */
  lingers: boolean
  /** Whether anything was asked inside it, or changed on it: such a grant is not undone. */
  touched: boolean
}

export interface WorldNotice {
  readonly by: number
  readonly cause: NoticeCause
  readonly reservation: number | undefined
  readonly deadline: number
  readonly forcedAt: number
  ending: boolean
}

export type Asked = Extract<LedgerEvent, { readonly _tag: "Queued" | "GrantedAtOnce" }>

export class World {
  now = 0
  command = 0
  choices = 0
  stopped = false
  readonly pools: Array<WorldPool> = []
  /** In order of their ids, as all ids only grow. */
  readonly waiters: Array<WorldClaim> = []
  /** Those of them that are in the queues of their pools, in the order in which they came to these: who waits for quota is in none. */
  readonly queued: Array<WorldClaim> = []
  /** In order of their grants. */
  readonly leases: Array<WorldClaim> = []
  /** Everything that waits or holds, grown claims until their lease is gone or they are kept. */
  readonly claims = new Map<number, WorldClaim>()
  readonly quotas = new Map<string, number>()
  readonly order: WorldOrder
  /** Quotas as a tree, in runs with groups that limit something. */
  readonly tree: Tree | undefined
  /** Whether only what is safe is granted (see `prevention`). */
  readonly avoids: boolean
  /** Whether a plan alone decides who starts (see `promisedStarts`): then nothing is set aside, and the first in line is short. */
  readonly planned: boolean
  /** How long before windows begin leases are told to end; `undefined` where none is. */
  lead: number | undefined = undefined
  /** What is promised, by the id of the reservation. */
  readonly promises = new Map<number, Promise>()
  /** Whether anything ever was promised. */
  promised = false
  /** What the caller said that the next claim is inside of, which the events must agree with. */
  asking: { readonly parent: WorldClaim | undefined; readonly grows: WorldClaim | undefined } = {
    parent: undefined,
    grows: undefined
  }

  constructor(policy?: ModelPolicy, avoids = false, grouped = false, planned = false) {
    this.planned = planned
    this.tree = grouped ? new Tree() : undefined
    this.order = new WorldOrder(this, policy)
    this.avoids = avoids
  }

  /** The waiters in the order in which they are to be served. */
  get line(): ReadonlyArray<WorldClaim> {
    return this.order.line()
  }

  pool(type: string): WorldPool {
    const pool = this.pools.find((candidate) => candidate.type === type)
    if (pool === undefined) throw new Error(`no pool ${type}`)
    return pool
  }

  claim(id: number): WorldClaim {
    const claim = this.claims.get(id)
    if (claim === undefined) throw new Error(`no claim ${id}`)
    return claim
  }

  quota(agent: string, pool: WorldPool): number {
    return this.quotas.get(`${agent}/${pool.type}`) ?? Infinity
  }

  /** What an agent holds or waits for. */
  sum(claims: ReadonlyArray<WorldClaim>, agent: string, pool: WorldPool): number {
    let sum = 0
    for (const claim of claims) {
      if (claim.agent !== agent) continue
      for (const need of claim.needs) if (need.pool === pool) sum += need.amount
    }
    return sum
  }

  apply(event: LedgerEvent): void {
    if (event.at > this.now) this.now = event.at
    this.order.hear(event)
    this.tree?.apply(event)
    switch (event._tag) {
      case "PoolDefined": {
        const pool = new WorldPool(event.type, this.pools.length, event.capacity, event.maxCapacity)
        this.pools.push(pool)
        this.setRate(pool, event.rate)
        break
      }
      case "CapacitySet": {
        const pool = this.pool(event.type)
        pool.capacity = event.capacity
        pool.maxCapacity = event.maxCapacity
        if (pool.rate?.burst === undefined) pool.bucket?.setBurst(event.capacity, this.now)
        break
      }
      case "RateSet":
        this.setRate(this.pool(event.type), event.rate)
        break
      case "Refunded":
        this.pool(event.type).bucket?.refund(event.tokens, this.now)
        break
      case "QuotaSet":
        if (event.quota === undefined) this.quotas.delete(`${event.agent}/${event.type}`)
        else this.quotas.set(`${event.agent}/${event.type}`, event.quota)
        break
      case "Queued":
        this.waiters.push(this.arrive(event, "waiting", 0))
        if (event.parked === true) this.claim(event.id).parked = true
        else this.queued.push(this.claim(event.id))
        break
      case "Admitted": {
        const claim = this.claim(event.id)
        claim.parked = false
        // What a token pays for may have changed meanwhile.
        for (const need of claim.needs) need.cost = need.pool.costOf(need.amount)
        this.queued.push(claim)
        break
      }
      case "Withdrawn": {
        const claim = this.claim(event.id)
        claim.parked = true
        claim.exempt = false
        claim.told = undefined
        this.leaveQueues(claim)
        break
      }
      case "GrantedAtOnce":
        this.hold(this.arrive(event, "held", event.token))
        break
      case "Granted": {
        const claim = this.claim(event.id)
        this.waiters.splice(this.waiters.indexOf(claim), 1)
        this.leaveQueues(claim)
        claim.token = event.token
        claim.leasePriority = event.priority ?? this.order.own(claim)
        this.hold(claim)
        for (const id of event.passed ?? []) {
          const head = this.claim(id)
          if (head.passed === 0) head.passedSince = event.at
          head.passed++
        }
        break
      }
      case "Planned":
        for (const [id, start] of event.starts) this.claim(id).told = start
        for (const id of event.unknown ?? []) this.claim(id).told = undefined
        break
      case "Chosen":
        this.claim(event.id).chosen = ++this.choices
        break
      case "Rescued":
        this.claim(event.id).rescued = true
        break
      case "AgentSet":
      case "SharesKept":
        break
      case "Exempted":
        this.claim(event.id).exempt = true
        break
      case "Undone":
        this.undo(this.claim(event.id))
        break
      case "Kept":
        this.forget(this.claim(event.id))
        break
      case "Settled":
        for (const type in event.costs) this.settle(this.claim(event.id), this.pool(type), event.costs[type]!)
        break
      case "Shrunk":
        for (const type in event.amounts) this.reduce(this.claim(event.id), this.pool(type), event.amounts[type]!)
        break
      case "Returned":
        this.giveBack(this.claim(event.id))
        break
      case "Lingers":
        this.claim(event.id).lingers = true
        break
      case "Preempting": {
        const { by, cause, deadline, forcedAt, reservation } = event
        this.claim(event.id).notice = { by, cause, reservation, deadline, forcedAt, ending: false }
        break
      }
      case "Spared":
        this.claim(event.id).notice = undefined
        break
      case "Ending": {
        const { notice } = this.claim(event.id)
        if (notice === undefined) throw new Error(`${event.id} ends, and was never told to`)
        notice.ending = true
        break
      }
      case "Left": {
        const claim = this.claim(event.id)
        claim.status = "gone"
        this.waiters.splice(this.waiters.indexOf(claim), 1)
        this.leaveQueues(claim)
        this.claims.delete(claim.id)
        break
      }
      case "Refused":
        break
      case "LeadSet":
        this.lead = event.lead
        break
      case "Reserved":
        this.promises.set(event.id, event)
        this.promised = true
        break
      case "ReservationEnded":
        this.promises.delete(event.id)
        break
      case "Stopped":
        this.stopped = true
        break
    }
  }

  private leaveQueues(claim: WorldClaim): void {
    const at = this.queued.indexOf(claim)
    if (at >= 0) this.queued.splice(at, 1)
  }

  private arrive(event: Asked, status: "waiting" | "held", token: number): WorldClaim {
    const claim: WorldClaim = {
      id: event.id,
      agent: event.agent,
      needs: Object.entries(event.claim).map(([type, amount]) => {
        const pool = this.pool(type)
        return { pool, amount, cost: pool.costOf(amount) }
      }),
      parent: this.asking.parent,
      grows: this.asking.grows,
      manual: event.manual,
      ttl: event.ttl,
      expected: event.scheduling?.expected ?? 0,
      deadline: event.deadline ?? Infinity,
      askedAt: event.at,
      scheduling: event.scheduling ?? noScheduling,
      rescued: false,
      told: undefined,
      chosen: 0,
      passed: 0,
      passedSince: 0,
      arrivedIn: this.command,
      grantedAt: 0,
      token,
      status,
      exempt: false,
      parked: false,
      leasePriority: this.order.own({ agent: event.agent, scheduling: event.scheduling ?? noScheduling }),
      preemptible: event.scheduling?.preemptible === true && !event.manual && this.asking.grows === undefined,
      notice: undefined,
      lingers: false,
      touched: false
    }
    for (const lease of around(claim)) lease.touched = true
    this.claims.set(claim.id, claim)
    return claim
  }

  private hold(claim: WorldClaim): void {
    claim.status = "held"
    claim.exempt = false
    claim.told = undefined
    claim.grantedAt = this.now
    for (const need of claim.needs) {
      need.pool.inUse += need.amount
      if (need.pool.bucket === undefined || need.cost === 0) continue
      need.pool.bucket.take(need.cost, this.now)
      need.taken = need.pool.bucket.remember()
    }
    const lease = claim.grows
    if (lease === undefined) {
      this.leases.push(claim)
      return
    }
    for (const { amount, pool } of claim.needs) {
      const own = lease.needs.find((need) => need.pool === pool)
      if (own === undefined) lease.needs.push({ pool, amount, cost: 0 })
      else own.amount += amount
    }
  }

  private undo(claim: WorldClaim): void {
    for (const { cost, pool, taken } of claim.needs) {
      if (taken !== undefined) pool.bucket?.undo(cost, taken, claim.grantedAt, this.now)
    }
    if (claim.grows === undefined) return this.giveBack(claim)
    this.forget(claim)
    for (const { amount, pool } of claim.needs) {
      const own = claim.grows.needs.find((need) => need.pool === pool)
      if (own !== undefined) this.reduce(claim.grows, pool, Math.min(own.amount, amount))
    }
  }

  private reduce(lease: WorldClaim, pool: WorldPool, amount: number): void {
    const at = lease.needs.findIndex((need) => need.pool === pool)
    const own = lease.needs[at]
    if (own === undefined) throw new Error(`lease ${lease.id} holds no ${pool.type}`)
    own.amount -= amount
    pool.inUse -= amount
    lease.touched = true
    if (own.amount === 0) lease.needs.splice(at, 1)
  }

  private settle(lease: WorldClaim, pool: WorldPool, tokens: number): void {
    const own = lease.needs.find((need) => need.pool === pool)
    if (own === undefined) throw new Error(`lease ${lease.id} holds no ${pool.type}`)
    if (tokens < own.cost) pool.bucket?.refund(own.cost - tokens, this.now)
    else pool.bucket?.charge(tokens - own.cost, this.now)
    own.cost = tokens
    lease.touched = true
  }

  private forget(claim: WorldClaim): void {
    claim.status = "gone"
    this.claims.delete(claim.id)
  }

  private giveBack(lease: WorldClaim): void {
    for (const claim of this.claims.values()) {
      if (claim.grows === lease && claim.status === "held") this.forget(claim)
    }
    lease.status = "gone"
    for (const { amount, pool } of lease.needs) pool.inUse -= amount
    this.leases.splice(this.leases.indexOf(lease), 1)
    this.claims.delete(lease.id)
  }

  private setRate(pool: WorldPool, rate: ModelRate | undefined): void {
    pool.rate = rate
    if (rate === undefined) pool.bucket = undefined
    else {
      const burst = rate.burst ?? pool.capacity
      if (pool.bucket === undefined) pool.bucket = new ModelBucket(rate.limit, rate.intervalMicros, burst, this.now)
      else {
        pool.bucket.setRate(rate.limit, rate.intervalMicros, this.now)
        pool.bucket.setBurst(burst, this.now)
      }
    }
    for (const waiter of this.waiters) {
      for (const need of waiter.needs) if (need.pool === pool) need.cost = pool.costOf(need.amount)
    }
  }
}

/** The leases still held that a claim is inside of: around the place of the call, and around what it grows. */
export const around = (claim: WorldClaim): ReadonlyArray<WorldClaim> => {
  const leases: Array<WorldClaim> = []
  for (const start of [claim.parent, claim.grows]) {
    for (let lease = start; lease !== undefined; lease = lease.parent) {
      while (lease.parent !== undefined && lease.parent.status !== "held") lease.parent = lease.parent.parent
      if (lease.status === "held" && !leases.includes(lease)) leases.push(lease)
    }
  }
  return leases
}

/** That of a run with groups. */
/** Those that were told to end. */
export const noticedIn = (world: World): ReadonlySet<WorldClaim> =>
  new Set(world.leases.filter((lease) => lease.notice !== undefined))

export const treeOf = ({ tree }: World): Tree => {
  if (tree === undefined) throw new Error("a run without groups has no tree")
  return tree
}

export const amountsOf = (claim: { readonly needs: ReadonlyArray<Need> }): Record<string, number> =>
  Object.fromEntries(claim.needs.map(({ amount, pool }) => [pool.type, amount]))
