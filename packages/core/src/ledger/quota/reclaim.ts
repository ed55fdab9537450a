/**
 * What of a tree is lent, and to whom: which leases have borrowed what a claim waits
 * for although it is its group's own.
 *
 * **Rule.** A claim may take a lease back that is in another branch of its tree, right
 * below the first group that both are in:
 * - the claimant's branch is within its quota with the claim, in every type that it asks for;
 * - the victim's branch, and each group on the way down to the victim, is above its
 *   quota, cheaper leases (those taken before it) left out: what a group has beyond its
 *   quota is borrowed by the cheapest of its leases.
 *
 * So what is taken back is never taken from whom it is own: a lease that was granted for
 * a claim within its quota is left alone while the leases before it stay as they are.
 */
import type { Pool } from "../Pool.ts"
import type { PreemptibleIndex } from "../preemption/PreemptibleIndex.ts"
import type { Part, Request } from "../Request.ts"
import { type Group, subtreeOf } from "./Group.ts"
import { type Level, shift } from "./Level.ts"
import type { Basis } from "./obstacles.ts"

/** Where a claim stands in its tree: the groups from its own up to the root, and in which of them it is within the quota. */
export interface Standing {
  readonly path: ReadonlyMap<Group, number>
  readonly within: ReadonlyArray<boolean>
}

/** O(types x depth). What a claim that has its quota asks for is in the use already. */
export const standingOf = (request: Request, basis: Basis): Standing => {
  const isCounted = basis === "used" && request.status === "waiting" && request.quota?.parked === undefined
  const path = new Map<Group, number>()
  const within: Array<boolean> = []
  for (let group = request.agent.group; group !== undefined; group = group.parent) {
    path.set(group, within.length)
    within.push(true)
  }
  for (const { account, amount } of request.parts) {
    let draw = amount
    let at = 0
    for (let level = account.level; level !== undefined; level = level.parent, at++) {
      const use = level[basis]
      if (level.governed && draw > 0 && use + (isCounted ? 0 : draw) > level.subtree) within[at] = false
      draw = level.drawn(use + draw) - level.drawn(use)
    }
  }
  return { path, within }
}

/** What levels hold without some leases, without touching them. */
export class Without {
  private readonly held = new Map<Level, number>()

  of(level: Level): number {
    return this.held.get(level) ?? level.held
  }

  leave(lease: Request): void {
    for (const { account, amount } of lease.parts) {
      let draw = amount
      for (let level = account.level; level !== undefined; level = level.parent) {
        const before = this.of(level)
        this.held.set(level, before - draw)
        draw = level.drawn(before) - level.drawn(before - draw)
      }
    }
  }
}

export const nobodyLeft = new Without()

/** Whether what a lease has of a pool is lent to it by the branch of a claim. */
const isLent = (part: Part, { path, within }: Standing, without: Without): boolean => {
  for (let level = part.account.level; level !== undefined; level = level.parent) {
    const at = path.get(level.group)
    // In one group nobody lends to anybody.
    if (at !== undefined) return at > 0 && within[at - 1] === true && level !== part.account.level
    if (!isAbove(level, without)) return false
  }
  return false
}

/** Whether a group holds more of a type than its quota, some of its leases left out. */
export const isAbove = (level: Level, without: Without): boolean => level.governed && without.of(level) > level.subtree

/** Leases of one group of a branch that has borrowed. */
export interface BorrowedLine {
  /** That of the branch. */
  readonly branch: Level
  readonly leases: PreemptibleIndex
}

/**
 * Where the leases are that a claim may take back of some pools: those of the branches beside its own that are above
 * their quota there. What no such branch has is not looked at, however much it is. O(children of its groups, and
 * groups below the branches).
 */
export const borrowedLines = ({ path, within }: Standing, pools: Iterable<Pool>): ReadonlyArray<BorrowedLine> => {
  const lines: Array<BorrowedLine> = []
  for (const pool of pools) {
    for (const [group, at] of path) {
      if (at === 0 || within[at - 1] !== true) continue
      for (const child of group.children) {
        const branch = child.levels.get(pool)
        if (branch === undefined || path.has(child) || !isAbove(branch, nobodyLeft)) continue
        for (const below of subtreeOf(child)) {
          const leases = below.levels.get(pool)?.preemptible
          if (leases !== undefined && leases.size > 0) lines.push({ branch, leases })
        }
      }
    }
  }
  return lines
}

/** Whether a lease has borrowed of one of these pools what is the claimant's own. */
export const hasBorrowed = (lease: Request, standing: Standing, pools: ReadonlySet<Pool>, without: Without): boolean =>
  lease.parts.some((part) => pools.has(part.pool) && isLent(part, standing, without))

/** The levels as they will be once some leases are back. What leaves must come back before anybody else looks. */
export class Outlook {
  private readonly away = new Set<Request>()

  has(lease: Request): boolean {
    return this.away.has(lease)
  }

  leave(lease: Request): void {
    this.away.add(lease)
    move(lease, -1)
  }

  comeBack(lease: Request): void {
    this.away.delete(lease)
    move(lease, 1)
  }

  end(): void {
    for (const lease of this.away) move(lease, 1)
    this.away.clear()
  }
}

const move = (lease: Request, sign: 1 | -1): void => {
  for (const { account, amount } of lease.parts) {
    const of = sign * amount
    account.held += of
    if (account.level !== undefined) shift(account.level, of, of, of, sign, 0, 0, 0)
  }
}
