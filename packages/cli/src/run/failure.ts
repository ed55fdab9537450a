/**
 * Why `run` did not run its command, or did not let it end: with an exit code that
 * few commands use, so that a script can tell the two apart. As in `sysexits.h`
 * where that has a name for it.
 */
import type { ClaimError } from "@resource-manager/core/Errors"
import * as Schema from "effect/Schema"

export const runExitCodes = {
  /** No daemon answers, or it stopped. */
  unavailable: 69,
  /** Not granted now (`--try`), not in time, or over a quota or limit that others use up: later it may be. */
  notGranted: 75,
  /** The daemon asks for a token, or the token does not allow it. */
  denied: 77,
  /** It can never be granted as it is: more than there is, an unknown type. */
  never: 78,
  /** Waiting would have closed a cycle of waits. */
  deadlock: 79,
  /** The lease was taken away while the command ran, and the command was ended. */
  taken: 80,
  /** The command cannot be started as it is given. */
  notExecutable: 126,
  /** There is no such command. */
  notFound: 127
} as const

export type RunExitCode = (typeof runExitCodes)[keyof typeof runExitCodes]

export class RunFailed extends Schema.TaggedError<RunFailed>()("RunFailed", {
  message: Schema.String,
  code: Schema.Number
}) {}

export const runFailed = (code: RunExitCode, message: string): RunFailed => new RunFailed({ code, message })

const codeOf = (error: ClaimError): RunExitCode => {
  switch (error._tag) {
    case "ResourceExhausted":
      return error.reason === "unavailable" ? runExitCodes.notGranted : runExitCodes.never
    case "QuotaExceeded":
      return error.reason === "inUse" ? runExitCodes.notGranted : runExitCodes.never
    case "ClaimTimedOut":
    case "QueueFull":
      return runExitCodes.notGranted
    case "DeadlockDetected":
      return runExitCodes.deadlock
    case "ManagerStopped":
      return runExitCodes.unavailable
    case "InvalidClaim":
    case "UnknownResourceType":
      return runExitCodes.never
  }
}

/** `budgets`: pools that have more another day. */
export const claimFailed =
  (budgets: ReadonlyArray<string>) =>
  (error: ClaimError): RunFailed => {
    const isOfMoney = error._tag === "ResourceExhausted" && budgets.includes(error.resourceType)
    if (!isOfMoney) return runFailed(codeOf(error), error.message)
    return runFailed(runExitCodes.notGranted, `${error.message}: it is what is left of a day's budget (UTC)`)
  }

/** The limits of a call say no before it is claimed. */
export const planFailed = <E extends { readonly _tag: string; readonly message: string }>(error: E): E | RunFailed => {
  switch (error._tag) {
    case "LimitRefused":
      return runFailed(
        "until" in error && error.until === "later" ? runExitCodes.notGranted : runExitCodes.never,
        error.message
      )
    case "LimitUnknown":
    case "InvalidClaim":
      return runFailed(runExitCodes.never, error.message)
    default:
      return error
  }
}
