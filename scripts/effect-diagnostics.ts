// Runs the diagnostics of the Effect language service (a floating effect, a `yield` without its star, …) over all
// sources as one project, so that what they share is read once. They are run beside the compiler rather than patched
// into it, so that an install changes nothing.
import { execFile } from "node:child_process"
import { join } from "node:path"

const root = join(import.meta.dirname, "..")
const options = "diagnostics --strict --format text --severity error,warning --project tsconfig.effect.json"

execFile(join(root, "node_modules/.bin/effect-tsgo"), options.split(" "), { cwd: root }, (error, stdout, stderr) => {
  // A project whose settings leave the diagnostics out is reported as clean, with nothing checked.
  const checked = /^Checked ([1-9]\d*) files/m.exec(stdout)?.[1]
  const isFine = error === null && checked !== undefined
  if (!isFine) process.stdout.write(`${(stdout + stderr).replaceAll(`${root}/`, "").trim()}\n`)
  process.stdout.write(`Effect diagnostics: ${checked ?? "no"} files, ${isFine ? "none" : "problems found"}\n`)
  process.exitCode = isFine ? 0 : 1
})
