/** Tells Prometheus what the manager does: a page over HTTP, scraped as a Prometheus server would. */
import { strict as assert } from "node:assert"
import { createServer } from "node:http"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { cores, ResourceManager } from "@resource-manager/core"
import { Telemetry } from "@resource-manager/plugin-telemetry"
import { Console, Effect, Layer } from "effect"
import { HttpServer } from "effect/http"

// #region program
const monitored = Telemetry.layerHttp.pipe(
  Layer.provide(Telemetry.layer()),
  Layer.provideMerge(ResourceManager.layer({ pools: { cpu: { capacity: cores(2) } } })),
  // Port 0 is any free one; a scraper wants a fixed one.
  Layer.provideMerge(NodeHttpServer.layer(createServer, { host: "127.0.0.1", port: 0 }))
)

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const job = manager.withLease("builds", { cpu: cores(1) })(Effect.sleep("20 millis"))
  yield* Effect.replicateEffect(job, 6, { concurrency: "unbounded" })
  return yield* HttpServer.addressFormattedWith((address) =>
    Effect.promise(async () => (await fetch(`${address}/metrics`)).text())
  )
})
// #endregion program

const checked = Effect.gen(function* () {
  const lines = (yield* program).split("\n")
  const told = (name: string) =>
    Number(
      lines
        .find((line) => line.startsWith(`${name} `))
        ?.split(" ")
        .at(-1)
    )
  assert.equal(told('resource_manager_pool_limit{resource_type="cpu"}'), 2)
  assert.equal(told('resource_manager_agent_claim_granted_total{agent="builds"}'), 6)
  // Two at a time: the last two had waited for two rounds of 20 ms.
  assert.equal(told('resource_manager_claim_wait_duration_seconds_bucket{resource_type="cpu",le="0.001"}'), 2)
  assert.equal(told('resource_manager_claim_wait_duration_seconds_count{resource_type="cpu"}'), 6)
  yield* Console.log(lines.filter((line) => !line.startsWith("#") && !line.includes("_bucket")).join("\n"))
})

NodeRuntime.runMain(Effect.provide(checked, monitored))
