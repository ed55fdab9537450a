/** A daemon of the published binary in a folder of its own, commands that ask it, and a client that holds something. */
import { spawn, spawnSync } from "node:child_process"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as DaemonClient from "@resource-manager/daemon/DaemonClient"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { ServeOutput } from "../src/output/serve.ts"
import type { CliRun } from "./support.ts"

/** Polls until it is so, for as long as a busy machine may take. */
export const until = async <A>(what: string, ask: () => A | undefined | Promise<A | undefined>): Promise<A> => {
  const deadline = Date.now() + 60_000
  while (Date.now() < deadline) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${what}: not within a minute`)
}

export type Environment = Readonly<Record<string, string | undefined>>

/** Folders of a daemon, in a path that is short enough for a socket. */
export const daemonFolder = (): { readonly folder: string; readonly env: Environment } => {
  const folder = mkdtempSync(join(tmpdir(), "rm-"))
  const [runtime, state, home] = ["run", "state", "home"].map((name) => join(folder, name)) as [string, string, string]
  for (const path of [runtime, state, home]) mkdirSync(path, { mode: 0o700 })
  return {
    folder,
    env: {
      RESOURCE_MANAGER_RUNTIME_DIR: runtime,
      RESOURCE_MANAGER_STATE_DIR: state,
      RESOURCE_MANAGER_CONFIG: undefined,
      RESOURCE_MANAGER_CONNECT: undefined,
      XDG_CONFIG_HOME: undefined,
      HOME: home,
      NO_COLOR: "1"
    }
  }
}

export const runBinary = (binary: string, env: Environment, args: ReadonlyArray<string>, input?: string): CliRun => {
  const { status, stderr, stdout } = spawnSync(process.execPath, [binary, ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
    ...(input === undefined ? {} : { input })
  })
  return { code: status, stdout, stderr }
}

export interface RunningDaemon {
  readonly folder: string
  readonly env: Environment
  readonly addresses: ReadonlyArray<string>
  readonly pid: number
  readonly run: (...args: ReadonlyArray<string>) => CliRun
  readonly signal: (name: NodeJS.Signals) => void
  /** Its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals | null>
  readonly log: () => string
}

const decodeServe = Schema.decodeUnknownSync(Schema.fromJsonString(ServeOutput))

/** Starts `serve` and waits until it says that it listens. */
export const startDaemon = async (
  binary: string,
  settings: object,
  more: { readonly args?: ReadonlyArray<string>; readonly env?: Environment; readonly at?: string } = {}
): Promise<RunningDaemon> => {
  const place = daemonFolder()
  const folder = more.at ?? place.folder
  const env = { ...place.env, ...more.env }
  const config = join(place.folder, "settings.json")
  writeFileSync(config, JSON.stringify(settings))
  const args = [binary, "serve", "--config", config, "--json", ...(more.args ?? [])]
  const child = spawn(process.execPath, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] })
  let stdout = ""
  let log = ""
  child.stdout.on("data", (bytes) => (stdout += String(bytes)))
  child.stderr.on("data", (bytes) => (log += String(bytes)))
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on("close", (code, signal) => resolve(code ?? signal))
  })
  const { addresses, pid } = await until("the daemon listens", () => {
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}: ${log}`)
    return stdout.trimEnd().endsWith("}") ? decodeServe(stdout) : undefined
  })
  return {
    folder,
    env,
    addresses,
    pid,
    run: (...given) => runBinary(binary, env, given),
    signal: (name) => child.kill(name),
    ended,
    log: () => log
  }
}

export const removeDaemon = async (daemon: RunningDaemon): Promise<void> => {
  daemon.signal("SIGKILL")
  await daemon.ended
  rmSync(daemon.folder, { recursive: true, force: true })
}

/** A program that holds leases of a daemon and waits for others. */
export interface Client {
  /** Holds it until it is told to give it back. */
  readonly hold: (agent: string, claim: Readonly<Record<string, number>>) => Promise<() => Promise<void>>
  /** Asks for it and does not wait for the answer, which is told. */
  readonly ask: (agent: string, claim: Readonly<Record<string, number>>) => Promise<"held" | string>
  readonly close: () => Promise<void>
}

export const clientOf = (daemon: RunningDaemon): Client => {
  const runtime = ManagedRuntime.make(DaemonClient.layer({ address: daemon.addresses[0], name: "a test" }))
  const hold = async (agent: string, claim: Readonly<Record<string, number>>) => {
    const scope = Scope.makeUnsafe()
    await runtime.runPromise(
      Effect.flatMap(ResourceManager, (manager) => Scope.provide(manager.lease(agent, claim), scope))
    )
    return () => runtime.runPromise(Scope.close(scope, Exit.void))
  }
  return {
    hold,
    ask: (agent, claim) =>
      hold(agent, claim).then(
        () => "held",
        (error: unknown) => (error instanceof Error ? error.name : String(error))
      ),
    close: () => runtime.dispose()
  }
}

/** The same on a pseudo-terminal: what it prints there, and what it ends with. */
export const runOnTerminal = (binary: string, env: Environment, command: string, input = ""): CliRun => {
  const file = join(mkdtempSync(join(tmpdir(), "rm-pty-")), "typescript")
  const { status, stderr } = spawnSync("script", ["-qec", `${process.execPath} ${binary} ${command}`, file], {
    encoding: "utf8",
    env: { ...process.env, ...env },
    input
  })
  return { code: status, stdout: readFileSync(file, "utf8"), stderr }
}
