/**
 * Figures of one agent that only grow, and their arithmetic. A grant that is undone
 * takes one back for a moment; `risen` keeps what was told from ever falling, until
 * the true figure has caught up.
 */
import type { AgentReading } from "@resource-manager/core/Meter"

export interface Counts {
  readonly granted: number
  /** Microseconds. */
  readonly waited: number
  readonly held: number
  /** By the error. */
  readonly failed: ReadonlyMap<string, number>
}

export const nothing: Counts = { granted: 0, waited: 0, held: 0, failed: new Map() }

export const countsOf = (agent: AgentReading): Counts => ({
  granted: agent.acquisitions,
  waited: agent.waited,
  held: agent.held,
  failed: new Map(Object.entries(agent.failures))
})

/** How many claims of an agent ended in one way or the other. */
export const useOf = (agent: AgentReading): number => {
  let use = agent.acquisitions
  for (const tag in agent.failures) use += agent.failures[tag as keyof typeof agent.failures] ?? 0
  return use
}

const combined = (one: Counts, other: Counts, by: (a: number, b: number) => number): Counts => {
  const failed = new Map<string, number>()
  for (const tag of new Set([...one.failed.keys(), ...other.failed.keys()])) {
    failed.set(tag, by(one.failed.get(tag) ?? 0, other.failed.get(tag) ?? 0))
  }
  return {
    granted: by(one.granted, other.granted),
    waited: by(one.waited, other.waited),
    held: by(one.held, other.held),
    failed
  }
}

export const less = (from: Counts, what: Counts): Counts => combined(from, what, (a, b) => a - b)

/** The larger of each figure: what was told before, or what is now. */
export const risen = (before: Counts, now: Counts): Counts => combined(before, now, Math.max)

/** A sum to add many to: readings as they are, for there may be very many. */
export class Sum implements Counts {
  granted = 0
  waited = 0
  held = 0
  readonly failed = new Map<string, number>()

  add(agent: AgentReading): void {
    this.granted += agent.acquisitions
    this.waited += agent.waited
    this.held += agent.held
    for (const tag in agent.failures) this.fail(tag, agent.failures[tag as keyof typeof agent.failures] ?? 0)
  }

  subtract(counts: Counts): void {
    this.granted -= counts.granted
    this.waited -= counts.waited
    this.held -= counts.held
    for (const [tag, count] of counts.failed) this.fail(tag, -count)
  }

  private fail(tag: string, count: number): void {
    this.failed.set(tag, (this.failed.get(tag) ?? 0) + count)
  }
}
