/**
 * Tables for a given width. cli-table3, columnify and table were looked at: they
 * wrap or cut to widths that one gives them, count by an older table of widths,
 * and none drops a column; what is wanted here is that a table fits a terminal by
 * itself. So this does three things and no more:
 *
 * 1. Columns are as wide as their widest cell.
 * 2. Where they do not fit, those that may be cut are, the widest first, down to `least`.
 * 3. Where that is not enough, the column with the lowest `hide` goes, and 1 again.
 *
 * A table never wraps and is never wider than it may be.
 */
import type { Style } from "./style.ts"
import { fit, joinText, line, pad, type Span, span, type Text, widthOf, wrap } from "./text.ts"

export interface Column<Row> {
  /** In capitals, so that it is told from a row without colours. */
  readonly header: string
  readonly cell: (row: Row) => Text
  readonly align?: "left" | "right"
  /** No narrower than this where there is room, so that a live table stands still. */
  readonly wide?: number
  /** May be cut down to so many columns, or its header if that is wider. Never cut where unset. */
  readonly least?: number
  /** Where the width is short, those with 1 are hidden first, then those with 2, and so on. Never hidden where unset. */
  readonly hide?: number
}

export interface Paper {
  readonly style: Style
  /** Columns of the terminal; `Infinity` for a file or a pipe. */
  readonly width: number
}

const gap = "  "

interface Fitted<Row> {
  readonly column: Column<Row>
  readonly cells: ReadonlyArray<Text>
  readonly least: number
  width: number
}

const measure = <Row>(columns: ReadonlyArray<Column<Row>>, rows: ReadonlyArray<Row>, width: number, wide: boolean) =>
  columns.map((column): Fitted<Row> => {
    const cells = rows.map(column.cell)
    const header = widthOf(column.header)
    const floor = Math.max(header, wide ? (column.wide ?? 0) : 0)
    const natural = cells.reduce<number>((most, cell) => Math.max(most, widthOf(cell)), floor)
    const least = column.least === undefined ? natural : Math.min(natural, Math.max(header, column.least))
    return { column, cells, least: Math.min(least, width), width: Math.min(natural, width) }
  })

const excessOf = <Row>(fitted: ReadonlyArray<Fitted<Row>>, width: number): number =>
  fitted.reduce((sum, { width }) => sum + width, gap.length * (fitted.length - 1)) - width

/** Takes `excess` from those that may be cut, always from the widest. Whether there was enough. */
const cut = <Row>(fitted: ReadonlyArray<Fitted<Row>>, excess: number): boolean => {
  for (let left = excess; left > 0; left--) {
    let widest: Fitted<Row> | undefined
    for (const candidate of fitted) {
      if (candidate.width > candidate.least && candidate.width > (widest?.width ?? 0)) widest = candidate
    }
    if (widest === undefined) return false
    widest.width--
  }
  return true
}

const arrange = <Row>(
  columns: ReadonlyArray<Column<Row>>,
  rows: ReadonlyArray<Row>,
  width: number
): ReadonlyArray<Fitted<Row>> => {
  const roomy = measure(columns, rows, width, true)
  if (width === Infinity || excessOf(roomy, width) <= 0) return roomy
  const fitted = measure(columns, rows, width, false)
  const natural = fitted.map((column) => column.width)
  let shown = fitted
  for (;;) {
    if (cut(shown, excessOf(shown, width))) return shown
    const first = Math.min(...shown.map(({ column }) => column.hide ?? Infinity))
    if (first === Infinity) return shown
    shown = shown.filter(({ column }) => column.hide !== first)
    fitted.forEach((column, index) => (column.width = natural[index]!))
  }
}

const row = <Row>(
  fitted: ReadonlyArray<Fitted<Row>>,
  textOf: (column: Fitted<Row>) => Text,
  style: Style
): ReadonlyArray<Span> =>
  joinText(
    fitted.map((column) => pad(fit(textOf(column), column.width, style), column.width, column.column.align)),
    gap
  )

/** Columns that a table takes where nothing is cut or hidden. */
export const widthNeeded = <Row>(rows: ReadonlyArray<Row>, columns: ReadonlyArray<Column<Row>>): number =>
  excessOf(measure(columns, rows, Infinity, true), 0)

/** The parts of a table: its header, to be drawn as the caller likes, and its rows as lines. */
export const tableParts = <Row>(
  rows: ReadonlyArray<Row>,
  columns: ReadonlyArray<Column<Row>>,
  { style, width }: Paper
): { readonly header: ReadonlyArray<Span>; readonly rows: ReadonlyArray<string> } => {
  const fitted = arrange(columns, rows, width)
  return {
    header: row(fitted, ({ column }) => column.header, style),
    rows: rows.map((_, index) =>
      line(
        row(fitted, ({ cells }) => cells[index]!, style),
        width,
        style
      )
    )
  }
}

/** The lines of a table, its header first. Without rows: what `empty` says instead, which should say what to do next. */
export const table = <Row>(
  rows: ReadonlyArray<Row>,
  columns: ReadonlyArray<Column<Row>>,
  paper: Paper,
  empty?: string
): ReadonlyArray<string> => {
  if (rows.length === 0 && empty !== undefined) return paragraph(empty, paper)
  const { header, rows: lines } = tableParts(rows, columns, paper)
  return [line(header.map(dimmed), paper.width, paper.style), ...lines]
}

const dimmed = (piece: Span): Span => (piece.text.trim() === "" ? piece : { ...piece, role: "dim" })

/** Text over as many lines as it needs: for what must not lose its end, such as a command. */
export const paragraph = (text: string, { width }: Paper): ReadonlyArray<string> => wrap(text, width)

/**
 * Names and values below each other, as for one thing. Those without a value are
 * left out; plain values that are too long go on below, since here they are all
 * that there is.
 */
export const fields = (
  pairs: ReadonlyArray<readonly [name: string, value: Text | undefined]>,
  { style, width }: Paper
): ReadonlyArray<string> => {
  const told = pairs.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]))
  const widest = told.reduce((most, [name]) => Math.max(most, widthOf(name)), 0)
  return told.flatMap(([name, value]) => {
    const room = Math.max(width - widest - gap.length, Math.min(width, 20))
    const lines: ReadonlyArray<Text> = typeof value === "string" ? wrap(value, room) : [value]
    return lines.map((part, index) =>
      line(joinText([pad(index === 0 ? span("dim", name) : "", widest), part], gap), width, style)
    )
  })
}
