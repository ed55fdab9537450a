/**
 * Draws what a program wrote to a terminal as an SVG picture for the documentation.
 *
 *     FORCE_COLOR=1 resource-manager status | node packages/cli/scripts/terminal-picture.ts \
 *       --title "The status of the daemon" --command "resource-manager status" --out docs/images/status.svg
 *
 * A program that draws a screen needs a terminal, which `script` (util-linux) is:
 *
 *     (sleep 3; printf q) | script -qec "stty columns 100 rows 30; resource-manager top" /dev/null |
 *       node packages/cli/scripts/terminal-picture.ts --columns 100 --rows 30 --screen --title "top" --out docs/images/top.svg
 *
 * `--screen` draws the screen that the program left, as it was before. Without
 * `--out` the picture goes to standard output.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { parseArgs } from "node:util"
import { terminalPicture } from "./terminalPicture.ts"

const { values } = parseArgs({
  options: {
    columns: { type: "string", default: "100" },
    rows: { type: "string", default: "40" },
    title: { type: "string" },
    command: { type: "string" },
    screen: { type: "boolean", default: false },
    out: { type: "string" }
  }
})

const size = (name: "columns" | "rows"): number => {
  const value = Number(values[name])
  if (Number.isInteger(value) && value >= 2 && value <= 1_000) return value
  throw new Error(`--${name} is ${values[name]}; allowed: a whole number from 2 to 1000`)
}

if (values.title === undefined)
  throw new Error("--title is missing: say what the picture shows to those who do not see it")

const picture = await terminalPicture(readFileSync(0, "utf8"), {
  columns: size("columns"),
  rows: size("rows"),
  title: values.title,
  screen: values.screen,
  command: values.command
})

if (values.out === undefined) process.stdout.write(picture)
else {
  mkdirSync(dirname(values.out), { recursive: true })
  writeFileSync(values.out, picture)
}
