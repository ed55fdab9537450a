import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { Metrics, Telemetry } from "../src/index.ts"
import { attributesOf, listen, MetricsPayload } from "./support/collector.ts"

const manager = ResourceManager.layer({ gracePeriod: 0, pools: { cpu: { capacity: 4, rate: { limit: 100 } } } })

const layer = (options: Telemetry.OtlpOptions) =>
  Telemetry.layerOtlp(options).pipe(Layer.provideMerge(Telemetry.layer()), Layer.provideMerge(manager))

const decode = Schema.decodeEffect(MetricsPayload)

const nextPayload = (collector: Effect.Success<ReturnType<typeof listen>>) =>
  Effect.flatMap(Queue.take(collector.received), ({ body }) => decode(body))

describe("by OTLP", () => {
  it.live("arrives at a collector at every interval, in the kinds and units of OpenTelemetry", () =>
    Effect.gen(function* () {
      const collector = yield* listen()
      yield* Effect.gen(function* () {
        const home = yield* ResourceManager
        yield* home.setQuota("a", "cpu", 4)
        yield* home.withLease("a", { cpu: 1 })(Effect.void)
        yield* home.acquire("a", { cpu: 3 })
        yield* Effect.ignore(home.acquire("a", { cpu: 5 }))
        const request = yield* Queue.take(collector.received)
        assert.deepInclude(request, { method: "POST", path: "/base/v1/metrics", header: "t1" })
        assert.match(request.contentType, /^application\/json/)
        // Some may have been on their way before the claims were made.
        let payload = yield* nextPayload(collector)
        while (!JSON.stringify(payload).includes("ResourceExhausted")) payload = yield* nextPayload(collector)
        const [{ resource, scopeMetrics }] = payload.resourceMetrics
        assert.deepInclude(attributesOf(resource.attributes), { "service.name": "test", "host.name": "here" })
        const metrics = scopeMetrics[0].metrics
        assert.sameMembers(
          metrics.map(({ name }) => name),
          // One agent alone shares nothing: how evenly is no figure.
          Metrics.all
            .filter((metric) => !Metrics.ofDaemon.includes(metric) && metric !== Metrics.poolFairness)
            .map(({ name }) => name)
        )
        for (const { description, gauge, histogram, name, sum, unit } of metrics) {
          const metric = Metrics.all.find((one) => one.name === name)!
          assert.deepStrictEqual([unit, description], [metric.unit, metric.description])
          const kind =
            gauge !== undefined
              ? "gauge"
              : histogram !== undefined
                ? "histogram"
                : sum?.isMonotonic === true
                  ? "counter"
                  : "upDownCounter"
          assert.strictEqual(kind, metric.kind, name)
          for (const point of [...(gauge ?? sum ?? { dataPoints: [] }).dataPoints, ...(histogram?.dataPoints ?? [])]) {
            assert.sameMembers(Object.keys(attributesOf(point.attributes)), [...metric.attributes], name)
            assert.isTrue(BigInt(point.timeUnixNano) > BigInt(point.startTimeUnixNano))
          }
        }
        const points = (metric: Metrics.Metric) => metrics.find(({ name }) => name === metric.name)
        const value = (metric: Metrics.Metric, attributes: Readonly<Record<string, string>>) =>
          points(metric)?.sum?.dataPoints.find(
            (point) => JSON.stringify(attributesOf(point.attributes)) === JSON.stringify(attributes)
          )?.asDouble
        assert.strictEqual(value(Metrics.claimGranted, { resource_type: "cpu" }), 2)
        assert.strictEqual(value(Metrics.claimFailed, { resource_type: "cpu", "error.type": "ResourceExhausted" }), 1)
        assert.strictEqual(value(Metrics.poolUsage, { resource_type: "cpu" }), 3)
        assert.strictEqual(value(Metrics.agentLimit, { agent: "a", resource_type: "cpu" }), 4)
        const [waits, ...more] = points(Metrics.claimWaitDuration)?.histogram?.dataPoints ?? []
        assert.strictEqual(more.length, 0)
        assert.deepInclude(waits, { count: 2, sum: 0, explicitBounds: [...Metrics.durationBounds] })
        assert.deepStrictEqual(waits?.bucketCounts, [2, ...Metrics.durationBounds.map(() => 0)])
        assert.deepStrictEqual([waits?.min, waits?.max], [undefined, undefined])
      }).pipe(
        Effect.provide(
          layer({
            url: `${collector.url}/base/`,
            interval: "20 millis",
            protocol: "json",
            headers: { "x-tenant": "t1" },
            serviceName: "test",
            resource: { "host.name": "here" }
          })
        )
      )
    }).pipe(Effect.scoped)
  )

  it.live("tells of the end, compressed where that is wanted, and binary unless told otherwise", () =>
    Effect.gen(function* () {
      const collector = yield* listen()
      for (const compression of ["none", "gzip"] as const) {
        const scope = yield* Scope.make()
        const context = yield* Layer.buildWithScope(
          layer({ url: collector.url, interval: "1 hour", protocol: "json", compression }),
          scope
        )
        const home = yield* Effect.provide(ResourceManager, context)
        yield* home.withLease("last", { cpu: 1 })(Effect.void)
        yield* Scope.close(scope, Exit.void)
        const [{ scopeMetrics }] = (yield* nextPayload(collector)).resourceMetrics
        const granted = scopeMetrics[0].metrics.find(({ name }) => name === Metrics.agentClaimGranted.name)
        assert.deepStrictEqual(
          granted?.sum?.dataPoints.map(({ asDouble, attributes }) => [attributesOf(attributes), asDouble]),
          [[{ agent: "last" }, 1]]
        )
      }
      yield* Effect.provide(Effect.void, layer({ url: collector.url, interval: "1 hour" }))
      const { body, contentType } = yield* Queue.take(collector.received)
      assert.match(contentType, /^application\/x-protobuf/)
      assert.include(body, Metrics.poolUsage.name)
      assert.strictEqual(yield* Queue.size(collector.received), 0)
    }).pipe(Effect.scoped)
  )

  it.effect("warns once that a collector does not take it, and tells when it does again", () =>
    Effect.gen(function* () {
      let status = 400
      let asked = 0
      const client = HttpClient.make((request) =>
        Effect.sync(() => {
          asked++
          return HttpClientResponse.fromWeb(request, new Response(undefined, { status }))
        })
      )
      const logged: Array<string> = []
      const logger = Logger.make(({ logLevel, message }) => {
        logged.push(`${logLevel}: ${String(message)}`)
      })
      /** Export after export; the exporter waits for promises in between, which no clock hurries. */
      const pass = Effect.gen(function* () {
        for (let time = 0; time < 30; time++) {
          yield* TestClock.adjust("10 seconds")
          yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        }
      })
      yield* Effect.gen(function* () {
        yield* pass
        assert.isAbove(asked, 3)
        assert.deepStrictEqual(logged, ["Warn: http://collector.test/v1/metrics answers 400 to telemetry"])
        status = 200
        yield* pass
        assert.deepStrictEqual(logged.slice(1), ["Info: telemetry reaches http://collector.test/v1/metrics again"])
      }).pipe(
        Effect.provide(
          Telemetry.layerOtlpNoDeps({ url: "http://collector.test" }).pipe(
            Layer.provide(Telemetry.layer()),
            Layer.provide(manager),
            Layer.provide(Layer.succeed(HttpClient.HttpClient, client)),
            Layer.provideMerge(Logger.layer([logger]))
          )
        )
      )
    })
  )

  it.effect.each([
    [{ url: "localhost:4318" }, "url"],
    [{ url: "" }, "url"],
    [{ url: "file:///tmp/x" }, "url"],
    [{ url: "http://localhost:4318", interval: "0 millis" }, "interval"],
    [{ url: "http://localhost:4318", interval: "Infinity" }, "interval"],
    [{ url: "http://localhost:4318", interval: Number.NaN }, "interval"]
  ] as const)("%j is refused by name", ([options, option]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(Effect.void, layer(options)))
      assert.strictEqual(error._tag, "InvalidTelemetryOption")
      assert.propertyVal(error, "option", option)
    })
  )
})
