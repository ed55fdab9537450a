/**
 * Groups of agents, in trees: organisations, teams, and whatever is between. An agent
 * is in one group or in none, and every group has one parent or is a root.
 */
import type { Account, Agent } from "../Agent.ts"
import { noKey, type Sharer } from "../order/Sharer.ts"
import type { Pool } from "../Pool.ts"
import { Gate } from "./Gate.ts"
import { type GroupLimits, Level, noLimits } from "./Level.ts"

/** What to do with a claim that is over a quota for now: refuse it, or let it wait. */
export type OnQuota = "fail" | "wait"

export class Group implements Sharer {
  readonly id: string
  /** Its place among all groups, in the order in which they were set. */
  readonly index: number
  parent: Group | undefined = undefined
  readonly children = new Set<Group>()
  readonly agents = new Set<Agent>()
  /** `undefined`: as its parent says. */
  onQuota: OnQuota | undefined = undefined
  /** What it may have beside its siblings, where shares are fair. */
  weight = 1
  /** How many claims of agents below it wait, for quota or for units. */
  waiting = 0
  key = noKey
  served = 0
  servedIn = 0
  /** The start of what was granted last below it: where those there start that have nobody waiting. */
  virtual = 0
  /** By pool: there where something of the tree limits or uses the type. */
  readonly levels = new Map<Pool, Level>()
  /** Where claims of the tree wait for quota: one for all of its groups. */
  gate: Gate
  private readonly groups: Groups

  constructor(id: string, groups: Groups) {
    this.id = id
    this.index = groups.nextIndex++
    this.groups = groups
    this.gate = new Gate(groups.busyGates)
  }

  /** It is a root from now on: what was another tree's gate is not its own. */
  leaveTree(): void {
    this.gate = new Gate(this.groups.busyGates)
  }

  get above(): Group | undefined {
    return this.parent
  }

  /** Before all agents. */
  get place(): number {
    return Number.MIN_SAFE_INTEGER + this.index
  }

  /** Its level with a pool, opened with those above it on first use. */
  level(pool: Pool): Level {
    return this.levels.get(pool) ?? this.groups.level(this, pool)
  }

  /** The ids from the root down to it. O(depth). */
  get path(): ReadonlyArray<string> {
    return this.parent === undefined ? [this.id] : [...this.parent.path, this.id]
  }

  /** Whether it has not been removed. */
  get isThere(): boolean {
    return this.groups.byId.get(this.id) === this
  }

  get root(): Group {
    return this.parent === undefined ? this : this.parent.root
  }
}

/** A group and all below it, parents before their children. */
export const subtreeOf = function* (group: Group): Generator<Group, void> {
  yield group
  for (const child of group.children) yield* subtreeOf(child)
}

/** What a claim of an agent does at a quota that it is over for now. O(depth). */
export const onQuotaOf = (agent: Agent): OnQuota => {
  if (agent.onQuota !== undefined) return agent.onQuota
  for (let group = agent.group; group !== undefined; group = group.parent) {
    if (group.onQuota !== undefined) return group.onQuota
  }
  return "fail"
}

/** All groups, and the levels that they have. */
export class Groups {
  readonly byId = new Map<string, Group>()
  nextIndex = 0
  /** Those of trees in which somebody waits for quota. */
  readonly busyGates = new Set<Gate>()

  /** The level of a group and a pool, with all those above it. */
  level(group: Group, pool: Pool): Level {
    const known = group.levels.get(pool)
    if (known !== undefined) return known
    const parent = group.parent === undefined ? undefined : this.level(group.parent, pool)
    const level = new Level(group, pool, parent)
    group.levels.set(pool, level)
    level.gather([])
    level.bound()
    return level
  }

  /** Replaces all that a group is limited by. */
  setLimits(group: Group, limits: ReadonlyMap<Pool, GroupLimits>, now: number): void {
    for (const [pool, level] of group.levels) if (!limits.has(pool)) level.setLimits(noLimits, now)
    for (const [pool, ofPool] of limits) this.level(group, pool).setLimits(ofPool, now)
  }

  /** Makes all levels of a tree true again, after its shape or its limits changed. O(tree and its agents). */
  recount(root: Group): void {
    const groups = [...subtreeOf(root)]
    const pools = new Set<Pool>()
    for (const group of groups) {
      group.gate = root.gate
      for (const pool of group.levels.keys()) pools.add(pool)
      for (const agent of group.agents) for (const pool of agent.accounts.keys()) pools.add(pool)
    }
    for (const pool of pools) this.recountPool(groups, pool)
    for (const group of groups) {
      for (const agent of group.agents) {
        agent.gate = root.gate
        for (const account of agent.accounts.values()) account.level = this.level(group, account.pool)
      }
    }
  }

  private recountPool(groups: ReadonlyArray<Group>, pool: Pool): void {
    for (const group of groups) {
      const level = this.level(group, pool)
      level.parent = group.parent === undefined ? undefined : this.level(group.parent, pool)
    }
    for (const group of groups.toReversed()) {
      const level = this.level(group, pool)
      clear(level)
      for (const agent of group.agents) {
        const account = agent.accounts.get(pool)
        if (account !== undefined) count(level, account)
      }
      level.gather(Array.from(group.children, (child) => this.level(child, pool)))
    }
    for (const group of groups) this.level(group, pool).bound()
  }
}

const clear = (level: Level): void => {
  level.used = 0
  level.held = 0
  level.inUse = 0
  level.leases = 0
  level.leasesWaiting = 0
  level.amountWaiting = 0
  level.countWaiting = 0
}

/** Adds what one agent has. */
const count = (level: Level, account: Account): void => {
  level.held += account.held
  level.inUse += account.held
  level.used += account.held
  level.leases += account.leases
  if (account.waiting === account.parked) return
  for (const waiter of account.agent.waiters) {
    if (waiter.quota?.parked !== undefined) continue
    for (const part of waiter.parts) {
      if (part.account !== account) continue
      level.used += part.amount
      level.amountWaiting += part.amount
      level.countWaiting++
      if (waiter.grows === undefined) level.leasesWaiting++
    }
  }
}
