/** What the convergence tests assert and the pictures of the docs show: one backend whose capacity changes. */
import * as Aimd from "../../src/Aimd.ts"
import * as Gradient2 from "../../src/Gradient2.ts"
import { fromAlgorithm, type Policy } from "../../src/LimitPolicy.ts"
import * as Vegas from "../../src/Vegas.ts"
import { type Point, type Scenario, uniform } from "./backend.ts"

export const serviceMicros = 100_000

/** Round trips at each capacity. */
export const tripsOfPhase = 400
export const capacities = [150, 90, 220]

/** Calls take 100 ms, give or take a fifth; at first 150 are served at once, then 90, then 220. */
export const changingCapacity: Scenario = {
  phases: capacities.map((servers, index) => ({
    fromMicros: index * tripsOfPhase * serviceMicros,
    servers,
    serviceMicros
  })),
  endMicros: capacities.length * tripsOfPhase * serviceMicros,
  noise: uniform(0.2)
}

export interface Case {
  readonly name: string
  readonly title: string
  readonly policy: Policy
  readonly scenario: Scenario
  /** The round trips, in each phase, within which the limit is first within a tenth of the capacity. */
  readonly tripsMax: ReadonlyArray<number>
  /** The part of the round trips from then on in which it is, probes of the base latency included. */
  readonly shareMin: number
}

export const cases: ReadonlyArray<Case> = [
  {
    name: "aimd",
    title: "AIMD",
    policy: fromAlgorithm(Aimd.make({ max: 1_000 })),
    // It looks at drops alone: what does not fit into a queue of ten is refused.
    scenario: { ...changingCapacity, queueMax: 10 },
    tripsMax: [130, 25, 115],
    shareMin: 0.9
  },
  {
    name: "vegas",
    title: "Vegas",
    policy: fromAlgorithm(Vegas.make({ alpha: 2, beta: 4 })),
    scenario: changingCapacity,
    tripsMax: [115, 115, 100],
    shareMin: 0.75
  },
  {
    name: "gradient2",
    title: "Gradient2",
    policy: fromAlgorithm(Gradient2.make({ max: 1_000 })),
    scenario: changingCapacity,
    tripsMax: [150, 30, 100],
    shareMin: 0.85
  }
]

const isNear = ({ limit, servers }: Point) => Math.abs(limit - servers) <= 0.1 * servers

export interface Convergence {
  readonly servers: number
  /** Round trips until the limit was within a tenth of the capacity first. `Infinity` is never. */
  readonly trips: number
  /** The part of the round trips from then on in which it was. */
  readonly share: number
  /** Calls served over those that the backend could have served, from then on. */
  readonly throughput: number
}

/** How the limit came to each capacity. */
export const convergenceOf = (points: ReadonlyArray<Point>): ReadonlyArray<Convergence> =>
  [...new Set(points.map(({ phase }) => phase))].map((phase) => {
    const mine = points.filter((point) => point.phase === phase)
    const first = mine.findIndex(isNear)
    const since = first < 0 ? [] : mine.slice(first)
    const servers = mine[0]?.servers ?? 0
    return {
      servers,
      trips: mine[first]?.roundTrip ?? Infinity,
      share: since.filter(isNear).length / Math.max(1, since.length),
      throughput: since.reduce((sum, { served }) => sum + served, 0) / Math.max(1, since.length * servers)
    }
  })
