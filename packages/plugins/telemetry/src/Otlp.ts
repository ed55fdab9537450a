/**
 * Metrics and spans by OTLP over HTTP, to a collector or any back end that takes it.
 *
 * What could not be sent is told once as a warning, and again when it goes on; the
 * figures are cumulative, so nothing is lost with a message that did not arrive.
 */
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { Meter } from "@resource-manager/core/Meter"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import type * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as EffectMetric from "effect/Metric"
import * as Option from "effect/Option"
import * as OtlpExporter from "effect/observability/OtlpExporter"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import { fill } from "./internal/registry.ts"
import { Telemetry } from "./Service.ts"
import { layerSpans, type SpansOptions } from "./Spans.ts"
import { invalidOption, type InvalidTelemetryOption } from "./TelemetryErrors.ts"

export interface OtlpOptions {
  /** Where the collector takes OTLP over HTTP, such as `http://localhost:4318`; `v1/metrics` and `v1/traces` are added. */
  readonly url: string
  /** Time between exports. Default 10 seconds. */
  readonly interval?: Duration.Input
  readonly headers?: Headers.Input
  readonly protocol?: "protobuf" | "json"
  readonly compression?: "gzip" | "none"
  /** Names this process among others. Default `resource-manager`. */
  readonly serviceName?: string
  readonly serviceVersion?: string
  /** What else is told of this process. */
  readonly resource?: Readonly<Record<string, unknown>>
  /** How long the last export may take at the end. Default 3 seconds. */
  readonly shutdownTimeout?: Duration.Input
}

/** Options read, as the exporters of metrics and of spans take them. */
export interface Exporting {
  readonly url: string
  readonly interval: Duration.Duration
  readonly shared: Pick<
    Parameters<typeof OtlpMetrics.make>[0],
    "resource" | "headers" | "compression" | "shutdownTimeout"
  >
  readonly serialization: Layer.Layer<OtlpSerialization.OtlpSerialization>
}

/** @internal */
export const readOptions = Effect.fnUntraced(function* (
  options: OtlpOptions,
  path: string
): Effect.fn.Return<Exporting, InvalidTelemetryOption> {
  const base = URL.canParse(options.url) ? new URL(options.url) : undefined
  if (base === undefined || !["http:", "https:"].includes(base.protocol)) {
    return yield* invalidOption("url", options.url, "an address such as http://localhost:4318")
  }
  const given = options.interval ?? "10 seconds"
  const interval = Option.getOrUndefined(Duration.fromInput(given))
  if (interval === undefined || !Duration.isFinite(interval) || Duration.toMillis(interval) < 1) {
    return yield* invalidOption("interval", given, 'a finite duration of at least a millisecond, such as "10 seconds"')
  }
  base.pathname = `${base.pathname.replace(/\/+$/, "")}/${path}`
  return {
    url: base.toString(),
    interval,
    shared: {
      resource: {
        serviceName: options.serviceName ?? "resource-manager",
        serviceVersion: options.serviceVersion,
        attributes: { ...options.resource }
      },
      headers: options.headers,
      compression: options.compression,
      shutdownTimeout: options.shutdownTimeout
    },
    serialization: options.protocol === "json" ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf
  }
})

/** A client that tells once when nothing arrives any more, and when it does again. */
const telling = (url: string) =>
  Effect.map(HttpClient.HttpClient, (client) => {
    let failing = false
    const tell = (nowFailing: boolean, message: string) =>
      Effect.suspend(() => {
        if (failing === nowFailing) return Effect.void
        failing = nowFailing
        return nowFailing ? Effect.logWarning(message) : Effect.logInfo(message)
      })
    return client.pipe(
      HttpClient.tap(({ status }) =>
        status < 300
          ? tell(false, `telemetry reaches ${url} again`)
          : tell(true, `${url} answers ${status} to telemetry`)
      ),
      HttpClient.tapError((error) => tell(true, `telemetry does not reach ${url}: ${error.message}`))
    )
  })

/** @internal */
export const layerTelling = (url: string): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> =>
  Layer.effect(HttpClient.HttpClient, telling(url))

/** The same over an `HttpClient` of one's own. */
export const layerOtlpNoDeps = (
  options: OtlpOptions
): Layer.Layer<never, InvalidTelemetryOption, Telemetry | HttpClient.HttpClient> =>
  Layer.unwrap(
    Effect.map(readOptions(options, "v1/metrics"), ({ interval, serialization, shared, url }) =>
      Layer.effectDiscard(exporting(url, interval, shared)).pipe(
        Layer.provide([layerTelling(url), serialization, Layer.fresh(OtlpExporter.layerFlusher)])
      )
    )
  )

const exporting = Effect.fnUntraced(function* (url: string, interval: Duration.Duration, shared: Exporting["shared"]) {
  const { collect } = yield* Telemetry
  const registry: EffectMetric.MetricRegistry = new Map()
  const refresh = Effect.map(collect, (series) => fill(registry, series, "counters"))
  // It reads the registry whenever it exports; when that is, is said here, after a collection.
  yield* OtlpMetrics.make({ ...shared, url, exportInterval: Duration.infinity }).pipe(
    Effect.provideService(EffectMetric.MetricRegistry, registry)
  )
  // Added after the exporter's own, so it runs before: the last export tells of the end.
  yield* Effect.addFinalizer(() => refresh)
  const { flush } = yield* OtlpExporter.Flusher
  yield* Effect.forkScoped(Effect.forever(Effect.delay(Effect.andThen(refresh, flush), interval)))
})

/** Exports the metrics at every interval and once more at the end. */
export const layerOtlp = (options: OtlpOptions): Layer.Layer<never, InvalidTelemetryOption, Telemetry> =>
  Layer.provide(layerOtlpNoDeps(options), FetchHttpClient.layer)

/** Exports spans as they end, in batches: at every interval, and once more at the end. */
export const layerOtlpSpans = (
  options: OtlpOptions & SpansOptions
): Layer.Layer<never, InvalidTelemetryOption, LeaseTable | Meter> =>
  Layer.unwrap(
    Effect.map(readOptions(options, "v1/traces"), ({ interval, serialization, shared, url }) =>
      layerSpans(options).pipe(
        Layer.provide(OtlpTracer.layer({ ...shared, url, exportInterval: interval })),
        Layer.provide([layerTelling(url), serialization]),
        Layer.provide(FetchHttpClient.layer)
      )
    )
  )
