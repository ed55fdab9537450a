/**
 * Ends commands whose starter is gone and that no daemon looks after: a process
 * beside the starter, which is told of each command before that may begin.
 *
 * 1. All that it watches is the pipe from the starter: the kernel closes it however
 *    the starter ends, by SIGKILL too.
 * 2. It has a session of its own: what the terminal, or somebody else, sends to the
 *    starter's group does not reach it. Like `Detached` it belongs to no command.
 * 3. Told of nothing, or that all of it is gone, it ends with its starter at once.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { spawn } from "node:child_process"
import type { Readable } from "node:stream"
import { createInterface } from "node:readline"
import { CommandTarget, keyOf, markerVariable } from "./Identity.ts"
import type { ProcessTable } from "./ProcessTable.ts"
import { terminate } from "./Terminator.ts"

const Line = Schema.fromJsonString(
  Schema.Union([
    Schema.Struct({ guard: CommandTarget, graceMillis: Schema.Finite }),
    Schema.Struct({ gone: Schema.String })
  ])
)
type Line = typeof Line.Type

const encode = Schema.encodeSync(Line)
const decode = Schema.decodeUnknownOption(Line)

export interface Guard {
  /** From now on this command is ended when the starter is gone: asked to, and killed after the grace period. */
  readonly add: (target: CommandTarget, graceMillis: number) => Effect.Effect<void>
  /** All of it is gone. */
  readonly remove: (target: CommandTarget) => Effect.Effect<void>
}

/** Starts a guard: `command` is a program that runs `watch`. It ends with the scope, or with this process. */
export const start = (command: string, args: ReadonlyArray<string>): Effect.Effect<Guard, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => {
        const { [markerVariable]: _, ...env } = process.env
        const child = spawn(command, args, { cwd: "/", env, detached: true, stdio: ["pipe", "ignore", "ignore"] })
        // Without a guard commands are as they were before there was one: nothing to stop for.
        child.on("error", () => undefined)
        child.stdin.on("error", () => undefined)
        child.unref()
        return child
      }),
      ({ stdin }) => Effect.sync(() => stdin.end())
    ),
    ({ stdin }) => {
      const tell = (line: Line): Effect.Effect<void> =>
        Effect.callback<void>((resume) => {
          if (!stdin.writable) return resume(Effect.void)
          stdin.write(`${encode(line)}\n`, () => resume(Effect.void))
        })
      return {
        add: (target, graceMillis) => tell({ guard: target, graceMillis }),
        remove: ({ root }) => tell({ gone: keyOf(root) })
      }
    }
  )

/** What a guard does: reads what it is told until its starter is gone, and ends what is left. */
export const watch = (input: Readable): Effect.Effect<void, never, ProcessTable> =>
  Effect.flatMap(heard(input), (left) =>
    Effect.forEach(left, ({ grace, target }) => Effect.ignore(terminate(target, { grace })), {
      concurrency: "unbounded",
      discard: true
    })
  )

interface Guarded {
  readonly target: CommandTarget
  readonly grace: number
}

const heard = (input: Readable): Effect.Effect<ReadonlyArray<Guarded>> =>
  Effect.callback((resume) => {
    const guarded = new Map<string, Guarded>()
    const lines = createInterface({ input })
    lines.on("line", (text) => {
      // Half a line is of a command that had not begun.
      const line = Option.getOrUndefined(decode(text))
      if (line === undefined) return
      if ("gone" in line) guarded.delete(line.gone)
      else guarded.set(keyOf(line.guard.root), { target: line.guard, grace: line.graceMillis })
    })
    lines.on("close", () => resume(Effect.succeed([...guarded.values()])))
    input.on("error", () => lines.close())
  })
