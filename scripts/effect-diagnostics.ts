// Runs the diagnostics of the Effect language service (a floating effect, a `yield` without its star, …) over every
// compiler project. They are run beside the compiler rather than patched into it, so that an install changes nothing.
import { execFile } from "node:child_process"
import { globSync } from "node:fs"
import { availableParallelism } from "node:os"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const projects = globSync(
  ["packages/*", "packages/plugins/*", "apps/*"].map((dir) => `${dir}/tsconfig.{src,test}.json`),
  {
    cwd: root
  }
).toSorted()

const check = (project: string): Promise<{ readonly ok: boolean; readonly output: string }> =>
  new Promise((resolve) => {
    const args = ["diagnostics", "--strict", "--format", "text", "--severity", "error,warning", "--project", project]
    execFile(join(root, "node_modules/.bin/effect-tsgo"), args, { cwd: root }, (error, stdout, stderr) => {
      // A project whose settings leave the diagnostics out is reported as clean, with nothing checked.
      const skipped = !/^Checked [1-9]/m.test(stdout)
      const output = (stdout + stderr).replaceAll(`${root}/`, "").trim()
      resolve({ ok: error === null && !skipped, output: skipped ? `${output}\nno file was checked` : output })
    })
  })

let failed = projects.length === 0
const queue = projects.values()
const worker = async (): Promise<void> => {
  for (const project of queue) {
    const { ok, output } = await check(project)
    if (ok) continue
    failed = true
    process.stdout.write(`${project}\n${output}\n`)
  }
}
await Promise.all(Array.from({ length: Math.min(availableParallelism(), 8) }, worker))

process.stdout.write(`Effect diagnostics: ${projects.length} projects, ${failed ? "problems found" : "none"}\n`)
process.exitCode = failed ? 1 : 0
