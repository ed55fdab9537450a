/** What every command owes: help with examples, completions that a shell can read, and a page of documentation. */
import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Completions from "effect/cli/Completions"
import * as Effect from "effect/Effect"
import { root } from "../src/cli.ts"
import { load } from "../src/config/settings.ts"
import { exitCodes } from "../src/exitCodes.ts"
import { bundledBinary } from "./binary.ts"
import { runBinary } from "./daemon.ts"
import { temporaryFile } from "./support.ts"

const docs = (name: string) => readFileSync(join(import.meta.dirname, "../../../docs", name), "utf8")

const leavesOf = (
  descriptor: Completions.CommandDescriptor,
  path: ReadonlyArray<string>
): ReadonlyArray<ReadonlyArray<string>> =>
  descriptor.subcommands.length === 0
    ? [path]
    : descriptor.subcommands.flatMap((inner) => leavesOf(inner, [...path, inner.name]))

const tree = Completions.fromCommand(root)
const leaves = leavesOf(tree, [])
/** Those that others are inside of, the program itself first. */
const groups = [[], ...tree.subcommands.filter(({ subcommands }) => subcommands.length > 0).map(({ name }) => [name])]

let binary: string

beforeAll(async () => {
  binary = await bundledBinary()
}, 120_000)

describe("every command", { timeout: 120_000 }, () => {
  it("has help with examples on standard output, and is in the documentation", () => {
    assert.isAtLeast(leaves.length, 20)
    const page = docs("cli.md")
    for (const path of leaves) {
      const name = path.join(" ")
      const help = runBinary(binary, { NO_COLOR: "1" }, [...path, "--help"])
      assert.deepStrictEqual([help.code, help.stderr], [0, ""], name)
      for (const section of ["DESCRIPTION", "USAGE", "EXAMPLES", "--json"]) assert.include(help.stdout, section, name)
      assert.include(page, `\`${name}`, name)
    }
  })

  it("that has others inside has examples too", () => {
    assert.isAtLeast(groups.length, 7)
    for (const path of groups) {
      const help = runBinary(binary, { NO_COLOR: "1" }, [...path, "--help"])
      assert.match(help.stdout, /EXAMPLES\n(.*\n)*.*resource-manager \w/, path.join(" "))
    }
  })

  for (const shell of ["bash", "zsh", "fish"]) {
    it(`is completed in ${shell}`, () => {
      const { code, stdout } = runBinary(binary, {}, ["completions", shell])
      assert.strictEqual(code, 0)
      for (const word of ["set-capacity", "deadlocks", "revoke"]) assert.include(stdout, word)
      assert.notInclude(stdout, "--completions")
      if (spawnSync(shell, ["--version"]).status === 0) {
        const check = spawnSync(shell, ["-n"], { input: stdout, encoding: "utf8" })
        assert.deepStrictEqual([check.status, check.stderr], [0, ""])
      }
    })
  }
})

describe("the documentation", () => {
  it("has every exit code", () => {
    for (const code of Object.values(exitCodes)) assert.match(docs("cli.md"), new RegExp(`^\\| ${code} \\|`, "m"))
  })

  it.effect("has settings that are right", () =>
    Effect.gen(function* () {
      const text = /```yaml\n([^]*?)```/.exec(docs("configuration.md"))?.[1]
      const file = temporaryFile("documented.yaml", text ?? "nothing: there")
      const { complete } = yield* load({ file, environment: {}, places: { socket: "/s", journal: "/j" } })
      assert.strictEqual(complete.quotas["build"]?.["memory"], 8 * 1024 ** 3)
    })
  )
})
