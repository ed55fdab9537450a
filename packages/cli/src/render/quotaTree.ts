/** The tree of groups: who may have what, uses what, borrows and lends. */
import type { GroupStatistics, LevelStatistics } from "@resource-manager/core/QuotaTree"
import { amount, amountOf, count, counted, rateText, type Types } from "./amounts.ts"
import { bar } from "./bar.ts"
import { command } from "./commands.ts"
import { named, nameCell } from "./names.ts"
import { type Column, table } from "./table.ts"
import { joinText, span, type Span, type Text } from "./text.ts"
import type { Sheet } from "./views.ts"

export const noGroups = `No groups: agents share all there is. Make one with \`${command("quota group set NAME --limit cpu.nominal=4")}\`.`

interface Row {
  readonly branch: string
  readonly group: GroupStatistics | undefined
  readonly agents: string | undefined
  readonly type: string
  readonly level: LevelStatistics | undefined
}

const branches = {
  unicode: { fork: "├─ ", last: "└─ ", down: "│  " },
  ascii: { fork: "|- ", last: "`- ", down: "|  " }
} as const

const barWidth = 12
const agentsNamedMax = 4

const agentsText = ({ agents }: GroupStatistics): string | undefined => {
  if (agents.length === 0) return undefined
  const names = agents.slice(0, agentsNamedMax).map(named)
  const more = agents.length - names.length
  return [...names, ...(more > 0 ? [`${count(more)} more`] : [])].join(", ")
}

/** A group's rows: one a type, then its agents; and those of the groups below it. */
const rowsOf = (
  group: GroupStatistics,
  all: ReadonlyArray<GroupStatistics>,
  lines: { readonly fork: string; readonly last: string; readonly down: string },
  head: string,
  below: string
): ReadonlyArray<Row> => {
  const children = all.filter(({ parent }) => parent === group.group)
  const types: ReadonlyArray<readonly [string, LevelStatistics | undefined]> = Object.entries(group.types)
  const under = children.length === 0 ? `${below}   ` : `${below}${lines.down}`
  const own = (types.length === 0 ? [["", undefined] as const] : types).map(([type, level], at): Row => ({
    branch: at === 0 ? head : under,
    group: at === 0 ? group : undefined,
    agents: undefined,
    type,
    level
  }))
  const agents = agentsText(group)
  return [
    ...own,
    ...(agents === undefined ? [] : [{ branch: under, group: undefined, agents, type: "", level: undefined }]),
    ...children.flatMap((child, at) => {
      const isLast = at === children.length - 1
      const next = isLast ? `${below}   ` : `${below}${lines.down}`
      return rowsOf(child, all, lines, `${below}${isLast ? lines.last : lines.fork}`, next)
    })
  ]
}

/** What a group may use of a type at once; `undefined` where nothing says. */
const mostOf = ({ borrowingLimit, max = Infinity, quota }: LevelStatistics): number | undefined => {
  const most = Math.min(max, quota === undefined ? Infinity : quota + (borrowingLimit ?? 0))
  return most === Infinity ? undefined : most
}

const useText = ({ level, type }: Row, types: Types): Text => {
  if (level === undefined) return ""
  const shown = level.quota ?? mostOf(level)
  const use = shown === undefined ? amount(types, type, level.inUse) : amountOf(types, type, level.inUse, shown)
  const leases = level.leasesMax === undefined ? "" : `, ${counted(level.leases, "lease")} of ${count(level.leasesMax)}`
  const rate =
    level.rate === undefined ? "" : `, ${rateText(level.rate)} with ${counted(Math.max(0, level.tokens ?? 0), "token")}`
  return `${use}${leases}${rate}`
}

const flowText = ({ level, type }: Row, types: Types): Text => {
  if (level === undefined) return ""
  const of = (value: number) => amount(types, type, value)
  const parts: ReadonlyArray<Span> = [
    ...(level.borrowed > 0 ? [span("warn", `borrows ${of(level.borrowed)}`)] : []),
    ...(level.lent > 0 ? [span("accent", `lends ${of(level.lent)}`)] : []),
    ...(level.waiting > 0 ? [span("dim", `${of(level.waiting)} waited for`)] : [])
  ]
  return joinText(parts, ", ")
}

const barText = ({ level }: Row, { style }: Sheet): Text => {
  if (level === undefined) return ""
  const capacity = level.quota ?? mostOf(level)
  return capacity === undefined ? "" : bar({ capacity, inUse: level.inUse, earmarked: level.waiting }, barWidth, style)
}

const nameText = ({ agents, branch, group }: Row): Text => {
  if (group !== undefined) return [span("dim", branch), nameCell(group.group)]
  return agents === undefined ? span("dim", branch) : [span("dim", branch), agents]
}

const waitsText = ({ group }: Row): Text => {
  if (group === undefined) return ""
  const mode = group.onQuota === "wait" ? "waits at a quota" : ""
  const waiting = group.waitingForQuota > 0 ? span("warn", `${counted(group.waitingForQuota, "claim")} waiting`) : ""
  return joinText(
    [waiting, mode].filter((part) => part !== ""),
    ", "
  )
}

export const quotaTree = (groups: ReadonlyArray<GroupStatistics>, sheet: Sheet): ReadonlyArray<string> => {
  const lines = sheet.style.unicode ? branches.unicode : branches.ascii
  const rows = groups
    .filter(({ parent }) => parent === undefined)
    .flatMap((root) => rowsOf(root, groups, lines, "", ""))
  const columns: ReadonlyArray<Column<Row>> = [
    { header: "GROUP", cell: nameText, least: 14 },
    { header: "TYPE", cell: ({ type }) => type, least: 6 },
    { header: "QUOTA", cell: (row) => barText(row, sheet), hide: 2 },
    { header: "IN USE", cell: (row) => useText(row, sheet.types) },
    { header: "FLOW", cell: (row) => flowText(row, sheet.types), hide: 3 },
    { header: "AT A QUOTA", cell: waitsText, hide: 1 }
  ]
  return table(rows, columns, sheet, noGroups)
}
