import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as HttpServer from "effect/http/HttpServer"
import * as Layer from "effect/Layer"
import { Metrics, Telemetry } from "../src/index.ts"
import { read } from "./support/page.ts"

const layer = Telemetry.layerHttp.pipe(
  Layer.provideMerge(Telemetry.layer()),
  Layer.provideMerge(ResourceManager.layer({ pools: { cpu: { capacity: 4 } } })),
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
)

const served = <A>(body: (at: (path: string, init?: RequestInit) => Effect.Effect<Response>) => Effect.Effect<A>) =>
  HttpServer.addressFormattedWith((address) =>
    body((path, init) => Effect.promise(() => fetch(`${address}${path}`, init)))
  ).pipe(Effect.provide(layer))

const textOf = (response: Response) => Effect.promise(() => response.text())

describe("over HTTP", () => {
  it.live("serves the page to a scraper", () =>
    served((at) =>
      Effect.gen(function* () {
        const response = yield* at("/metrics?name[]=x")
        assert.strictEqual(response.status, 200)
        assert.strictEqual(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8")
        const { value } = read(yield* textOf(response))
        assert.strictEqual(value(Metrics.prometheusName(Metrics.poolLimit), { resource_type: "cpu" }), 4)
        const head = yield* at("/metrics", { method: "HEAD" })
        assert.deepStrictEqual([head.status, yield* textOf(head)], [200, ""])
        assert.isAbove(Number(head.headers.get("content-length")), 100)
      })
    )
  )

  it.live("tells that it is there, and nothing else", () =>
    served((at) =>
      Effect.gen(function* () {
        const health = yield* at("/healthz")
        assert.deepStrictEqual([health.status, yield* textOf(health)], [200, "ok\n"])
        for (const path of ["/", "/metrics/", "/metricsx", "/metrics%20", "//metrics", "/METRICS"]) {
          const response = yield* at(path)
          assert.strictEqual(response.status, 404, path)
          yield* textOf(response)
        }
        for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
          for (const path of ["/metrics", "/healthz"]) {
            const response = yield* at(path, { method })
            assert.strictEqual(response.status, 405, `${method} ${path}`)
            assert.strictEqual(response.headers.get("allow"), "GET, HEAD")
            yield* textOf(response)
          }
        }
      })
    )
  )
})
