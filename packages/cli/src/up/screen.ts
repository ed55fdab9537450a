/**
 * Lines that stay, and below them a frame that is drawn again and again. Without a
 * terminal there is no frame.
 */

export interface ScreenOptions {
  readonly write: (text: string) => void
  /** Whether a frame can be drawn over. */
  readonly isTerminal: boolean
}

const clearBelow = "\u001B[J"
const hideCursor = "\u001B[?25l"
const showCursor = "\u001B[?25h"

export class Screen {
  private readonly options: ScreenOptions
  private frame: ReadonlyArray<string> = []
  private hidden = false

  constructor(options: ScreenOptions) {
    this.options = options
  }

  get isTerminal(): boolean {
    return this.options.isTerminal
  }

  /** Lines that stay, above the frame. */
  print(lines: ReadonlyArray<string>): void {
    if (lines.length === 0) return
    const text = lines.map((line) => `${line}\n`).join("")
    this.options.write(`${this.erased()}${text}${this.drawn(this.frame)}`)
  }

  /** Every line must fit the terminal, and all of them must leave it a line. */
  draw(frame: ReadonlyArray<string>): void {
    if (!this.options.isTerminal) return
    const hide = this.hidden ? "" : hideCursor
    this.hidden = true
    const erased = this.erased()
    this.frame = frame
    this.options.write(`${hide}${erased}${this.drawn(frame)}`)
  }

  /** Takes the frame away, and gives the cursor back. */
  close(): void {
    if (!this.options.isTerminal) return
    this.options.write(`${this.erased()}${this.hidden ? showCursor : ""}`)
    this.frame = []
    this.hidden = false
  }

  private erased(): string {
    return this.options.isTerminal && this.frame.length > 0 ? `\r\u001B[${this.frame.length}A${clearBelow}` : ""
  }

  private drawn(frame: ReadonlyArray<string>): string {
    return this.options.isTerminal ? frame.map((line) => `${line}\n`).join("") : ""
  }
}
