/**
 * What `run` tells on standard error while it waits.
 *
 * 1. On a terminal: one line, written over itself, and gone before the command
 *    writes its first. Elsewhere: whole lines, one when the wait is worth telling,
 *    and the next no sooner than ten seconds later.
 * 2. It is written straight to the descriptor. Through a stream, Node would make
 *    a pipe non-blocking, and the command has the same pipe: its writes would fail.
 */
import { writeSync } from "node:fs"
import { isatty } from "node:tty"

/** A wait shorter than this is not told: most are. */
export const quietMillis = 200
/** Between two lines where they stay. */
export const lineMillis = 10_000
/** Between two of the line that is written over. */
export const frameMillis = 500

export interface ProgressOptions {
  /** Whether a line can be written over. */
  readonly isTerminal: boolean
  readonly write: (text: string) => void
}

/** Begins a line that is written over, and clears what follows in it. */
const lineStart = "\r"
const clearToEnd = "\u001B[K"

export class Progress {
  private readonly options: ProgressOptions
  private toldAt: number | undefined
  private shown = ""

  constructor(options: ProgressOptions) {
    this.options = options
  }

  /** When to look what there is to tell, after so long a wait. */
  nextInMillis(waitedMillis: number): number {
    if (this.toldAt === undefined) return Math.max(0, quietMillis - waitedMillis)
    return this.options.isTerminal ? frameMillis : Math.max(0, this.toldAt + lineMillis - waitedMillis)
  }

  /** `line` fits the terminal, and has no line end. */
  tell(waitedMillis: number, line: string): void {
    if (this.nextInMillis(waitedMillis) > 0 && !(this.options.isTerminal && this.toldAt !== undefined)) return
    this.toldAt = waitedMillis
    if (!this.options.isTerminal) this.options.write(`${line}\n`)
    else if (line !== this.shown) this.options.write(`${lineStart}${line}${clearToEnd}`)
    this.shown = line
  }

  /** Whether anything was told, so that its end is worth telling too. */
  get hasTold(): boolean {
    return this.toldAt !== undefined
  }

  /** A line that stays. */
  say(line: string): void {
    this.clear()
    this.options.write(`${line}\n`)
  }

  /** Nothing of it is left on the terminal. */
  clear(): void {
    if (this.options.isTerminal && this.shown !== "") this.options.write(`${lineStart}${clearToEnd}`)
    this.shown = ""
  }
}

/** To standard error. What cannot be written there is lost: the command goes on. */
export const writeError = (text: string): void => {
  try {
    writeSync(2, text)
  } catch {
    // Nobody is left to be told.
  }
}

/** Whether standard error is a terminal on which a line can be written over. */
export const isLiveTerminal = (environment: Readonly<Record<string, string | undefined>>): boolean =>
  isatty(2) && environment["TERM"] !== "dumb"
