/** A daemon as a process of its own: `node daemon.ts ADDRESS SESSION_TIMEOUT_MILLIS`. Prints a line once it listens. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DaemonServer } from "@resource-manager/daemon"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ResourceManager } from "../core.ts"
import { rate } from "../manager.ts"

const [address = "", timeout = ""] = process.argv.slice(2)

const program = Effect.gen(function* () {
  yield* DaemonServer
  yield* Console.log("listening")
  return yield* Effect.never
})

const layer = DaemonServer.layer({ listen: [address], sessionTimeout: Number(timeout) }).pipe(
  Layer.provide(
    ResourceManager.layerHome({ gracePeriod: 0, pools: { cpu: { capacity: 64, rate }, lock: { capacity: 1 } } })
  )
)

NodeRuntime.runMain(Effect.provide(program, layer))
