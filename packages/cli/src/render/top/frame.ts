/**
 * One picture of `top` for a terminal of any size: at most `rows` lines of at most
 * `width` columns.
 *
 * What a small screen leaves out, first to last: blank lines (under 24 rows), the
 * line of keys (under 10), then whole sections: leases, agents, waiters; pools stay.
 * A section has a header and at least one row, or is left out; what room is left
 * over goes to those that want it, twice as much to the selected one.
 */
import { count } from "../amounts.ts"
import { program } from "../commands.ts"
import { tableParts, type Column } from "../table.ts"
import { fit, joinText, line, pad, span, type Text, textOf, trimEnd, widthOf } from "../text.ts"
import { clockTime, duration } from "../time.ts"
import type { OverviewView, Sheet } from "../views.ts"
import { agentColumns, emptyTexts, leaseColumns, poolColumns, totals, waiterColumns } from "./blocks.ts"
import { helpLines } from "./help.ts"
import { sortAgents, sortLeases, sortPools, sortWaiters } from "./order.ts"
import { Rates, type Sample } from "./rates.ts"
import { type Section, sections, type TopState } from "./state.ts"

export interface TopView {
  /** `undefined` before the first answer. */
  readonly sample: Sample | undefined
  /** The one before, for rates. */
  readonly previous: Sample | undefined
  /** Why the latest answer did not come. */
  readonly problem?: string | undefined
  readonly state: TopState
}

export interface TopFrame {
  readonly lines: ReadonlyArray<string>
  /** The scroll positions that were drawn: those of the state, brought back to where there is something. */
  readonly scroll: TopState["scroll"]
  /** How many rows of the selected section are shown. */
  readonly page: number
}

/** A section that waits for its share of the screen. */
interface Block {
  readonly section: Section
  readonly total: number
  /** Draws its rows from `from` on, at most `rows`. */
  readonly draw: (from: number, rows: number) => ReturnType<typeof tableParts>
}

const block = <Row>(
  section: Section,
  rows: ReadonlyArray<Row>,
  columns: (shown: ReadonlyArray<Row>) => ReadonlyArray<Column<Row>>,
  sheet: Sheet
): Block => ({
  section,
  total: rows.length,
  draw: (from, most) => {
    const shown = rows.slice(from, from + most)
    return tableParts(shown, columns(shown), sheet)
  }
})

const blocksOf = (
  overview: OverviewView,
  rates: Rates,
  { sort }: TopState,
  sheet: Sheet
): Readonly<Record<Section, Block>> => {
  const positions = new Map(overview.waiters.map((waiter, index) => [waiter, index + 1]))
  return {
    pools: block("pools", sortPools(overview, sort.pools), () => poolColumns(overview, rates, sheet), sheet),
    agents: block(
      "agents",
      sortAgents(overview, sort.agents, rates),
      () => agentColumns(overview, rates, sheet),
      sheet
    ),
    waiters: block(
      "waiters",
      sortWaiters(overview, sort.waiters),
      () => waiterColumns(overview, positions, sheet),
      sheet
    ),
    leases: block("leases", sortLeases(overview, sort.leases), () => leaseColumns(overview, sheet), sheet)
  }
}

/** Under this a table says nothing. */
const columnsMin = 12

/** Who keeps a place on a small screen, most needed first. */
const priority: ReadonlyArray<Section> = ["pools", "waiters", "agents", "leases"]

/**
 * How many rows each section gets: one each by priority as long as there is room for
 * it and its header, then one after the other to those that want more.
 */
const share = (
  blocks: ReadonlyArray<Block>,
  room: number,
  gap: number,
  selected: Section
): ReadonlyMap<Section, number> => {
  const given = new Map<Section, number>()
  let left = room
  for (const section of priority) {
    const wanted = blocks.find((candidate) => candidate.section === section)
    const needs = 2 + (given.size > 0 ? gap : 0)
    if (wanted === undefined || needs > left) continue
    given.set(section, 1)
    left -= needs
  }
  const pools = blocks.find(({ section }) => section === "pools")
  if (pools !== undefined && given.has("pools")) {
    // All pools as long as they take no more than a third: the other sections are about them.
    const more = Math.max(0, Math.min(pools.total - 1, Math.floor(room / 3) - 1, left))
    given.set("pools", 1 + more)
    left -= more
  }
  const give = (wanted: Block): boolean => {
    const rows = given.get(wanted.section)
    if (left === 0 || rows === undefined || rows >= wanted.total) return false
    given.set(wanted.section, rows + 1)
    left--
    return true
  }
  for (let gave = true; gave;) {
    gave = false
    for (const wanted of blocks) {
      const first = give(wanted)
      const second = wanted.section === selected && give(wanted)
      gave = gave || first || second
    }
  }
  return given
}

const markOf = (isSelected: boolean, { style }: Sheet): string => (isSelected ? (style.unicode ? "▸" : ">") : " ")

/** What stands at the right end of a header, the longest first. Which rows are shown is said in any case. */
const rangeTexts = (from: number, rows: number, total: number, sort: string): ReadonlyArray<string> => {
  const [first, last, all] = [from + 1, from + rows, total].map(count)
  const range = first === last ? first : `${first}-${last}`
  return rows >= total
    ? [`${all}, by ${sort}`, `by ${sort}`, ""]
    : [`${range} of ${all}, by ${sort}`, `${range} of ${all}`, `${last}/${all}`]
}

