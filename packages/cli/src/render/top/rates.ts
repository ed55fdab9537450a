/** How often, since the last look. */
import type { OverviewView } from "../views.ts"

/** Everything at one instant, and when that was. */
export interface Sample {
  /** Milliseconds since the epoch. */
  readonly takenAt: number
  readonly overview: OverviewView
}

/** Grants a second, by agent and by pool, between two samples. A daemon that began anew counts from nothing. */
export class Rates {
  private readonly seconds: number
  private readonly agents: ReadonlyMap<string, number>
  private readonly pools: ReadonlyMap<string, number>

  constructor(sample: Sample, previous: Sample | undefined) {
    this.seconds = previous === undefined ? 0 : (sample.takenAt - previous.takenAt) / 1_000
    this.agents = new Map(previous?.overview.agents.map(({ acquisitions, agent }) => [agent, acquisitions]))
    this.pools = new Map(previous?.overview.pools.map(({ acquisitions, resourceType }) => [resourceType, acquisitions]))
  }

  /** `undefined` at the first look. */
  agent({ acquisitions, agent }: OverviewView["agents"][number]): number | undefined {
    return this.per(acquisitions, this.agents.get(agent))
  }

  pool({ acquisitions, resourceType }: OverviewView["pools"][number]): number | undefined {
    return this.per(acquisitions, this.pools.get(resourceType))
  }

  private per(now: number, before: number | undefined): number | undefined {
    if (!(this.seconds > 0)) return undefined
    // One that is new, or is counted anew, had nothing before.
    return before === undefined || before > now ? now / this.seconds : (now - before) / this.seconds
  }
}
