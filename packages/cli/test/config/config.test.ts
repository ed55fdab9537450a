import { mkdirSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { parse } from "yaml"
import { fileBytesMax } from "../../src/config/document.ts"
import { configJsonSchema } from "../../src/config/jsonSchema.ts"
import { formatPath } from "../../src/config/problems.ts"
import * as Settings from "../../src/config/settings.ts"
import { temporaryFile } from "../support.ts"
import { broken, everything, minimal, wrong } from "./files.ts"

const places = { socket: "/run/user/1/resource-manager/daemon.sock", journal: "/state/journal.db" }

const load = (file: string | undefined, environment: Settings.Environment = { HOME: "/nowhere" }) =>
  Settings.load({ file, environment, places })

const loadText = (text: string, name = "settings.yaml") => load(temporaryFile(name, text))

const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(configJsonSchema())

describe("settings", () => {
  it.effect("are all taken from a file that says all", () =>
    Effect.gen(function* () {
      const { complete, folder } = yield* loadText(everything)
      assert.deepStrictEqual(complete.pools["memory"], {
        capacity: 4 * 1024 ** 3,
        max: 8 * 1024 ** 3,
        rate: { limit: 60, interval: Duration.minutes(1), burst: 10, per: "request" }
      })
      assert.deepStrictEqual(complete.pools["cpu"]?.rate, { limit: 100, interval: Duration.seconds(1) })
      assert.deepStrictEqual(complete.quotas, {
        "42": { licences: 1 },
        "agent 1": { cpu: 4, memory: 512 * 1024 ** 2 }
      })
      assert.deepStrictEqual(Object.keys(complete.plugins), ["host", "llm", "@acme/gpu", "./local.js"])
      assert.deepStrictEqual(complete.plugins["@acme/gpu"], { interval: "5s", nested: { anything: [1, 2] } })
      assert.strictEqual(complete.plugins["./local.js"], null)
      assert.deepStrictEqual(complete.manager.timeout, Duration.minutes(10))
      assert.strictEqual(complete.manager.deadlock, "off")
      assert.deepStrictEqual(complete.daemon.listen, ["unix:/run/rm.sock", "tcp:10.0.0.1:7070"])
      assert.strictEqual(complete.daemon.limits.messageBytes, 2 * 1024 ** 2)
      // Not in the file: built in, beside what is in it.
      assert.strictEqual(complete.daemon.limits.registrations, 1_000)
      assert.strictEqual(folder, join(temporaryFile("x"), ".."))
    })
  )

  it.effect("say where each of them came from", () =>
    Effect.gen(function* () {
      const text = "daemon:\n  sessionTimeout: 3s\n  journal: { snapshotEvery: 7 }\n"
      const settings = yield* loadText(text)
      const from = new Map(settings.origins.map((origin) => [formatPath(origin.path), origin]))
      const file = settings.file!
      assert.deepStrictEqual(
        ["daemon.sessionTimeout", "daemon.journal.snapshotEvery", "daemon.journal.path", "manager.waitersMax"].map(
          (path) => [from.get(path)?.value, from.get(path)?.from]
        ),
        [
          ["3s", `${file}:2:19`],
          [7, `${file}:3:29`],
          [places.journal, "default"],
          [100_000, "default"]
        ]
      )
      // What is shown is a file of settings itself.
      assert.isTrue(validate(settings.written), JSON.stringify(validate.errors))
    })
  )

  it.effect("offer the machine where nobody says what there is", () =>
    Effect.gen(function* () {
      const host = { pools: { cpu: {}, memory: { share: 0.8 } }, pressure: "auto" }
      assert.deepStrictEqual<unknown>((yield* load(undefined)).complete.plugins, { host })
      assert.deepStrictEqual<unknown>((yield* loadText("daemon: {}\n")).complete.plugins, { host })
      assert.deepStrictEqual<unknown>((yield* loadText("")).complete.plugins, { host })
      assert.deepStrictEqual((yield* loadText(minimal)).complete.plugins, {})
      assert.deepStrictEqual((yield* loadText("plugins: {}\n")).complete.plugins, {})
    })
  )

  it.effect("let a daemon end by itself that was started by itself", () =>
    Effect.gen(function* () {
      const idle = (isBackground: boolean, text: string) =>
        Effect.map(
          Settings.load({ file: temporaryFile("idle.yaml", text), environment: {}, places, isBackground }),
          ({ complete }) => complete.daemon.idleTimeout
        )
      assert.strictEqual(yield* idle(false, ""), "off")
      assert.deepStrictEqual(yield* idle(true, ""), Duration.minutes(10))
      assert.deepStrictEqual(yield* idle(true, "daemon: { idleTimeout: 1m }"), Duration.minutes(1))
      assert.strictEqual(yield* idle(true, "daemon: { idleTimeout: off }"), "off")
    })
  )

  it.effect("are the same in JSON", () =>
    Effect.gen(function* () {
      const json = yield* loadText(JSON.stringify(parse(everything)), "settings.json")
      assert.deepStrictEqual(json.complete, (yield* loadText(everything)).complete)
    })
  )

  it.effect("are found by name, by the environment, and in their folder", () =>
    Effect.gen(function* () {
      const home = temporaryFile("home")
      const folder = join(home, ".config/resource-manager")
      mkdirSync(folder, { recursive: true })
      const named = temporaryFile("named.yaml", minimal)
      assert.strictEqual(yield* Settings.find(undefined, { HOME: home }), undefined)
      const yaml = temporaryFile("home/.config/resource-manager/config.yaml", minimal)
      assert.strictEqual(yield* Settings.find(undefined, { HOME: home }), yaml)
      assert.strictEqual(yield* Settings.find(undefined, { XDG_CONFIG_HOME: join(home, ".config") }), yaml)
      assert.strictEqual(yield* Settings.find(undefined, { HOME: home, RESOURCE_MANAGER_CONFIG: named }), named)
      assert.strictEqual(yield* Settings.find("x.yaml", { RESOURCE_MANAGER_CONFIG: named }), "x.yaml")
      temporaryFile("home/.config/resource-manager/config.json", "{}")
      const two = yield* Effect.flip(Settings.find(undefined, { HOME: home }))
      assert.include(two.message, "has config.yaml and config.json; allowed: one of them")
    })
  )
})

describe("settings that make no sense", () => {
  for (const { schemaRefuses, text, told, what } of wrong) {
    it.effect(`are refused, all at once, with where and what: ${what}`, () =>
      Effect.gen(function* () {
        const file = temporaryFile("wrong.yaml", text)
        const error = yield* Effect.flip(load(file))
        const lines = error.message.split("\n")
        assert.strictEqual(lines.length, told.length, error.message)
        told.forEach((beginning, index) => {
          assert.isTrue(lines[index]!.startsWith(`${file}${beginning}`), `${lines[index]}\n${beginning}`)
        })
        assert.strictEqual(validate(parse(text, { stringKeys: true })), !schemaRefuses)
      })
    )
  }

  for (const [what, name, text, told] of broken) {
    it.effect(`are refused where the file is none: ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(loadText(text, name))
        assert.include(error.message, `${name}${told}`)
      })
    )
  }

  it.effect("are refused where the file cannot be read", () =>
    Effect.gen(function* () {
      const told = (file: string) => Effect.map(Effect.flip(load(file)), ({ message }) => message)
      assert.strictEqual(yield* told("/nowhere/x.yaml"), "/nowhere/x.yaml: there is no such file")
      assert.include(yield* told(import.meta.dirname), "is a folder")
      assert.include(yield* told(temporaryFile("binary.yaml", Uint8Array.of(0xff, 0xfe, 0x00))), "is not UTF-8")
      assert.include(yield* told(temporaryFile("huge.yaml", "#".repeat(fileBytesMax + 1))), "allowed: at most 1048576")
    })
  )

  it.effect("print no control characters", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(loadText('"\\e[31mx": 1\npools: { cpu: { capacity: "\\e[31m" } }\n'))
      // oxlint-disable-next-line no-control-regex
      assert.notMatch(error.message, /[\u0000-\u0009\u000B-\u001F\u007F-\u009F]/)
    })
  )
})

describe("the JSON Schema", () => {
  it("takes what is right", () => {
    for (const text of ["{}", minimal, everything]) {
      assert.isTrue(validate(parse(text, { stringKeys: true })), JSON.stringify(validate.errors))
    }
  })

  it("describes every field", () => {
    const undescribed: Array<string> = []
    const walk = (schema: unknown, path: string): void => {
      if (typeof schema !== "object" || schema === null) return
      for (const [key, value] of Object.entries(schema)) {
        if (key === "properties" && typeof value === "object" && value !== null) {
          for (const [name, field] of Object.entries(value)) {
            if (!JSON.stringify(field).includes('"description"')) undescribed.push(`${path}.${name}`)
          }
        }
        walk(value, `${path}.${key}`)
      }
    }
    walk(configJsonSchema(), "")
    assert.deepStrictEqual(undescribed, [])
  })
})
