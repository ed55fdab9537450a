/**
 * What commands print, line by line: the last lines of each are kept, for when it
 * fails. Bounded, whatever they print; and nothing of it reaches a terminal that
 * could move its cursor.
 */
import { printableLine } from "../printable.ts"

/** Kept of each instance. */
export const linesKept = 20

/** A longer line is cut: it is a line for people. */
export const lineLengthMax = 1_000

// Colours and cursor moves of programs that write them to a pipe too.
// oxlint-disable-next-line no-control-regex
const sequences = /\u001B(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001B]*(?:\u0007|\u001B\\)|[@-Z\\-_])/g

/** One line as it may be shown. A line that was written over shows what was written last. */
const shown = (line: string): string => {
  const text = line.replaceAll(sequences, "").replace(/\r+$/, "")
  const last = text.slice(text.lastIndexOf("\r") + 1).replaceAll("\t", "    ")
  return printableLine(last.length > lineLengthMax ? `${last.slice(0, lineLengthMax)}…` : last)
}

export class OutputLines {
  private readonly onLine: (line: string) => void
  private readonly decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  private readonly rest = { stdout: "", stderr: "" }
  private kept: Array<string> = []

  constructor(onLine: (line: string) => void) {
    this.onLine = onLine
  }

  take(chunk: Uint8Array, stream: "stdout" | "stderr"): void {
    const text = this.rest[stream] + this.decoders[stream].decode(chunk, { stream: true })
    const lines = text.split("\n")
    // What has no end yet is kept for the next chunk, but no more of it than is shown.
    this.rest[stream] = (lines.pop() ?? "").slice(0, 8 * lineLengthMax)
    for (const line of lines) this.add(line)
  }

  /** Nothing more comes: a last line without an end is one too. */
  end(): void {
    for (const stream of ["stdout", "stderr"] as const) {
      const text = this.rest[stream] + this.decoders[stream].decode()
      this.rest[stream] = ""
      if (text !== "") this.add(text)
    }
  }

  /** The last lines, oldest first. */
  get last(): ReadonlyArray<string> {
    return this.kept
  }

  private add(raw: string): void {
    const line = shown(raw)
    this.kept = [...this.kept, line].slice(-linesKept)
    this.onLine(line)
  }
}
