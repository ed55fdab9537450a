/** How the process behaves around the replay: its streams, its files, and the Node that runs it. */
import { spawnSync } from "node:child_process"
import { linkSync, readFileSync, symlinkSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { bin, generatedJobs, runCli, swfText, temporaryFile } from "./support.ts"

const text = `; MaxProcs: 64\n${swfText(generatedJobs(7, 300))}`
const workload = temporaryFile("process.swf", text)

const shell = (command: string, input = "") => {
  const { status, stderr, stdout } = spawnSync("bash", ["-c", `set -o pipefail; ${command}`], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", NODE: process.execPath, BIN: bin, WORKLOAD: workload },
    input
  })
  return { code: status, stdout, stderr }
}

describe("simulate --out", () => {
  const input = temporaryFile("input.html", text)
  const [symbolic, hard] = [temporaryFile("symbolic.html"), temporaryFile("hard.svg")]
  symlinkSync(input, symbolic)
  linkSync(input, hard)
  for (const [what, out] of [
    ["the name of the workload", input],
    ["a symbolic link to the workload", symbolic],
    ["a hard link to the workload", hard]
  ] as const) {
    it(`does not overwrite the workload: ${what}`, () => {
      const run = runCli("simulate", input, "--format", "swf", "--out", out)
      assert.deepStrictEqual([run.code, run.stdout], [2, ""])
      assert.include(run.stderr, "--out")
      assert.include(run.stderr, "another file than the workload")
      assert.strictEqual(readFileSync(input, "utf8"), text)
    })
  }
})
