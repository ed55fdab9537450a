/** What it costs to be watched: metrics that are read while leases come and go, and a span of every lease. */
import { Telemetry } from "@resource-manager/plugin-telemetry"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Tracer from "effect/Tracer"
import { ResourceManager, type ResourceManagerOptions } from "../core.ts"
import { type EffectGuard, effectLoop } from "../guards.ts"
import { assertEqual, type BenchCase, startWatch, type Timing } from "../harness.ts"
import { agentOf, type Manager, startManager, startWith } from "../manager.ts"

const capacity = 4

const guardOf = (manager: Manager): EffectGuard => ({
  name: "withLease",
  run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body)
})

const startMeasured = (names?: Iterable<string>) =>
  startWith(
    (options) => Telemetry.layer().pipe(Layer.provideMerge(ResourceManager.layer(options))),
    { cpu: capacity },
    names
  )

export const metrics: BenchCase = {
  name: "metrics",
  measures:
    "The uncontended lease of a manager with metrics, against one without. The page is read after each sample, beside " +
    "the timing, and has to tell of every lease.",
  prepare: async () => {
    const without = await startManager({ cpu: capacity })
    const measured = await startMeasured()
    const loop = effectLoop(guardOf(measured.manager))
    let leases = 0
    const sample = async (operations: number): Promise<Timing> => {
      const timing = await loop(operations)
      leases += operations
      const page = await measured.runtime.runPromise(Telemetry.prometheusText)
      const told = /^resource_manager_claim_granted_total\{resource_type="cpu"\} (\d+)$/m.exec(page)
      assertEqual("leases that the page tells of", Number(told?.[1]), leases)
      return timing
    }
    return {
      ours: { name: "withLease", sample },
      peers: [{ name: "itself, without metrics", goal: 1.05, sample: effectLoop(guardOf(without.manager)) }],
      close: async () => {
        await measured.close()
        await without.close()
      }
    }
  }
}

export const metricsPage: BenchCase = {
  name: "metrics page of 10,000 agents",
  measures:
    "Reads the page for Prometheus beside 10,000 agents, fifty of them by name, against listing their statistics as " +
    "JSON. It is the longest time that a scrape keeps the event loop.",
  prepare: async ({ shrink }) => {
    const count = 10_000 / shrink
    const names = Array.from({ length: count }, (_, index) => `agent-${index}`)
    const { close, manager, runtime } = await startMeasured(names)
    const repeat =
      (once: Effect.Effect<number, never, ResourceManager | Telemetry.Telemetry>) =>
      async (operations: number): Promise<Timing> => {
        const elapsed = startWatch()
        for (let index = 0; index < operations; index++) {
          assertEqual("agents that it is about", await runtime.runPromise(once), count)
        }
        return { operations, nanos: elapsed() }
      }
    await runtime.runPromise(Effect.forEach(names, (agent) => manager.withLease(agent, { cpu: 1 })(Effect.void)))
    const page = Effect.map(Telemetry.prometheusText, (text) =>
      Number(/^resource_manager_agent_known (\d+)$/m.exec(text)?.[1])
    )
    const listed = Effect.gen(function* () {
      const agents = yield* manager.agents
      const json = JSON.stringify([yield* manager.pools, agents])
      return json.length > 0 ? agents.length : 0
    })
    return {
      ours: { name: "Telemetry.prometheusText", sample: repeat(page) },
      peers: [{ name: "the statistics as JSON", goal: null, sample: repeat(listed) }],
      close
    }
  }
}

/** A tracer that makes spans and counts them as they end, as an exporter would take them. */
class Counter {
  ended = 0
  readonly tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const end = span.end.bind(span)
      span.end = (endTime, exit) => {
        this.ended++
        end(endTime, exit)
      }
      return span
    }
  })
}

/** Leases in turns of the event loop, so that whoever reads of them has its turns too. */
const inTurns =
  (run: (agent: string, body: Effect.Effect<void>) => Effect.Effect<unknown, unknown>, ended: () => number) =>
  async (operations: number): Promise<Timing> => {
    const before = ended()
    let count = 0
    const body = () =>
      Effect.sync(() => {
        count += 1
      })
    const elapsed = startWatch()
    await Effect.runPromise(
      Effect.gen(function* () {
        for (let index = 0; index < operations; index++) {
          yield* run(agentOf(index), body())
          if (index % 256 === 255) yield* Effect.yieldNow
        }
        // Spans are made behind the leases.
        while (ended() - before < operations) yield* Effect.yieldNow
      })
    )
    const nanos = elapsed()
    assertEqual("bodies run", count, operations)
    assertEqual("spans ended", ended() - before, operations)
    return { operations, nanos }
  }

export const spans: BenchCase = {
  name: "spans",
  measures:
    "The uncontended lease with a span of its own, made of the manager's events. Against the same with " +
    "`Effect.withSpan` around each lease, and against the same without spans.",
  prepare: async () => {
    const ours = new Counter()
    const theirs = new Counter()
    const layer = (options: ResourceManagerOptions) =>
      Telemetry.layerSpans().pipe(
        Layer.provide(Layer.succeed(Tracer.Tracer, ours.tracer)),
        Layer.provideMerge(ResourceManager.layerHome(options))
      )
    const traced = await startWith(layer, { cpu: capacity })
    const plain = await startManager({ cpu: capacity })
    let leases = 0
    return {
      ours: { name: "withLease", sample: inTurns(guardOf(traced.manager).run, () => ours.ended) },
      peers: [
        {
          name: "Effect.withSpan around it",
          goal: null,
          sample: inTurns(
            (agent, body) =>
              guardOf(plain.manager)
                .run(agent, body)
                .pipe(
                  Effect.withSpan("lease", { attributes: { agent, cpu: 1 } }),
                  Effect.provideService(Tracer.Tracer, theirs.tracer)
                ),
            () => theirs.ended
          )
        },
        {
          name: "itself, without spans",
          goal: null,
          sample: inTurns(
            (agent, body) => Effect.map(guardOf(plain.manager).run(agent, body), () => (leases += 1)),
            () => leases
          )
        }
      ],
      close: async () => {
        await traced.close()
        await plain.close()
      }
    }
  }
}
