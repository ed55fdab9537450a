/** `up`: its agents while they work, and the summary in the end. */
import { amountOf, claimShort, count, counted, percent } from "./amounts.ts"
import { bar } from "./bar.ts"
import { failuresTotal } from "./failures.ts"
import { nameCell } from "./names.ts"
import { usedCell } from "./pools.ts"
import type { Role } from "./style.ts"
import { type Column, table } from "./table.ts"
import { joinText, line, pad, span, type Text } from "./text.ts"
import { duration } from "./time.ts"
import type { PoolStatistics, Sheet } from "./views.ts"

export type UpState =
  /** Not started yet: it waits for others to end. */
  | { readonly _tag: "Pending"; readonly after?: ReadonlyArray<string> | undefined }
  /** `why` in a few words. */
  | { readonly _tag: "Waiting"; readonly sinceMillis: number; readonly why: string }
  | {
      readonly _tag: "Running"
      readonly sinceMillis: number
      readonly pid?: number | undefined
      /** It was told to end. */
      readonly isEnding?: boolean | undefined
    }
  | { readonly _tag: "Restarting"; readonly inMillis: number; readonly why: string }
  | { readonly _tag: "Done" }
  /** `why`: `exit code 2`, `signal SIGTERM`, the message of an error. */
  | { readonly _tag: "Failed"; readonly why: string }
  /** Never started: one that it comes after did not end well. */
  | { readonly _tag: "Skipped"; readonly why: string }
  /** Told to end before it was done. */
  | { readonly _tag: "Stopped"; readonly why: string }

export interface UpAgent {
  readonly agent: string
  readonly command: string
  readonly claim: Readonly<Record<string, number>>
  readonly state: UpState
  /** How often it was started. */
  readonly runs: number
  readonly waitedMillis: number
  readonly ranMillis: number
  /** How its runs ended, the latest last. */
  readonly exits?: ReadonlyArray<string> | undefined
}

const words: Readonly<Record<UpState["_tag"], readonly [word: string, role: Role]>> = {
  Pending: ["pending", "dim"],
  Waiting: ["waiting", "warn"],
  Running: ["running", "good"],
  Restarting: ["restarting", "warn"],
  Done: ["done", "strong"],
  Failed: ["failed", "bad"],
  Skipped: ["skipped", "dim"],
  Stopped: ["stopped", "warn"]
}

const stateCell = ({ state }: UpAgent): Text => {
  const [word, role] = words[state._tag]
  return span(role, word)
}

const detail = ({ command, state }: UpAgent): Text => {
  switch (state._tag) {
    case "Pending":
      return state.after === undefined || state.after.length === 0
        ? span("dim", command)
        : `after ${state.after.join(", ")}`
    case "Waiting":
      return state.why
    case "Running":
      return state.isEnding === true ? "is told to end" : span("dim", command)
    case "Restarting":
      return `in ${duration(state.inMillis)}: ${state.why}`
    case "Done":
      return span("dim", command)
    case "Failed":
    case "Skipped":
    case "Stopped":
      return state.why
  }
}

const sinceCell = ({ state }: UpAgent): string =>
  state._tag === "Waiting" || state._tag === "Running" ? duration(state.sinceMillis) : ""

const agentColumns = (agents: ReadonlyArray<UpAgent>, sheet: Sheet): ReadonlyArray<Column<UpAgent>> => [
  { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 8 },
  { header: "STATE", cell: stateCell },
  { header: "FOR", cell: sinceCell, align: "right", hide: 2 },
  { header: "CLAIM", cell: ({ claim }) => claimShort(sheet.types, claim), least: 10, hide: 1 },
  ...(agents.some(({ runs }) => runs > 1)
    ? [{ header: "RUNS", cell: ({ runs }: UpAgent) => count(runs), align: "right" as const, hide: 3 }]
    : []),
  { header: "", cell: detail, least: 12, hide: 4 }
]

const poolLine = (pool: PoolStatistics, nameWidth: number, sheet: Sheet): string => {
  const waiting = pool.waiting === 0 ? "" : `, ${count(pool.waiting)} waiting`
  const parts: ReadonlyArray<Text> = [
    pad(nameCell(pool.resourceType), nameWidth),
    bar(pool, Math.max(4, Math.min(24, Math.floor(sheet.width / 4) || 24)), sheet.style),
    joinText([usedCell(pool, sheet), waiting])
  ]
  return line(joinText(parts, "  "), sheet.width, sheet.style)
}

export interface UpView {
  /** Why everything was told to end, where it was. */
  readonly stopping?: string | undefined
  readonly title: string
  readonly elapsedMillis: number
  readonly pools: ReadonlyArray<PoolStatistics>
  readonly agents: ReadonlyArray<UpAgent>
}

const tally = (agents: ReadonlyArray<UpAgent>): Text => {
  const tags = ["Running", "Waiting", "Restarting", "Pending", "Done", "Skipped", "Stopped", "Failed"] as const
  const parts = tags.flatMap((tag): ReadonlyArray<Text> => {
    const total = agents.filter(({ state }) => state._tag === tag).length
    const [word, role] = words[tag]
    return total === 0 ? [] : [span(role, `${total} ${word}`)]
  })
  return joinText(parts, ", ")
}

/** What a second signal does, said while everything ends after the first. */
export const howToKill = "waiting for what still runs; Ctrl-C kills it"

