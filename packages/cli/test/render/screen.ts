/** A terminal without glass: what is written to it is interpreted by xterm.js, and can be read as a person sees it. */
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { badArgument } from "effect/PlatformError"
import * as Queue from "effect/Queue"
import * as Terminal from "effect/Terminal"
import xterm from "@xterm/headless"

export class Glass {
  private readonly terminal: xterm.Terminal

  constructor(columns: number, rows: number) {
    this.terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
  }

  write(text: string): Promise<void> {
    return new Promise((resolve) => this.terminal.write(text, resolve))
  }

  resize(columns: number, rows: number): void {
    this.terminal.resize(columns, rows)
  }

  /** Its lines, without blanks at their ends. */
  get lines(): ReadonlyArray<string> {
    const buffer = this.terminal.buffer.active
    return Array.from({ length: this.terminal.rows }, (_, row) =>
      (buffer.getLine(buffer.viewportY + row)?.translateToString(true) ?? "").trimEnd()
    )
  }

  get text(): string {
    return this.lines.join("\n").trimEnd()
  }

  /** Whether some line goes on in the next: something was wrapped. */
  get wraps(): boolean {
    const buffer = this.terminal.buffer.active
    return Array.from({ length: buffer.length }, (_, row) => buffer.getLine(row)?.isWrapped === true).includes(true)
  }

  get isAlternate(): boolean {
    return this.terminal.buffer.active.type === "alternate"
  }

  get wrapsAround(): boolean {
    return this.terminal.modes.wraparoundMode
  }
}

const named: Readonly<Record<string, string>> = { " ": "space", "\r": "return" }

/** A `Terminal` on glass, with keys and sizes by hand. */
export const makeScreen = Effect.fnUntraced(function* (columns: number, rows: number) {
  const glass = new Glass(columns, rows)
  const input = yield* Queue.make<Terminal.UserInput, Cause.Done>()
  const sizes = yield* Queue.sliding<Terminal.Size, Cause.Done>(1)
  const written: Array<string> = []
  let size: Terminal.Size = { columns, rows }
  let broken = false
  const terminal = Terminal.make({
    columns: Effect.sync(() => size.columns),
    rows: Effect.sync(() => size.rows),
    size: Effect.succeed(sizes),
    readInput: Effect.succeed(input),
    readLine: Effect.die("not read here"),
    display: (text) =>
      Effect.suspend(() => {
        if (broken)
          return Effect.fail(badArgument({ module: "Terminal", method: "display", description: "the pipe is broken" }))
        written.push(text)
        // Not waited for: it is shown in the order in which it was written, by timers of its own.
        void glass.write(text)
        return Effect.void
      })
  })
  const press = (name: string, modifiers: { readonly ctrl?: boolean; readonly shift?: boolean } = {}) => {
    const character = name.length === 1 ? name : undefined
    Queue.offerUnsafe(input, {
      input: Option.fromUndefinedOr(character),
      key: { name: named[name] ?? name.toLowerCase(), ctrl: false, meta: false, shift: false, ...modifiers }
    })
  }
  return {
    terminal,
    glass,
    written,
    press,
    closeInput: () => Queue.endUnsafe(input),
    breakOutput: () => {
      broken = true
    },
    resize: (columns: number, rows: number) => {
      size = { columns, rows }
      glass.resize(columns, rows)
      Queue.offerUnsafe(sizes, size)
    }
  }
})
