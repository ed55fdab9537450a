/** How a command ended, and how to end like it. */
import { constants } from "node:os"

export type ExitStatus =
  | { readonly _tag: "Exited"; readonly code: number }
  | { readonly _tag: "Signaled"; readonly signal: NodeJS.Signals }

export const exited = (code: number): ExitStatus => ({ _tag: "Exited", code })

export const signaled = (signal: NodeJS.Signals): ExitStatus => ({ _tag: "Signaled", signal })

/** What a shell calls it: the command's own code, or 128 and the number of the signal that ended it. */
export const exitCodeOf = (status: ExitStatus): number =>
  status._tag === "Exited" ? status.code : 128 + constants.signals[status.signal]

/**
 * The signals that one who waits for a command ends with in its place, so that its
 * own parent sees what it would have seen: a shell script stops at Ctrl-C only if
 * the interrupted program died of SIGINT. Not those that would write a core dump
 * of the waiter.
 */
const passedOn: ReadonlySet<NodeJS.Signals> = new Set(["SIGHUP", "SIGINT", "SIGTERM"])

/** Ends this process as the command ended. Listeners of the signal are removed first. */
export const endLike = (status: ExitStatus): never => {
  if (status._tag === "Signaled" && passedOn.has(status.signal)) {
    process.removeAllListeners(status.signal)
    process.kill(process.pid, status.signal)
  }
  process.exit(exitCodeOf(status))
}
