/** A machine of its own for tests of `run`: folders, settings, and the real binary in them. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bundledBinary } from "../binary.ts"

export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A program under way, with what it has written so far. */
export class Program {
  readonly child: ChildProcess
  stdout = ""
  stderr = ""

  constructor(child: ChildProcess) {
    this.child = child
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (this.stdout += text))
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.stderr += text))
  }

  readonly finished: Effect.Effect<Finished> = Effect.callback((resume) => {
    const { child } = this
    const finish = (): void =>
      resume(
        Effect.succeed({ code: child.exitCode, signal: child.signalCode, stdout: this.stdout, stderr: this.stderr })
      )
    if (child.exitCode !== null || child.signalCode !== null) setImmediate(finish)
    else child.once("close", finish)
  })

  /** Waits until it has written this to standard output. */
  wrote(text: string): Effect.Effect<void> {
    return eventually(
      `${text} on standard output`,
      Effect.sync(() => this.stdout.includes(text) || undefined)
    )
  }
}

/** Polls until there is a value. A real process takes as long as it takes: the deadline only tells a hang. */
export const eventually = <A, E, R>(
  what: string,
  poll: Effect.Effect<A | undefined, E, R>,
  deadlineMillis = 60_000
): Effect.Effect<A, E, R> =>
  Effect.gen(function* () {
    const deadline = performance.now() + deadlineMillis
    while (true) {
      const value = yield* poll
      if (value !== undefined) return value
      if (performance.now() > deadline) return yield* Effect.die(new Error(`never: ${what}`))
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)))
    }
  })

const Leases = Schema.fromJsonString(
  Schema.Array(
    Schema.Struct({
      id: Schema.Number,
      agent: Schema.String,
      parent: Schema.optionalKey(Schema.Number),
      processes: Schema.optionalKey(Schema.Array(Schema.Number)),
      orphaned: Schema.optionalKey(Schema.Boolean)
    })
  )
)

const Status = Schema.fromJsonString(Schema.Struct({ status: Schema.Struct({ pid: Schema.Number }) }))

export interface MachineOptions {
  readonly pools?: Readonly<Record<string, unknown>>
  readonly daemon?: Readonly<Record<string, unknown>>
  /** Settings besides: how claims are decided, groups, quotas. */
  readonly more?: Readonly<Record<string, unknown>>
}

const make = (options: MachineOptions, bin: string) => {
  const folder = mkdtempSync(join(tmpdir(), "rm-run-"))
  mkdirSync(join(folder, "run"), { mode: 0o700 })
  const settings = {
    ...options.more,
    pools: options.pools ?? { cpu: { capacity: 2 }, gpu: { capacity: 1, unit: "devices" } },
    daemon: { journal: "off", idleTimeout: "2 minutes", sessionTimeout: "30 seconds", ...options.daemon }
  }
  writeFileSync(join(folder, "config.json"), JSON.stringify(settings))
  const env: NodeJS.ProcessEnv = {
    ...process.env,
    HOME: folder,
    RESOURCE_MANAGER_RUNTIME_DIR: join(folder, "run"),
    RESOURCE_MANAGER_STATE_DIR: join(folder, "state"),
    RESOURCE_MANAGER_CONFIG: join(folder, "config.json"),
    NO_COLOR: "1"
  }
  for (const name of ["RESOURCE_MANAGER_LEASE", "RESOURCE_MANAGER_CONNECT", "RESOURCE_MANAGER_AGENT"]) delete env[name]
  const start = (args: ReadonlyArray<string>, more: NodeJS.ProcessEnv = {}): Program =>
    new Program(spawn(process.execPath, [bin, ...args], { env: { ...env, ...more }, stdio: ["pipe", "pipe", "pipe"] }))
  const finish = (...args: ReadonlyArray<string>): Effect.Effect<Finished> =>
    Effect.suspend(() => {
      const program = start(args)
      program.child.stdin?.end()
      return program.finished
    })
  const leases = Effect.map(finish("leases", "list", "--json"), ({ stdout }) =>
    Schema.decodeUnknownSync(Leases)(stdout)
  )
  return {
    folder,
    env,
    /** What a command line of the binary begins with, for shells. */
    binary: [process.execPath, bin] as const,
    start,
    finish,
    /** The process id of the daemon. */
    daemon: Effect.map(finish("status", "--json"), ({ stdout }) => Schema.decodeUnknownSync(Status)(stdout).status.pid),
    leases,
    /** The daemon looks whether the command is gone: a moment after it is. */
    noLeases: eventually(
      "every lease back",
      Effect.map(leases, (left) => left.length === 0 || undefined)
    ),
    path: (name: string) => join(folder, name)
  }
}

export type Machine = ReturnType<typeof make>

let bundled: Promise<string> | undefined

/** Bundled once for the tests of a file: most of what they would wait for is the loading of sources. */
const binary = (): Promise<string> => (bundled ??= bundledBinary())

/** Until the scope closes: then its daemon is stopped. */
export const machine = (options: MachineOptions = {}) =>
  Effect.acquireRelease(
    Effect.promise(async () => make(options, await binary())),
    (made) =>
      Effect.andThen(
        made.finish("stop", "--yes"),
        Effect.sync(() => rmSync(made.folder, { recursive: true, force: true, maxRetries: 5 }))
      )
  )
