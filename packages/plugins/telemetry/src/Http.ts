/** The metrics over HTTP: `/metrics` for a Prometheus server, `/healthz` for whoever watches that the process answers. */
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import { HttpServerRequest } from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import type * as Layer from "effect/Layer"
import { prometheusText, type Telemetry } from "./Service.ts"

const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" }

const plain = (status: number, body: string, more: Readonly<Record<string, string>> = {}) =>
  HttpServerResponse.text(`${body}\n`, { status, headers: { ...headers, ...more } })

const page = Effect.map(prometheusText, (text) =>
  HttpServerResponse.text(text, { contentType: "text/plain; version=0.0.4; charset=utf-8", headers })
)

/** Answers one request: GET and HEAD of the two paths, nothing else. */
export const app: Effect.Effect<HttpServerResponse.HttpServerResponse, never, HttpServerRequest | Telemetry> =
  Effect.gen(function* () {
    const { method, url } = yield* HttpServerRequest
    const [path] = url.split("?", 1)
    const answer = path === "/metrics" ? page : path === "/healthz" ? Effect.succeed(plain(200, "ok")) : undefined
    if (answer === undefined) return plain(404, "there are /metrics and /healthz")
    return method === "GET" || method === "HEAD"
      ? yield* answer
      : plain(405, "allowed: GET, HEAD", { allow: "GET, HEAD" })
  })

/** Serves them with the `HttpServer` that it is provided with. */
export const layerHttp: Layer.Layer<never, never, HttpServer.HttpServer | Telemetry> = HttpServer.serve(app)
