/**
 * Shows a run while it goes on: a live table on a terminal, a line now and then
 * elsewhere. The table has a screen of its own; whatever ends the program, the
 * terminal gets its own screen and its cursor back.
 */
import { formatBytes } from "@resource-manager/core/Amount"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { shown } from "./names.ts"
import { type Progress, secondsOf } from "./progress.ts"
import { drawTable } from "./table.ts"

const enter = "\u001B[?1049h\u001B[?25l"
const leave = "\u001B[?25h\u001B[?1049l"
const home = "\u001B[H"
const eraseLine = "\u001B[K"
const eraseBelow = "\u001B[J"

export type Mode = "live" | "lines" | "silent"

/** What a terminal is here: standard output, or whatever draws a picture of it. */
export interface Screen {
  readonly isTTY?: boolean
  readonly columns?: number
  readonly rows?: number
  readonly write: (text: string) => unknown
}

/** A table needs a terminal that somebody looks at. */
export const modeOf = (stream: Screen, json: boolean, env: NodeJS.ProcessEnv): Mode => {
  if (stream.isTTY && env["TERM"] !== "dumb" && !env["CI"]) return "live"
  return json ? "silent" : "lines"
}

const live = Effect.fnUntraced(function* (stream: Screen, progress: Progress) {
  const manager = yield* ResourceManager
  const draw = Effect.gen(function* () {
    const pools = yield* manager.pools
    const waiters = yield* manager.waiters
    const frame = { columns: stream.columns || 80, rows: stream.rows || 24, colors: !process.env["NO_COLOR"] }
    const lines = drawTable({ progress, pools, waiters }, frame)
    stream.write(home + lines.map((line) => line + eraseLine).join("\r\n") + eraseBelow)
  })
  const restore = () => stream.write(leave)
  yield* Effect.acquireRelease(
    Effect.sync(() => {
      // Also where the program ends without its finalizers.
      process.once("exit", restore)
      stream.write(enter)
    }),
    () =>
      Effect.sync(() => {
        process.off("exit", restore)
        restore()
      })
  )
  // Drawn again at every beat, so a resized terminal is right within one.
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(draw, Effect.sleep("100 millis"))))
})

const lines = Effect.fnUntraced(function* (stream: Screen, progress: Progress) {
  const manager = yield* ResourceManager
  const at = (seconds: number) => `${seconds.toFixed(1).padStart(5)} s  `
  let told = 0
  let toldFiles = -1
  const tell = Effect.sync(() => {
    for (const { seconds, text } of progress.events.slice(told)) stream.write(`${at(seconds)}${shown(text)}\n`)
    told = progress.events.length
  })
  const status = Effect.gen(function* () {
    yield* tell
    if (progress.files === toldFiles) return
    toldFiles = progress.files
    const cpu = yield* Effect.orDie(manager.poolStatistics("cpu"))
    const waiting = (yield* manager.waiters).length
    const bytes = `${formatBytes(progress.bytesIn)} → ${formatBytes(progress.bytesOut)}`
    const text = `${progress.files}/${progress.filesTotal} files, ${bytes}, cpu ${cpu.inUse}/${cpu.capacity}, ${waiting} waiting`
    stream.write(`${at(secondsOf(progress))}${text}\n`)
  })
  yield* Effect.addFinalizer(() => tell)
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep("1 second"), status)))
})

/** Shows the run until the scope closes. */
export const show = (
  mode: Mode,
  stream: Screen,
  progress: Progress
): Effect.Effect<void, never, ResourceManager | Scope.Scope> => {
  switch (mode) {
    case "live":
      return live(stream, progress)
    case "lines":
      return lines(stream, progress)
    case "silent":
      return Effect.void
  }
}
