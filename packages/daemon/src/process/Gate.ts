/**
 * A command behind a gate: it exists, with its process id and group, and does
 * nothing until the gate is opened.
 *
 * The one who starts it tells a daemon who it is, and opens the gate once the
 * daemon keeps that. So at any instant at which the starter is killed, either
 * nothing runs or the daemon knows what does.
 *
 * 1. *Closed*: a shell waits for one line on descriptor 3. If the starter ends
 *    before, by SIGKILL too, the kernel closes the other end, and the shell exits
 *    with `closedExitCode` without having started anything.
 * 2. *Open*: the shell becomes the command by `exec`: same process id, group and
 *    start. Standard input, output and error are the starter's own; descriptor 3
 *    is closed, and nothing else is inherited. (Or, where `output` takes what is
 *    printed, an empty input and pipes.)
 * 3. A command that cannot be executed ends with 127 (not found) or 126 (not
 *    executable), and the shell says so on standard error.
 * 4. *Placement*: with a group of its own (`own`) the command has its own session
 *    too, and no controlling terminal. In the starter's group (`shared`) it keeps
 *    the terminal and what the keyboard sends, and the group is nobody's to signal:
 *    it may hold the rest of a pipeline, or the user's script.
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { closeSync, constants, openSync } from "node:fs"
import type { Writable } from "node:stream"
import { type ExitStatus, exited, signaled } from "./ExitStatus.ts"
import { type CommandTarget, markerVariable, type ProcessIdentity } from "./Identity.ts"
import { type ProcessesUnreadable, ProcessTable } from "./ProcessTable.ts"

/** What the shell exits with where the gate was closed for good. Nobody but a starter that is still there sees it. */
export const closedExitCode = 125

/** A command that cannot be started as it is given. */
export class CommandNotStarted extends Schema.TaggedError<CommandNotStarted>()("CommandNotStarted", {
  message: Schema.String,
  command: Schema.String,
  detail: Schema.String
}) {}

export type Placement = "own" | "shared"

export interface GatedCommand {
  readonly command: string
  readonly args: ReadonlyArray<string>
  /** Added to the environment of this process; `undefined` takes a variable out. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** What `RESOURCE_MANAGER_LEASE` is for the command and all that it starts. */
  readonly marker?: string
  /** Where there is a controlling terminal `shared`, else `own`, unless given. */
  readonly placement?: Placement
  /** A program that becomes the command by `exec`, with its arguments: `["nice", "-n", "5"]`. */
  readonly wrapper?: ReadonlyArray<string>
  /** The POSIX shell that stands at the gate. Default `/bin/sh`. */
  readonly shell?: string
  /**
   * Takes what it and all that it starts print. Standard input is empty then. Unless
   * given, all three are the starter's own.
   */
  readonly output?: (chunk: Uint8Array, stream: "stdout" | "stderr") => void
}

export interface Gated {
  /** The process: the shell at the gate, then the command. */
  readonly identity: ProcessIdentity
  /** The process group that it leads; `undefined` where it is in the starter's. */
  readonly group: number | undefined
  /** From which a daemon finds all its processes. */
  readonly target: CommandTarget
  /** Lets the command begin. Again, or after its end: nothing. */
  readonly open: Effect.Effect<void>
  /** How the process ended, collected. What it has started may go on. */
  readonly exit: Effect.Effect<ExitStatus>
  /** Once all of its output was handed over: nobody can print any more. At once where it is not taken. */
  readonly silent: Effect.Effect<void>
  /** The same, at once: `undefined` while it lives. */
  readonly exitNow: () => ExitStatus | undefined
  /** To its own group, else to the process alone. `false` where it has ended. */
  readonly signal: (signal: NodeJS.Signals) => boolean
}

/** Whether this process has a controlling terminal: what `/dev/tty` stands for. */
export const hasControllingTerminal = (): boolean => {
  try {
    closeSync(openSync("/dev/tty", constants.O_RDWR | constants.O_NOCTTY | constants.O_NONBLOCK))
    return true
  } catch {
    return false
  }
}

