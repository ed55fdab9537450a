import type { Claim } from "./Claim.ts"
import { Histogram } from "./Histogram.ts"
import { noKey, type Sharer } from "./order/Sharer.ts"
import type { Pool } from "./Pool.ts"
import type { Gate } from "./quota/Gate.ts"
import type { Group, OnQuota } from "./quota/Group.ts"
import type { Level } from "./quota/Level.ts"
import type { Refusal } from "./Refusal.ts"
import { type Request, Waiters } from "./Request.ts"

/** How often claims ended without a lease, by the tag of what ended them. */
export type FailureCounts = Partial<Record<Refusal["_tag"] | "Interrupted", number>>

export const countFailure = (counts: FailureCounts, tag: keyof FailureCounts): void => {
  counts[tag] = (counts[tag] ?? 0) + 1
}

/**
 * What one agent has of one pool's type.
 *
 * Invariant: on arrival `held + waiting + amount <= quota`, so a waiter is never
 * refused later for quota, except after a cut. Where it waits for quota,
 * `held + waiting - parked <= quota`.
 */
export class Account {
  readonly agent: Agent
  readonly pool: Pool
  held = 0
  waiting = 0
  /** `Infinity` where none is set. */
  quota = Infinity
  peak = 0
  /** Leases that hold some of it. */
  leases = 0
  /** Of what waits, what has no quota yet. */
  parked = 0
  /** That of its group; `undefined` where the agent is in none. */
  level: Level | undefined = undefined

  constructor(agent: Agent, pool: Pool) {
    this.agent = agent
    this.pool = pool
  }
}

/** Who is charged: the owner of quotas, weight and statistics. */
export class Agent implements Sharer {
  readonly id: string
  /** Its place among all agents: breaks ties. */
  readonly index: number
  /** What it may have beside others, where shares are fair. Above 0. */
  weight = 1
  /** That of its claims that say none. */
  priority = 0
  readonly accounts = new Map<Pool, Account>()
  private lastAccount: Account | undefined = undefined
  /** Its waiters, oldest first. */
  readonly waiters = new Waiters()
  /** Its manual acquisitions, oldest first. */
  readonly manual: Array<Request> = []
  acquisitions = 0
  readonly failures: FailureCounts = {}
  readonly waits = new Histogram()
  readonly holds = new Histogram()
  key = noKey
  served = 0
  servedIn = 0
  group: Group | undefined = undefined
  /** `undefined`: as its group says. */
  onQuota: OnQuota | undefined = undefined
  /** Where its claims wait for quota: that of its group, or its own; `undefined` where it never needed one. */
  gate: Gate | undefined = undefined

  /** Whether it stands for an agent that is only being asked about: what it opens is forgotten with it. */
  private readonly isStandIn: boolean

  constructor(id: string, index = Infinity, isStandIn = false) {
    this.id = id
    this.index = index
    this.isStandIn = isStandIn
  }

  get above(): Group | undefined {
    return this.group
  }

  get place(): number {
    return this.index
  }

  get waiting(): number {
    return this.waiters.size
  }

  /** Its account with a pool, opened on first use. */
  account(pool: Pool): Account {
    // An agent mostly asks for what it asked for last: one comparison instead of a look-up.
    if (this.lastAccount?.pool === pool) return this.lastAccount
    let account = this.accounts.get(pool)
    if (account === undefined) {
      account = new Account(this, pool)
      if (this.group !== undefined) account.level = this.group.level(pool)
      this.accounts.set(pool, account)
      if (!this.isStandIn) pool.accounts.push(account)
    }
    this.lastAccount = account
    return account
  }

  /** What it holds, by type. O(types). */
  usage(): Claim {
    const held = Array.from(this.accounts.values()).filter((account) => account.held > 0)
    return Object.fromEntries(held.map((account) => [account.pool.type, account.held]))
  }
}
