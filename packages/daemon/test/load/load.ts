/** Many clients in processes of their own, of which some are killed, and the daemon too. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { closeSync, openSync, statSync } from "node:fs"
import { join } from "node:path"
import { programOf } from "../programs.ts"
import { connect, eventually, folder, Program, program } from "../support/daemon.ts"
import { random } from "../support/random.ts"
import { check, type ClientLog, type LoadFigures } from "./check.ts"

export interface LoadOptions {
  readonly clients: number
  /** Leases that clients are to have in all. */
  readonly leases: number
  readonly clientKills: number
  readonly daemonKills: number
  readonly seed: number
}

export interface LoadReport extends LoadFigures {
  readonly clientsKilled: number
  readonly daemonsKilled: number
  /** From when all clients had started. */
  readonly seconds: number
  readonly grantsPerSecond: number
}

const capacities = { cpu: 64, memory: 256 }
const claimMax = { cpu: 4, memory: 16 }
const concurrency = 8
/** What a client writes of a lease, about. */
const leaseBytes = 95
const startMillisMax = 300_000

interface Client {
  readonly running: Program
  readonly path: string
  killedAt: bigint | undefined
}

export const run = (options: LoadOptions): Effect.Effect<LoadReport, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const path = yield* folder
    const next = random(options.seed)
    const address = join(path, "daemon.sock")
    const start = program("daemon", {
      address,
      stateFolder: join(path, "state"),
      snapshotEvery: 5_000,
      sessionTimeoutMillis: 60_000,
      pools: { cpu: { capacity: capacities.cpu }, memory: { capacity: capacities.memory } }
    })
    let daemon = yield* start
    yield* daemon.line("ready")
    const share = Math.ceil(options.leases / options.clients)
    const clients: Array<Client> = []
    const spawn = (leases: number): Effect.Effect<Client, never, Scope.Scope> =>
      Effect.acquireRelease(
        Effect.sync(() => {
          const log = join(path, `client-${clients.length}`)
          // Killed before it wrote anything, it has a log all the same.
          closeSync(openSync(log, "a"))
          const client: Client = {
            running: new Program(programOf("client"), {
              address,
              log,
              agent: `agent ${clients.length % 10}`,
              seed: options.seed + clients.length,
              leases,
              concurrency,
              claimMax
            }),
            path: log,
            killedAt: undefined
          }
          clients.push(client)
          return client
        }),
        ({ running }) =>
          Effect.sync(() => {
            running.child.kill("SIGKILL")
          })
      )
    const startedAt = performance.now()
    for (let index = 0; index < options.clients; index++) yield* spawn(share)
    // Many processes take their time to start.
    yield* eventually(
      "the start of all clients",
      () => (clients.every(({ path: log, running }) => running.ended || statSync(log).size > 0) ? true : undefined),
      startMillisMax
    )
    const startMillis = performance.now() - startedAt
    let clientsKilled = 0
    let daemonsKilled = 0
    const written = () => clients.reduce((sum, client) => sum + statSync(client.path).size, 0)
    const allWritten = options.leases * leaseBytes
    const kills = [
      ...Array.from({ length: options.clientKills }, () => "client" as const),
      ...Array.from({ length: options.daemonKills }, () => "daemon" as const)
    ]
      .map((what) => ({ what, order: next(1_000_000) }))
      .toSorted((one, other) => one.order - other.order)
    // Spread over the work, not over time.
    for (const [index, { what }] of kills.entries()) {
      const due = (allWritten * (index + 1)) / (kills.length + 1)
      while (written() < due && clients.some(({ running }) => !running.ended)) yield* Effect.sleep(5)
      yield* Effect.sleep(next(20))
      if (what === "daemon") {
        daemon.child.kill("SIGKILL")
        yield* daemon.exit
        daemonsKilled++
        daemon = yield* start
        yield* daemon.line("ready", startMillisMax)
        continue
      }
      const alive = clients.filter(({ running }) => !running.ended)
      const victim = alive[next(Math.max(1, alive.length))]
      // They may have been faster than the killer.
      if (victim === undefined) continue
      victim.killedAt = process.hrtime.bigint()
      victim.running.child.kill("SIGKILL")
      clientsKilled++
      // Another goes on in its place.
      yield* spawn(share)
    }
    for (const { killedAt, running } of clients) {
      const code = yield* eventually("the end of a client", () => (running.ended ? true : undefined), 600_000)
      assert.isTrue(code)
      if (killedAt === undefined) assert.strictEqual(running.child.exitCode, 0, running.stderr)
    }
    const seconds = (performance.now() - startedAt - startMillis) / 1_000
    const operator = yield* connect(address)
    // What the last that were killed had comes back at once: their processes are seen to be gone.
    let leases = yield* operator.manager.leases
    for (let look = 0; leases.length > 0 && look < 3_000; look++) {
      yield* Effect.sleep(20)
      leases = yield* operator.manager.leases
    }
    assert.deepStrictEqual(leases, [], "leases of clients that are gone")
    const pools = yield* operator.manager.pools
    assert.deepStrictEqual(
      pools.map(({ inUse, waiting }) => [inUse, waiting]),
      [
        [0, 0],
        [0, 0]
      ]
    )
    const logs: ReadonlyArray<ClientLog> = clients
    const figures = check(logs, capacities)
    return {
      ...figures,
      clientsKilled,
      daemonsKilled,
      seconds: Math.round(seconds * 10) / 10,
      grantsPerSecond: Math.round(figures.grants / seconds)
    }
  })
