import { dirname, join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Ajv2020 } from "ajv/dist/2020.js"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { parse } from "yaml"
import { upJsonSchema } from "../../src/up/jsonSchema.ts"
import { load } from "../../src/up/load.ts"
import { temporaryFile } from "../support.ts"

const places = { socket: "/run/user/1/resource-manager/daemon.sock", journal: "/state/journal.db" }

const validate = new Ajv2020({ strict: true, strictTypes: false, allErrors: true }).compile(upJsonSchema())

const everything = `# yaml-language-server: $schema=./up.schema.json
title: a workstation
onFailure: stop
pools:
  cpu: { capacity: 4 }
  memory: { capacity: 4GiB }
  api: { capacity: 10, rate: 2/s, unit: calls }
quotas:
  team: { cpu: 3 }
manager: { timeout: 5 minutes, order: { priority: { classes: { batch: -10 } } } }
defaults:
  claim: { cpu: 2 }
  grace: 3s
  env: { CI: true, LEVEL: 3, WHO: everybody }
  restart: on-failure
agents:
  server:
    command: [node, server.js, "--name", "a b", ""]
    restart: { when: always, delay: 100ms, factor: 1.5, delayMax: 2s, reset: 10s, max: 7 }
    claim: { cpu: 1, memory: 512MiB }
    priority: 10
    expected: 5m
    preemptible: true
  build:
    command: make all && echo "it's done"
    agent: team
    timeout: 10 minutes
    wait: 1 minute
    grace: 1s
    env: { WHO: build, DEBUG: "1" }
    cwd: sub/folder
    priority: batch
    onQuota: wait
  test:
    command: [make, test]
    after: build
    count: 3
    restart: never
    claim: { cpu: 1, api: 1 }
  pack:
    command: [make, pack]
    after: [build, test]
`

const loadText = (text: string, name = "up.yaml") => load(temporaryFile(name, text), places)

