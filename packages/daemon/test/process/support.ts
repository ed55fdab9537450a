/** Programs for the tests, run for real, and conditions waited for with a deadline. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { type ChildProcess, spawn, type SpawnOptions, spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { CommandTarget } from "../../src/process/Identity.ts"
import { programOf } from "../programs.ts"

const directory = mkdtempSync(join(tmpdir(), "resource-manager-process-"))
let files = 0

export const temporaryPath = (name = "file"): string => join(directory, `${++files}-${name}`)

export const uniqueMarker = (): string => `${process.pid}.${Math.random().toString(36).slice(2)}`

export interface StarterOptions {
  readonly command: string
  readonly args?: ReadonlyArray<string>
  readonly marker?: string
  readonly placement?: "own" | "shared"
  readonly env?: Readonly<Record<string, string>>
  readonly shell?: string
  readonly wrapper?: ReadonlyArray<string>
  readonly report?: string
  readonly open?: boolean
}

export const starterArgs = (options: StarterOptions): Array<string> => [
  programOf("starter"),
  JSON.stringify({ args: [], ...options })
]

/** Runs the starter to its end. */
export const runStarter = (
  options: StarterOptions,
  spawnOptions: { readonly input?: string; readonly env?: NodeJS.ProcessEnv } = {}
) => {
  const { signal, status, stderr, stdout } = spawnSync(process.execPath, starterArgs(options), {
    encoding: "utf8",
    timeout: 120_000,
    ...spawnOptions
  })
  return { code: status, signal, stdout, stderr }
}

export const spawnStarter = (options: StarterOptions, spawnOptions: SpawnOptions = {}): ChildProcess =>
  spawn(process.execPath, starterArgs(options), { stdio: ["ignore", "pipe", "pipe"], ...spawnOptions })

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
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
    }
  })

/** The text of a file that a program writes, once it ends with a line end. */
export const lineIn = (path: string): Effect.Effect<string> =>
  eventually(
    `a line in ${path}`,
    Effect.sync(() => {
      const text = existsSync(path) ? readFileSync(path, "utf8") : ""
      return text.endsWith("\n") ? text.trimEnd() : undefined
    })
  )

const Target = Schema.fromJsonString(CommandTarget)

/** What a starter reported. */
export const targetIn = (path: string): Effect.Effect<CommandTarget> =>
  eventually(
    `a target in ${path}`,
    Effect.sync(() => (existsSync(path) ? Schema.decodeUnknownSync(Target)(readFileSync(path, "utf8")) : undefined))
  )

export const exitOf = (child: ChildProcess): Effect.Effect<readonly [number | null, NodeJS.Signals | null]> =>
  Effect.callback((resume) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resume(Effect.succeed([child.exitCode, child.signalCode]))
    } else child.once("exit", (code, signal) => resume(Effect.succeed([code, signal])))
  })

/** Where a program is, or `undefined` where it is not on the path. */
export const pathOf = (program: string): string | undefined => {
  const { status, stdout } = spawnSync("sh", ["-c", 'command -v "$1"', "sh", program], { encoding: "utf8" })
  return status === 0 ? stdout.trim() : undefined
}
