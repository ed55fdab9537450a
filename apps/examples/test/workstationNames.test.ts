import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "vitest"
import { makeProgress } from "../src/workstation/progress.ts"
import { drawTable } from "../src/workstation/table.ts"
import { run } from "./support/program.ts"

const program = "workstation/main.ts"

/** Sets the title of a window, clears the screen, and ends the line. */
const hostile = "\u001B]0;owned\u0007\u001B[2J\n\u009B"
const harmless = String.raw`\x1b]0;owned\x07\x1b[2J\n\x9b`

let root: string

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "workstation-names-"))
})

afterEach(() => rmSync(root, { recursive: true, force: true }))

// oxlint-disable-next-line no-control-regex
const control = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/

describe("names from outside", () => {
  it("reach the summary escaped", { timeout: 120_000 }, async () => {
    const directory = join(root, hostile)
    mkdirSync(directory)
    writeFileSync(join(directory, "file"), "x")
    const ran = await run(program, { args: [directory, "--agents", "1"] })
    assert.strictEqual(ran.code, 0)
    assert.notMatch(ran.stdout, control)
    assert.include(ran.stdout, `${harmless}: 1 file,`)
  })

  it("reach messages of errors escaped", { timeout: 120_000 }, async () => {
    const ran = await run(program, { args: [join(root, hostile)] })
    assert.strictEqual(ran.code, 2)
    assert.notMatch(ran.stderr, control)
    assert.include(ran.stderr, `${harmless}: no such file or directory`)
  })

  it("reach the live table escaped", () => {
    const progress = makeProgress(["agent-01"], 1)
    progress.agents.get("agent-01")!.doing = hostile
    const lines = drawTable({ progress, pools: [], waiters: [] }, { columns: 100, rows: 24, colors: false })
    assert.notMatch(lines.join(""), control)
    assert.isTrue(lines.some((line) => line.includes(harmless)))
  })

  it("stay exact in JSON and in the manifest", { timeout: 120_000 }, async () => {
    const directory = join(root, hostile)
    mkdirSync(directory)
    writeFileSync(join(directory, hostile), "x")
    const manifest = join(root, "sums")
    const ran = await run(program, { args: [directory, "--json", "--agents", "1", "--manifest", manifest] })
    assert.strictEqual(JSON.parse(ran.stdout).directory, directory)
    assert.isTrue(readFileSync(manifest, "utf8").endsWith(`  ${hostile.replace("\n", "\\n")}\n`))
  })

  it("that are not UTF-8 are counted, and said to be so", { timeout: 120_000 }, async (context) => {
    // Elsewhere the file system takes no such name.
    if (process.platform !== "linux") return context.skip()
    const broken = (name: string) => Buffer.concat([Buffer.from(`${root}/${name}`), Buffer.from([0xff])])
    writeFileSync(broken("file"), "x")
    mkdirSync(broken("directory"))
    // A name that has the replacement character is a name like any other.
    writeFileSync(join(root, "good\uFFFD"), "x")
    const ran = await run(program, { args: [root, "--json", "--agents", "1"] })
    assert.strictEqual(ran.code, 3)
    const { files, skipped } = JSON.parse(ran.stdout)
    assert.strictEqual(files, 1)
    assert.sameDeepMembers(skipped.unreadable, [
      { path: "file\uFFFD", reason: "name is not UTF-8" },
      { path: "directory\uFFFD", reason: "name is not UTF-8" }
    ])
  })
})
