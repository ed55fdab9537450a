/** A command on a real pseudo-terminal, which util-linux's `script` makes, and what a person sees there. */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Environment, until } from "./daemon.ts"
import { Glass } from "./render/screen.ts"

/** Why tests have no pseudo-terminal here. */
export const noTerminal: string | undefined = (() => {
  const { error, stdout } = spawnSync("script", ["--version"], { encoding: "utf8" })
  if (error !== undefined) return "there is no script(1)"
  return stdout.includes("util-linux") ? undefined : "script(1) is not the one of util-linux"
})()

const quoted = (word: string): string => `'${word.replaceAll("'", `'\\''`)}'`

export interface OnTerminal {
  readonly glass: Glass
  readonly press: (keys: string) => void
  /** Changes the size of the terminal, which the kernel tells the command. */
  readonly resize: (columns: number, rows: number) => void
  /** Polls until the screen shows it. */
  readonly shows: (pattern: RegExp) => Promise<void>
  readonly ended: Promise<number | NodeJS.Signals | null>
  readonly kill: () => void
}

export const onTerminal = async (
  binary: string,
  env: Environment,
  args: ReadonlyArray<string>,
  size: { readonly columns: number; readonly rows: number }
): Promise<OnTerminal> => {
  const folder = mkdtempSync(join(tmpdir(), "rm-pty-"))
  const device = join(folder, "device")
  const command = [process.execPath, binary, ...args].map(quoted).join(" ")
  const line = `stty cols ${size.columns} rows ${size.rows}; tty > ${quoted(device)}; exec ${command}`
  const child = spawn("script", ["-qec", line, join(folder, "typescript")], {
    env: { ...process.env, TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
    stdio: ["pipe", "pipe", "inherit"]
  })
  const glass = new Glass(size.columns, size.rows)
  child.stdout.setEncoding("utf8")
  // What is written is shown in order; nobody has to wait for it.
  child.stdout.on("data", (text: string) => void glass.write(text))
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on("close", (code, signal) => resolve(code ?? signal))
  })
  const path = await until("the terminal is there", () => {
    try {
      return readFileSync(device, "utf8").trim() || undefined
    } catch {
      return undefined
    }
  })
  return {
    glass,
    press: (keys) => child.stdin.write(keys),
    resize: (columns, rows) => {
      glass.resize(columns, rows)
      const { status, stderr } = spawnSync("stty", ["-F", path, "cols", String(columns), "rows", String(rows)], {
        encoding: "utf8"
      })
      if (status !== 0) throw new Error(`the terminal keeps its size: ${stderr}`)
    },
    shows: async (pattern) => {
      try {
        await until(`${pattern} is shown`, () => {
          if (child.exitCode !== null && !pattern.test(glass.text)) throw new Error("the command has ended")
          return pattern.test(glass.text) || undefined
        })
      } catch (cause) {
        throw new Error(`${cause instanceof Error ? cause.message : String(cause)}\n${glass.text}`, { cause })
      }
    },
    ended,
    kill: () => child.kill("SIGKILL")
  }
}
