/**
 * Draws docs/images/workstation.svg: runs the workstation on this repository with
 * a screen that keeps what is written to it, and pictures one of its frames and
 * the summary, as they were.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { run } from "./run.ts"
import { formatSummary } from "./summary.ts"

const repository = fileURLToPath(new URL("../../../../", import.meta.url))
const images = `${repository}docs/images`

const columns = 108
const rows = 38
const cellWidth = 8.4
const lineHeight = 18
const margin = 16

const colors: Readonly<Record<string, string>> = {
  "1": 'font-weight="bold" fill="#f0f6fc"',
  "2": 'fill="#7d8590"',
  "32": 'fill="#3fb950"',
  "33": 'fill="#d29922"',
  "36": 'fill="#39c5cf"'
}

const escapeXml = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")

interface Span {
  readonly style: string
  readonly text: string
}

/** A line's spans: what stands between its escape sequences. */
const spansOf = (line: string): ReadonlyArray<Span> => {
  const spans: Array<Span> = []
  let style = ""
  for (const piece of line.split("\u001B[")) {
    const code = spans.length === 0 && !line.startsWith("\u001B[") ? undefined : /^([0-9]*)([mKJ])/.exec(piece)
    if (code?.[2] === "m") style = colors[code[1]!] ?? ""
    const text = code === undefined || code === null ? piece : piece.slice(code[0].length)
    if (text !== "") spans.push({ style, text })
  }
  return spans
}

const drawLine = (line: string, row: number): string => {
  let column = 0
  const y = margin + (row + 1) * lineHeight - 5
  return spansOf(line)
    .map(({ style, text }) => {
      const x = (margin + column * cellWidth).toFixed(1)
      column += text.length
      const length = (text.length * cellWidth).toFixed(1)
      return `<text x="${x}" y="${y}" textLength="${length}" ${style}>${escapeXml(text)}</text>`
    })
    .join("")
}

const draw = (lines: ReadonlyArray<string>): string => {
  const width = Math.ceil(2 * margin + columns * cellWidth)
  const height = 2 * margin + lines.length * lineHeight
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    "<title>The workstation at work: pools, agents, waiters with why they wait, and the summary</title>",
    `<rect width="100%" height="100%" rx="8" fill="#0d1117"/>`,
    `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#c9d1d9" xml:space="preserve" style="white-space: pre">`,
    ...lines.map(drawLine).filter((line) => line !== ""),
    "</g>",
    "</svg>",
    ""
  ].join("\n")
}

/** The frame that shows the most kinds of waits, and of those the one with the most waiters. */
const liveliest = (frames: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const interest = (frame: ReadonlyArray<string>) => {
    const count = (part: string) => frame.filter((line) => line.includes(part)).length
    return 100 * Math.min(3, count("asks for"), count("needs 1 token")) + count(" ms  ")
  }
  return frames.reduce((best, frame) => (interest(frame) > interest(best) ? frame : best), frames[0] ?? [])
}

const program = Effect.gen(function* () {
  const frames: Array<ReadonlyArray<string>> = []
  const write = (text: string) => {
    if (text.startsWith("\u001B[H")) frames.push(text.slice(3).split("\r\n"))
  }
  const summary = yield* run({
    directory: repository,
    agents: 12,
    level: 11,
    rate: 100,
    seed: 1,
    manifest: undefined,
    mode: "live",
    stream: { isTTY: true, columns, rows, write }
  })
  // The picture is for everybody: it does not say where the repository is on this machine.
  const said = formatSummary({ ...summary, directory: "resource-manager" })
  mkdirSync(images, { recursive: true })
  writeFileSync(`${images}/workstation.svg`, draw([...liveliest(frames.slice(3)), "", "", ...said]))
})

NodeRuntime.runMain(program)
