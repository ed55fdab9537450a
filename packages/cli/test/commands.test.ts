/** Every command that asks a daemon, as the published binary against a real one. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Schema from "effect/Schema"
import { outputs } from "../src/output/schemas.ts"
import { bundledBinary } from "./binary.ts"
import { type Client, clientOf, removeDaemon, type RunningDaemon, startDaemon, until } from "./daemon.ts"

const GiB = 1024 ** 3

const settings = {
  pools: {
    cpu: { capacity: 4, rate: "1000/s" },
    memory: { capacity: "8GiB" },
    licences: { capacity: 2, unit: "licences" }
  },
  quotas: { build: { cpu: 3 } },
  // The client in this process cannot say that it is there while the process waits for a command.
  daemon: { sessionTimeout: "1h" }
}

/** Generous: the machines that run this may be busy. */
const timeout = 120_000

let binary: string
let daemon: RunningDaemon
let client: Client
let giveBack: () => Promise<void>

const published = new Ajv2020({ strict: false }).addSchema(
  JSON.parse(readFileSync(join(import.meta.dirname, "../schemas/output.schema.json"), "utf8"))
)

/** What a command prints with --json, as those who read it by the published schemas see it. */
const json = <Name extends keyof typeof outputs>(
  name: Name,
  ...args: ReadonlyArray<string>
): (typeof outputs)[Name]["Type"] => {
  const run = daemon.run(...name.split(" "), ...args, "--json")
  assert.deepStrictEqual([run.code, run.stderr], [0, ""])
  return read(name, run.stdout)
}

const read = <Name extends keyof typeof outputs>(name: Name, text: string): (typeof outputs)[Name]["Type"] => {
  const value: unknown = JSON.parse(text)
  const reference = `urn:resource-manager:output#/$defs/${encodeURIComponent(name)}`
  assert.isTrue(published.validate(reference, value), JSON.stringify(published.errors))
  // The schema of this very name: the union of all would be another type.
  const schema = outputs[name] as Schema.Codec<(typeof outputs)[Name]["Type"], unknown>
  return Schema.decodeUnknownSync(Schema.toCodecJson(schema))(value)
}

const text = (...args: ReadonlyArray<string>): string => {
  const run = daemon.run(...args)
  assert.deepStrictEqual([run.code, run.stderr], [0, ""])
  // oxlint-disable-next-line no-control-regex
  assert.notMatch(run.stdout, /\u001B/)
  return run.stdout
}

beforeAll(async () => {
  binary = await bundledBinary()
  daemon = await startDaemon(binary, settings)
  client = clientOf(daemon)
  giveBack = await client.hold("build", { cpu: 3, memory: 6 * GiB })
  void client.ask("tests", { cpu: 2 })
  await until("tests waits", () => (json("waiters list").length === 1 ? true : undefined))
}, timeout)

afterAll(async () => {
  await giveBack()
  await client.close()
  await removeDaemon(daemon)
})

