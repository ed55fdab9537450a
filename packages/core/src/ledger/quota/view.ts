/** Groups as people see them. Built when asked; no decision pays for it. */
import type { Books } from "../Books.ts"
import { type Group, type OnQuota, subtreeOf } from "./Group.ts"
import type { GroupLimits, Level } from "./Level.ts"

/** What a group has of one type, and what of it is where. */
export interface LevelView {
  readonly limits: GroupLimits
  /** Its nominal quota with those of all groups below it; `undefined` where its tree has none of the type. */
  readonly quota: number | undefined
  /** What leases of its agents and of all groups below it hold. */
  readonly inUse: number
  /** What of that is beyond its quota. */
  readonly borrowed: number
  /** What of its quota others use. */
  readonly lent: number
  readonly leases: number
  /** What waiters that have their quota will hold. */
  readonly waiting: number
  readonly peak: number
  readonly tokens: number | undefined
}

export interface GroupView {
  readonly group: string
  readonly parent: string | undefined
  readonly path: ReadonlyArray<string>
  readonly onQuota: OnQuota | undefined
  readonly weight: number
  readonly agents: ReadonlyArray<string>
  /** How many claims of its own agents wait for quota. */
  readonly waitingForQuota: number
  readonly types: Readonly<Record<string, LevelView>>
}

const borrowedBy = (level: Level): number => Math.max(0, level.held - level.subtree)

/**
 * What the groups below a level lend, each. What is borrowed there is taken from the
 * level's own units first; the rest comes from those that have idle ones, as much from
 * each as it has of all of them, rounded down, and what rounding leaves from the first.
 */
const lentBelow = (level: Level, children: ReadonlyArray<Level>): ReadonlyMap<Level, number> => {
  const idle = children.map((child) => Math.max(0, child.subtree - Math.max(child.held, child.guaranteed)))
  const drawn = children.reduce((sum, child) => sum + child.drawn(child.held), 0)
  const own = level.held - drawn + children.reduce((sum, child) => sum + borrowedBy(child), 0)
  const foreign = (level.limits.nominal ?? 0) + borrowedBy(level)
  const all = idle.reduce((sum, units) => sum + units, 0)
  const lent = Math.min(all, Math.max(0, own - foreign))
  const shares = idle.map((units) => (all === 0 ? 0 : Math.floor((lent * units) / all)))
  let rest = lent - shares.reduce((sum, share) => sum + share, 0)
  return new Map(
    children.map((child, at) => {
      const more = Math.min(rest, idle[at]! - shares[at]!)
      rest -= more
      return [child, shares[at]! + more]
    })
  )
}

const nominalBelow = ({ group, pool }: Level): number => {
  let sum = 0
  for (const below of subtreeOf(group)) sum += below.levels.get(pool)?.limits.nominal ?? 0
  return Math.min(sum, Number.MAX_SAFE_INTEGER)
}

const levelView = (level: Level, lent: number, now: number): LevelView => ({
  limits: level.limits,
  quota: level.governed ? nominalBelow(level) : undefined,
  inUse: level.inUse,
  borrowed: level.governed && level.parent !== undefined ? borrowedBy(level) : 0,
  lent,
  leases: level.leases,
  waiting: level.amountWaiting,
  peak: level.peak,
  tokens: level.bucket === undefined ? undefined : level.tokens(now)
})

const waitingIn = (group: Group): number => {
  let waiting = 0
  for (const agent of group.agents) {
    for (const waiter of agent.waiters) if (waiter.quota?.parked !== undefined) waiting++
  }
  return waiting
}

const isSeen = (level: Level): boolean =>
  level.governed || level.peak > 0 || level.amountWaiting > 0 || Object.keys(level.limits).length > 0

/** All groups, each tree from its root down. O(groups and their agents). */
export const groupViews = (books: Books, now: number): ReadonlyArray<GroupView> => {
  const roots = [...books.groups.byId.values()].filter((group) => group.parent === undefined)
  const lent = new Map<Level, number>()
  return roots.flatMap((root) =>
    Array.from(subtreeOf(root), (group): GroupView => {
      const types: Record<string, LevelView> = {}
      for (const [pool, level] of group.levels) {
        const children = Array.from(group.children, (child) => child.levels.get(pool)).filter(
          (child) => child !== undefined
        )
        for (const [child, units] of lentBelow(level, children)) lent.set(child, level.governed ? units : 0)
        if (isSeen(level)) types[pool.type] = levelView(level, lent.get(level) ?? 0, now)
      }
      return {
        group: group.id,
        parent: group.parent?.id,
        path: group.path,
        onQuota: group.onQuota,
        weight: group.weight,
        agents: Array.from(group.agents, (agent) => agent.id),
        waitingForQuota: waitingIn(group),
        types
      }
    })
  )
}
