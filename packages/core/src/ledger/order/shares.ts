/**
 * Who has how much of what there is, where shares are fair.
 *
 * **Tree.** Agents and groups of one parent are siblings, and only siblings are compared,
 * from the root down: a group has a share as an agent has, of all that is held or was
 * granted below it. So who is in a group competes for what its group is given, and how
 * many they are changes nothing for other groups. Where there are no groups, all agents
 * are siblings.
 *
 * `share` is a dominant share by weight: the largest part held of any pool (Ghodsi et
 * al., "Dominant Resource Fairness", NSDI 2011). It follows from what is held. That of a
 * group is of the sum of what is held below it: hierarchical dominant resource fairness in
 * its plain form. Bhattacharya et al. (SoCC 2013) rescale a group to its least served
 * child instead, which keeps a group that has much of one pool from being last in another
 * one, and lets a group go first for as long as it brings ever new agents: here agents
 * come and go, so that it would go first for ever.
 *
 * `served` is a virtual time (Goyal, Vin and Cheng, "Start-time Fair Queueing", SIGCOMM
 * 1996; of a tree: Goyal, Guo and Vin, OSDI 1996): each grant moves its agent, and every
 * group that it is in, on by the dominant part of the claim over the weight. Who comes
 * back after a while starts where its siblings are, so that it saves nothing up.
 *
 * **Half-life.** With one, `served` is what was granted, each grant by what it weighs after
 * the time since: half after each half-life. There is no clock for it: all decay alike, so
 * who is before whom changes by grants alone. A grant weighs `2 ** n * (1 + f)` in the
 * half-life number `n`, a part `f` of which is over: exactly doubled by each, and straight
 * in between (at most 6 % off the curve), so that it is exact in plain arithmetic and the
 * same wherever it is replayed. Nobody is put forward to its siblings: who was away for
 * some half-lives has as good as nothing behind it.
 */
import type { Agent } from "../Agent.ts"
import { Group } from "../quota/Group.ts"
import type { Request } from "../Request.ts"
import type { Key, Sharer } from "./Sharer.ts"

/** The largest part of any pool that amounts are. */
const dominant = (parts: Iterable<{ readonly amount: number; readonly capacity: number }>): number => {
  let largest = 0
  // A pool that was shrunk to nothing counts as one of one unit: what is held of it is held.
  for (const { amount, capacity } of parts) largest = Math.max(largest, amount / Math.max(1, capacity))
  return largest
}

const heldByAgent = function* (agent: Agent) {
  for (const { held, pool } of agent.accounts.values()) {
    if (held > 0) yield { amount: held, capacity: pool.capacity }
  }
}

const heldByGroup = function* (group: Group) {
  for (const { inUse, pool } of group.levels.values()) {
    if (inUse > 0) yield { amount: inUse, capacity: pool.capacity }
  }
}

const asked = function* (request: Request) {
  for (const { amount, pool } of request.parts) yield { amount, capacity: pool.capacity }
}

/** What an agent or a group holds of what there is, by its weight. O(types). */
const shareOf = (sharer: Agent | Group): number =>
  dominant(sharer instanceof Group ? heldByGroup(sharer) : heldByAgent(sharer)) / sharer.weight

/** Where a sharer stands among its siblings now. */
export const keyOf = (sharer: Agent | Group, shares: Shares | undefined): Key => ({
  share: shareOf(sharer),
  start: shares?.startOf(sharer) ?? 0
})

/** The half-life that an instant is in, and what is granted in it weighs, against what was granted as it began. */
const weighing = (now: number, halfLife: number): readonly [number: number, weight: number] => {
  const number = Math.floor(now / halfLife)
  return [number, 1 + (now - number * halfLife) / halfLife]
}

/**
 * Grows with `value * 2 ** exponent`, and is in range whatever the exponent: the logarithm,
 * straight between powers of two.
 */
const logarithm = (value: number, exponent: number): number => {
  if (value === 0) return -Number.MAX_VALUE
  while (value >= 2) {
    value /= 2
    exponent++
  }
  while (value < 1) {
    value *= 2
    exponent--
  }
  return exponent + (value - 1)
}

export class Shares {
  /** How long until what was granted counts half, in microseconds; `undefined`: it counts by virtual time. */
  readonly halfLife: number | undefined
  /** The start of what was granted last among agents without a group and roots: where those start that have nobody waiting. */
  virtual = 0

  constructor(halfLife?: number) {
    this.halfLife = halfLife
  }

  /** Where the next claim of a sharer starts. */
  startOf(sharer: Sharer): number {
    const { above, served, servedIn, waiting, weight } = sharer
    if (this.halfLife !== undefined) return logarithm(served / weight, servedIn)
    return waiting > 0 ? served : Math.max(served, (above ?? this).virtual)
  }

  /** Somebody comes to wait: those in which nobody did start where their siblings are. Before it is counted. */
  arrive(sharer: Sharer): void {
    if (this.halfLife !== undefined) return
    for (let at: Sharer | undefined = sharer; at !== undefined && at.waiting === 0; at = at.above) {
      at.served = this.startOf(at)
    }
  }

  /** A claim is granted. Before it leaves the queue. */
  charge(request: Request, now: number): void {
    const part = dominant(asked(request))
    for (let at: Sharer | undefined = request.agent; at !== undefined; at = at.above) {
      if (this.halfLife !== undefined) {
        const [number, weight] = weighing(now, this.halfLife)
        at.served = at.served * 2 ** (at.servedIn - number) + part * weight
        at.servedIn = number
        continue
      }
      const start = this.startOf(at)
      const siblings = at.above ?? this
      if (start > siblings.virtual) siblings.virtual = start
      at.served = start + part / at.weight
    }
  }

  /** A grant never was. It goes back to where its agent is now. */
  refund(request: Request): void {
    const part = dominant(asked(request))
    // Nothing, of whatever it counts by now: a group that it came to since may be beyond all numbers behind.
    if (part === 0) return
    for (let at: Sharer | undefined = request.agent; at !== undefined; at = at.above) {
      let was = part / at.weight
      if (this.halfLife !== undefined) {
        const [number, weight] = weighing(request.grantedAt, this.halfLife)
        was = part * weight * 2 ** (number - at.servedIn)
      }
      at.served = Math.max(0, at.served - was)
    }
  }

  /** A sharer has another parent: what it is ahead of its siblings by goes with it. */
  move(sharer: Sharer, from: Group | undefined, to: Group | undefined): void {
    if (this.halfLife !== undefined) return
    sharer.served = (to ?? this).virtual + Math.max(0, sharer.served - (from ?? this).virtual)
  }
}
