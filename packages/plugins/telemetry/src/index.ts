/** Metrics and spans of a resource manager, by the conventions of OpenTelemetry. */
export * as Metrics from "./Metrics.ts"
export * as Telemetry from "./Telemetry.ts"
export * as TelemetryErrors from "./TelemetryErrors.ts"
