/** What is published: that it is whole, and that it runs where nothing else is installed. */
import { spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import { bundle, type Bundle } from "../scripts/bundle.ts"
import { temporaryFile } from "./support.ts"

describe("the bundle", { timeout: 120_000 }, () => {
  // As it is installed: `dist` beside the manifest, and no node_modules around.
  const root = temporaryFile("published")
  let built: Bundle

  beforeAll(async () => {
    rmSync(root, { recursive: true, force: true })
    mkdirSync(root, { recursive: true })
    copyFileSync(join(import.meta.dirname, "../package.json"), join(root, "package.json"))
    built = await bundle(join(root, "dist"))
  }, 120_000)

  const run = (...args: ReadonlyArray<string>) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [join(root, "dist/bin.js"), ...args], {
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" }
    })
    return { code: status, stderr, stdout }
  }

  it("imports nothing but Node, and the manifest asks for nothing", () => {
    assert.isNotEmpty(built.imports)
    for (const name of built.imports) assert.match(name, /^(node:)?[a-z_/]+$/)
    const manifest: Record<string, unknown> = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    for (const field of ["dependencies", "peerDependencies", "optionalDependencies"]) {
      assert.notProperty(manifest, field)
    }
  })

  it("runs alone", () => {
    const version = run("--version")
    assert.deepStrictEqual([version.code, version.stderr], [0, ""])
    assert.match(version.stdout, /^resource-manager v\d+\.\d+\.\d+\n$/)
    const help = run("simulate", "--help")
    assert.deepStrictEqual([help.code, help.stderr], [0, ""])
    assert.include(help.stdout, "--capacity")
  })

  it("loads what a command needs when it runs", () => {
    const file = temporaryFile("bundled.csv", "submit,run\n0,1\n")
    const replayed = run("simulate", file, "--capacity", "1", "--json", "--csv-columns", "submit=submit,run=run")
    assert.deepStrictEqual([replayed.code, replayed.stderr], [0, ""])
    assert.include(replayed.stdout, '"jobs": 1')
  })

  it("checks Node before it loads anything", () => {
    const lines = readFileSync(join(root, "dist/bin.js"), "utf8").split("\n")
    const files = lines.flatMap((line) => /^\} from "\.\/(.*)";$/.exec(line)?.[1] ?? [])
    assert.isNotEmpty(files)
    for (const name of files) {
      assert.isBelow(built.files.find((file) => file.name === name)?.bytes ?? Infinity, 2_000, name)
    }
  })

  it("carries the licences of what is in it", () => {
    const text = readFileSync(join(root, "dist/THIRD-PARTY-LICENSES.txt"), "utf8")
    for (const name of ["effect", "@effect/platform-node", "csv-parse"]) {
      assert.isTrue(
        built.packages.some((bundled) => bundled.startsWith(`${name}@`)),
        name
      )
      assert.match(text, new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(MIT\\)$`, "m"))
    }
    assert.strictEqual(text.split("=".repeat(80)).length - 1, built.packages.length)
  })
})
