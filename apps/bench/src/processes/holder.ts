/** A client that holds the lock until it is killed: `node holder.ts ADDRESS`. Prints a line once it has it. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DaemonClient } from "@resource-manager/daemon"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { ResourceManager } from "../core.ts"

const program = Effect.gen(function* () {
  const manager = yield* ResourceManager
  return yield* manager.withLease("holder", { lock: 1 })(Effect.andThen(Console.log("held"), Effect.never))
})

NodeRuntime.runMain(Effect.provide(program, DaemonClient.layer({ address: process.argv[2] ?? "" })))
