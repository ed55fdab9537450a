/**
 * Runs instances as real commands under leases of a daemon.
 *
 * 1. Nothing runs before the daemon knows which processes belong to the lease.
 * 2. However an attempt ends, all processes of its command are ended before its
 *    lease goes back: asked to, and killed after the grace period. What cannot be
 *    ended keeps the lease.
 * 3. A claim that only the agent's own quota keeps is asked again: what holds it is
 *    another instance of the same agent, that ends.
 */
import type { ClaimError } from "@resource-manager/core/Errors"
import type { Lease } from "@resource-manager/core/Lease"
import type { ResourceManager } from "@resource-manager/core/ResourceManager"
import type { DaemonConnection } from "@resource-manager/daemon/DaemonConnection"
import type { Guard } from "@resource-manager/daemon/process/Guard"
import * as Gate from "@resource-manager/daemon/process/Gate"
import { exitCodeOf } from "@resource-manager/daemon/process/ExitStatus"
import { ProcessTable } from "@resource-manager/daemon/process/ProcessTable"
import { terminate } from "@resource-manager/daemon/process/Terminator"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { isEndedByDaemon } from "../run/execute.ts"
import { reportExit, timedOutCode } from "../run/reportExit.ts"
import { AgentRunner } from "./AgentRunner.ts"
import type { Instance } from "./plan.ts"
import type { Outcome } from "./supervision.ts"

export interface ProcessRunnerOptions {
  readonly manager: ResourceManager["Service"]
  readonly daemon: DaemonConnection["Service"]
  /** What every command has in its environment besides. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Ends what runs when this process is killed. */
  readonly guard: Guard
  /** Takes what an instance prints. */
  readonly output: (instance: Instance) => NonNullable<Gate.GatedCommand["output"]>
  /** Told once an instance prints no more. */
  readonly silent: (instance: Instance) => void
  readonly say: (line: string) => void
}

/** Between two tries of a claim that the agent's own quota keeps. */
const quotaPauseMillis = 100

/** How long output may still come from a command that has ended. */
const silenceMillis = 1_000

const isFinal = (error: ClaimError): boolean => {
  switch (error._tag) {
    case "ResourceExhausted":
      return error.reason === "neverFits"
    case "QuotaExceeded":
      return error.reason === "neverFits"
    case "InvalidClaim":
    case "UnknownResourceType":
    case "ManagerStopped":
      return true
    case "ClaimTimedOut":
    case "QueueFull":
    case "DeadlockDetected":
      return false
  }
}

const outcomeOf = (status: Effect.Success<Gate.Gated["exit"]>): Outcome =>
  status._tag === "Exited" ? { _tag: "Exited", code: status.code } : { _tag: "Signalled", signal: status.signal }

const firstLine = (message: string): string => message.split("\n")[0] ?? message

