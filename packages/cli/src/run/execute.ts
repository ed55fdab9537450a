/**
 * A command under a lease.
 *
 * 1. Nothing runs before the daemon keeps, in its journal, which processes belong
 *    to the lease; see `docs/design/processes.md`, *gate*.
 * 2. From the grant on, nothing interrupts it: signals go to the command, and it
 *    ends when the command does.
 * 3. The lease goes back once nothing of the command is left: what it leaves behind
 *    is ended. What cannot be ended keeps the lease: the daemon looks for itself
 *    before it takes a lease back, and has it as an orphan.
 * 4. A lease that is taken away ends the command.
 */
import type { LeaseRevoked } from "@resource-manager/core/Errors"
import type { Lease } from "@resource-manager/core/Lease"
import { DaemonConnection } from "@resource-manager/daemon/DaemonConnection"
import { type Enforcement, type Limits, wrapper } from "@resource-manager/daemon/process/Enforcement"
import { exitCodeOf, type ExitStatus } from "@resource-manager/daemon/process/ExitStatus"
import { reportExit } from "./reportExit.ts"
import * as Gate from "@resource-manager/daemon/process/Gate"
import { ProcessTable } from "@resource-manager/daemon/process/ProcessTable"
import { passSignals } from "@resource-manager/daemon/process/signals"
import { type Ending, terminate } from "@resource-manager/daemon/process/Terminator"
import { describeOveruse, overuse } from "@resource-manager/daemon/process/Watch"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type RunExitCode, runExitCodes, runFailed, type RunFailed } from "./failure.ts"
import { findCommand, isBare } from "./findCommand.ts"

export interface Execution {
  readonly command: string
  readonly args: ReadonlyArray<string>
  readonly enforcement: Enforcement
  readonly limits: Limits
  /** A line for the user. */
  readonly say: (line: string) => void
}

const taken = (lease: Lease) => Effect.map(lease.revoked, takenFor)

const takenFor = (error: LeaseRevoked) => runFailed(runExitCodes.taken, `${error.message}; the command was ended`)

/** Whether the daemon ends what works under such a lease, before it gives its units to others. */
export const isEndedByDaemon = ({ reason }: LeaseRevoked): boolean => reason === "expired" || reason === "preempted"

/**
 * Whether the command ended because the daemon ended it: a lease with processes is
 * taken once they are gone, so the command's end is seen first.
 */
const isBeingTaken = Effect.fnUntraced(function* (lease: Lease) {
  if (!lease.isHeld) return true
  const daemon = yield* DaemonConnection
  return yield* daemon
    .call((rpc) => rpc.LeaseKey({ lease: lease.id }))
    .pipe(
      Effect.match({ onFailure: (error) => error._tag === "LeaseUnknown", onSuccess: () => false }),
      Effect.timeoutOption("1 second"),
      Effect.map(Option.getOrElse(() => false))
    )
})

const unusable = (error: { readonly message: string }) =>
  runFailed(runExitCodes.taken, `the lease cannot be used: ${error.message}`)

/** Fails where the command cannot be started: in better words than the shell at the gate has. */
export const startable = (command: string): Effect.Effect<void, RunFailed> =>
  Effect.suspend(() => {
    const fail = (code: RunExitCode, why: string) => Effect.fail(runFailed(code, `${JSON.stringify(command)} ${why}`))
    switch (findCommand(command, process.env["PATH"])) {
      case "found":
        return Effect.void
      case "missing":
        return fail(
          runExitCodes.notFound,
          isBare(command) ? "was not found: no folder of PATH has it" : "was not found: there is no such file"
        )
      case "notExecutable":
        return fail(runExitCodes.notExecutable, "cannot be executed: `chmod +x` it, or name the program that reads it")
      case "folder":
        return fail(runExitCodes.notExecutable, "cannot be executed: it is a folder")
    }
  })

