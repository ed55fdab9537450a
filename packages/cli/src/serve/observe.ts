/** What a daemon tells to monitoring systems, where its settings say so. Loaded only then. */
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { Meter } from "@resource-manager/core/Meter"
import { DaemonServer } from "@resource-manager/daemon/DaemonServer"
import { ListenFailed } from "@resource-manager/daemon/Errors"
import * as Telemetry from "@resource-manager/plugin-telemetry/Telemetry"
import type { InvalidTelemetryOption } from "@resource-manager/plugin-telemetry/TelemetryErrors"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import type { ConfigInvalid } from "../config/errors.ts"
import type { Settings } from "../config/settings.ts"
import { readVersion } from "../program.ts"
import { readSecret } from "./tokens.ts"

type Observed = DaemonServer | LeaseTable | Meter
type Observer = Layer.Layer<never, ConfigInvalid | InvalidTelemetryOption | ListenFailed, Observed>

const splitAddress = (address: string) => {
  const colon = address.lastIndexOf(":")
  return { host: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"), port: Number(address.slice(colon + 1)) }
}

/** Port 0 is any that is free: only the server knows which. */
const told = Layer.effectDiscard(
  HttpServer.addressFormattedWith((address) => Effect.logInfo(`metrics on ${address}/metrics`))
)

const page = (address: string) =>
  Layer.merge(Telemetry.layerHttp, told).pipe(
    Layer.provide(NodeHttpServer.layerServer(createServer, splitAddress(address))),
    Layer.catch((error) => {
      const reason = error.cause instanceof Error ? error.cause.message : String(error.cause)
      const message = `the daemon cannot serve metrics on ${address}: ${reason}`
      return Layer.effectDiscard(Effect.fail(new ListenFailed({ address, reason, message })))
    })
  )

const otlpOptions = Effect.fnUntraced(function* (settings: Settings) {
  const { otlp } = settings.complete.daemon
  if (otlp === undefined) return undefined
  const headers: Record<string, string> = {}
  for (const [name, secret] of Object.entries(otlp.headers ?? {})) {
    headers[name] = yield* readSecret(settings, ["daemon", "otlp", "headers", name], secret)
  }
  return {
    url: otlp.endpoint,
    headers,
    serviceVersion: readVersion(),
    ...(otlp.interval === undefined ? {} : { interval: otlp.interval })
  }
})

/** The page for Prometheus, and the exports by OTLP. */
export const observe = (settings: Settings): Observer =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { metrics } = settings.complete.daemon
      const collector = yield* otlpOptions(settings)
      const { status } = yield* DaemonServer
      const agentsMax = metrics === "off" || metrics.agentsMax === undefined ? {} : { agentsMax: metrics.agentsMax }
      return Layer.mergeAll(
        metrics === "off" ? Layer.empty : page(metrics.listen),
        collector === undefined ? Layer.empty : Telemetry.layerOtlp(collector),
        collector === undefined ? Layer.empty : Telemetry.layerOtlpSpans(collector)
      ).pipe(Layer.provide(Telemetry.layer({ daemon: status, ...agentsMax })))
    })
  )
