/**
 * Cuts bytes into lines without making strings of them. Lines are numbered from 1;
 * one longer than `lineBytesMax` is reported once and passed over, so that a file
 * without line ends is not held in memory.
 */
import { lineBytesMax } from "./limits.ts"

export interface LineHandler {
  /** Nothing more is read once this holds. */
  readonly done: boolean
  readonly readLine: (bytes: Uint8Array, from: number, to: number, line: number) => void
  readonly readOverlong: (line: number) => void
}

const newline = 0x0a
const carriageReturn = 0x0d

/** Blanks as they surround fields; a carriage return at the end of a line is one. */
export const isBlank = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x09 || byte === 0x0d

export class LineSplitter {
  private readonly handler: LineHandler
  private rest: Uint8Array = new Uint8Array(0)
  private line = 0
  /** Whether the line under way was reported as too long. */
  private overlong = false
  /** Whether no newline was seen, but a carriage return with something after it. */
  returnsOnly = false

  constructor(handler: LineHandler) {
    this.handler = handler
  }

  push(chunk: Uint8Array): void {
    const bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    let start = 0
    for (;;) {
      if (this.handler.done) return
      const end = bytes.indexOf(newline, start)
      if (end < 0) break
      this.returnsOnly = false
      this.take(bytes, start, end)
      start = end + 1
    }
    this.rest = bytes.subarray(start)
    if (this.rest.length > lineBytesMax) this.passOver()
  }

  /** What is left is the last line. */
  end(): void {
    const { rest } = this
    this.rest = new Uint8Array(0)
    this.findReturns(rest)
    if (rest.length > 0 && !this.handler.done) this.take(rest, 0, rest.length)
  }

  private take(bytes: Uint8Array, from: number, to: number): void {
    this.line++
    if (this.overlong) {
      this.overlong = false
      return
    }
    if (to - from > lineBytesMax) return this.handler.readOverlong(this.line)
    // A byte order mark, as editors on Windows leave it.
    const marked = this.line === 1 && bytes[from] === 0xef && bytes[from + 1] === 0xbb && bytes[from + 2] === 0xbf
    this.handler.readLine(bytes, marked ? from + 3 : from, to, this.line)
  }

  private findReturns(bytes: Uint8Array): void {
    if (this.line > 0 || this.overlong) return
    const at = bytes.indexOf(carriageReturn)
    this.returnsOnly = at >= 0 && bytes.subarray(at).some((byte) => !isBlank(byte))
  }

  private passOver(): void {
    this.findReturns(this.rest)
    this.rest = new Uint8Array(0)
    if (this.overlong) return
    this.overlong = true
    this.handler.readOverlong(this.line + 1)
  }
}