describe("a file of up", () => {
  it.effect("is all taken", () =>
    Effect.gen(function* () {
      const file = temporaryFile("everything.yaml", everything)
      const { plan, settings } = yield* load(file, places)
      assert.deepStrictEqual([plan.title, plan.onFailure], ["a workstation", "stop"])
      assert.deepStrictEqual(
        plan.instances.map(({ id }) => id),
        ["server", "build", "test/1", "test/2", "test/3", "pack"]
      )
      const [server, build, test, , , pack] = plan.instances
      assert.deepStrictEqual(server, {
        id: "server",
        name: "server",
        agent: "server",
        command: "node",
        args: ["server.js", "--name", "a b", ""],
        shown: "node server.js --name 'a b' ''",
        claim: { cpu: 1, memory: 512 * 1024 ** 2 },
        scheduling: { priority: 10, expected: Duration.minutes(5), preemptible: true },
        after: [],
        restart: {
          when: "always",
          max: 7,
          initialMillis: 100,
          factor: 1.5,
          maxMillis: 2_000,
          resetMillis: 10_000
        },
        timeoutMillis: undefined,
        waitMillis: undefined,
        graceMillis: 3_000,
        env: { CI: "true", LEVEL: "3", WHO: "everybody" },
        cwd: dirname(file)
      })
      assert.deepInclude(
        { ...build },
        {
          agent: "team",
          command: "sh",
          args: ["-c", `make all && echo "it's done"`],
          shown: `make all && echo "it's done"`,
          claim: { cpu: 2 },
          restart: {
            when: "on-failure",
            max: 3,
            initialMillis: 1_000,
            factor: 2,
            maxMillis: 60_000,
            resetMillis: 60_000
          },
          timeoutMillis: 600_000,
          waitMillis: 60_000,
          graceMillis: 1_000,
          env: { CI: "true", LEVEL: "3", WHO: "build", DEBUG: "1" },
          cwd: join(dirname(file), "sub/folder"),
          scheduling: { priority: "batch", onQuota: "wait" }
        }
      )
      assert.deepInclude({ ...test }, { name: "test", after: ["build"], claim: { cpu: 1, api: 1 } })
      assert.strictEqual(test?.restart.when, "never")
      assert.deepStrictEqual(pack?.after, ["build", "test"])
      assert.deepStrictEqual(Object.keys(settings.complete.pools), ["cpu", "memory", "api"])
      assert.deepStrictEqual(settings.complete.quotas, { team: { cpu: 3 } })
      assert.isTrue(validate(parse(everything)), JSON.stringify(validate.errors))
    })
  )

  it.effect("needs no more than agents: this machine is shared then", () =>
    Effect.gen(function* () {
      const file = temporaryFile("small.json", JSON.stringify({ agents: { a: { command: "true" } } }))
      const { plan, settings } = yield* load(file, places)
      assert.strictEqual(plan.title, "small")
      assert.strictEqual(plan.onFailure, "continue")
      assert.deepInclude({ ...plan.instances[0] }, { claim: { cpu: 1 }, graceMillis: 10_000, cwd: dirname(file) })
      assert.deepStrictEqual(Object.keys(settings.complete.plugins), ["host"])
    })
  )

  /** What is wrong, with the file, what is told and whether the JSON Schema sees it too. */
  const wrong: ReadonlyArray<readonly [string, string, ReadonlyArray<string>, boolean]> = [
    ["no agents", "title: nothing\n", ["agents: is missing"], true],
    [
      "an empty list of agents",
      "agents: {}\n",
      [":1:9: agents: a mapping is not allowed here; allowed: at least one agent"],
      true
    ],
    [
      "a field that is misspelt",
      "agents:\n  a: { comand: x }\n",
      ["agents.a.command: is missing", "agents.a.comand: no such field, did you mean command?"],
      true
    ],
    [
      "a name that is none",
      "agents:\n  a/b: { command: x }\n",
      ['"a/b" is not allowed here; allowed: a name of 1 to 64'],
      true
    ],
    [
      "an empty command",
      "agents:\n  a: { command: [] }\n",
      [":2:17: agents.a.command: a list is not allowed here; allowed: a line for the shell"],
      true
    ],
    [
      "a policy that is none",
      "agents:\n  a: { command: x, restart: sometimes }\n",
      ['agents.a.restart: "sometimes" is not allowed here; allowed: never, on-failure, always, or {'],
      true
    ],
    [
      "a delay without a unit",
      "agents:\n  a: { command: x, restart: { when: always, delay: 5 } }\n",
      ["agents.a.restart.delay: 5 is not allowed here; allowed: a duration"],
      true
    ],
    [
      "no instances",
      "agents:\n  a: { command: x, count: 0 }\n",
      ["agents.a.count: 0 is not allowed here; allowed: a whole number from 1"],
      true
    ],
    [
      "a variable that is none",
      "agents:\n  a: { command: x, env: { A-B: c } }\n",
      ['"A-B" is not allowed here; allowed: a name of letters'],
      true
    ],
    [
      "a mapping as a variable",
      "agents:\n  a: { command: x, env: { A: {} } }\n",
      ["agents.a.env.A: a mapping is not allowed here; allowed: text, a number"],
      true
    ],
    [
      "a claim of nothing",
      "agents:\n  a: { command: x, claim: {} }\n",
      ["agents.a.claim: a mapping is not allowed here; allowed: at least one resource"],
      true
    ],
    [
      "after nobody",
      "agents:\n  build: { command: x }\n  a: { command: x, after: [biuld] }\n",
      [":3:28: agents.a.after[0]: no such agent, did you mean build?"],
      false
    ],
    ["after itself", "agents:\n  a: { command: x, after: a }\n", ["agents.a.after: a would wait for itself"], false],
    [
      "a ring",
      "agents:\n  a: { command: x, after: c }\n  b: { command: x, after: a }\n  c: { command: x, after: b }\n  d: { command: x, after: a }\n",
      [":2:27: agents.a.after: these wait for each other: a after c after b after a"],
      false
    ],
    [
      "after a service",
      "defaults: { restart: always }\nagents:\n  s: { command: x }\n  a: { command: x, after: s, restart: never }\n",
      ["agents.a.after: s is a service (restart: always), and ends only after everybody else"],
      false
    ],
    [
      "a pool that is not there",
      "pools: { cpu: { capacity: 1 } }\nagents:\n  a: { command: x, claim: { cpus: 1 } }\n",
      [":3:29: agents.a.claim.cpus: no such pool, did you mean cpu?"],
      false
    ],
    [
      "the default claim without its pool",
      "pools: { api: { capacity: 1 } }\nagents:\n  a: { command: x }\n",
      [":3:3: agents.a: claims 1 of cpu, which it does not say itself: no such pool"],
      false
    ],
    [
      "more than there is",
      "pools: { cpu: { capacity: 2, max: 9 } }\nagents:\n  a: { command: x, claim: { cpu: 3 } }\n",
      ["agents.a.claim.cpu: 3 can never be granted: the pool has at most 2"],
      false
    ],
    [
      "more than there may be",
      "pools: { cpu: { capacity: 2, max: 4 } }\nmanager: { scaling: {} }\nagents:\n  a: { command: x, claim: { cpu: 5 } }\n",
      ["agents.a.claim.cpu: 5 can never be granted: the pool has at most 4"],
      false
    ],
    [
      "more than its quota",
      "pools: { cpu: { capacity: 4 } }\nquotas: { team: { cpu: 1 } }\nagents:\n  a: { command: x, agent: team, claim: { cpu: 2 } }\n",
      ["agents.a.claim.cpu: 2 can never be granted: its quota is 1"],
      false
    ],
    [
      "a size of what is no memory",
      "pools: { cpu: { capacity: 4000 } }\nagents:\n  a: { command: x, claim: { cpu: 1kB } }\n",
      ["agents.a.claim.cpu: is a size in bytes, but this counts cores"],
      false
    ],
    [
      "a size in the defaults",
      "pools: { cpu: { capacity: 4000 } }\ndefaults: { claim: { cpu: 1kB } }\nagents:\n  a: { command: x }\n",
      ["defaults.claim.cpu: is a size in bytes, but this counts cores"],
      false
    ],
    [
      "too many of all",
      "agents:\n  a: { command: x, count: 600 }\n  b: { command: x, count: 500 }\n",
      [":3:27: agents.b.count: makes 1100 instances of all agents; allowed: at most 1000"],
      false
    ],
    [
      "what settings would not have either",
      "quotas: { a: { gpu: 1 } }\npools: { cpu: { capacity: 1 } }\nagents:\n  a: { command: x }\n",
      ["quotas.a.gpu: no such pool"],
      false
    ],
    [
      "a class of priority that is none",
      "manager: { order: { priority: { classes: { batch: -10, urgent: 10 } } } }\nagents:\n  a: { command: x, priority: bacth }\n",
      [":3:30: agents.a.priority: no such class of priority, did you mean batch? Known: batch, urgent"],
      false
    ],
    [
      "a class where the order has none",
      "defaults: { priority: batch }\nagents:\n  a: { command: x }\n",
      [":1:23: defaults.priority: no such class of priority; known: none; see manager.order.priority.classes"],
      false
    ],
    [
      "the settings of a daemon",
      "daemon: { sessionTimeout: 1s }\nagents:\n  a: { command: x }\n",
      [":1:1: daemon: no such field"],
      true
    ]
  ]
  it.effect.each(wrong)("is refused with %s", ([, text, told, schemaRefuses]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(loadText(text))
      const lines = error.message.split("\n")
      assert.strictEqual(lines.length, told.length, error.message)
      for (const [index, expected] of told.entries()) assert.include(lines[index], expected)
      assert.strictEqual(!validate(parse(text)), schemaRefuses)
    })
  )

  it.effect("tells everything at once, in the order of the file", () =>
    Effect.gen(function* () {
      const text =
        "agents:\n  a: { command: x, after: nobody, claim: { gpu: 1 } }\n  b: { command: x, after: b }\npools: { cpu: { capacity: 1, min: 2 } }\n"
      const error = yield* Effect.flip(loadText(text))
      assert.strictEqual(error.message.split("\n").length, 4, error.message)
    })
  )
})
