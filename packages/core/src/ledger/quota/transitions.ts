/**
 * What the books do with groups: each does what one event says. Where the shape or the
 * limits of a tree change, all its levels are counted anew: O(tree and its agents).
 */
import type { Account, Agent } from "../Agent.ts"
import type { Books } from "../Books.ts"
import type { Pool } from "../Pool.ts"
import * as preempting from "../preemption/transitions.ts"
import type { Part, Request } from "../Request.ts"
import { Gate } from "./Gate.ts"
import * as gates from "./gates.ts"
import { Group, type OnQuota, subtreeOf } from "./Group.ts"
import { type GroupLimits, type Level, shift } from "./Level.ts"
import { type Paid, QuotaPlace } from "./QuotaPlace.ts"

/** All that is said of a group at once. */
export interface GroupChange {
  readonly group: string
  readonly parent: string | undefined
  readonly onQuota: OnQuota | undefined
  readonly weight: number
  /** By type. */
  readonly limits: Readonly<Record<string, GroupLimits>>
}

export interface Membership {
  readonly group: string | undefined
  readonly onQuota: OnQuota | undefined
}

/** A request waits for quota, in the gate of its tree or of its agent. */
export const park = (request: Request): void => {
  const { agent } = request
  request.quota ??= new QuotaPlace()
  request.quota.place = Infinity
  agent.gate ??= new Gate()
  request.quota.parked = agent.gate.park(request)
  for (const part of request.parts) part.account.parked += part.amount
}

export const unpark = (request: Request): void => {
  request.agent.gate!.unpark(request.quota!.parked!)
  request.quota!.parked = undefined
  request.quota!.place = 0
  for (const part of request.parts) {
    part.account.parked -= part.amount
    // What a token pays for may have changed meanwhile.
    part.cost = part.pool.costOf(part.amount)
  }
}

/** What a request is inside of has changed: in no lease any more it waits for quota in its group's line, not by itself. */
export const moveLine = (books: Books, request: Request): void => {
  const { agent, quota } = request
  if (quota?.parked === undefined) return
  agent.gate!.unpark(quota.parked)
  quota.parked = agent.gate!.park(request)
  // It went before others there, whom it may keep from nothing now.
  gates.quotaFreed(books, agent)
}

/** A share is granted: it is in use at all levels, and has paid their rates. */
export const take = (part: Part, level: Level, now: number): void => {
  shift(level, part.amount, part.amount, part.amount, 1, 0, 0, 0)
  for (let at: Level | undefined = level; at !== undefined; at = at.parent) {
    const { bucket } = at
    if (bucket === undefined) continue
    const cost = at.costOf(part.amount)
    bucket.refill(now)
    bucket.take(cost)
    const { level: left, remainder, terms } = bucket
    const { request } = part
    request.quota ??= new QuotaPlace()
    request.quota.paid = [...request.quota.paid, { at, cost, level: left, remainder, terms }]
  }
}

export const giveBack = ({ level }: Account, amount: number, leases: number): void => {
  if (level !== undefined) shift(level, -amount, -amount, -amount, -leases, 0, 0, 0)
}

/** A grant never began: the rates of its groups have their tokens back. */
export const refundUndone = (request: Request, now: number): void => {
  const { quota } = request
  if (quota === undefined) return
  for (const { at, cost, ...left } of quota.paid) {
    if (at.bucket === undefined) continue
    at.bucket.refill(now)
    at.bucket.undo(cost, left, now - request.grantedAt)
  }
}

/** Those of some agents that wait for quota leave it, and are back after a change of what they wait for. */
const reshape = (books: Books, agents: ReadonlySet<Agent>, change: () => void): void => {
  for (const { group } of agents) {
    if (group === undefined) continue
    for (const level of levelsOf(group.root)) books.timers.clear(level)
  }
  const parked: Array<Request> = []
  for (const agent of agents) {
    for (const waiter of agent.waiters) {
      const at = waiter.quota?.parked
      if (at === undefined) continue
      agent.gate!.unpark(at)
      parked.push(waiter)
    }
  }
  change()
  for (const request of parked.toSorted((a, b) => a.id - b.id)) {
    const { agent } = request
    agent.gate ??= new Gate()
    request.quota!.parked = agent.gate.park(request)
  }
  // Never in the order in which they came to their groups, which is in no state: it decides which gate opens first.
  for (const agent of [...agents].toSorted((a, b) => a.index - b.index)) gates.quotaFreed(books, agent)
}