const headerLine = (header: Text, infos: ReadonlyArray<string>, isSelected: boolean, sheet: Sheet): string => {
  const role = isSelected ? "strong" : "dim"
  const { style, width } = sheet
  // Header and rows begin two columns in, behind the mark.
  const told = span(role, `${markOf(isSelected, sheet)} ${textOf(trimEnd(header))}`)
  const room = width - widthOf(told) - 2
  const info = infos.find((text) => text.length <= room) ?? infos.at(-1) ?? ""
  const rest = width - info.length - 1
  if (info === "" || rest < 12) return line(told, width, style)
  return line([...pad(fit(told, rest, style), rest + 1), span("dim", info)], width, style)
}

const titleLine = ({ problem, sample, state }: TopView, { style, width, zone }: Sheet): string => {
  const status = sample?.overview.status
  const name = span("strong", status === undefined ? program : `${program} ${status.version}`)
  const up = status === undefined ? [] : [`up ${duration(status.uptimeMillis)}`]
  const said: Text = sample === undefined ? span("dim", "asking for the first time") : totals(sample.overview)
  const mark = state.paused ? span("warn", "PAUSED  ") : problem === undefined ? "" : span("bad", "NO ANSWER  ")
  const right = joinText([mark, sample === undefined ? "" : clockTime(sample.takenAt, zone)])
  const rest = width - widthOf(right) - 1
  // What is dropped where there is no room: the name, then the uptime.
  const variants = [[name, ...up, said], [...up, said], [said]].map((parts) => joinText(parts, "  "))
  const told = variants.find((text) => widthOf(text) <= rest) ?? variants.at(-1)!
  if (rest < 20) return line(joinText([mark, told]), width, style)
  return line(joinText([pad(fit(told, rest, style), rest), " ", right]), width, style)
}

const keysLine = (state: TopState, { style, width }: Sheet): string => {
  const arrows = style.unicode ? ["←→", "↑↓"] : ["<>", "^v"]
  const keys = [
    "q quit",
    "? help",
    `${arrows[0]} section`,
    `${arrows[1]} scroll`,
    "s sort",
    state.paused ? "p go on" : "p pause",
    state.zoomed ? "enter all" : "enter alone"
  ]
  return line(span("dim", keys.join("   ")), width, style)
}

/** Brought back to where the last page is full. */
const clamp = (from: number, total: number, rows: number): number => Math.max(0, Math.min(from, total - rows))

const drawBlocks = (overview: OverviewView, view: TopView, sheet: Sheet, room: number, gap: number) => {
  const { state } = view
  const inner = { ...sheet, width: Math.max(1, sheet.width - 2) }
  const all = blocksOf(overview, new Rates(view.sample!, view.previous), state, inner)
  const shown = state.zoomed ? [all[state.selected]] : sections.map((section) => all[section])
  const given = share(shown, room, gap, state.selected)
  const scroll: Record<Section, number> = { ...state.scroll }
  const lines: Array<string> = []
  for (const { draw, section, total } of shown) {
    const rows = given.get(section)
    if (rows === undefined) continue
    const from = clamp(state.scroll[section], total, rows)
    scroll[section] = from
    if (lines.length > 0 && gap > 0) lines.push("")
    const isSelected = section === state.selected
    if (total === 0) {
      lines.push(headerLine(emptyTexts[section], [], isSelected, sheet))
      continue
    }
    const parts = draw(from, rows)
    lines.push(headerLine(parts.header, rangeTexts(from, rows, total, state.sort[section]), isSelected, sheet))
    lines.push(...parts.rows.map((text) => `  ${text}`))
  }
  return { lines, scroll, page: given.get(state.selected) ?? 0 }
}

/** The picture. `rows` is how many lines the terminal has. */
export const topFrame = (view: TopView, sheet: Sheet, rows: number): TopFrame => {
  const { problem, sample, state } = view
  const { style, width } = sheet
  const nothing = { scroll: state.scroll, page: 0 }
  if (rows <= 0 || width <= 0) return { lines: [], ...nothing }
  if (width < columnsMin) return { lines: [line("too narrow", width, style)], ...nothing }
  const gap = rows >= 24 ? 1 : 0
  const head = [
    titleLine(view, sheet),
    ...(problem === undefined ? [] : [line(span("bad", problem), width, style)]),
    ...(gap > 0 ? [""] : [])
  ]
  const foot = rows >= 10 ? [...(gap > 0 ? [""] : []), keysLine(state, sheet)] : []
  const room = rows - head.length - foot.length
  const drawn = state.help
    ? { lines: helpLines(sheet).slice(0, Math.max(0, room)), ...nothing }
    : sample === undefined
      ? { lines: [], ...nothing }
      : drawBlocks(sample.overview, view, sheet, room, gap)
  const blanks = Array.from({ length: Math.max(0, room - drawn.lines.length) }, () => "")
  return { ...drawn, lines: [...head, ...drawn.lines, ...blanks, ...foot].slice(0, rows) }
}
