/**
 * One manager for several processes: a daemon serves it on a Unix socket, programs
 * are its clients. One of them is killed while it holds everything, and the next one
 * is served at once.
 *
 * The program starts itself a second time to have something to kill.
 */
import { strict as assert } from "node:assert"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ResourceManager } from "@resource-manager/core"
import { DaemonClient, DaemonConnection, DaemonServer } from "@resource-manager/daemon"
import { SqliteJournal } from "@resource-manager/plugin-sqlite"
import { Effect, Fiber, Layer } from "effect"

// #region server
const daemon = (folder: string) =>
  DaemonServer.layer({ listen: [`unix:${folder}/daemon.sock`], sessionTimeout: "10 seconds" }).pipe(
    Layer.provide(ResourceManager.layerHome({ pools: { cpu: { capacity: 4 } } })),
    // What it told its clients outlives it.
    Layer.provide(SqliteJournal.layer({ path: `${folder}/journal.db` }))
  )
// #endregion server

// #region client
/** Any program that has a `ResourceManager`: only the layer says that it is a daemon's. */
const build = (agent: string) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    return yield* manager.withLease(agent, { cpu: 4 })(Effect.as(Effect.sleep("10 millis"), `${agent} is built`))
  })

const client = (folder: string) => DaemonClient.layer({ address: `unix:${folder}/daemon.sock` })
// #endregion client

/** Takes everything and never gives it back. */
const greedy = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const lease = yield* manager.lease("greedy", { cpu: 4 })
  console.log(`holds ${lease.claim["cpu"]} cores`)
  return yield* Effect.never
}).pipe(Effect.scoped)

// #region watch
const waiting = Effect.gen(function* () {
  const { call } = yield* DaemonConnection
  const { leases, waiters } = yield* call((rpc) => rpc.Overview())
  return {
    holders: leases.map(({ agent }) => agent),
    waiters: waiters.map(({ agent, reasons }) => `${agent}, ${reasons[0]?.message}`)
  }
})
// #endregion watch

const main = (folder: string) =>
  Effect.gen(function* () {
    const child = spawn(process.execPath, [import.meta.filename, "greedy", folder], {
      stdio: ["ignore", "pipe", "inherit"]
    })
    yield* Effect.promise(() => once(child.stdout, "data"))
    const patient = yield* Effect.forkChild(build("patient"))
    let seen = yield* waiting
    while (seen.waiters.length === 0) seen = yield* waiting
    console.log(seen)
    assert.deepEqual(seen.holders, ["greedy"])
    const killedAt = performance.now()
    child.kill("SIGKILL")
    const built = yield* Fiber.join(patient)
    console.log(`${built}, ${Math.round(performance.now() - killedAt)} ms after its predecessor was killed`)
    assert.equal(built, "patient is built")
    const after = yield* waiting
    assert.deepEqual(after, { holders: [], waiters: [] })
  })

const [role, place] = process.argv.slice(2)
if (role === "greedy" && place !== undefined) await Effect.runPromise(Effect.provide(greedy, client(place)))
else {
  const folder = mkdtempSync(join(tmpdir(), "daemon-"))
  await Effect.runPromise(Effect.provide(main(folder), client(folder).pipe(Layer.provide(daemon(folder)))))
  rmSync(folder, { recursive: true })
}
