/**
 * Metrics and spans of a manager.
 *
 * The manager's own statistics are the truth: they are read when somebody collects,
 * so a decision pays nothing for being measured. What is told, by which name and in
 * which unit is in `Metrics`; both ways out, the Prometheus page and OTLP, tell the
 * same figures.
 *
 * 1. Counters count from when the layer was built, and never fall while it lives.
 * 2. However many agents there are, at most `agentsMax` have series of their own;
 *    the rest is summed under `agent="other"`.
 * 3. Spans are told only where their layer is provided, and cost nothing elsewhere.
 */
export { app, layerHttp } from "./Http.ts"
export type { DaemonFigures } from "./internal/Collector.ts"
export type { Attributes, Durations, Series } from "./internal/series.ts"
export { layerOtlp, layerOtlpNoDeps, layerOtlpSpans, type OtlpOptions } from "./Otlp.ts"
export { layer, prometheusText, Telemetry, type TelemetryOptions } from "./Service.ts"
export { layerSpans, type SpansOptions } from "./Spans.ts"
