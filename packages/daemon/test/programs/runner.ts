/** Runs a command under a lease, as `run` does: tells the daemon who it is before it may begin. */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as DaemonClient from "../../src/DaemonClient.ts"
import { DaemonConnection } from "../../src/DaemonConnection.ts"
import * as Gate from "../../src/process/Gate.ts"
import { ProcessTable } from "../../src/process/ProcessTable.ts"

const Options = Schema.fromJsonString(
  Schema.Struct({
    address: Schema.String,
    agent: Schema.String,
    claim: Schema.Record(Schema.String, Schema.Number),
    command: Schema.String,
    expiresAfterMillis: Schema.optionalKey(Schema.Number),
    preemptible: Schema.optionalKey(Schema.Boolean)
  })
)

const program = Effect.gen(function* () {
  const { address, agent, claim, command, expiresAfterMillis, preemptible } = yield* Schema.decodeUnknownEffect(
    Options
  )(process.argv[2])
  const run = Effect.gen(function* () {
    const manager = yield* ResourceManager
    const daemon = yield* DaemonConnection
    const lease = yield* manager.lease(agent, claim, { expiresAfter: expiresAfterMillis, preemptible })
    const marker = yield* daemon.call((rpc) => rpc.LeaseKey({ lease: lease.id }))
    const gated = yield* Gate.start({ command: "/bin/sh", args: ["-c", command], marker, placement: "own" })
    yield* daemon.call((rpc) => rpc.BindProcess({ lease: lease.id, target: gated.target }))
    yield* gated.open
    process.stdout.write(`runs ${lease.id} ${gated.identity.pid}\n`)
    yield* gated.exit
  })
  yield* Effect.provide(Effect.scoped(run), DaemonClient.layer({ address }))
})

await Effect.runPromise(Effect.provide(program, ProcessTable.layer))
process.stdout.write("done\n")
