/**
 * Who goes first, as a value: what an order is made of, and the one comparison that
 * all pools, the deadlock reduction and the explanations share. It is a property of
 * the claims, never of a pool, so that no two pools disagree.
 *
 * The key, each step only where configured:
 * rescued > chosen before > share, from the roots of the groups down to the agent, lowest
 * first > rank, highest first > size, smallest first > arrival.
 */
import type { Agent } from "../Agent.ts"
import { inQueueOrder, type Part, type Request } from "../Request.ts"
import { type Sharer, siblingsOf } from "./Sharer.ts"
import { isInFront } from "./Turn.ts"

/** Lets the oldest waiter through now and then, whatever its class. */
export interface Aging {
  /** How long a waiter has waited, in microseconds, before it can be rescued. */
  readonly afterMicros: number
  /** Of so many grants of a pool at most one is a rescue. From 1 on. */
  readonly oneIn: number
}

export interface PriorityOrder {
  readonly aging?: Aging | undefined
  /** Whether waits inside a lease run at the priority of the claims that wait for it. */
  readonly inherits: boolean
}

export interface FairShareOrder {
  /**
   * What is shared: what agents hold now (dominant resource fairness), or what they
   * were granted over time (start-time order). The other one breaks ties.
   */
  readonly by: "held" | "served"
  /** How long until what was granted counts half, in microseconds. Without, nobody is paid back for having been away. */
  readonly halfLife?: number | undefined
}

export interface BypassOrder {
  /** How often the first that is short may be passed; `Infinity` is without a bound. */
  readonly max: number
  /** How long it may be passed, in microseconds from the first time on. */
  readonly withinMicros: number
  /** How many waiters behind it are looked at. */
  readonly depth: number
}

export interface OrderPolicy {
  readonly name: string
  readonly fairShare?: FairShareOrder | undefined
  readonly priority?: PriorityOrder | undefined
  /** Smaller goes first among equals. Read once, as the claim is queued. */
  readonly size?: ((request: Request) => number) | undefined
  /**
   * Whether who was chosen next and does not fit stays next until it is granted, even where
   * a better one arrives. Without, whoever is best at the moment is next.
   */
  readonly committedHead?: boolean | undefined
  readonly bypass?: BypassOrder | undefined
}

/** Why one claim goes before another. */
export type Difference = "rescued" | "committed" | "share" | "priority" | "size" | "arrival"

export class Order {
  readonly policy: OrderPolicy
  readonly fair: FairShareOrder | undefined
  readonly priority: PriorityOrder | undefined
  readonly aging: Aging | undefined
  readonly bypass: BypassOrder | undefined
  readonly committedHead: boolean
  /** Whether anything but arrival decides. */
  readonly keyed: boolean

  constructor(policy: OrderPolicy) {
    this.policy = policy
    this.fair = policy.fairShare
    this.priority = policy.priority
    this.aging = policy.priority?.aging
    this.bypass = policy.bypass
    this.committedHead = policy.committedHead === true
    this.keyed = policy.fairShare !== undefined || policy.priority !== undefined || policy.size !== undefined
  }

  sizeOf(request: Request): number {
    return this.policy.size?.(request) ?? 0
  }

  /** Below 0 where `a` goes first; 0 only for one with itself. */
  readonly compare = (a: Request, b: Request): number => {
    if (isInFront(a.turn) || isInFront(b.turn)) return compareInFront(a, b)
    if (this.fair !== undefined && a.agent !== b.agent) {
      const byAgent = this.compareAgents(a.agent, b.agent)
      // 0 only for one who stands in for the other, to ask what a claim would meet.
      if (byAgent !== 0) return byAgent
    }
    return compareWithin(a, b)
  }

  /** What decides between two claims. */
  difference(a: Request, b: Request): Difference {
    if (a.turn.rescued || b.turn.rescued) return a.turn.rescued === b.turn.rescued ? "arrival" : "rescued"
    if (isInFront(a.turn) || isInFront(b.turn)) return "committed"
    if (this.fair !== undefined && a.agent !== b.agent) return "share"
    if (a.turn.rank !== b.turn.rank) return "priority"
    return a.turn.size === b.turn.size ? "arrival" : "size"
  }

  /** The order within a line. */
  readonly compareParts = (a: Part, b: Part): number => compareWithin(a.request, b.request)

  /** Of agents of different groups by those of their groups that are siblings. O(depth). */
  readonly compareAgents = (a: Agent, b: Agent): number =>
    a.group === b.group ? this.compareSiblings(a, b) : this.compareSiblings(...siblingsOf(a, b))

  readonly compareSiblings = (a: Sharer, b: Sharer): number => {
    const { share, start } = a.key
    const { share: otherShare, start: otherStart } = b.key
    if (this.fair?.by === "served") return start - otherStart || share - otherShare || a.place - b.place
    return share - otherShare || start - otherStart || a.place - b.place
  }
}

/** Where at least one stands in front. */
const compareInFront = (a: Request, b: Request): number => {
  if (a.turn.rescued !== b.turn.rescued) return a.turn.rescued ? -1 : 1
  if (a.turn.rescued || a.turn.chosen === b.turn.chosen) return byArrival(a, b)
  if (a.turn.chosen === 0) return 1
  return b.turn.chosen === 0 ? -1 : a.turn.chosen - b.turn.chosen
}

const compareWithin = (a: Request, b: Request): number => {
  const byRank = b.turn.rank - a.turn.rank
  if (byRank !== 0) return byRank
  // Not by subtraction: sizes may both be Infinity.
  if (a.turn.size !== b.turn.size) return a.turn.size < b.turn.size ? -1 : 1
  return byArrival(a, b)
}

/** By when they came to the queues. A claim that is only being asked for has no id yet, and comes last. */
export const byArrival = (a: Request, b: Request): number => {
  if (a.id === b.id) return 0
  if (a.id === 0) return 1
  return b.id === 0 ? -1 : inQueueOrder(a, b)
}
