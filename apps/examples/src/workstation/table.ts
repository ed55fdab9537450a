/** The live table: what the manager tells about itself, drawn as lines. A pure function of what it shows. */
import { formatBytes } from "@resource-manager/core/Amount"
import type { PoolStatistics, WaiterView } from "@resource-manager/core/Statistics"
import { watched } from "./machine.ts"
import { shown } from "./names.ts"
import { type Progress, secondsOf } from "./progress.ts"

export interface Picture {
  readonly progress: Progress
  readonly pools: ReadonlyArray<PoolStatistics>
  readonly waiters: ReadonlyArray<WaiterView>
}

export interface Frame {
  readonly columns: number
  readonly rows: number
  readonly colors: boolean
}

const paint = (code: number) => (text: string, frame: Frame) =>
  frame.colors ? `\u001B[${code}m${text}\u001B[0m` : text

const bold = paint(1)
const dim = paint(2)
const green = paint(32)
const yellow = paint(33)
const cyan = paint(36)

const barWidth = 24

const bar = (share: number, frame: Frame) => {
  const full = Math.round(barWidth * Math.min(1, Math.max(0, share)))
  const color = share >= 0.99 ? yellow : green
  return color("█".repeat(full), frame) + dim("░".repeat(barWidth - full), frame)
}

/** No wider than the terminal. What is painted is cut before it is painted. */
const fit = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`

const amount = (type: string, value: number) => (type === "memory" ? formatBytes(value) : String(value))

const poolLine = (pool: PoolStatistics, frame: Frame) => {
  const share = pool.capacity === 0 ? 0 : pool.inUse / pool.capacity
  const used = `${amount(pool.resourceType, pool.inUse)} of ${amount(pool.resourceType, pool.capacity)}`
  const tokens = pool.tokens === undefined ? "" : `, ${pool.tokens} tokens`
  const text = fit(`${used}, ${pool.waiting} waiting${tokens}`, Math.max(0, frame.columns - barWidth - 15))
  return `${pool.resourceType.padEnd(12)} ${bar(share, frame)}  ${text}`
}

const whyOf = (waiter: WaiterView) => {
  const kept = waiter.earmarked.length > 0 ? [`${waiter.earmarked.join(", ")} kept for it`] : []
  return [...waiter.reasons.map(({ message }) => message), ...kept].join("; ")
}

/** Both halves of the screen get what the other leaves, the agents first. */
const share = (rows: number, agents: number, waiters: number) => {
  const agentRows = Math.min(agents, Math.max(0, Math.min(rows, Math.max(Math.ceil(rows / 2), rows - waiters))))
  return { agentRows, waiterRows: Math.max(0, rows - agentRows) }
}

export const drawTable = ({ pools, progress, waiters }: Picture, frame: Frame): ReadonlyArray<string> => {
  const seconds = secondsOf(progress).toFixed(1)
  const saved = `${formatBytes(progress.bytesIn)} → ${formatBytes(progress.bytesOut)}`
  const title = fit(`${progress.files} of ${progress.filesTotal} files, ${saved}, ${seconds} s`, frame.columns - 13)
  const head = [
    `${bold("workstation", frame)}  ${title}`,
    "",
    ...watched
      .flatMap((name) => pools.filter((pool) => pool.resourceType === name))
      .map((pool) => poolLine(pool, frame)),
    ""
  ]
  const said = progress.events.slice(-4).map(({ seconds: at, text }) => {
    const line = fit(`${at.toFixed(1).padStart(5)} s  ${shown(text)}`, frame.columns)
    return text.includes("deadlock") ? yellow(line, frame) : dim(line, frame)
  })
  const room = Math.max(0, frame.rows - head.length - said.length - 4)
  const { agentRows, waiterRows } = share(room, progress.agents.size, waiters.length)
  const agents = [...progress.agents].slice(0, agentRows).map(([agent, { bytesIn, doing, files }]) => {
    const done = `${agent.padEnd(10)} ${String(files).padStart(5)} ${files === 1 ? "file " : "files"} ${formatBytes(bytesIn).padStart(11)}  `
    return done + fit(shown(doing), Math.max(0, frame.columns - done.length))
  })
  const queue = waiters.slice(0, waiterRows).map((waiter) => {
    const waited = `${waiter.waitedMillis.toFixed(0)} ms`
    const name = fit(waiter.agent, 10).padEnd(10)
    return `${cyan(name, frame)} ${waited.padStart(8)}  ${fit(whyOf(waiter), Math.max(0, frame.columns - 21))}`
  })
  const waiting = `waiting: ${waiters.length}${waiters.length > queue.length ? `, the first ${queue.length}` : ""}`
  return [...head, ...agents, "", bold(fit(waiting, frame.columns), frame), ...queue, "", ...said].slice(0, frame.rows)
}
