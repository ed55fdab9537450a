/** The pictures of docs/adaptive-limits.md, drawn from the simulations that the tests assert about. */
import * as Effect from "effect/Effect"
import * as Gradient2 from "../../src/Gradient2.ts"
import { fromAlgorithm } from "../../src/LimitPolicy.ts"
import * as Vegas from "../../src/Vegas.ts"
import { type Point, type Scenario, simulate, uniform } from "./backend.ts"
import { type Panel, svgOf } from "./chart.ts"
import { allowed, configured, type Second, seconds, simulateRate } from "./rateBackend.ts"
import { type Case, cases, serviceMicros } from "./scenarios.ts"

const seed = 1
const tripsOf = (micros: number) => micros / serviceMicros

const ticks = (until: number, step: number) =>
  Array.from({ length: Math.floor(until / step) + 1 }, (_, at) => at * step)

const limitPanel = (points: ReadonlyArray<Point>, scenario: Scenario, yMax: number): Panel => ({
  title: "Calls at once",
  yMax,
  yTicks: ticks(yMax, 100),
  height: 200,
  band: scenario.phases.map(({ fromMicros, servers }) => [tripsOf(fromMicros), 0.9 * servers, 1.1 * servers]),
  series: [
    {
      name: "what the backend serves at once, and a tenth around",
      kind: "capacity",
      points: scenario.phases.map(({ fromMicros, servers }) => [tripsOf(fromMicros), servers])
    },
    { name: "the limit", kind: "limit", points: points.map(({ atMicros, limit }) => [tripsOf(atMicros), limit]) }
  ]
})

const convergence = ({ name, scenario, title, policy }: Case): readonly [string, string] => {
  const points = simulate(policy, { ...scenario, seed })
  const refuses = scenario.queueMax !== undefined
  return [
    `limit-${name}.svg`,
    svgOf({
      title: `${title}: the limit follows a capacity that changes`,
      description: `The limit begins at 20, and the backend serves ${scenario.phases.map(({ servers }) => servers).join(", then ")} calls at once.`,
      xMax: tripsOf(scenario.endMicros),
      xTicks: ticks(tripsOf(scenario.endMicros), 100),
      xTitle: "round trips of 100 ms",
      panels: [
        limitPanel(points, scenario, 300),
        {
          title: "Mean latency, ms",
          yMax: 200,
          yTicks: [0, 100, 200],
          height: 80,
          series: [
            {
              name: "of the calls that ended in a round trip",
              kind: "other",
              points: points.map(({ atMicros, meanMicros }) => [tripsOf(atMicros), meanMicros / 1_000])
            }
          ]
        },
        ...(refuses
          ? [
              {
                title: "Refused",
                yMax: 20,
                yTicks: [0, 10, 20],
                height: 50,
                series: [
                  {
                    name: "calls in a round trip",
                    kind: "bad" as const,
                    points: points.map(({ atMicros, dropped }) => [tripsOf(atMicros), dropped] as const)
                  }
                ]
              }
            ]
          : [])
      ]
    })
  ]
}

/** What the probes of the base latency are for: a backend that becomes slower, and a load that never ends. */
const probes = (): readonly [string, string] => {
  const steady = { fromMicros: 0, servers: 100, serviceMicros }
  const endMicros = 2_000 * serviceMicros
  const slower: Scenario = {
    phases: [steady, { ...steady, fromMicros: 400 * serviceMicros, serviceMicros: 2 * serviceMicros }],
    endMicros,
    noise: uniform(0.2),
    seed
  }
  const endless: Scenario = { phases: [steady], endMicros, noise: uniform(0.2), seed }
  const line = (policy: Parameters<typeof simulate>[0], scenario: Scenario) =>
    simulate(policy, scenario).map(({ atMicros, limit }) => [tripsOf(atMicros), limit] as const)
  const panel = (
    title: string,
    scenario: Scenario,
    policyOf: (every: number) => Parameters<typeof simulate>[0]
  ): Panel => ({
    title,
    yMax: 200,
    yTicks: [0, 100, 200],
    height: 130,
    band: [[0, 90, 110]],
    series: [
      { name: "with probes", kind: "limit", points: line(policyOf(60), scenario) },
      { name: "without", kind: "bad", points: line(policyOf(Infinity), scenario) }
    ]
  })
  return [
    "limit-probes.svg",
    svgOf({
      title: "What the probes of the base latency are for",
      description:
        "Without probes, Vegas takes a backend that became slower for one with a queue and falls; Gradient2 gets used to its own queue and grows. With them both stay at the capacity of 100.",
      xMax: tripsOf(endMicros),
      xTicks: ticks(tripsOf(endMicros), 200),
      xTitle: "round trips of 100 ms",
      panels: [
        panel("Vegas, and calls that take twice as long from 400 on", slower, (probeEvery) =>
          fromAlgorithm(Vegas.make({ probeEvery }))
        ),
        panel("Gradient2, under a load that never ends", endless, (probeEvery) =>
          fromAlgorithm(Gradient2.make({ probeEvery, max: 1_000 }))
        )
      ]
    })
  ]
}

const rate = (points: ReadonlyArray<Second>): readonly [string, string] => [
  "adaptive-rate.svg",
  svgOf({
    title: "A rate that backs off and recovers",
    description:
      "The service allows 60 calls a second, from 20 to 60 s only 20, and none from 80 to 85 s, with Retry-After: 10. The rate falls to what is allowed, keeps still when told to, and recovers to the configured 50 and not above.",
    xMax: seconds,
    xTicks: ticks(seconds, 10),
    xTitle: "seconds",
    panels: [
      {
        title: "Calls a second",
        yMax: 70,
        yTicks: [0, 20, 40, 60],
        height: 200,
        series: [
          {
            name: "what the service allows",
            kind: "capacity",
            points: allowed.map(({ fromSecond, perSecond }) => [fromSecond, perSecond])
          },
          {
            name: `the rate, configured: ${configured.limit}`,
            kind: "limit",
            points: points.map((at) => [at.second, at.rate])
          },
          { name: "served", kind: "other", points: points.map(({ second, served }) => [second, served]) }
        ]
      },
      {
        title: "Refused",
        yMax: 30,
        yTicks: [0, 15, 30],
        height: 60,
        series: [{ name: "calls in a second", kind: "bad", points: points.map((at) => [at.second, at.refused]) }]
      }
    ]
  })
]

/** File name to picture. */
export const pictures: Effect.Effect<ReadonlyArray<readonly [string, string]>> = Effect.map(simulateRate, (points) => [
  ...cases.map(convergence),
  probes(),
  rate(points)
])
