/** The service behind all metrics: reads the manager when somebody collects. */
import { Meter } from "@resource-manager/core/Meter"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Collector, type DaemonFigures } from "./internal/Collector.ts"
import { prometheusPage } from "./internal/registry.ts"
import type { Series } from "./internal/series.ts"
import * as Metrics from "./Metrics.ts"
import { invalidOption, type InvalidTelemetryOption } from "./TelemetryErrors.ts"

export interface TelemetryOptions {
  /** The most agents with series of their own. Default 50. */
  readonly agentsMax?: number
  /** Upper bounds of the buckets of durations: seconds, ascending. Default `Metrics.durationBounds`. */
  readonly durationBounds?: ReadonlyArray<number>
  /** What a daemon tells of itself, such as its `status`. */
  readonly daemon?: Effect.Effect<DaemonFigures>
}

export class Telemetry extends Context.Service<
  Telemetry,
  {
    /** Every series as of now. */
    readonly collect: Effect.Effect<ReadonlyArray<Series>>
  }
>()("@resource-manager/plugin-telemetry/Telemetry") {}

const readOptions = Effect.fnUntraced(function* ({
  agentsMax = 50,
  durationBounds = Metrics.durationBounds
}: TelemetryOptions): Effect.fn.Return<
  { readonly agentsMax: number; readonly bounds: ReadonlyArray<number> },
  InvalidTelemetryOption
> {
  if (!Number.isSafeInteger(agentsMax) || agentsMax < 0) {
    return yield* invalidOption("agentsMax", agentsMax, "a whole number from 0")
  }
  const ascends = durationBounds.every((bound, index) => bound > (durationBounds[index - 1] ?? 0) && bound < Infinity)
  if (!ascends) {
    return yield* invalidOption("durationBounds", durationBounds, "finite numbers of seconds over 0, ascending")
  }
  return { agentsMax, bounds: durationBounds }
})

/** Counts from now on what the manager does that it is provided with. */
export const layer = (options: TelemetryOptions = {}): Layer.Layer<Telemetry, InvalidTelemetryOption, Meter> =>
  Layer.effect(
    Telemetry,
    Effect.gen(function* () {
      const checked = yield* readOptions(options)
      const meter = yield* Meter
      const read = meter.read(Collector.boundsOf(checked))
      const collector = new Collector(checked, yield* read)
      const daemon = options.daemon ?? Effect.undefined
      return { collect: Effect.zipWith(daemon, read, (figures, reading) => collector.collect(reading, figures)) }
    })
  )

/** The page that a Prometheus server scrapes, in its text format, version 0.0.4. */
export const prometheusText: Effect.Effect<string, never, Telemetry> = Effect.flatMap(Telemetry, ({ collect }) =>
  Effect.map(collect, prometheusPage)
)
