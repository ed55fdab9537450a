/**
 * Terminal output as a picture for documentation: what was written is interpreted
 * by xterm.js, and what it would show is drawn as SVG. Colours, weights, wide
 * characters, cursor movements and screens of their own come out as in a terminal.
 *
 * The picture is of its own: no fonts or scripts from anywhere. Blocks, of which
 * bars are made, are drawn as shapes, so that they join whatever the font; texts are
 * fitted to their columns.
 */
import xterm from "@xterm/headless"
import { printable } from "../src/printable.ts"
import { escapeMarkup } from "../src/replay/markup.ts"

export interface PictureOptions {
  readonly columns: number
  /** Rows of the terminal. Needed for programs that draw a screen; what scrolls out of it is drawn as well. */
  readonly rows: number
  /** What is seen, for those who do not see it. */
  readonly title: string
  /** Draw the screen of its own that a program left, as it was before it left it. */
  readonly screen: boolean
  /** Shown above the output, as it was typed. */
  readonly command?: string | undefined
}

const cellWidth = 8.4
const lineHeight = 18
const fontSize = 14
const margin = 16
/** From the top of a row down to the feet of its letters. */
const baseline = 13

const background = "#0d1117"
const foreground = "#d6dde6"

/** The sixteen colours, each with a contrast of at least 4.5 to 1 to the background, but for black. */
const palette = [
  ["#484f58", "#ff7b72", "#3fb950", "#d29922", "#58a6ff", "#bc8cff", "#39c5cf", "#b1bac4"],
  ["#7d8590", "#ffa198", "#56d364", "#e3b341", "#79c0ff", "#d2a8ff", "#56d4dd", "#f0f6fc"]
].flat()

const hex = (red: number, green: number, blue: number): string =>
  `#${[red, green, blue].map((part) => part.toString(16).padStart(2, "0")).join("")}`

/** The 256 colours of xterm: the sixteen, a cube of six by six by six, a ramp of greys. */
const indexed = (index: number): string => {
  const named = palette[index]
  if (named !== undefined) return named
  if (index >= 232) return hex(8 + 10 * (index - 232), 8 + 10 * (index - 232), 8 + 10 * (index - 232))
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step)
  const at = index - 16
  return hex(level(Math.floor(at / 36)), level(Math.floor(at / 6) % 6), level(at % 6))
}

type Cell = xterm.IBufferCell

interface Look {
  readonly fill: string
  readonly behind: string | undefined
  readonly attributes: string
}

const lookOf = (cell: Cell): Look => {
  const rgb = (value: number) => hex((value >> 16) & 255, (value >> 8) & 255, value & 255)
  const front = cell.isFgRGB() ? rgb(cell.getFgColor()) : cell.isFgPalette() ? indexed(cell.getFgColor()) : foreground
  const back = cell.isBgRGB() ? rgb(cell.getBgColor()) : cell.isBgPalette() ? indexed(cell.getBgColor()) : undefined
  const inverse = cell.isInverse() !== 0
  const attributes = [
    cell.isBold() ? ' font-weight="bold"' : "",
    cell.isItalic() ? ' font-style="italic"' : "",
    cell.isDim() ? ' opacity="0.62"' : "",
    cell.isUnderline()
      ? ' text-decoration="underline"'
      : cell.isStrikethrough()
        ? ' text-decoration="line-through"'
        : ""
  ]
  return {
    fill: inverse ? (back ?? background) : front,
    behind: inverse ? front : back,
    attributes: attributes.join("")
  }
}

/** Characters of one look, side by side. */
interface Run {
  readonly look: Look
  readonly column: number
  columns: number
  text: string
}

const isSame = (a: Look, b: Look): boolean =>
  a.fill === b.fill && a.behind === b.behind && a.attributes === b.attributes

const runsOf = (line: xterm.IBufferLine | undefined, columns: number, cell: Cell): ReadonlyArray<Run> => {
  const runs: Array<Run> = []
  for (let column = 0; column < columns; column++) {
    const here = line?.getCell(column, cell)
    // The second half of a wide character.
    if (here === undefined || here.getWidth() === 0) continue
    const look = lookOf(here)
    const last = runs.at(-1)
    const text = here.getChars() || " "
    if (last !== undefined && isSame(last.look, look)) {
      last.text += text
      last.columns += here.getWidth()
    } else runs.push({ look, column, columns: here.getWidth(), text })
  }
  return runs
}

const round = (value: number): string => String(Math.round(value * 100) / 100)

/** The part of a cell that a block takes, from the left, and how dense it is. */
const blocks: ReadonlyMap<string, readonly [part: number, opacity: number]> = new Map([
  ["█", [1, 1]],
  ["▉", [7 / 8, 1]],
  ["▊", [6 / 8, 1]],
  ["▋", [5 / 8, 1]],
  ["▌", [4 / 8, 1]],
  ["▍", [3 / 8, 1]],
  ["▎", [2 / 8, 1]],
  ["▏", [1 / 8, 1]],
  ["▓", [1, 0.75]],
  ["▒", [1, 0.5]],
  ["░", [1, 0.25]]
])