/** The live table, at most `rows` lines: who works and who waits is shown before who is done. */
export const upFrame = (
  { agents, elapsedMillis, pools, stopping, title }: UpView,
  sheet: Sheet,
  rows: number
): ReadonlyArray<string> => {
  const nameWidth = pools.reduce((most, { resourceType }) => Math.max(most, resourceType.length), 0)
  const head = [
    line(joinText([span("strong", title), duration(elapsedMillis), tally(agents)], "  "), sheet.width, sheet.style),
    ...pools.map((pool) => poolLine(pool, Math.min(16, nameWidth), sheet)),
    stopping === undefined ? "" : line(span("warn", `${stopping}: ${howToKill}`), sheet.width, sheet.style)
  ]
  const order: ReadonlyArray<UpState["_tag"]> = [
    "Failed",
    "Running",
    "Waiting",
    "Restarting",
    "Pending",
    "Stopped",
    "Skipped",
    "Done"
  ]
  const room = Math.max(0, rows - head.length - 1)
  const isCut = agents.length > room
  const shown = isCut
    ? agents
        .toSorted((a, b) => order.indexOf(a.state._tag) - order.indexOf(b.state._tag))
        .slice(0, Math.max(0, room - 1))
    : agents
  const more = isCut
    ? [line(span("dim", `and ${count(agents.length - shown.length)} more`), sheet.width, sheet.style)]
    : []
  return [...head, ...table(shown, agentColumns(agents, sheet), sheet), ...more].slice(0, rows)
}

/** A change of one agent's state as a line, where no table is drawn. */
export const upLine = (agent: UpAgent, elapsedMillis: number, sheet: Sheet): string => {
  const parts = [span("dim", duration(elapsedMillis)), nameCell(agent.agent), stateCell(agent), detail(agent)]
  return line(joinText(parts, "  "), sheet.width, sheet.style)
}

/** Pools when all is over: not what is in use, but what was. */
const summaryColumns = ({ types }: Sheet): ReadonlyArray<Column<PoolStatistics>> => [
  { header: "POOL", cell: ({ resourceType }) => nameCell(resourceType), least: 8 },
  { header: "PEAK", cell: (pool) => amountOf(types, pool.resourceType, pool.peak, pool.capacity), align: "right" },
  {
    header: "MEAN USE",
    cell: ({ capacity, meanInUse }) => (capacity === 0 ? "-" : percent((100 * meanInUse) / capacity)),
    align: "right",
    hide: 1
  },
  { header: "GRANTED", cell: ({ acquisitions }) => count(acquisitions), align: "right", hide: 3 },
  { header: "FAILED", cell: ({ failures }) => count(failuresTotal(failures)), align: "right", hide: 2 },
  { header: "WAIT P50", cell: ({ waits }) => (waits.count === 0 ? "-" : duration(waits.p50)), align: "right", hide: 4 },
  { header: "WAIT P90", cell: ({ waits }) => (waits.count === 0 ? "-" : duration(waits.p90)), align: "right", hide: 5 }
]

/** As many of the latest as tell something. */
const exitsCell = (exits: ReadonlyArray<string>): string =>
  `${exits.length > 4 ? "…, " : ""}${exits.slice(-4).join(", ")}`

/** What became of everybody. */
export const upSummary = (
  { agents, elapsedMillis, pools, stopping, title }: UpView,
  sheet: Sheet
): ReadonlyArray<string> => {
  const well = agents.filter(({ state }) => state._tag === "Done").length
  const waitedMillis = agents.reduce((sum, agent) => sum + agent.waitedMillis, 0)
  const columns: ReadonlyArray<Column<UpAgent>> = [
    { header: "AGENT", cell: ({ agent }) => nameCell(agent), least: 8 },
    { header: "STATE", cell: stateCell },
    { header: "RUNS", cell: ({ runs }) => count(runs), align: "right", hide: 2 },
    ...(agents.some(({ exits = [] }) => exits.some((exit) => exit !== "0"))
      ? [{ header: "EXITS", cell: ({ exits = [] }: UpAgent) => exitsCell(exits), least: 6, hide: 2 }]
      : []),
    { header: "WAITED", cell: ({ waitedMillis }) => duration(waitedMillis), align: "right", hide: 1 },
    { header: "RAN", cell: ({ ranMillis }) => duration(ranMillis), align: "right" },
    { header: "", cell: detail, least: 12, hide: 3 }
  ]
  const failed = agents.filter(({ state }) => state._tag === "Failed").length
  const all = counted(agents.length, "agent")
  const verdict =
    well === agents.length
      ? span("good", `all ${all} done`)
      : stopping !== undefined
        ? span("bad", `${stopping}: ${count(well)} of ${all} done${failed > 0 ? `, ${count(failed)} failed` : ""}`)
        : span("bad", failed > 0 ? `${count(failed)} of ${all} failed` : `${count(well)} of ${all} done`)
  const figures =
    agents.length === 0
      ? [span("dim", "nothing to do"), `in ${duration(elapsedMillis)}`]
      : [verdict, `in ${duration(elapsedMillis)}, waited ${duration(waitedMillis)} together`]
  return [
    line(joinText([span("strong", title), ...figures], "  "), sheet.width, sheet.style),
    "",
    ...table(agents, columns, sheet, "The file names no agents."),
    "",
    ...table(pools, summaryColumns(sheet), sheet)
  ]
}