/** And what ends all that runs at once, for a process that must not wait. */
export const make = Effect.fnUntraced(function* (options: ProcessRunnerOptions) {
  const { daemon, manager, say } = options
  const table = yield* ProcessTable
  const alive = new Set<Gate.Gated>()
  const nowMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

  /** Asks, without claiming, until the agent's own quota leaves room or the time is over. */
  const belowQuota = Effect.fnUntraced(function* ({ agent, claim, scheduling }: Instance, deadline: number) {
    for (;;) {
      yield* Effect.sleep(quotaPauseMillis)
      const { errors } = yield* manager.check(agent, claim, scheduling)
      if (!errors.some(({ _tag }) => _tag === "QuotaExceeded") || (yield* nowMillis) >= deadline) return
    }
  })

  const claimed = Effect.fnUntraced(function* (instance: Instance) {
    const { agent, claim, scheduling, waitMillis = Infinity } = instance
    const deadline = (yield* nowMillis) + waitMillis
    for (;;) {
      const left = deadline - (yield* nowMillis)
      const wait = left === Infinity ? scheduling : { ...scheduling, timeout: Duration.millis(Math.max(1, left)) }
      const asked = yield* Effect.result(manager.lease(agent, claim, wait))
      if (asked._tag === "Success") return asked.success
      const error = asked.failure
      const isKept = error._tag === "QuotaExceeded" && !isFinal(error)
      if (!isKept || left <= quotaPauseMillis) return yield* Effect.fail(error)
      yield* belowQuota(instance, deadline)
    }
  })

  /** Behind its gate, and known to the daemon. */
  const prepared = Effect.fnUntraced(function* (instance: Instance, lease: Lease) {
    const marker = yield* daemon.call((rpc) => rpc.LeaseKey({ lease: lease.id }))
    const gated = yield* Gate.start({
      command: instance.command,
      args: instance.args,
      cwd: instance.cwd,
      env: { ...options.env, RESOURCE_MANAGER_AGENT: instance.agent, ...instance.env },
      marker,
      placement: "own",
      output: options.output(instance)
    })
    yield* daemon.call((rpc) => rpc.BindProcess({ lease: lease.id, target: gated.target }))
    yield* options.guard.add(gated.target, instance.graceMillis)
    return gated
  })

  const ended = ({ timeoutMillis }: Instance, lease: Lease, gated: Gate.Gated): Effect.Effect<Outcome> => {
    /** Why the daemon is ending the command: its end is then no outcome of its own. */
    let endedFor: Outcome | undefined
    const exited = Effect.tap(gated.exit, (status) => reportExit(daemon, lease, exitCodeOf(status))).pipe(
      Effect.map((status) => endedFor ?? outcomeOf(status))
    )
    const taken = Effect.flatMap(lease.revoked, (error): Effect.Effect<Outcome> => {
      const outcome: Outcome = { _tag: "Revoked", message: firstLine(error.message) }
      if (!isEndedByDaemon(error)) return Effect.succeed(outcome)
      endedFor = outcome
      return Effect.never
    })
    const late: Effect.Effect<Outcome> =
      timeoutMillis === undefined
        ? Effect.never
        : Effect.sleep(timeoutMillis).pipe(
            Effect.andThen(reportExit(daemon, lease, timedOutCode)),
            Effect.as({ _tag: "TimedOut", afterMillis: timeoutMillis })
          )
    return Effect.raceAllFirst([exited, taken, late])
  }

  /** Ends what is left of the command. `true` where something stays. */
  const cleared = ({ graceMillis, id }: Instance, gated: Gate.Gated) =>
    Effect.match(terminate(gated.target, { grace: graceMillis }), {
      onFailure: (error) => {
        say(`${id}: whether its command is gone cannot be told, so its lease is kept: ${error.message}`)
        return true
      },
      onSuccess: (ending) => {
        if (ending._tag === "Gone") return false
        const names = ending.survivors.map(({ identity, name }) => `${name} (${identity.pid})`)
        say(`${id}: its lease is kept for what could not be ended: ${names.join(", ")}`)
        return true
      }
    })

  const run: AgentRunner["Service"]["run"] = (instance, listener) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const close = (exit: Exit.Exit<unknown, unknown>) => Scope.close(scope, exit)
        const lease = yield* Effect.exit(restore(Scope.provide(claimed(instance), scope)))
        if (Exit.isFailure(lease)) {
          yield* close(lease)
          return yield* Effect.match(Effect.failCause(lease.cause), {
            onFailure: (error): Outcome => ({
              _tag: "Refused",
              message: firstLine(error.message),
              isFinal: isFinal(error)
            }),
            onSuccess: (outcome) => outcome
          })
        }
        yield* listener.granted
        const gated = yield* Effect.exit(restore(Scope.provide(prepared(instance, lease.value), scope)))
        if (Exit.isFailure(gated)) {
          yield* close(gated)
          return yield* Effect.match(Effect.failCause(gated.cause), {
            onFailure: (error): Outcome => ({ _tag: "NotStarted", message: firstLine(error.message) }),
            onSuccess: (outcome) => outcome
          })
        }
        const command = gated.value
        alive.add(command)
        yield* command.open
        yield* listener.started(command.identity.pid)
        const exit = yield* Effect.exit(restore(ended(instance, lease.value, command)))
        const isKept = yield* cleared(instance, command)
        if (!isKept) {
          alive.delete(command)
          yield* options.guard.remove(command.target)
        }
        yield* Effect.timeoutOption(command.silent, silenceMillis)
        options.silent(instance)
        if (!isKept) yield* close(exit)
        return yield* exit
      })
    ).pipe(Effect.provideService(ProcessTable, table))

  return {
    runner: AgentRunner.of({ run }),
    killNow: () => {
      for (const gated of alive) gated.signal("SIGKILL")
    }
  }
})
