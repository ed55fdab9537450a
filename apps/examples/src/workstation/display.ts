/**
 * Shows a run while it goes on: a live table on a terminal, a line now and then
 * elsewhere. The table has a screen of its own; whatever ends the program, the
 * terminal gets its own screen and its cursor back.
 */
import { formatBytes } from "@resource-manager/core/Amount"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import type { WaiterView } from "@resource-manager/core/Statistics"
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

/** How many wait, and while the cpu is idle for what: a waiter that is only behind others waits for what they do. */
export const describeWaiters = (waiters: ReadonlyArray<WaiterView>, cpuInUse: number): string => {
  const total = `${waiters.length} waiting`
  if (cpuInUse > 0 || waiters.length === 0) return total
  const reasons = waiters.flatMap((waiter) => waiter.reasons)
  const rated = new Set(reasons.filter(({ _tag }) => _tag === "Rate").map(({ resourceType }) => resourceType))
  const causes = waiters.map((waiter) => {
    const reason = waiter.reasons.find(({ _tag }) => _tag !== "Order") ?? waiter.reasons[0]
    if (reason === undefined) return "its turn"
    const byRate = reason._tag === "Rate" || (reason._tag === "Order" && rated.has(reason.resourceType))
    if (!byRate) return reason.resourceType
    return reason.resourceType === "network" ? "the registry's rate" : `the rate of ${reason.resourceType}`
  })
  const counted = [...Map.groupBy(causes, (cause) => cause)].map(([cause, all]) => ({ cause, count: all.length }))
  if (counted.length === 1) return `${total} for ${counted[0]!.cause}`
  return `${total} (${counted.map(({ cause, count }) => `${count} for ${cause}`).join(", ")})`
}

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
    const waiting = describeWaiters(yield* manager.waiters, cpu.inUse)
    const bytes = `${formatBytes(progress.bytesIn)} → ${formatBytes(progress.bytesOut)}`
    const text = `${progress.files}/${progress.filesTotal} files, ${bytes}, cpu ${cpu.inUse}/${cpu.capacity}, ${waiting}`
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