describe("commands about the daemon", { timeout }, () => {
  it("status", () => {
    const { pools, status } = json("status")
    assert.deepStrictEqual(
      [status.pid, status.addresses, status.leases, status.waiters, status.sessions],
      [daemon.pid, daemon.addresses, 1, 1, 1]
    )
    assert.deepStrictEqual(
      pools.map((pool) => [pool.resourceType, pool.inUse]),
      [
        ["cpu", 3],
        ["memory", 6 * GiB],
        ["licences", 0]
      ]
    )
    for (const word of [`pid ${daemon.pid}`, "3 / 4 cores", "6 / 8 GiB", "1 waiting"])
      assert.include(text("status"), word)
  })

  it("pools list and show", () => {
    assert.deepStrictEqual(
      json("pools list").map(({ capacity }) => capacity),
      [4, 8 * GiB, 2]
    )
    const { leases, pool, waiters } = json("pools show", "cpu")
    assert.deepStrictEqual(
      [pool.inUse, leases.map(({ agent }) => agent), waiters.map(({ agent }) => agent)],
      [3, ["build"], ["tests"]]
    )
    assert.deepStrictEqual(json("pools show", "licences").leases, [])
    assert.include(text("pools", "list"), "licences")
    assert.include(text("pools", "show", "cpu"), "tests")
  })

  it("agents list and show", () => {
    assert.includeMembers(
      json("agents list").map(({ agent }) => agent),
      ["build", "tests"]
    )
    const { agent, leases } = json("agents show", "build")
    assert.deepStrictEqual([agent.accounts["cpu"]?.quota, leases.length], [3, 1])
    assert.include(text("agents", "show", "build"), "6 GiB")
  })

  it("leases list and waiters list", () => {
    const [lease] = json("leases list")
    assert.deepStrictEqual(
      [lease?.agent, lease?.claim, lease?.session],
      ["build", { cpu: 3, memory: 6 * GiB }, "a test"]
    )
    assert.deepStrictEqual(
      json("waiters list").map(({ agent, claim }) => [agent, claim]),
      [["tests", { cpu: 2 }]]
    )
    assert.include(text("leases", "list"), "cpu 3")
    assert.include(text("waiters", "list"), "tests")
  })

  it("waiters list tells the first of many, and how many more there are", async () => {
    for (const agent of ["second", "third"]) void client.ask(agent, { cpu: 2 })
    await until("three wait", () => (json("waiters list").length === 3 ? true : undefined))
    const first = json("waiters list", "--limit", "1")
    assert.deepStrictEqual(
      first.map(({ agent }) => agent),
      ["tests"]
    )
    const some = text("waiters", "list", "--limit", "2")
    for (const word of ["tests", "and 1 more: `resource-manager waiters list --limit 3`"]) assert.include(some, word)
    assert.notInclude(text("waiters", "list"), "more:")
    for (const waiter of json("waiters list").slice(1)) {
      assert.strictEqual(daemon.run("quota", "set", waiter.agent, "cpu", "0", "--yes").code, 0)
      assert.strictEqual(daemon.run("quota", "set", waiter.agent, "cpu", "off").code, 0)
    }
    await until("one waits", () => (json("waiters list").length === 1 ? true : undefined))
    assert.strictEqual(daemon.run("waiters", "list", "--limit", "0").code, 2)
  })

  it("why, by agent and by number", () => {
    const { agent, waiters } = json("why", "tests")
    assert.deepStrictEqual([agent?.agent, waiters.length, waiters[0]?.reasons[0]?._tag], ["tests", 1, "Capacity"])
    assert.isNotEmpty(waiters[0]?.hint.text)
    const id = String(waiters[0]?.id)
    assert.deepStrictEqual([json("why", id).waiters.length, json("why", id).agent], [1, undefined])
    assert.deepStrictEqual(json("why", "build").waiters, [])
    for (const word of ["build", "Hint: "]) assert.include(text("why", "tests"), word)
  })

  it("quota get, set and list", () => {
    assert.deepStrictEqual(json("quota get", "build", "cpu"), [
      { agent: "build", resourceType: "cpu", quota: 3, held: 3, waiting: 0 }
    ])
    assert.deepStrictEqual(json("quota get", "nobody", "cpu")[0]?.quota, null)
    assert.strictEqual(json("quota set", "tests", "memory", "1.5GiB").quota, 1.5 * GiB)
    assert.deepStrictEqual(
      json("quota list").map(({ agent, quota, resourceType }) => [agent, resourceType, quota]),
      [
        ["build", "cpu", 3],
        ["tests", "memory", 1.5 * GiB]
      ]
    )
    assert.include(text("quota", "get", "tests"), "1.50 GiB")
    assert.strictEqual(text("quota", "set", "tests", "memory", "off"), "tests, memory: 1.50 GiB -> no quota\n")
    assert.deepStrictEqual(json("quota get", "tests"), [])
  })

  it("pools set-rate and set-capacity", () => {
    const rate = json("pools set-rate", "licences", "60/minute:5", "--per", "request").rate
    assert.deepStrictEqual(rate, { limit: 60, intervalMillis: 60_000, burst: 5, per: "request" })
    assert.include(text("pools", "set-rate", "licences", "off"), "licences: no rate")
    assert.strictEqual(json("pools show", "licences").pool.rate, undefined)
    assert.strictEqual(json("pools set-capacity", "licences", "7").capacity, 7)
    assert.strictEqual(text("pools", "set-capacity", "licences", "2"), "licences: 7 licences -> 2 licences\n")
  })

  it("deadlocks, as JSON, text, Mermaid and a picture", () => {
    assert.strictEqual(json("deadlocks").graph.waits.length, 1)
    assert.include(text("deadlocks"), "Now 1 waiter")
    assert.match(text("deadlocks", "--format", "mermaid"), /^(---|%%|flowchart|graph)/)
    const picture = join(daemon.folder, "deadlocks.svg")
    assert.strictEqual(text("deadlocks", "--format", "svg", "--out", picture), "")
    assert.match(readFileSync(picture, "utf8"), /^<svg [^]*<\/svg>\n$/)
    const unwritable = daemon.run("deadlocks", "--out", "/nowhere/deadlocks.txt")
    assert.deepStrictEqual([unwritable.code, unwritable.stdout], [4, ""])
  })

  it("top in a pipe: lines, or an object a look", () => {
    const run = daemon.run("top", "--times", "2", "--interval", "100ms", "--json")
    assert.deepStrictEqual([run.code, run.stderr], [0, ""])
    const looks = run.stdout
      .trimEnd()
      .split("\n")
      .map((line) => read("top", line))
    assert.deepStrictEqual(
      looks.map(({ leases, waiters }) => [leases.length, waiters.length]),
      [
        [1, 1],
        [1, 1]
      ]
    )
    assert.match(text("top", "--times", "1"), /pool=cpu in_use=3 capacity=4/)
    const often = daemon.run("top", "--interval", "1ms")
    assert.deepStrictEqual([often.code, often.stdout], [2, ""])
  })
})

