/** A collector that takes OTLP/HTTP with JSON bodies, on an address of its own. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { gunzipSync } from "node:zlib"
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"

const Value = Schema.Struct({
  stringValue: Schema.optional(Schema.String),
  intValue: Schema.optional(Schema.Union([Schema.Number, Schema.String])),
  doubleValue: Schema.optional(Schema.Number),
  boolValue: Schema.optional(Schema.Boolean)
})

const KeyValues = Schema.Array(Schema.Struct({ key: Schema.String, value: Value }))

const NumberPoint = Schema.Struct({
  attributes: KeyValues,
  startTimeUnixNano: Schema.String,
  timeUnixNano: Schema.String,
  asDouble: Schema.Number
})

const HistogramPoint = Schema.Struct({
  attributes: KeyValues,
  startTimeUnixNano: Schema.String,
  timeUnixNano: Schema.String,
  count: Schema.Number,
  sum: Schema.Number,
  bucketCounts: Schema.Array(Schema.Number),
  explicitBounds: Schema.Array(Schema.Number),
  min: Schema.optional(Schema.Number),
  max: Schema.optional(Schema.Number)
})

const OtlpMetric = Schema.Struct({
  name: Schema.String,
  description: Schema.String,
  unit: Schema.String,
  gauge: Schema.optional(Schema.Struct({ dataPoints: Schema.Array(NumberPoint) })),
  sum: Schema.optional(
    Schema.Struct({
      dataPoints: Schema.Array(NumberPoint),
      aggregationTemporality: Schema.Literal(2),
      isMonotonic: Schema.Boolean
    })
  ),
  histogram: Schema.optional(
    Schema.Struct({ dataPoints: Schema.Array(HistogramPoint), aggregationTemporality: Schema.Literal(2) })
  )
})

export const MetricsPayload = Schema.fromJsonString(
  Schema.Struct({
    resourceMetrics: Schema.Tuple([
      Schema.Struct({
        resource: Schema.Struct({ attributes: KeyValues }),
        scopeMetrics: Schema.Tuple([Schema.Struct({ metrics: Schema.Array(OtlpMetric) })])
      })
    ])
  })
)

export interface Received {
  readonly method: string
  readonly path: string
  readonly contentType: string
  readonly header: string | undefined
  readonly body: string
}

/** The attributes of a point as a record. */
export const attributesOf = (pairs: typeof KeyValues.Type): Readonly<Record<string, unknown>> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]))

/** Listens until the scope closes; `answer` is the status that it answers with. */
export const listen = (answer: () => number = () => 200) =>
  Effect.gen(function* () {
    const received = yield* Queue.unbounded<Received>()
    const server = createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("end", () => {
        const raw = Buffer.concat(chunks)
        const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(raw) : raw
        Queue.offerUnsafe(received, {
          method: request.method ?? "",
          path: request.url ?? "",
          contentType: request.headers["content-type"] ?? "",
          header: request.headers["x-tenant"]?.toString(),
          body: body.toString("utf8")
        })
        response.writeHead(answer()).end()
      })
    })
    yield* Effect.acquireRelease(
      Effect.callback<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.callback<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const { port } = server.address() as AddressInfo
    return { url: `http://127.0.0.1:${port}`, received }
  })

export const TracesPayload = Schema.fromJsonString(
  Schema.Struct({
    resourceSpans: Schema.Tuple([
      Schema.Struct({
        resource: Schema.Struct({ attributes: KeyValues }),
        scopeSpans: Schema.Tuple([
          Schema.Struct({
            spans: Schema.Array(
              Schema.Struct({
                traceId: Schema.String,
                spanId: Schema.String,
                parentSpanId: Schema.optional(Schema.String),
                name: Schema.String,
                startTimeUnixNano: Schema.String,
                endTimeUnixNano: Schema.String,
                attributes: KeyValues,
                status: Schema.Struct({ code: Schema.Number, message: Schema.optional(Schema.String) })
              })
            )
          })
        ])
      })
    ])
  })
)