// The variable is unset again, so that the command sees the environment that it was given.
const script = [
  `IFS= read -r RESOURCE_MANAGER_GATE <&3 || exit ${closedExitCode}`,
  `[ "$RESOURCE_MANAGER_GATE" = open ] || exit ${closedExitCode}`,
  "unset RESOURCE_MANAGER_GATE",
  "exec 3<&-",
  'exec "$@"'
].join("; ")

const notStarted = (command: string, detail: string) =>
  new CommandNotStarted({ message: `${JSON.stringify(command)} cannot be started: ${detail}`, command, detail })

const environmentOf = (command: GatedCommand): Record<string, string> => {
  const environment: Record<string, string> = {}
  const mark = command.marker === undefined ? {} : { [markerVariable]: command.marker }
  const all: Record<string, string | undefined> = { ...process.env, ...command.env, ...mark }
  for (const [name, value] of Object.entries(all)) if (value !== undefined) environment[name] = value
  return environment
}

/** Variables to which shells give a value of their own. */
const ofShells: ReadonlySet<string> = new Set(["IFS", "LINENO", "OPTIND", "PPID"])

/**
 * Shells drop variables whose names they could not use (exported functions of
 * bash, names with dots or dashes), and set a few themselves; `env` sets those again.
 */
const withDroppedVariables = (environment: Record<string, string>, command: string): ReadonlyArray<string> => {
  const dropped = Object.entries(environment).filter(([name]) => !/^[A-Za-z_]\w*$/.test(name) || ofShells.has(name))
  // `env` would take such a command for a variable.
  return dropped.length === 0 || command.includes("=")
    ? []
    : ["/usr/bin/env", ...dropped.map(([name, value]) => `${name}=${value}`)]
}

const problemOf = (gated: GatedCommand): string | undefined => {
  const { args, command, cwd = "", env = {}, marker = "", shell = "", wrapper = [] } = gated
  if (command === "") return "its name is empty"
  // Some shells read it as an option of theirs.
  if (command.startsWith("-")) return "its name begins with a dash; give a path, such as ./-name"
  const variables = Object.entries(env).flatMap(([name, value]) => [name, value])
  const texts = [command, ...args, cwd, marker, shell, ...wrapper, ...variables]
  return texts.some((text) => text?.includes("\0")) ? "an argument or variable holds a NUL character" : undefined
}

const reasonOf = (error: unknown, cwd: string | undefined): string => {
  if (!(error instanceof Error)) return String(error)
  const code = "code" in error ? error.code : undefined
  if (code === "ENOENT" && cwd !== undefined) return `the directory ${JSON.stringify(cwd)} or the shell is not there`
  if (code === "E2BIG") return "its arguments and environment are longer than the system allows"
  return error.message
}

interface Started {
  readonly child: ChildProcess
  readonly pid: number
  readonly gate: Writable
  readonly ended: Deferred.Deferred<ExitStatus>
  readonly silent: Deferred.Deferred<void>
  readonly status: () => ExitStatus | undefined
}

/** Hands over what a child prints. Done once both ends are closed. */
const hear = (child: ChildProcess, output: GatedCommand["output"]): Deferred.Deferred<void> => {
  const silent = Deferred.makeUnsafe<void>()
  let open = 0
  for (const stream of ["stdout", "stderr"] as const) {
    const source = child[stream]
    if (source === null || output === undefined) continue
    open++
    source.on("data", (chunk: Uint8Array) => output(chunk, stream))
    // A pipe that breaks has nothing more to say.
    source.on("error", () => undefined)
    source.on("close", () => {
      if (--open === 0) Deferred.doneUnsafe(silent, Effect.void)
    })
  }
  if (open === 0) Deferred.doneUnsafe(silent, Effect.void)
  return silent
}

