/**
 * Passes the signals that this process gets on to a command.
 *
 * 1. To a command with a group of its own: to the group, every one.
 * 2. To a command in this process's group: to the command, but not what the
 *    keyboard sends (SIGINT, SIGQUIT) while the group is in the foreground: the
 *    terminal sent that to the command too, and twice means something else to many
 *    programs. SIGTSTP, SIGCONT and SIGWINCH need nobody: the terminal and the
 *    shell send them to the whole group, and this process stops with the rest.
 */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import type { Gated } from "./Gate.ts"
import { parseStat } from "./procfs.ts"

export const passedOn: ReadonlyArray<NodeJS.Signals> = ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2"]

const fromKeyboard: ReadonlySet<NodeJS.Signals> = new Set(["SIGINT", "SIGQUIT"])

/** Whether what the keyboard sends reaches the group of this process. Where that cannot be told, it is taken to. */
const inForeground = (): boolean => {
  try {
    const stat = parseStat(readFileSync("/proc/self/stat", "latin1"))
    return stat === undefined || stat.group === stat.foreground
  } catch {
    return true
  }
}

/** Until the scope closes. The signals have no other effect on this process meanwhile. */
export const passSignals = (
  command: Pick<Gated, "group" | "signal">,
  onSignal: (signal: NodeJS.Signals) => void = () => undefined
): Effect.Effect<void, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() =>
      passedOn.map((signal) => {
        const listener = () => {
          onSignal(signal)
          if (command.group === undefined && fromKeyboard.has(signal) && inForeground()) return
          command.signal(signal)
        }
        process.on(signal, listener)
        return { signal, listener }
      })
    ),
    (listeners) =>
      Effect.sync(() => {
        for (const { listener, signal } of listeners) process.off(signal, listener)
      })
  ).pipe(Effect.asVoid)
