/** What every command owes: help with examples, completions that a shell can read, and a page of documentation. */
import { spawnSync } from "node:child_process"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
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

/** How a shell that reads a script is asked what it offers for the last of some words. That of zsh needs a terminal. */
const askingShells: Readonly<Record<string, (script: string, words: ReadonlyArray<string>) => ReadonlyArray<string>>> =
  {
    bash: (script, words) => [
      "--norc",
      "-c",
      `. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=\${#COMP_LINE}
     set -- $(complete -p resource-manager); while [ "$1" != -F ]; do shift; done
     "$2" resource-manager "\${COMP_WORDS[COMP_CWORD]}" "\${COMP_WORDS[COMP_CWORD - 1]}"
     printf '%s\\n' "\${COMPREPLY[@]}"`,
      script,
      ...words
    ],
    fish: (script, words) => ["--no-config", "-c", `source $argv[1]; complete -C "$argv[2..]"`, script, ...words]
  }

let binary: string

beforeAll(async () => {
  binary = await bundledBinary()
}, 120_000)

describe("every command", { timeout: 300_000 }, () => {
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
    it(`has completions for ${shell}`, () => {
      const { code, stdout } = runBinary(binary, {}, ["completions", shell])
      assert.strictEqual(code, 0)
      for (const word of ["set-capacity", "deadlocks", "revoke"]) assert.include(stdout, word)
      assert.notInclude(stdout, "--completions")
    })

    it(`is read by ${shell}`, (context) => {
      context.skip(spawnSync(shell, ["--version"]).error !== undefined, `there is no ${shell}`)
      // Not by its standard input, which fish reads from files alone.
      const file = temporaryFile(`completions.${shell}`, runBinary(binary, {}, ["completions", shell]).stdout)
      const check = spawnSync(shell, ["-n", file], { encoding: "utf8" })
      assert.deepStrictEqual([check.status, check.stderr], [0, ""])
    })
  }

  for (const [shell, asking] of Object.entries(askingShells)) {
    it(`is completed by ${shell} as a person types it`, (context) => {
      context.skip(spawnSync(shell, ["--version"]).error !== undefined, `there is no ${shell}`)
      const file = temporaryFile(`completions.${shell}`, runBinary(binary, {}, ["completions", shell]).stdout)
      // Fish makes folders at home.
      const home = mkdtempSync(join(tmpdir(), "rm-home-"))
      const offered = (...words: ReadonlyArray<string>): ReadonlyArray<string> => {
        const run = spawnSync(shell, asking(file, words), {
          encoding: "utf8",
          env: { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_DATA_HOME: home }
        })
        assert.deepStrictEqual([run.status, run.stderr], [0, ""])
        return run.stdout.split("\n").map((line) => line.split("\t")[0]!)
      }
      assert.include(offered("resource-manager", "po"), "pools")
      assert.includeMembers([...offered("resource-manager", "pools", "set-")], ["set-capacity", "set-rate"])
      assert.notInclude(offered("resource-manager", "pools", "set-"), "list")
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
