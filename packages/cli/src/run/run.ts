/**
 * `run`: connects to a daemon, and starts one where none runs; waits for the lease;
 * runs the command under it; ends as the command ended.
 */
import type { Lease } from "@resource-manager/core/Lease"
import * as DaemonClient from "@resource-manager/daemon/DaemonClient"
import { DaemonConnection } from "@resource-manager/daemon/DaemonConnection"
import * as Lock from "@resource-manager/daemon/Lock"
import * as Places from "@resource-manager/daemon/Places"
import * as Enforcement from "@resource-manager/daemon/process/Enforcement"
import { endLike, type ExitStatus, signaled } from "@resource-manager/daemon/process/ExitStatus"
import { ProcessTable } from "@resource-manager/daemon/process/ProcessTable"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { isUtf8 } from "node:buffer"
import { readFileSync } from "node:fs"
import { isatty } from "node:tty"
import { exitCodes } from "../exitCodes.ts"
import { CommandFailed, failed } from "../frame/CommandFailed.ts"
import { toFailure } from "../frame/daemon.ts"
import { programName } from "../program.ts"
import { claimShort, type Types, typesFrom } from "../render/amounts.ts"
import { styleOf } from "../render/style.ts"
import { duration } from "../render/time.ts"
import type { Sheet } from "../render/views.ts"
import { launch } from "../serve/launch.ts"
import { type Execution, execute, startable } from "./execute.ts"
import { planFailed, RunFailed, runExitCodes } from "./failure.ts"
import { isBare } from "./findCommand.ts"
import { isLiveTerminal, Progress, writeError } from "./progress.ts"
import { claimOf, readRequest, type RunFlags, type RunRequest } from "./request.ts"
import { granted } from "./wait.ts"

/** Lines on standard error, as wide as that is now. */
const sheet = (types: Types): Sheet => {
  const isTTY = isatty(2)
  // The last column stays free: some terminals go on in the next line there.
  const width = isTTY && process.stderr.columns > 1 ? process.stderr.columns - 1 : Infinity
  return { style: styleOf({ isTTY, env: process.env }), width, zone: "local", types }
}

const usage = (problem: string) => failed(exitCodes.usage, problem)

/** Codes of this program that commands use too become those of `run`. */
const toRunFailure = (error: unknown): CommandFailed => {
  if (error instanceof RunFailed) return new CommandFailed({ problem: error.message, code: error.code })
  const failure = toFailure(error)
  const code =
    failure.code === exitCodes.unreachable || failure.code === exitCodes.refused
      ? runExitCodes.unavailable
      : failure.code === exitCodes.denied
        ? runExitCodes.denied
        : failure.code
  return new CommandFailed({ problem: failure.problem, code })
}

/** A client of the daemon, which is started where it is this user's own and none runs. */
const connected = Effect.fnUntraced(function* (request: RunRequest, connect: string | undefined) {
  const own = Places.make(process.env).socket
  const address = connect ?? Places.address(process.env)
  const client = Layer.build(
    DaemonClient.layer({
      address,
      agent: request.agent,
      name: `run ${request.command} (pid ${process.pid})`,
      client: `${programName} (pid ${process.pid})`
    })
  )
  if (address !== own) return yield* client
  return yield* Effect.catchTag(client, "DaemonUnreachable", () => Effect.andThen(launch(), client))
})

const lives = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Starts this user's own daemon anew where the last one died. One that was told to end is not started against that. */
const revived = (connect: string | undefined): Effect.Effect<void> =>
  Effect.suspend(() => {
    const places = Places.make(process.env)
    if ((connect ?? Places.address(process.env)) !== places.socket) return Effect.void
    const last = Lock.readFacts(places)
    return last === undefined || last.ending === true || lives(last.pid) ? Effect.void : Effect.ignore(launch())
  })

const limitsOf = ({ amounts, cpus }: RunRequest): Enforcement.Limits => ({ cpus, memoryBytes: amounts["memory"] })

const othersOf = ({ amounts }: RunRequest): ReadonlyArray<string> =>
  Object.keys(amounts).filter((type) => type !== "memory")

const modeOf = (flag: Enforcement.Mode | undefined): Result.Result<Enforcement.Mode, string> => {
  const value = flag ?? (process.env["RESOURCE_MANAGER_ENFORCE"] || "none")
  const mode = Enforcement.modes.find((each) => each === value)
  return mode === undefined
    ? Result.fail(`RESOURCE_MANAGER_ENFORCE is ${JSON.stringify(value)}; allowed: ${Enforcement.modes.join(", ")}`)
    : Result.succeed(mode)
}

