/** A daemon, as `resource-manager serve` makes one: told by a JSON argument, ready when it prints so. */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as SqliteJournal from "@resource-manager/plugin-sqlite/SqliteJournal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { DaemonServer } from "../../src/DaemonServer.ts"
import * as Lock from "../../src/Lock.ts"
import * as Places from "../../src/Places.ts"

const Options = Schema.fromJsonString(
  Schema.Struct({
    address: Schema.String,
    pools: Schema.Record(Schema.String, Schema.Struct({ capacity: Schema.Number })),
    stateFolder: Schema.optionalKey(Schema.String),
    /** Keeps a journal in the state folder, and writes a snapshot after so many events. */
    snapshotEvery: Schema.optionalKey(Schema.Number),
    sessionTimeoutMillis: Schema.optionalKey(Schema.Number),
    idleTimeoutMillis: Schema.optionalKey(Schema.Number),
    processGraceMillis: Schema.optionalKey(Schema.Number)
  })
)

const program = Effect.gen(function* () {
  const options = yield* Schema.decodeUnknownEffect(Options)(process.argv[2])
  const places = Places.make({ RESOURCE_MANAGER_STATE_DIR: options.stateFolder })
  if (options.stateFolder !== undefined) {
    yield* Places.privateFolder(places.stateFolder)
    yield* Lock.acquire(places, { address: options.address, version: "test" })
  }
  const server = DaemonServer.layer({
    listen: [options.address],
    sessionTimeout: options.sessionTimeoutMillis,
    idleTimeout: options.idleTimeoutMillis,
    processGrace: options.processGraceMillis,
    ...(options.stateFolder === undefined ? {} : { secretFile: places.secret })
  }).pipe(
    Layer.provide(ResourceManager.layerHome({ pools: options.pools, gracePeriod: 0 })),
    Layer.provide(
      options.snapshotEvery === undefined
        ? Layer.empty
        : SqliteJournal.layer({ path: places.journal, snapshotEvery: options.snapshotEvery })
    )
  )
  const ended = yield* Effect.provide(
    Effect.flatMap(DaemonServer, (daemon) => {
      process.stdout.write("ready\n")
      return daemon.ended
    }),
    server
  )
  process.stdout.write(`ended: ${ended}\n`)
})

await Effect.runPromise(Effect.scoped(program)).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 7
})
