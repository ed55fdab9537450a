/** Runs every example as a program of its own, and fails where one fails or complains, or where there is none. */
import { spawn } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"

const here = import.meta.dirname

/** A program has a file here, or a folder with a `main.ts`. */
const programs = readdirSync(here, { withFileTypes: true })
  .flatMap((entry) => {
    if (entry.isFile() && entry.name.endsWith(".ts")) return [entry.name]
    return entry.isDirectory() && existsSync(join(here, entry.name, "main.ts")) ? [`${entry.name}/main.ts`] : []
  })
  .filter((program) => join(here, program) !== import.meta.filename)
  .toSorted()

/** Against a program that hangs: none needs more than seconds, on a machine that has time for it. */
const secondsMax = 300

interface Outcome {
  readonly failure: string | undefined
  readonly output: string
}

const run = (program: string): Promise<Outcome> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, [join(here, program)], {
      stdio: ["ignore", "pipe", "pipe"],
      timeout: secondsMax * 1_000,
      env: { ...process.env, NO_COLOR: "1" }
    })
    let output = ""
    let complained = false
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      output += text
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      output += text
      complained = true
    })
    child.once("error", (error) => resolve({ failure: error.message, output }))
    child.once("close", (code, signal) => {
      const ended = signal === null ? `exit code ${code}` : `${signal}, after at most ${secondsMax} s`
      const failure = code !== 0 ? ended : complained ? "it wrote to standard error" : undefined
      resolve({ failure, output })
    })
  })

let failed = 0
const waiting = [...programs]
const work = async () => {
  for (let program = waiting.shift(); program !== undefined; program = waiting.shift()) {
    const startedAt = performance.now()
    const { failure, output } = await run(program)
    const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1)
    process.stdout.write(`${failure === undefined ? "pass" : "FAIL"}  ${seconds.padStart(5)} s  ${program}\n`)
    if (failure === undefined) continue
    failed++
    process.stdout.write(`${failure}\n${output}\n`)
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, work))
if (programs.length === 0) process.stdout.write("no example was found\n")
process.stdout.write(`${programs.length - failed} passed, ${failed} failed\n`)
process.exitCode = failed > 0 || programs.length === 0 ? 1 : 0