/** Whether the arguments are those that were given: Node reads them as UTF-8, and replaces what is none. */
const isFaithful = (command: ReadonlyArray<string>): boolean => {
  if (!command.some((argument) => argument.includes("\uFFFD"))) return true
  try {
    return isUtf8(readFileSync("/proc/self/cmdline"))
  } catch {
    return true
  }
}

type Restore = <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>

interface Prepared {
  readonly lease: Lease
  readonly execution: Execution
}

/** Everything up to the grant. */
const prepared = Effect.fnUntraced(function* (
  request: RunRequest,
  mode: Enforcement.Mode,
  connect: string | undefined
) {
  const daemon = yield* DaemonConnection
  const { agent, llm } = request
  const call =
    llm === undefined
      ? { claim: {}, budgets: [] }
      : yield* Effect.mapError(
          daemon.call((rpc) => rpc.PlanCall({ agent, ...llm })),
          planFailed
        )
  // After the plan: a budget of the agent's own may be new.
  const types = typesFrom(yield* daemon.call((rpc) => rpc.Types()))
  const own = yield* Effect.mapError(Effect.fromResult(claimOf(request, types.get("cpu")?.unit)), usage)
  const twice = Object.keys(own).find((type) => type in call.claim)
  if (twice !== undefined) {
    return yield* usage(`--resource ${twice} is of the call too; allowed: pools that --llm ${llm?.limit} has not`)
  }
  const claim = { ...own, ...call.claim }
  const enforcement = yield* Enforcement.detect(mode)
  const progress = new Progress({ isTerminal: isLiveTerminal(process.env), write: writeError })
  const begun = yield* Clock.monotonicTimeNanos
  const wait = {
    agent,
    claim,
    budgets: call.budgets,
    timeout: request.timeout,
    isTry: request.isTry,
    scheduling: request.scheduling,
    onAway: revived(connect)
  }
  const lease = yield* granted(wait, progress, sheet, types)
  const limits = limitsOf(request)
  const say = (line: string): void => progress.say(`${programName}: ${line}`)
  if (progress.hasTold) {
    const waited = duration(Number((yield* Clock.monotonicTimeNanos) - begun) / 1e6)
    const told = Enforcement.describe(enforcement, limits, othersOf(request))
    say(`${claimShort(types, claim)} granted after ${waited}; ${told}`)
  }
  const { args, command } = request
  const result: Prepared = { lease, execution: { command, args, enforcement, limits, say } }
  return result
})

const runUnder = Effect.fnUntraced(function* (
  request: RunRequest,
  mode: Enforcement.Mode,
  connect: string | undefined,
  restore: Restore
) {
  const context = yield* restore(connected(request, connect))
  return yield* Effect.provide(
    Effect.scoped(
      Effect.gen(function* () {
        const { execution, lease } = yield* restore(prepared(request, mode, connect))
        return yield* execute(lease, execution, restore)
      })
    ),
    context
  )
}, Effect.provide(ProcessTable.layer))

/** The signal that came last, of those that end the wait. */
const rememberSignals = (): (() => NodeJS.Signals | undefined) => {
  let last: NodeJS.Signals | undefined
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (last = signal))
  return () => last
}

/** Ends this process as the command ended; fails where there was no such end. */
export const run = (flags: RunFlags, connect: string | undefined): Effect.Effect<never, CommandFailed> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const request = yield* Effect.mapError(Effect.fromResult(readRequest(flags, process.env)), usage)
      if (!isFaithful(flags.command))
        return yield* usage("an argument of the command is not UTF-8, and would be changed")
      const mode = yield* Effect.mapError(Effect.fromResult(modeOf(flags.enforce)), usage)
      // Before the wait, and not only after hours of it. A file may still be made by whoever holds the lease now.
      if (isBare(request.command)) yield* Effect.mapError(startable(request.command), toRunFailure)
      const lastSignal = rememberSignals()
      const exit: Exit.Exit<ExitStatus, unknown> = yield* Effect.exit(
        Effect.scoped(runUnder(request, mode, connect, restore))
      )
      if (Exit.isSuccess(exit)) return endLike(exit.value)
      const signal = lastSignal()
      // By the signal itself: a script that waits for this stops only then.
      if (signal !== undefined && Cause.hasInterruptsOnly(exit.cause)) return endLike(signaled(signal))
      return yield* Effect.failCause(Cause.map(exit.cause, toRunFailure))
    })
  )
