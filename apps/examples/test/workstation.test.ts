import { createHash, randomBytes } from "node:crypto"
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import type { Summary } from "../src/workstation/summary.ts"
import { run } from "./support/program.ts"

const program = "workstation/main.ts"

let root: string
/** What is there, by path: what the program must find. */
const contents = new Map<string, Buffer>()

const place = (path: string, content: Buffer) => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), content)
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "workstation-"))
  for (let index = 0; index < 40; index++) {
    contents.set(`data/${index % 4}/file-${index}.txt`, Buffer.from(`line ${index}\n`.repeat(1 + index * 97)))
  }
  contents.set("empty", Buffer.alloc(0))
  contents.set("noise.bin", randomBytes(300_000))
  // Over the size from which another codec is used, and many chunks long.
  contents.set("large.log", Buffer.from("GET /index.html 200\n".repeat(200_000)))
  contents.set("späte dateien/with space.txt", Buffer.from("x"))
  for (const [path, content] of contents) place(path, content)
  for (const left of ["node_modules/a/index.js", ".git/HEAD", "data/dist/out.js"]) place(left, Buffer.from("left out"))
  symlinkSync(".", join(root, "data/loop"))
  symlinkSync("nowhere", join(root, "dangling"))
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

const summaryOf = (stdout: string): Summary => JSON.parse(stdout)

const bytesOf = (all: Iterable<Buffer>) => [...all].reduce((sum, content) => sum + content.length, 0)

describe("workstation", () => {
  it("works through a directory, and all its figures are right", { timeout: 120_000 }, async () => {
    const manifest = join(root, "..", `${root.split("/").at(-1)}.sums`)
    const ran = await run(program, { args: [root, "--json", "--rate", "200", "--manifest", manifest] })
    assert.strictEqual(ran.stderr, "")
    assert.strictEqual(ran.code, 0)
    const summary = summaryOf(ran.stdout)
    assert.strictEqual(summary.files, contents.size)
    assert.strictEqual(summary.bytesIn, bytesOf(contents.values()))
    assert.isBelow(summary.bytesOut, summary.bytesIn)
    assert.deepStrictEqual(summary.violations, [])
    assert.deepStrictEqual({ ...summary.skipped }, { unreadable: [], vanished: 0, symlinks: 2, special: 0 })

    // Twelve agents queue for the one core there is at first.
    assert.strictEqual(summary.agents, 12)
    assert.isTrue(summary.capacityChanges.some(({ from, resourceType, to }) => resourceType === "cpu" && to > from))
    assert.isAtMost(summary.pools["cpu"]!.peak, summary.threads)
    assert.isAbove(summary.pools["cpu"]!.waitMillis.p99, 0)
    assert.isAbove(summary.fairness, 0.8)

    // A file is one lease of three types; its digest is another; the crossing took five.
    assert.strictEqual(summary.pools["memory"]!.leases, contents.size)
    assert.strictEqual(summary.pools["network"]!.leases, contents.size)
    assert.strictEqual(summary.leases, 2 * contents.size + 5)

    assert.strictEqual(summary.deadlocks.detected, 1)
    assert.strictEqual(summary.deadlocks.retried, 1)
    assert.deepStrictEqual(summary.deadlocks.cycles[0]!.map(({ resourceType }) => resourceType).toSorted(), [
      "manifest",
      "totals"
    ])
    assert.deepStrictEqual(summary.registry.refused, 0)
    assert.strictEqual(summary.registry.stored, contents.size)

    const lines = readFileSync(manifest, "utf8").trimEnd().split("\n")
    rmSync(manifest)
    const expected = [...contents].map(
      ([path, content]) => `${createHash("sha256").update(content).digest("hex")}  ${path}`
    )
    assert.deepStrictEqual(lines.toSorted(), expected.toSorted())
  })

  it("prints plain lines where there is no terminal", { timeout: 120_000 }, async () => {
    const ran = await run(program, { args: [join(root, "data"), "--agents", "3", "--rate", "500", "--level", "1"] })
    assert.strictEqual(ran.code, 0)
    // No escape sequence is left in it.
    assert.notInclude(ran.stdout, "\u001B")
    assert.match(ran.stdout, /deadlock: agent-0\d asked for/)
    assert.match(ran.stdout, /: 40 files, /)
    assert.match(ran.stdout, /^violations {2}0$/m)
  })

  it("does nothing to an empty directory, and says so", { timeout: 120_000 }, async () => {
    const empty = join(root, "node_modules/empty")
    mkdirSync(empty)
    const ran = await run(program, { args: [empty, "--json", "--agents", "1"] })
    assert.strictEqual(ran.code, 0)
    const summary = summaryOf(ran.stdout)
    assert.strictEqual(summary.files, 0)
    assert.deepStrictEqual(summary.violations, [])
  })

  it("tells an unreadable file apart, and does the others", { timeout: 120_000 }, async (context) => {
    // Root reads everything.
    if (process.getuid?.() === 0) return context.skip()
    const directory = join(root, "node_modules/locked")
    mkdirSync(directory)
    writeFileSync(join(directory, "open"), "open")
    writeFileSync(join(directory, "locked"), "locked")
    chmodSync(join(directory, "locked"), 0)
    const ran = await run(program, { args: [directory, "--json"] })
    assert.strictEqual(ran.code, 3)
    const summary = summaryOf(ran.stdout)
    assert.strictEqual(summary.files, 1)
    assert.deepStrictEqual(summary.skipped.unreadable, [{ path: "locked", reason: "permission denied" }])
  })

  it.each([
    [["/nowhere/at/all"], /no such file or directory/],
    [[import.meta.filename], /not a directory/],
    [["--agents", "0"], /--agents.*1 to 256/],
    [["--level", "12"], /--level.*1 to 11/],
    [["--rate", "fast"], /--rate/],
    [["--frobnicate"], /--frobnicate/],
    [[".", "."], /positional argument/]
  ])("refuses %j with exit code 2, and says why on standard error", { timeout: 120_000 }, async (args, message) => {
    const ran = await run(program, { args })
    assert.strictEqual(ran.code, 2)
    assert.strictEqual(ran.stdout, "")
    assert.match(ran.stderr, message)
  })

  it("explains itself", { timeout: 120_000 }, async () => {
    const ran = await run(program, { args: ["--", "--help"] })
    assert.strictEqual(ran.code, 0)
    assert.match(ran.stdout, /--agents/)
    assert.match(ran.stdout, /sha256sum/)
  })

  it("gives everything back when it is stopped, and exits with 130", { timeout: 120_000 }, async () => {
    // Slow enough that the signal meets it at work.
    const ran = await run(program, {
      args: [root, "--rate", "1"],
      onOutput: (stdout) => (/capacity 1 → 2/.test(stdout) ? "SIGINT" : undefined)
    })
    assert.strictEqual(ran.code, 130)
    assert.match(ran.stderr, /interrupted after \d+ of 44 files; everything was given back/)
  })
})