describe("what is destructive", { timeout }, () => {
  it("is refused where nobody can be asked, and says how to do it", () => {
    const [lease] = json("leases list")
    for (const args of [
      ["leases", "revoke", String(lease?.id)],
      ["pools", "set-capacity", "cpu", "1"],
      ["quota", "set", "tests", "cpu", "1"],
      ["stop"]
    ]) {
      for (const more of [[], ["--json"]]) {
        const run = daemon.run(...args, ...more)
        assert.deepStrictEqual([run.code, run.stdout], [10, ""], args.join(" "))
        assert.match(run.stderr, /^resource-manager: .*\? .*Nothing was done: add --yes/)
      }
    }
    assert.strictEqual(json("leases list").length, 1)
    assert.strictEqual(json("pools show", "cpu").pool.capacity, 4)
  })
})

describe("events", { timeout }, () => {
  it("are one JSON object a line, or a line for people", async () => {
    const lines = async (...args: ReadonlyArray<string>) => {
      const { spawn } = await import("node:child_process")
      const child = spawn(process.execPath, [binary, "events", "--follow", "--limit", "2", ...args], {
        env: { ...process.env, ...daemon.env }
      })
      let out = ""
      let said = ""
      child.stderr.on("data", (bytes) => (said += String(bytes)))
      child.stdout.on("data", (bytes) => (out += String(bytes)))
      const ended = new Promise<number | null>((resolve) => child.on("close", resolve))
      // Until it follows, there is something to see again and again.
      await until("events", async () => {
        const release = await client.hold("events", { licences: 1 })
        await release()
        return child.exitCode ?? undefined
      })
      assert.strictEqual(await ended, 0, said)
      return out.trimEnd().split("\n")
    }
    const objects = (await lines("--json")).map((line) => read("events", line))
    assert.strictEqual(objects.length, 2)
    for (const { event, time } of objects) {
      assert.isAbove(time, 1_600_000_000_000)
      assert.isNotEmpty(event._tag)
    }
    const people = await lines()
    assert.strictEqual(people.length, 2)
  })
})

describe("names of agents", { timeout }, () => {
  it("move nobody's cursor, and stay on their line", () => {
    const name = "a\nb\u001B[31mc"
    for (const args of [
      ["quota", "set", name, "cpu", "2"],
      ["quota", "get", name],
      ["quota", "get", name, "memory"],
      ["quota", "set", name, "cpu", "off"],
      ["quota", "get", name]
    ]) {
      assert.match(text(...args), /^a\\nb\\u001b\[31mc[^\n]*\n$/)
    }
  })
})

describe("what cannot be", { timeout }, () => {
  for (const [what, args, code, told] of [
    [
      "a pool that is none",
      ["pools", "show", "cpus"],
      9,
      "cpus: no such pool, did you mean cpu? Known: cpu, memory, licences"
    ],
    ["an agent that is none", ["agents", "show", "biuld"], 9, "biuld: no such agent, did you mean build?"],
    ["a lease that is none", ["leases", "revoke", "999999", "--yes"], 9, "no lease has the number 999999"],
    ["a lease that is no number", ["leases", "revoke", "abc"], 2, 'argument <lease>: "abc". Expected: a whole number'],
    ["nobody to ask about", ["why", "nobody"], 9, "Neither a waiter nor an agent is called nobody"],
    [
      "a size of cores",
      ["pools", "set-capacity", "cpu", "4GiB"],
      2,
      'AMOUNT is "4GiB", a size in bytes, but cpu counts cores; allowed: a whole number from 0 to 9007199254740991\n'
    ],
    [
      "an amount that is none",
      ["quota", "set", "a", "cpu", "many"],
      2,
      'AMOUNT is "many"; allowed: a whole number from 0 to 9007199254740991, or off\n'
    ],
    ["a rate that is none", ["pools", "set-rate", "cpu", "fast"], 2, 'RATE is "fast"; allowed: LIMIT/INTERVAL'],
    ["an address that is none", ["status", "--connect", "tcp:x"], 2, "is no address"],
    [
      "no daemon",
      ["status", "--connect", "/nowhere/daemon.sock"],
      7,
      "start one there with `resource-manager serve --listen unix:/nowhere/daemon.sock`"
    ],
    ["a host and a port alone", ["status", "--connect", "localhost:7070"], 2, "allowed: tcp:localhost:7070"],
    [
      "a flag that is none",
      ["status", "--conect", "x"],
      2,
      "--conect in command resource-manager status; did you mean --connect?\n"
    ],
    ["a verb that is none", ["pools", "lst"], 2, "lst"],
    ["no verb", ["pools"], 2, "SUBCOMMANDS"]
  ] as const) {
    it(`ends with ${code}, one line, and nothing on standard output: ${what}`, () => {
      for (const more of [[], ["--json"]]) {
        const run = daemon.run(...args, ...more)
        assert.deepStrictEqual([run.code, run.stdout], [code, ""], run.stderr)
        assert.include(run.stderr, told)
        assert.notMatch(run.stderr, /\bat .*\.(ts|js):\d+/)
      }
    })
  }
})