const rect = (x: number, y: number, width: number, fill: string, attributes = ""): string =>
  `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${lineHeight}" fill="${fill}"${attributes}/>`

/** Blocks that stand side by side are one shape: at their borders one would see the background else. */
const drawBlocks = ({ column, look, text }: Run, top: number): ReadonlyArray<string> => {
  const shapes: Array<string> = []
  const characters = [...text]
  for (let at = 0; at < characters.length;) {
    const block = blocks.get(characters[at]!)
    if (block === undefined) {
      at++
      continue
    }
    let end = at + 1
    while (block[0] === 1 && characters[end] === characters[at]) end++
    const next = blocks.get(characters[end] ?? "")
    // The end of a bar: a part of a cell, as dense as what is before it.
    const rest = block[0] === 1 && next !== undefined && next[1] === block[1] ? next[0] : 0
    const width = (end - at - 1 + block[0] + rest) * cellWidth
    if (rest > 0) end++
    const opacity = block[1] === 1 ? "" : ` fill-opacity="${block[1]}"`
    // A little lower than the row, so that bars of rows below each other stay apart.
    const shape = `<rect x="${round(margin + (column + at) * cellWidth)}" y="${round(top + 2)}" width="${round(width)}" height="${lineHeight - 4}" fill="${look.fill}"${opacity}/>`
    shapes.push(shape)
    at = end
  }
  return shapes
}

const drawRun = (run: Run, top: number): ReadonlyArray<string> => {
  const { column, columns, look, text } = run
  const parts: Array<string> = []
  if (look.behind !== undefined) parts.push(rect(margin + column * cellWidth, top, columns * cellWidth, look.behind))
  const isBlock = [...text].some((character) => blocks.has(character))
  if (isBlock) parts.push(...drawBlocks(run, top))
  const words = isBlock ? [...text].map((character) => (blocks.has(character) ? " " : character)).join("") : text
  const shown = words.trim()
  if (shown === "") return parts
  const before = words.length - words.trimStart().length
  const after = words.length - words.trimEnd().length
  const width = round((columns - before - after) * cellWidth)
  const x = round(margin + (column + before) * cellWidth)
  parts.push(
    `<text x="${x}" y="${round(top + baseline)}" textLength="${width}" fill="${look.fill}"${look.attributes}>${escapeMarkup(printable(shown))}</text>`
  )
  return parts
}

const leave = "\u001B[?1049l"

/** The text up to where the screen that is drawn was left. */
const untilLeft = (capture: string): string => {
  const end = capture.lastIndexOf(leave)
  return end < 0 ? capture : capture.slice(0, end)
}

const typed = (command: string): string => `\u001B[2m$\u001B[0m \u001B[1m${command}\u001B[0m\r\n`

const interpret = async (text: string, { columns, rows }: PictureOptions): Promise<xterm.Terminal> => {
  const terminal = new xterm.Terminal({
    cols: columns,
    rows,
    scrollback: 10_000,
    // What comes from a pipe ends its lines with a line feed alone.
    convertEol: true,
    allowProposedApi: true
  })
  await new Promise<void>((resolve) => terminal.write(text, resolve))
  return terminal
}

interface Row {
  readonly runs: ReadonlyArray<Run>
  readonly isBlank: boolean
}

const rowsOf = ({ buffer, cols }: xterm.Terminal): ReadonlyArray<Row> => {
  const { active } = buffer
  const cell = active.getNullCell()
  return Array.from({ length: active.length }, (_, row) => {
    const runs = runsOf(active.getLine(row), cols, cell)
    return { runs, isBlank: runs.every(({ look, text }) => text.trim() === "" && look.behind === undefined) }
  })
}

/** A capture as an SVG picture. Blank rows at its end are left out. */
export const terminalPicture = async (capture: string, options: PictureOptions): Promise<string> => {
  const output = rowsOf(await interpret(options.screen ? untilLeft(capture) : capture, options))
  const prompt = options.command === undefined ? [] : rowsOf(await interpret(typed(options.command), options))
  const trim = (rows: ReadonlyArray<Row>) => rows.slice(0, rows.findLastIndex(({ isBlank }) => !isBlank) + 1)
  const rows = [...trim(prompt), ...trim(output)]
  const width = Math.ceil(2 * margin + options.columns * cellWidth)
  const height = 2 * margin + rows.length * lineHeight
  const lines = rows.map(({ runs }, row) => runs.flatMap((run) => drawRun(run, margin + row * lineHeight)).join(""))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="t">`,
    `<title id="t">${escapeMarkup(printable(options.title))}</title>`,
    `<rect width="100%" height="100%" rx="8" fill="${background}"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${fontSize}" xml:space="preserve" style="white-space: pre">`,
    ...lines.filter((text) => text !== ""),
    "</g>",
    "</svg>",
    ""
  ].join("\n")
}
