/**
 * Starts a program that belongs to nobody: it goes on when whoever started it is
 * gone, is ended with no command, and has no terminal.
 *
 * 1. A shell in a session of its own starts it and ends at once. So its parent is
 *    the system's first process, and it leads no session: no terminal that it opens
 *    becomes its controlling one.
 * 2. `RESOURCE_MANAGER_LEASE` is taken out of its environment: started by a command
 *    under a lease, it is none of that command's processes.
 * 3. It reads nothing, and what it writes is appended to a file.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawn } from "node:child_process"
import { closeSync, openSync } from "node:fs"
import { markerVariable } from "./Identity.ts"

/** The program cannot be started, or its file cannot be written. */
export class DetachedNotStarted extends Schema.TaggedError<DetachedNotStarted>()("DetachedNotStarted", {
  message: Schema.String,
  command: Schema.String,
  detail: Schema.String
}) {}

export interface DetachedProgram {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Added to the environment of this process; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Default `/`, so that it keeps no file system busy. */
  readonly cwd?: string
  /** What it writes to standard output and error. Made with mode 0600 where it is not there. */
  readonly log: string
}

const environmentOf = ({ env = {} }: DetachedProgram): NodeJS.ProcessEnv => {
  const environment: NodeJS.ProcessEnv = { ...process.env, ...env }
  for (const [name, value] of Object.entries(environment)) if (value === undefined) delete environment[name]
  delete environment[markerVariable]
  return environment
}

/** Succeeds once it was started. Whether it works is told by its file, and by what it is started for. */
export const start = (program: DetachedProgram): Effect.Effect<void, DetachedNotStarted> =>
  Effect.callback((resume) => {
    const fail = (error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error)
      const message = `${JSON.stringify(program.command)} cannot be started in the background: ${detail}`
      resume(Effect.fail(new DetachedNotStarted({ message, command: program.command, detail })))
    }
    let log: number | undefined
    try {
      log = openSync(program.log, "a", 0o600)
      const child = spawn("/bin/sh", ["-c", '"$@" &', "resource-manager", program.command, ...program.args], {
        cwd: program.cwd ?? "/",
        env: environmentOf(program),
        detached: true,
        stdio: ["ignore", log, log]
      })
      child.on("error", fail)
      child.on("exit", (code, signal) => {
        if (code === 0) resume(Effect.void)
        else fail(`the shell ended with ${code ?? signal ?? "nothing"}`)
      })
    } catch (error) {
      fail(error)
    } finally {
      if (log !== undefined) closeSync(log)
    }
  })
