import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { run } from "./support/program.ts"

const program = "workstation/main.ts"

let root: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "workstation-usage-"))
  mkdirSync(join(root, "files"))
  writeFileSync(join(root, "files", "one"), "x")
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

describe("the workstation's manifest", () => {
  it.each([
    ["missing/M", /missing\/M: no such file or directory/],
    ["files", /files: it is a directory/]
  ])("is refused as %s before any work", { timeout: 120_000 }, async (path, message) => {
    const ran = await run(program, { args: [join(root, "files"), "--manifest", join(root, path)] })
    assert.strictEqual(ran.code, 2)
    assert.strictEqual(ran.stdout, "")
    assert.match(ran.stderr, message)
  })

  it("leaves nothing behind where the directory is refused", { timeout: 120_000 }, async () => {
    const ran = await run(program, { args: [join(root, "nowhere"), "--manifest", join(root, "sums")] })
    assert.strictEqual(ran.code, 2)
    assert.deepStrictEqual(readdirSync(root), ["files"])
  })

  it("that cannot be written in the end takes no summary with it", { timeout: 120_000 }, async (context) => {
    if (process.platform !== "linux") return context.skip()
    const ran = await run(program, { args: [join(root, "files"), "--manifest", "/dev/full"] })
    assert.strictEqual(ran.code, 3)
    assert.match(ran.stdout, /: 1 file, /)
    assert.match(ran.stderr, /manifest not written: \/dev\/full: no space left/)
  })
})

describe("the workstation's command line", () => {
  it("refuses an empty directory name", { timeout: 120_000 }, async () => {
    const ran = await run(program, { args: [""] })
    assert.strictEqual(ran.code, 2)
    assert.strictEqual(ran.stdout, "")
    assert.match(ran.stderr, /DIR is empty/)
  })

  it("tells its version", { timeout: 120_000 }, async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"))
    const ran = await run(program, { args: ["--version"] })
    assert.strictEqual(ran.code, 0)
    assert.strictEqual(ran.stdout, `workstation v${version}\n`)
  })
})