/** Behind its gate, and known to the daemon. */
const prepared = Effect.fnUntraced(function* (lease: Lease, execution: Execution) {
  yield* startable(execution.command)
  const daemon = yield* DaemonConnection
  const marker = yield* Effect.mapError(
    daemon.call((rpc) => rpc.LeaseKey({ lease: lease.id })),
    unusable
  )
  const gated = yield* Effect.mapError(
    Gate.start({
      command: execution.command,
      args: execution.args,
      marker,
      wrapper: wrapper(execution.enforcement, execution.limits)
    }),
    (error) => runFailed(runExitCodes.notExecutable, error.message)
  )
  yield* Effect.mapError(
    daemon.call((rpc) => rpc.BindProcess({ lease: lease.id, target: gated.target })),
    unusable
  )
  return gated
})

const watched = (gated: Gate.Gated, { enforcement, limits, say }: Execution) =>
  enforcement._tag !== "Watch"
    ? Effect.never
    : Stream.runForEach(overuse(gated.target, limits), (event) => Effect.sync(() => say(describeOveruse(event)))).pipe(
        Effect.catch((error) =>
          Effect.sync(() => say(`what the command uses is not watched any more: ${error.message}`))
        ),
        Effect.andThen(Effect.never)
      )

/** Says that the command has to end, as soon as that is announced: it may save what it has. */
const warned = (lease: Lease, { say }: Execution) =>
  Effect.flatMap(lease.onPreempt, ({ deadlineMillis }) =>
    Effect.andThen(
      Effect.sync(() => {
        const seconds = Math.max(0, Math.round((deadlineMillis - Date.now()) / 1_000))
        say(`the lease is taken in ${seconds} s for a claim that goes before it: then the command is ended`)
      }),
      Effect.never
    )
  )

const counted = (processes: ReadonlyArray<{ readonly name: string; readonly identity: { readonly pid: number } }>) => {
  const listed = processes.map(({ identity, name }) => `${name} (${identity.pid})`)
  const shown = listed.length > 5 ? [...listed.slice(0, 5), `${listed.length - 5} more`] : listed
  return `${listed.length === 1 ? "a process" : `${listed.length} processes`} of the command: ${shown.join(", ")}`
}

/** Ends what is left of the command, and says so. */
const cleared = (gated: Gate.Gated, say: (line: string) => void): Effect.Effect<void, never, ProcessTable> =>
  Effect.match(terminate(gated.target), {
    onFailure: (error) => say(`whether the command is gone cannot be told: ${error.message}`),
    onSuccess: (ending: Ending) => {
      if (ending._tag === "Survivors") {
        say(`could not end ${counted(ending.survivors)}; the lease is kept for as long as they live`)
        return
      }
      const ended = [...new Map([...ending.asked, ...ending.killed].map((each) => [each.identity.pid, each])).values()]
      if (ended.length > 0) say(`ended ${counted(ended)}, still there when it had ended`)
    }
  })

/**
 * Runs the command under a lease that is held, to its end. `restore` makes its
 * preparation interruptible, as what comes before it.
 */
export const execute = Effect.fnUntraced(function* (
  lease: Lease,
  execution: Execution,
  restore: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
): Effect.fn.Return<ExitStatus, RunFailed, DaemonConnection | ProcessTable | Scope.Scope> {
  const gated = yield* restore(prepared(lease, execution))
  yield* passSignals(gated)
  // A signal before that was nobody's but `run`'s.
  yield* restore(Effect.yieldNow)
  if (!lease.isHeld) return yield* Effect.flatMap(taken(lease), Effect.fail)
  yield* gated.open
  const ended = yield* Effect.raceAllFirst([
    Effect.map(gated.exit, (status) => ({ _tag: "Exited", status }) as const),
    Effect.map(lease.revoked, (error) => ({ _tag: "Taken", error }) as const),
    watched(gated, execution),
    warned(lease, execution)
  ])
  if (ended._tag === "Taken") {
    // Asked twice, some programs give up at once what they were saving.
    if (isEndedByDaemon(ended.error)) yield* gated.exit
    yield* cleared(gated, () => undefined)
    return yield* Effect.fail(takenFor(ended.error))
  }
  yield* reportExit(yield* DaemonConnection, lease, exitCodeOf(ended.status))
  yield* cleared(gated, execution.say)
  if (yield* isBeingTaken(lease)) return yield* Effect.flatMap(taken(lease), Effect.fail)
  return ended.status
})
