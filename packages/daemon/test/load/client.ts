/**
 * A client of the load test: takes leases and gives them back, several at a time, until
 * it has had its share. It writes down what it was told at once, so that it is there
 * when the client is killed: `g` after a grant was told, `r` before it is given back.
 */
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import { closeSync, openSync, writeSync } from "node:fs"
import * as DaemonClient from "../../src/DaemonClient.ts"
import { random } from "../support/random.ts"

const Options = Schema.fromJsonString(
  Schema.Struct({
    address: Schema.String,
    log: Schema.String,
    agent: Schema.String,
    seed: Schema.Number,
    leases: Schema.Number,
    concurrency: Schema.Number,
    claimMax: Schema.Record(Schema.String, Schema.Number)
  })
)

const program = Effect.gen(function* () {
  const { address, agent, claimMax, concurrency, leases, log, seed } = yield* Schema.decodeUnknownEffect(Options)(
    process.argv[2]
  )
  const file = openSync(log, "a")
  const next = random(seed)
  // Of the machine, so the same for all processes.
  const write = (line: string) => writeSync(file, `${line} ${process.hrtime.bigint()}\n`)
  const one = Effect.gen(function* () {
    const manager = yield* ResourceManager
    const claim = Object.fromEntries(Object.entries(claimMax).map(([type, max]) => [type, 1 + next(max)]))
    const askedAt = performance.now()
    const lease = yield* manager.lease(agent, claim)
    write(`g ${lease.id} ${lease.token} ${JSON.stringify(claim)} ${(performance.now() - askedAt).toFixed(3)}`)
    yield* Effect.sleep(next(20))
    // One that was taken meanwhile (it was away for too long) is not its own to tell of.
    write(`${lease.isHeld ? "r" : "l"} ${lease.id}`)
  })
  const all = Effect.forEach(Array.from({ length: leases }), () => Effect.scoped(one), { concurrency, discard: true })
  const client = yield* Layer.build(DaemonClient.layer({ address })).pipe(
    // The daemon may be away just now: it was killed, and is being started.
    Effect.retry({
      while: (error) => error._tag === "DaemonUnreachable",
      schedule: Schedule.spaced("100 millis"),
      times: 600
    })
  )
  yield* Effect.provide(all, client)
  closeSync(file)
})

await Effect.runPromise(Effect.scoped(program))
