/** What keeps a daemon from starting, as an exit code and what to do. */
import * as Runtime from "effect/Runtime"
import { exitCodes } from "../exitCodes.ts"
import { type CommandFailed, type ExitCode, failed } from "../frame/CommandFailed.ts"

const codes = new Map<string, ExitCode>([
  ["StateFolderHeld", exitCodes.busy],
  ["ListenFailed", exitCodes.busy],
  ["JournalLocked", exitCodes.busy],
  ["JournalCorrupt", exitCodes.journal],
  ["JournalFailed", exitCodes.journal],
  ["JournalTooNew", exitCodes.journal],
  ["InvalidJournalOption", exitCodes.input],
  ["InvalidAddress", exitCodes.input],
  ["UnsafeFolder", exitCodes.input],
  ["InvalidTelemetryOption", exitCodes.input]
])

interface Failure {
  readonly _tag: string
  readonly message: string
}

/** Those of this program say it themselves. */
export const toServeFailure = <E extends Failure>(error: E): E | CommandFailed =>
  Runtime.errorExitCode in error ? error : failed(codes.get(error._tag) ?? exitCodes.refused, error.message)
