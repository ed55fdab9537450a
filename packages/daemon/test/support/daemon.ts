/** Daemons for tests: in this process, or real ones. */
import type { LeaseTable } from "@resource-manager/core/LeaseTable"
import type { Meter } from "@resource-manager/core/Meter"
import { ResourceManager, type ResourceManagerOptions } from "@resource-manager/core/ResourceManager"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { format } from "../../src/Address.ts"
import * as DaemonClient from "../../src/DaemonClient.ts"
import { DaemonConnection } from "../../src/DaemonConnection.ts"
import { DaemonServer, type DaemonServerOptions } from "../../src/DaemonServer.ts"
import { type ProgramName, programOf } from "../programs.ts"

/** A folder until the scope closes. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "rm-daemon-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** What `ResourceManagerTest.suite` asks for. */
export const daemonOf =
  <E>(
    home: (options: ResourceManagerOptions) => Layer.Layer<ResourceManager | LeaseTable | Meter, E>,
    server: Partial<DaemonServerOptions> = {}
  ) =>
  (options: ResourceManagerOptions) =>
    Layer.unwrap(
      Effect.map(folder, (path) => {
        const address = join(path, "daemon.sock")
        const daemon = DaemonServer.layer({ listen: [address], ...server }).pipe(Layer.provide(home(options)))
        return DaemonClient.layer({ address }).pipe(Layer.provide(daemon))
      })
    )

export const tens: ResourceManagerOptions = {
  pools: { cpu: { capacity: 10 }, memory: { capacity: 10 } },
  gracePeriod: 0
}

export interface LocalDaemon {
  readonly address: string
  /** The manager itself, to look behind the daemon. */
  readonly manager: ResourceManager["Service"]
  readonly server: DaemonServer["Service"]
  /** Ends it, without a word to its clients. */
  readonly stop: Effect.Effect<void>
}

/** A daemon in this process. */
export const startDaemon = (
  options: Partial<DaemonServerOptions> = {},
  manager: ResourceManagerOptions = tens
): Effect.Effect<LocalDaemon, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const address = options.listen?.[0] ?? join(yield* folder, "daemon.sock")
    const scope = yield* Scope.fork(yield* Effect.scope)
    const layer = DaemonServer.layer({ listen: [address], ...options }).pipe(
      Layer.provideMerge(ResourceManager.layerHome(manager))
    )
    const context = yield* Layer.buildWithScope(layer, scope)
    const server = Context.get(context, DaemonServer)
    const [bound] = server.addresses
    return {
      address: bound === undefined ? address : format(bound),
      manager: Context.get(context, ResourceManager),
      server,
      stop: Scope.close(scope, Exit.void)
    }
  })

export interface LocalClient {
  readonly manager: ResourceManager["Service"]
  readonly daemon: DaemonConnection["Service"]
  readonly close: Effect.Effect<void>
}

/** A client in this process, with a session of its own. */
export const connect = (
  address: string,
  options: DaemonClient.DaemonClientOptions = {}
): Effect.Effect<LocalClient, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Scope.fork(yield* Effect.scope)
    const context = yield* Layer.buildWithScope(DaemonClient.layer({ address, ...options }), scope)
    return {
      manager: Context.get(context, ResourceManager),
      daemon: Context.get(context, DaemonConnection),
      close: Scope.close(scope, Exit.void)
    }
  })

/** A program of the tests, killed with the scope. */
export const program = (name: ProgramName, options: unknown): Effect.Effect<Program, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => new Program(programOf(name), options)),
    (running) =>
      Effect.sync(() => {
        running.child.kill("SIGKILL")
      })
  )

export class Program {
  readonly child: ChildProcess
  private text = ""
  stderr = ""

  constructor(path: string, options: unknown) {
    this.child = spawn(process.execPath, [path, JSON.stringify(options)], { stdio: ["ignore", "pipe", "pipe"] })
    this.child.stdout?.on("data", (bytes: Buffer) => {
      this.text += bytes.toString()
    })
    this.child.stderr?.on("data", (bytes: Buffer) => {
      this.stderr += bytes.toString()
    })
  }

  get lines(): ReadonlyArray<string> {
    return this.text.split("\n").slice(0, -1)
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null
  }

  /** A line that it prints. */
  line(start: string, deadlineMillis?: number): Effect.Effect<string> {
    return eventually(
      `${start} from ${this.child.spawnargs.join(" ")}`,
      () => this.lines.find((line) => line.startsWith(start)),
      deadlineMillis
    )
  }

  readonly exit: Effect.Effect<number | string> = eventually("the end of a program", () =>
    this.ended ? (this.child.exitCode ?? this.child.signalCode ?? 0) : undefined
  )
}

/** Polls until there is a value. The deadline only tells a hang. */
export const eventually = <A>(what: string, poll: () => A | undefined, deadlineMillis = 60_000): Effect.Effect<A> =>
  Effect.gen(function* () {
    const deadline = performance.now() + deadlineMillis
    while (true) {
      const value = poll()
      if (value !== undefined) return value
      if (performance.now() > deadline) return yield* Effect.die(new Error(`never: ${what}`))
      yield* Effect.sleep(5)
    }
  })

/** The same of an effect. */
export const until = <A, E, R>(
  what: string,
  poll: Effect.Effect<A, E, R>,
  holds: (value: A) => boolean
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const deadline = performance.now() + 60_000
    while (true) {
      const value = yield* poll
      if (holds(value)) return value
      if (performance.now() > deadline) return yield* Effect.die(new Error(`never: ${what}`))
      yield* Effect.sleep(5)
    }
  })