const levelsOf = function* (root: Group): Generator<Level, void> {
  for (const group of subtreeOf(root)) yield* group.levels.values()
}

/** All agents of the trees that some groups are in. O(trees). */
export const treesOf = ({ groups }: Books, ...ids: ReadonlyArray<string | undefined>): Set<Agent> => {
  const roots = new Set<Group>()
  for (const id of ids) {
    const group = id === undefined ? undefined : groups.byId.get(id)
    if (group !== undefined) roots.add(group.root)
  }
  return new Set([...roots].flatMap(agentsBelow))
}

/** Whoever waits in what has another parent waits in other groups. */
const moveWaiting = ({ shares }: Books, waiting: number, from: Group | undefined, to: Group | undefined): void => {
  if (waiting === 0) return
  // First where it goes: in what is above both somebody waits all the time.
  if (to !== undefined) shares?.arrive(to)
  for (let at = to; at !== undefined; at = at.parent) at.waiting += waiting
  for (let at = from; at !== undefined; at = at.parent) at.waiting -= waiting
}

const agentsBelow = (group: Group): Array<Agent> => [...subtreeOf(group)].flatMap((below) => [...below.agents])

const link = (books: Books, group: Group, parent: Group | undefined): void => {
  books.shares?.move(group, group.parent, parent)
  moveWaiting(books, group.waiting, group.parent, parent)
  group.parent?.children.delete(group)
  group.parent = parent
  parent?.children.add(group)
  if (parent === undefined) group.leaveTree()
}

export const setGroup = (books: Books, change: GroupChange): void => {
  const { groups } = books
  const known = groups.byId.get(change.group)
  const group = known ?? new Group(change.group, groups)
  if (known === undefined) groups.byId.set(group.id, group)
  const parent = change.parent === undefined ? undefined : groups.byId.get(change.parent)!
  const former = group.root
  const agents = treesOf(books, group.id, parent?.id)
  const limits = new Map<Pool, GroupLimits>()
  for (const [type, ofType] of Object.entries(change.limits)) limits.set(books.poolOf(type), ofType)
  reshape(books, agents, () => {
    group.onQuota = change.onQuota
    group.weight = change.weight
    if (group.parent !== parent) link(books, group, parent)
    groups.setLimits(group, limits, books.now)
    for (const root of new Set([former.root, group.root])) groups.recount(root)
  })
}

/** Of a group that nobody is in, and nothing is below. */
export const removeGroup = (books: Books, id: string): void => {
  const { groups } = books
  const group = groups.byId.get(id)!
  const { root } = group
  groups.byId.delete(id)
  for (const level of group.levels.values()) books.timers.clear(level)
  group.parent?.children.delete(group)
  if (root === group) return
  reshape(books, new Set(agentsBelow(root)), () => groups.recount(root))
}

export const assign = (books: Books, agent: Agent, { group: id, onQuota }: Membership): void => {
  const { groups } = books
  const group = id === undefined ? undefined : groups.byId.get(id)!
  const former = agent.group
  const roots = new Set([former?.root, group?.root].filter((root) => root !== undefined))
  reshape(books, new Set([agent, ...treesOf(books, former?.id, group?.id)]), () => {
    agent.onQuota = onQuota
    if (former === group) return
    former?.agents.delete(agent)
    group?.agents.add(agent)
    books.shares?.move(agent, former, group)
    moveWaiting(books, agent.waiting, former, group)
    agent.group = group
    agent.gate = undefined
    preempting.moveListed(agent, () => {
      for (const account of agent.accounts.values()) account.level = undefined
      for (const root of roots) groups.recount(root)
    })
  })
}

/** An agent's own quota was set: it may have a line of its own now, or none. */
export const requeue = (books: Books, agent: Agent): void => reshape(books, new Set([agent]), () => {})

export type { Paid }
