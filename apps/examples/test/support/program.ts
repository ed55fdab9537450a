/** Runs a program of this package as a child process. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly args?: ReadonlyArray<string>
  readonly env?: Readonly<Record<string, string>>
  /** Sees standard output as it grows, and the signal to send once it has seen enough. */
  readonly onOutput?: (stdout: string) => NodeJS.Signals | undefined
}

export const source = (path: string): string => fileURLToPath(new URL(`../../src/${path}`, import.meta.url))

export const run = (path: string, { args = [], env = {}, onOutput }: RunOptions = {}): Promise<Ran> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [source(path), ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...env }
    })
    let stdout = ""
    let stderr = ""
    let signalled = false
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text
      const signal = signalled ? undefined : onOutput?.(stdout)
      if (signal === undefined) return
      signalled = true
      child.kill(signal)
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text
    })
    child.once("error", reject)
    child.once("close", (code) => resolve({ code, stdout, stderr }))
  })
