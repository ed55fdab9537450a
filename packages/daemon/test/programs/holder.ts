/** A client that holds a lease until it is killed, and says so; and when it was taken. */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as DaemonClient from "../../src/DaemonClient.ts"

const Options = Schema.fromJsonString(
  Schema.Struct({ address: Schema.String, agent: Schema.String, claim: Schema.Record(Schema.String, Schema.Number) })
)

const program = Effect.gen(function* () {
  const { address, agent, claim } = yield* Schema.decodeUnknownEffect(Options)(process.argv[2])
  const held = Effect.gen(function* () {
    const manager = yield* ResourceManager
    const lease = yield* manager.lease(agent, claim)
    process.stdout.write(`held ${lease.id} ${lease.token}\n`)
    const gone = yield* lease.revoked
    process.stdout.write(`taken ${gone.reason}\n`)
    return yield* Effect.never
  })
  return yield* Effect.provide(Effect.scoped(held), DaemonClient.layer({ address }))
})

await Effect.runPromise(program)
