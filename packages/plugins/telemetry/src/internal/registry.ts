/**
 * Series as a registry of Effect's metrics, so that Effect's own formatter and
 * exporter write them. Both read a registry of ours, never the program's.
 */
import * as Context from "effect/Context"
import * as EffectMetric from "effect/Metric"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Metrics from "../Metrics.ts"
import type { Durations, Series } from "./series.ts"

type Registry = EffectMetric.MetricRegistry

const ignore = () => {}

const metadata = <State>(
  { attributes, metric }: Series,
  type: EffectMetric.Metric.Type,
  state: State
): EffectMetric.Metric.Metadata<unknown, State> => ({
  id: metric.name,
  type,
  description: metric.description,
  // The exporter looks for a metric's unit among its attributes: there, but not as one of them.
  attributes: Object.defineProperty({ ...attributes }, "unit", { value: metric.unit, enumerable: false }),
  hooks: { get: () => state, update: ignore, modify: ignore }
})

const histogram = ({ buckets, count, sum }: Durations): EffectMetric.HistogramState => ({
  buckets: buckets.map(([bound, atMost]) => [bound, atMost]),
  count,
  sum,
  // OTLP lets the extremes be absent, where Effect's own metrics always have them. Ours are
  // unknown: the statistics may reach back to before counting began.
  min: undefined as unknown as number,
  max: undefined as unknown as number
})

const entry = (series: Series, sums: "counters" | "gauges"): EffectMetric.Metric.Metadata<unknown, unknown> => {
  const { metric, value } = series
  if (typeof value !== "number") return metadata(series, "Histogram", histogram(value))
  if (metric.kind === "counter") return metadata(series, "Counter", { count: value, incremental: true })
  // A sum that also falls is a gauge to Prometheus, and to OTLP a sum that is not monotonic.
  return metric.kind === "upDownCounter" && sums === "counters"
    ? metadata(series, "Counter", { count: value, incremental: false })
    : metadata(series, "Gauge", { value })
}

/** Puts the series into a registry, in place of what was there. */
export const fill = (registry: Registry, series: ReadonlyArray<Series>, sums: "counters" | "gauges"): void => {
  registry.clear()
  for (const [index, one] of series.entries()) registry.set(String(index), entry(one, sums))
}

const pageNames = new Map(Metrics.all.map((metric) => [metric.name, Metrics.prometheusName(metric)]))

/** The page of the Prometheus text format, version 0.0.4. */
export const prometheusPage = (series: ReadonlyArray<Series>): string => {
  const registry: Registry = new Map()
  fill(registry, series, "gauges")
  return PrometheusMetrics.formatUnsafe(Context.make(EffectMetric.MetricRegistry, registry), {
    metricNameMapper: (name) => pageNames.get(name) ?? name
  })
}
