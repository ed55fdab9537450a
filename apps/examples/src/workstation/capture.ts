/**
 * What a terminal shows of the workstation, for docs/images/workstation.svg: runs it
 * on this repository with a screen that keeps what is written to it, and writes one
 * of its frames and the summary, as they were, to standard output. A picture of it:
 *
 *     node apps/examples/src/workstation/capture.ts | node packages/cli/scripts/terminal-picture.ts --columns 108 \
 *       --title "The workstation at work: pools, agents, waiters with why they wait, and the summary" \
 *       --out docs/images/workstation.svg
 */
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { run } from "./run.ts"
import { formatSummary } from "./summary.ts"

const repository = fileURLToPath(new URL("../../../../", import.meta.url))

const columns = 108
const rows = 38

/** The frame that shows the most kinds of waits, and of those the one with the most waiters. */
const liveliest = (frames: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const interest = (frame: ReadonlyArray<string>) => {
    const count = (part: string) => frame.filter((line) => line.includes(part)).length
    return 100 * Math.min(3, count("asks for"), count("needs 1 token")) + count(" ms  ")
  }
  return frames.reduce((best, frame) => (interest(frame) > interest(best) ? frame : best), frames[0] ?? [])
}

const program = Effect.gen(function* () {
  const frames: Array<ReadonlyArray<string>> = []
  const write = (text: string) => {
    if (text.startsWith("\u001B[H")) frames.push(text.slice(3).split("\r\n"))
  }
  const summary = yield* run({
    directory: repository,
    agents: 12,
    level: 11,
    rate: 100,
    seed: 1,
    manifest: undefined,
    mode: "live",
    stream: { isTTY: true, columns, rows, write }
  })
  // The picture is for everybody: it does not say where the repository is on this machine.
  const said = formatSummary({ ...summary, directory: "resource-manager" })
  // What erases the screen below a frame would erase what is written after it.
  const frame = liveliest(frames.slice(3)).map((line) => line.replace("\u001B[J", ""))
  yield* Effect.sync(() => process.stdout.write([...frame, "", "", ...said, ""].join("\n")))
})

NodeRuntime.runMain(program)
