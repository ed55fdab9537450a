/** What the process ends with, and what is told of an end that nobody has worded. */
import * as Cause from "effect/Cause"
import * as CliError from "effect/cli/CliError"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Runtime from "effect/Runtime"
import { exitCodes } from "../exitCodes.ts"
import { programName } from "../program.ts"

export const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return exitCodes.ok
  // A command that a signal ends as it should has said so.
  if (Cause.hasInterruptsOnly(exit.cause)) return Number(process.exitCode ?? exitCodes.interrupted)
  const error = Cause.squash(exit.cause)
  return CliError.isCliError(error) ? exitCodes.usage : Runtime.getErrorExitCode(error)
}

/** What nobody has worded yet is a defect of this program: with its stack, for a bug report. */
export const reportDefect = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(Cause.squash(cause))
    ? Effect.void
    : Console.error(`${programName}: this should not have happened\n${Cause.pretty(cause)}`)
