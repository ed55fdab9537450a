/**
 * Who has how much of what there is, where shares are fair.
 *
 * `share` is an agent's dominant share by its weight: the largest part that it holds
 * of any pool (Ghodsi et al., "Dominant Resource Fairness", NSDI 2011). It follows
 * from what is held.
 *
 * `served` is a virtual time (Goyal, Vin and Cheng, "Start-time Fair Queueing",
 * SIGCOMM 1996): each grant moves its agent on by the dominant part of the claim over
 * the weight. An agent that comes back after a while starts where the others are, so
 * that it saves nothing up.
 */
import type { Agent } from "../Agent.ts"
import type { Request } from "../Request.ts"

/** The largest part of any pool that amounts are. */
const dominant = (parts: Iterable<{ readonly amount: number; readonly capacity: number }>): number => {
  let largest = 0
  // A pool that was shrunk to nothing counts as one of one unit: what is held of it is held.
  for (const { amount, capacity } of parts) largest = Math.max(largest, amount / Math.max(1, capacity))
  return largest
}

const held = function* (agent: Agent) {
  for (const { held, pool } of agent.accounts.values()) {
    if (held > 0) yield { amount: held, capacity: pool.capacity }
  }
}

const asked = function* (request: Request) {
  for (const { amount, pool } of request.parts) yield { amount, capacity: pool.capacity }
}

/** What an agent holds of what there is, by its weight. O(types). */
export const shareOf = (agent: Agent): number => dominant(held(agent)) / agent.weight

export class Shares {
  /** The start of what was granted last: where agents start that have nobody waiting. */
  virtual = 0

  /** Where an agent's next claim starts. */
  startOf(agent: Agent): number {
    return agent.waiters.size > 0 ? agent.served : Math.max(agent.served, this.virtual)
  }

  /** A claim is granted. Before it leaves the queue. */
  charge(request: Request): void {
    const { agent } = request
    const start = this.startOf(agent)
    if (start > this.virtual) this.virtual = start
    agent.served = start + dominant(asked(request)) / agent.weight
  }

  /** A grant never was. */
  refund(request: Request): void {
    const { agent } = request
    agent.served = Math.max(0, agent.served - dominant(asked(request)) / agent.weight)
  }
}
