/**
 * Who is told by name. There may be very many agents, and each series costs whoever
 * stores it: at most `max` agents have series of their own, the rest is one sum.
 *
 * 1. No series ever falls, whoever is named when. What an agent did while it was
 *    among the others stays with them for good; what it does under its own name
 *    counts there, and goes on from there if it is named again.
 * 2. All series ever told sum up to what all agents did.
 * 3. While there are at most `max` agents, each has all of its figures.
 * 4. A place is taken from the one with the least use (claims that ended) only by
 *    one with more than twice as much. So nobody among the others has more than twice
 *    the use of anybody named, and in all no more than `max (1 + log2 claims)` agents
 *    are ever named: series do not pile up where agents come and go.
 */
import type { AgentReading } from "@resource-manager/core/Meter"
import { otherAgents } from "../Metrics.ts"
import { type Counts, countsOf, less, nothing, risen, Sum, useOf } from "./counts.ts"

interface Share {
  /** What of its figures does not count under its name. */
  readonly elsewhere: Counts
  readonly told: Counts
}

export interface Named {
  readonly agent: AgentReading
  readonly counts: Counts
}

export interface Shares {
  readonly named: ReadonlyArray<Named>
  readonly others: ReadonlyArray<AgentReading>
  /** Those of the others, or `undefined` as long as there never were any. */
  readonly othersCounts: Counts | undefined
}

/** Another agent's series would look like that of such a name, once written. */
const isNameable = ({ agent }: AgentReading): boolean => agent !== otherAgents && agent.isWellFormed()

export class AgentShares {
  private readonly max: number
  private readonly names = new Set<string>()
  /** Of all that are or were named. */
  private readonly shares = new Map<string, Share>()
  private readonly met = new Set<string>()
  /** What there was before counting began. */
  private readonly before = new Sum()
  private othersTold: Counts | undefined

  constructor(max: number, agents: ReadonlyArray<AgentReading>) {
    this.max = max
    for (const agent of agents) {
      this.met.add(agent.agent)
      this.before.add(agent)
    }
    // Now and not with the first page: what they do until somebody asks for that is theirs.
    this.choose(agents)
  }

  update(agents: ReadonlyArray<AgentReading>): Shares {
    this.choose(agents)
    const rest = new Sum()
    const named: Array<Named> = []
    const others: Array<AgentReading> = []
    for (const agent of agents) {
      rest.add(agent)
      this.met.add(agent.agent)
      const share = this.names.has(agent.agent) ? this.shares.get(agent.agent) : undefined
      if (share === undefined) others.push(agent)
      else {
        const told = risen(share.told, less(countsOf(agent), share.elsewhere))
        this.shares.set(agent.agent, { elsewhere: share.elsewhere, told })
        named.push({ agent, counts: told })
      }
    }
    rest.subtract(this.before)
    for (const { told } of this.shares.values()) rest.subtract(told)
    if (this.othersTold !== undefined || others.length > 0) this.othersTold = risen(this.othersTold ?? nothing, rest)
    return { named, others, othersCounts: this.othersTold }
  }

  private choose(agents: ReadonlyArray<AgentReading>): void {
    const uses = agents.filter(({ agent }) => this.names.has(agent)).map((agent) => ({ agent, use: useOf(agent) }))
    // The one with the least use last.
    uses.sort((a, b) => b.use - a.use)
    const worth = uses.length < this.max ? -1 : 2 * (uses.at(-1)?.use ?? Infinity)
    const candidates: Array<{ readonly agent: AgentReading; readonly use: number }> = []
    for (const agent of agents) {
      const use = useOf(agent)
      if (use > worth && !this.names.has(agent.agent) && isNameable(agent)) candidates.push({ agent, use })
    }
    candidates.sort((a, b) => b.use - a.use)
    for (const { agent, use } of candidates) {
      if (this.names.size >= this.max) {
        const least = uses.pop()
        if (least === undefined || use <= 2 * least.use) break
        this.names.delete(least.agent.agent)
      }
      this.name(agent)
    }
  }

  private name(agent: AgentReading): void {
    this.names.add(agent.agent)
    const told = this.shares.get(agent.agent)?.told ?? nothing
    // Of one that was met before, all that was not told under its name counts among the others.
    const elsewhere = this.met.has(agent.agent) ? less(countsOf(agent), told) : nothing
    this.shares.set(agent.agent, { elsewhere, told })
  }
}
