/** How the process behaves around the replay: its streams, its files, and the Node that runs it. */
import { spawnSync } from "node:child_process"
import { existsSync, linkSync, readFileSync, symlinkSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { bin, generatedJobs, runCli, sourceOfBinary, swfText, temporaryFile } from "./support.ts"

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

const invocations = ['simulate "$WORKLOAD"', 'simulate "$WORKLOAD" --json', "simulate --help", "--version"]

describe("standard output whose reader is gone", () => {
  for (const args of invocations) {
    it(`is no failure: ${args}`, () => {
      const run = shell(`"$NODE" "$BIN" ${args} | true`)
      assert.deepStrictEqual(run, { code: 0, stdout: "", stderr: "" })
    })
  }
})

describe.skipIf(!existsSync("/dev/full"))("a full device", () => {
  for (const args of invocations) {
    it(`under standard output ends with 4 and one line: ${args}`, () => {
      const run = shell(`"$NODE" "$BIN" ${args} > /dev/full`)
      assert.strictEqual(run.stderr, "resource-manager: standard output: there is no space left\n")
      assert.strictEqual(run.code, 4)
    })
  }

  it("under standard error leaves the exit code as it is", () => {
    assert.strictEqual(shell(`"$NODE" "$BIN" simulate "$WORKLOAD" > /dev/full 2> /dev/full`).code, 4)
    assert.strictEqual(shell(`"$NODE" "$BIN" simulate /nowhere 2> /dev/full`).code, 3)
    assert.strictEqual(shell(`"$NODE" "$BIN" simulat 2> /dev/full`).code, 2)
  })
})

describe("the Node that runs it", () => {
  const Manifest = Schema.fromJsonString(Schema.Struct({ engines: Schema.Struct({ node: Schema.String }) }))
  const { engines } = Schema.decodeUnknownSync(Manifest)(
    readFileSync(new URL("../package.json", import.meta.url), "utf8")
  )

  /** The binary, after `script` has made of this Node another one. */
  const runAfter = (script: string) => {
    const preload = `data:text/javascript,${encodeURIComponent(script)}`
    const { status, stderr, stdout } = spawnSync(process.execPath, ["--import", preload, bin, "--version"], {
      encoding: "utf8"
    })
    return { code: status, stdout, stderr }
  }

  const versionScript = (version: string) =>
    `Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } })`

  for (const version of ["20.20.2", "22.18.0", "4.9.1"]) {
    it(`is refused in one line where it is ${version}`, () => {
      const needed = engines.node.replace(">=", "")
      const stderr = `resource-manager: needs Node ${needed} or later, and this is Node ${version}\n`
      assert.deepStrictEqual(runAfter(versionScript(version)), { code: 6, stdout: "", stderr })
    })
  }

  for (const version of ["22.19.0", "23.0.0-rc.1", "100.0.0"]) {
    it(`is accepted where it is ${version}`, () => {
      assert.strictEqual(runAfter(versionScript(version)).code, 0)
    })
  }

  it("need not have a compile cache", () => {
    const run = runAfter(
      'import module from "node:module"; delete module.enableCompileCache; module.syncBuiltinESMExports()'
    )
    assert.strictEqual(run.code, 0, run.stderr)
  })

  it("is asked for its version before anything is loaded that an old one lacks", () => {
    // An old Node links all static imports first: a name that it does not export is a syntax error.
    const source = readFileSync(sourceOfBinary, "utf8")
    const imports = source.split("\n").filter((line) => line.startsWith("import "))
    for (const line of imports)
      assert.match(
        line,
        /^import (?:\* as \w+ from "node:|\{ \w+ \} from "\.\/(?:exitCodes|nodeVersion|up\/guardArgument)\.ts")/
      )
  })
})

describe("the workload on standard input", () => {
  for (const [what, command] of [
    ["a pipe", 'cat "$WORKLOAD" | "$NODE" "$BIN" simulate - --json'],
    ["a gzipped pipe", 'gzip -c "$WORKLOAD" | "$NODE" "$BIN" simulate - --json'],
    ["a file", '"$NODE" "$BIN" simulate - --json < "$WORKLOAD"']
  ] as const) {
    it(`is read where FILE is -: ${what}`, () => {
      const run = shell(command)
      assert.strictEqual(run.code, 0, run.stderr)
      assert.include(run.stdout, '"jobs": 300')
    })
  }

  it("is not overwritten either", () => {
    const input = temporaryFile("redirected.html", text)
    const run = shell(`"$NODE" "$BIN" simulate - --out '${input}' < '${input}'`)
    assert.strictEqual(run.code, 2)
    assert.strictEqual(readFileSync(input, "utf8"), text)
  })
})
