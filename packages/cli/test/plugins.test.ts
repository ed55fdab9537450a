/** Plugins from outside, loaded by the bundle: they bring copies of their own of what it has inside. */
import { spawnSync } from "node:child_process"
import { mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, beforeAll, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { PluginsListOutput } from "../src/output/plugins.ts"
import { bundledBinary } from "./binary.ts"
import { temporaryFile } from "./support.ts"

const folder = temporaryFile("plugins")
let binary: string

/** A package in `node_modules` beside the settings. */
const install = (name: string, source: string, brings: Readonly<Record<string, string>> = {}) => {
  const root = join(folder, "node_modules", name)
  mkdirSync(root, { recursive: true })
  const manifest = { name, version: "1.2.3", type: "module", exports: { ".": { import: "./main.js" } } }
  writeFileSync(join(root, "package.json"), JSON.stringify(manifest))
  writeFileSync(join(root, "main.js"), source)
  for (const [dependency, version] of Object.entries(brings)) {
    const own = join(root, "node_modules", dependency)
    mkdirSync(own, { recursive: true })
    writeFileSync(join(own, "package.json"), JSON.stringify({ name: dependency, version, exports: {} }))
  }
}

const gpu = `
import { Plugin, ResourceType } from "@resource-manager/core"
import * as Effect from "effect/Effect"

const type = ResourceType.make("gpu", { unit: "devices" })
export const plugin = ({ count = 1 }) =>
  Plugin.layer({
    name: "@acme/gpu",
    pools: [{ type, capacity: Effect.succeed(count), measure: Effect.succeed(0) }]
  })
`

const failing = `
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
export const plugin = () => Layer.effectDiscard(Effect.fail(new Error("the driver does not answer")))
`

const list = (plugins: unknown) => {
  const config = join(folder, "settings.json")
  writeFileSync(config, JSON.stringify({ plugins }))
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [binary, "plugins", "list", "--config", config, "--json"],
    { encoding: "utf8", env: { ...process.env, NO_COLOR: "1" } }
  )
  return { code: status, stderr, stdout }
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(PluginsListOutput))

beforeAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, "node_modules/@resource-manager"), { recursive: true })
  const here = join(import.meta.dirname, "../node_modules")
  symlinkSync(realpathSync(join(here, "effect")), join(folder, "node_modules/effect"))
  symlinkSync(realpathSync(join(here, "@resource-manager/core")), join(folder, "node_modules/@resource-manager/core"))
  binary = await bundledBinary()
}, 120_000)

describe("plugins list", { timeout: 120_000 }, () => {
  it("loads a package that stands beside the settings, and a file", () => {
    install("@acme/gpu", gpu)
    writeFileSync(join(folder, "local.js"), gpu.replaceAll("gpu", "fpga"))
    const run = list({ "@acme/gpu": { count: 4 }, "./local.js": null })
    assert.deepStrictEqual([run.code, run.stderr], [0, ""])
    assert.deepStrictEqual(decode(run.stdout), [
      { name: "@acme/gpu", pools: [{ resourceType: "gpu", capacity: 4, measured: 0 }] },
      { name: "./local.js", pools: [{ resourceType: "fpga", capacity: 1, measured: 0 }] }
    ])
  })

  it("shows this machine", () => {
    const run = list({ host: { pools: { cpu: {}, memory: { share: 0.5 } } } })
    assert.deepStrictEqual([run.code, run.stderr], [0, ""])
    const [host] = decode(run.stdout)
    assert.deepStrictEqual(
      host?.pools.map(({ resourceType }) => resourceType),
      ["cpu", "memory"]
    )
  })

  it("warns of another minor version of what it shares", () => {
    install("newer", gpu)
    const own = join(folder, "node_modules/newer/node_modules")
    mkdirSync(own, { recursive: true })
    // Another version by its manifest, and the same code.
    const real = realpathSync(join(folder, "node_modules/effect"))
    mkdirSync(join(own, "effect"))
    writeFileSync(
      join(own, "effect/package.json"),
      JSON.stringify({ name: "effect", version: "4.99.0", type: "module", exports: { "./Effect": "./Effect.js" } })
    )
    writeFileSync(join(own, "effect/Effect.js"), `export * from ${JSON.stringify(join(real, "dist/Effect.js"))}\n`)
    const run = list({ newer: {} })
    assert.deepStrictEqual([run.code, run.stderr], [0, ""])
    assert.match(decode(run.stdout)[0]?.warning ?? "", /^brings effect 4\.99\.0 beside this program's 4\./)
  })

  for (const [what, name, source, told, brings] of [
    ["is not installed", "@acme/missing", undefined, "npm install @acme/missing", {}],
    ["is no file", "./nowhere.js", undefined, "there is no file", {}],
    ["exports something else", "other", "export default 1", "a plugin exports `plugin`, a function", {}],
    ["returns something else", "odd", "export const plugin = () => 1", "did not return a Layer", {}],
    ["throws", "thrower", 'export const plugin = () => { throw new Error("bad options") }', "bad options", {}],
    ["cannot be parsed", "broken", "export const = 1", "it cannot be loaded", {}],
    ["imports what is not there", "needy", 'import "nowhere-to-be-found"', "nowhere-to-be-found", {}],
    ["fails as it starts", "failing", failing, "the driver does not answer", {}],
    [
      "brings another major version",
      "older",
      "export const plugin = 1",
      "install it with effect 4.",
      { effect: "3.9.1" }
    ]
  ] as const) {
    it(`says in one line what is wrong with one that ${what}`, () => {
      if (source !== undefined) install(name, source, brings)
      const run = list({ [name]: {} })
      assert.deepStrictEqual([run.code, run.stdout], [3, ""])
      assert.match(run.stderr, new RegExp(`^resource-manager: plugin ${name}: `))
      assert.include(run.stderr, told)
      assert.strictEqual(run.stderr.trim().split("\n").length, 1, run.stderr)
    })
  }

  it("says who claims what is taken", () => {
    install("@acme/gpu", gpu)
    install("rival", gpu)
    const run = list({ "@acme/gpu": {}, rival: {} })
    // Each has a manager of its own here: only a daemon has both.
    assert.strictEqual(run.code, 0)
  })
})