/** The shell at the gate. Succeeds in the step that starts it, so that nothing can be lost in between. */
const startShell = (gated: GatedCommand, placement: Placement): Effect.Effect<Started, CommandNotStarted> =>
  Effect.callback((resume) => {
    const fail = (detail: string) => resume(Effect.fail(notStarted(gated.command, detail)))
    const problem = problemOf(gated)
    if (problem !== undefined) return fail(problem)
    const env = environmentOf(gated)
    // A wrapper may be a shell too: the variables come behind it.
    const wrapper = [...(gated.wrapper ?? []), ...withDroppedVariables(env, gated.command)]
    const argv = [...wrapper, gated.command, ...gated.args]
    let child: ChildProcess
    try {
      child = spawn(gated.shell ?? "/bin/sh", ["-c", script, "resource-manager", ...argv], {
        cwd: gated.cwd,
        env,
        detached: placement === "own",
        stdio:
          gated.output === undefined ? ["inherit", "inherit", "inherit", "pipe"] : ["ignore", "pipe", "pipe", "pipe"]
      })
    } catch (error) {
      return fail(reasonOf(error, gated.cwd))
    }
    const gate = child.stdio[3]
    if (child.pid === undefined || gate === null || gate === undefined || !("write" in gate)) {
      child.on("error", (error) => fail(reasonOf(error, gated.cwd)))
      return
    }
    // A command that ended, by a signal at the gate, does not read any more.
    gate.on("error", () => undefined)
    // In the step that starts it: an exit that nobody listens to is lost.
    const ended = Deferred.makeUnsafe<ExitStatus>()
    let status: ExitStatus | undefined
    child.on("exit", (code, signal) => {
      status = signal === null ? exited(code ?? 0) : signaled(signal)
      Deferred.doneUnsafe(ended, Effect.succeed(status))
    })
    const silent = hear(child, gated.output)
    resume(Effect.succeed({ child, pid: child.pid, gate, ended, silent, status: () => status }))
  })

/** `false` where no process of the group may be signalled: all of another user. */
const signalGroup = (group: number, signal: NodeJS.Signals): boolean => {
  try {
    return process.kill(-group, signal)
  } catch {
    return false
  }
}

/**
 * Starts a command behind a closed gate. When the scope closes, a gate that was
 * never opened is closed for good; a command that runs is left alone.
 */
export const start: (
  command: GatedCommand
) => Effect.Effect<Gated, CommandNotStarted | ProcessesUnreadable, ProcessTable | Scope.Scope> = Effect.fnUntraced(
  function* (command) {
    const table = yield* ProcessTable
    const placement = command.placement ?? (hasControllingTerminal() ? "shared" : "own")
    // Before it is started: a number too low is on the safe side.
    const forks = yield* table.forks
    const { child, ended, gate, pid, silent, status } = yield* Effect.acquireRelease(
      startShell(command, placement),
      ({ gate }) => Effect.sync(() => gate.destroy())
    )
    const info = yield* table.inspect(pid)
    if (info === undefined) return yield* notStarted(command.command, "its process ended at once")
    const group = placement === "own" ? pid : undefined
    const marker = command.marker
    return {
      identity: info.identity,
      group,
      target: {
        root: info.identity,
        ...(group === undefined ? {} : { group }),
        ...(marker === undefined ? {} : { marker }),
        ...(forks === undefined ? {} : { forks })
      },
      open: Effect.callback<void>((resume) => {
        if (gate.writableEnded || gate.destroyed) return resume(Effect.void)
        gate.end("open\n", () => resume(Effect.void))
        gate.on("close", () => resume(Effect.void))
      }),
      exit: Deferred.await(ended),
      silent: Deferred.await(silent),
      exitNow: status,
      signal: (signal) => {
        // Until it is collected, nobody else can have its number.
        if (status() !== undefined) return false
        return group === undefined ? child.kill(signal) : signalGroup(group, signal)
      }
    }
  }
)
