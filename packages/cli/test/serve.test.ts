/** The daemon as a process: how it starts, who may ask it, and how it ends. */
import { spawnSync } from "node:child_process"
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { createServer } from "node:http"
import { connect } from "node:net"
import { join } from "node:path"
import { afterEach, assert, beforeAll, describe, it } from "@effect/vitest"
import { bundledBinary } from "./binary.ts"
import {
  clientOf,
  daemonFolder,
  removeDaemon,
  runBinary,
  type RunningDaemon,
  runOnTerminal,
  startDaemon,
  until
} from "./daemon.ts"

let binary: string
const started: Array<RunningDaemon> = []

const start = async (...args: Parameters<typeof startDaemon> extends [string, ...infer Rest] ? Rest : never) => {
  const daemon = await startDaemon(binary, ...args)
  started.push(daemon)
  return daemon
}

beforeAll(async () => {
  binary = await bundledBinary()
}, 120_000)

afterEach(async () => {
  for (const daemon of started.splice(0)) await removeDaemon(daemon)
})

const settings = { pools: { cpu: { capacity: 2 } }, manager: { gracePeriod: "5s" } }

const isListening = (address: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(address.replace(/^unix:/, ""))
    socket.on("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.on("error", () => resolve(false))
  })

interface Received {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly type: string
  readonly authorization: string | undefined
  /** As bytes: names of metrics and agents stand in it as they are. */
  readonly body: string
}

/** Takes what is exported, as a collector would. */
const startCollector = async () => {
  const received: Array<Received> = []
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      const { authorization, "content-type": type = "" } = request.headers
      const body = Buffer.concat(chunks).toString("latin1")
      received.push({ method: request.method, path: request.url, type, authorization, body })
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  if (address === null || typeof address === "string") throw new Error("a collector without a port")
  return {
    url: `http://127.0.0.1:${address.port}`,
    received,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
  }
}

describe("serve", { timeout: 120_000 }, () => {
  it("keeps its folders and its socket from others, and tells who it is", async () => {
    const daemon = await start(settings)
    const [runtime, state] = ["run", "state"].map((name) => join(daemon.folder, name)) as [string, string]
    assert.deepStrictEqual(daemon.addresses, [`unix:${join(runtime, "daemon.sock")}`])
    const mode = (path: string) => statSync(path).mode & 0o777
    assert.deepStrictEqual([mode(runtime), mode(state), mode(join(runtime, "daemon.sock"))], [0o700, 0o700, 0o600])
    const facts: Record<string, unknown> = JSON.parse(readFileSync(join(state, "daemon.json"), "utf8"))
    assert.deepStrictEqual([facts["pid"], facts["version"]], [daemon.pid, "0.0.0"])
    assert.match(daemon.log(), /^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}listens on unix:/)
  })

  it("says who has the state folder, and ends with 11", async () => {
    const daemon = await start(settings)
    const second = runBinary(binary, daemon.env, ["serve", "--listen", join(daemon.folder, "other.sock")])
    assert.deepStrictEqual([second.code, second.stdout], [11, ""])
    assert.include(second.stderr, `is in use by the daemon with pid ${daemon.pid}, since `)
    // The first is as it was.
    assert.strictEqual(daemon.run("status").code, 0)
  })

  it("has the folder again once the holder is gone, however it went", async () => {
    const daemon = await start(settings)
    daemon.signal("SIGKILL")
    assert.strictEqual(await daemon.ended, "SIGKILL")
    const next = await start(settings, { env: daemon.env })
    assert.strictEqual(next.run("status").code, 0)
  })

  it("ends with 11 where its address is taken", async () => {
    const daemon = await start(settings)
    const other = daemonFolder()
    const second = runBinary(binary, other.env, ["serve", "--listen", daemon.addresses[0]!])
    assert.deepStrictEqual([second.code, second.stdout], [11, ""])
    assert.include(second.stderr, "daemon.sock")
    assert.strictEqual(daemon.run("status").code, 0)
    rmSync(other.folder, { recursive: true })
  })

  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    it(`ends with 0 on ${signal}, and leaves nothing behind`, async () => {
      const daemon = await start(settings)
      daemon.signal(signal)
      assert.strictEqual(await daemon.ended, 0, daemon.log())
      assert.isFalse(existsSync(join(daemon.folder, "run/daemon.sock")))
      assert.isFalse(existsSync(join(daemon.folder, "state/daemon.json")))
      assert.include(daemon.log(), "ends: signal")
    })
  }

  it("gives leases that end with it time to come back, and takes no more claims", async () => {
    const daemon = await start({ ...settings, daemon: { journal: "off" } })
    const client = clientOf(daemon)
    const giveBack = await client.hold("a", { cpu: 2 })
    const waiting = client.ask("b", { cpu: 1 })
    await until("b waits", () => (daemon.run("waiters", "list", "--json").stdout.includes('"b"') ? true : undefined))
    daemon.signal("SIGTERM")
    assert.notStrictEqual(await waiting, "held")
    await until("it waits", () => (daemon.log().includes("waiting up to 5000 ms for 1 lease") ? true : undefined))
    assert.isTrue(await isListening(daemon.addresses[0]!))
    await giveBack()
    assert.strictEqual(await daemon.ended, 0)
    assert.notInclude(daemon.log(), "not given back")
    await client.close()
  })

  it("ends at once on a second signal", async () => {
    const daemon = await start({ ...settings, daemon: { journal: "off" }, manager: { gracePeriod: "10 minutes" } })
    const client = clientOf(daemon)
    await client.hold("a", { cpu: 2 })
    daemon.signal("SIGTERM")
    await until("it waits", () => (daemon.log().includes("waiting up to") ? true : undefined))
    daemon.signal("SIGTERM")
    assert.strictEqual(await daemon.ended, 130)
  })

  it("is stopped by a command that waits for its end", async () => {
    const daemon = await start(settings)
    const stopped = daemon.run("stop", "--yes", "--json")
    assert.deepStrictEqual([stopped.code, JSON.parse(stopped.stdout)], [0, { stopped: true, pid: daemon.pid }])
    assert.strictEqual(await daemon.ended, 0)
  })

  it("runs in the background, once it listens, and several that start it start one", async () => {
    const { env, folder } = daemonFolder()
    const runs = await Promise.all(
      [1, 2, 3].map(() => {
        const { spawn } = process.getBuiltinModule("node:child_process")
        const child = spawn(process.execPath, [binary, "serve", "--background", "--json"], {
          env: { ...process.env, ...env }
        })
        let out = ""
        child.stdout.on("data", (bytes) => (out += String(bytes)))
        child.stderr.on("data", (bytes) => (out += String(bytes)))
        return new Promise<[number | null, string]>((resolve) => child.on("close", (code) => resolve([code, out])))
      })
    )
    for (const [code, out] of runs) assert.strictEqual(code, 0, out)
    const pids = new Set(runs.map(([, out]) => JSON.parse(out).pid))
    assert.strictEqual(pids.size, 1)
    const [pid] = [...pids]
    assert.match(readFileSync(join(folder, "state/daemon.log"), "utf8"), /listens on unix:/)
    const status = JSON.parse(runBinary(binary, env, ["status", "--json"]).stdout)
    assert.deepStrictEqual([status.status.pid, status.status.idleTimeoutMillis], [pid, 600_000])
    assert.strictEqual(runBinary(binary, env, ["stop", "--yes"]).code, 0)
    rmSync(folder, { recursive: true })
  })

  it("says that one ran already in the background, with the settings it began with", async () => {
    const daemon = await start(settings)
    const { code, stdout } = daemon.run("serve", "--background", "--config", join(daemon.folder, "settings.json"))
    assert.deepStrictEqual([code, stdout.split("\n").length], [0, 3])
    assert.include(stdout, `the daemon with pid ${daemon.pid} listens on unix:`)
    assert.include(stdout, "it ran already, with the settings it began with: `resource-manager stop` ends it")
  })

  it("says why one in the background did not start", () => {
    const { env, folder } = daemonFolder()
    const config = join(folder, "bad.yaml")
    writeFileSync(config, "plugins: { nowhere-plugin: {} }\n")
    const run = runBinary(binary, env, ["serve", "--background", "--config", config])
    assert.deepStrictEqual([run.code, run.stdout], [7, ""])
    assert.include(run.stderr, "resource-manager: plugin nowhere-plugin: it is not installed")
    rmSync(folder, { recursive: true })
  })
})

describe("a journal", { timeout: 120_000 }, () => {
  it("keeps quotas and capacities for the next daemon, and ends at once with what is held", async () => {
    const daemon = await start(settings)
    const client = clientOf(daemon)
    await client.hold("a", { cpu: 1 })
    assert.strictEqual(daemon.run("quota", "set", "b", "cpu", "1").code, 0)
    daemon.signal("SIGTERM")
    assert.strictEqual(await daemon.ended, 0)
    assert.notInclude(daemon.log(), "waiting up to")
    const next = await start(settings, { env: daemon.env })
    const status: { readonly status: { readonly durable: boolean; readonly leases: number } } = JSON.parse(
      next.run("status", "--json").stdout
    )
    assert.deepStrictEqual([status.status.durable, status.status.leases], [true, 1])
    assert.include(next.run("quota", "list").stdout, "b ")
    await client.close()
  })

  it("that cannot be trusted is refused with 12 and what to do", async () => {
    const daemon = await start(settings)
    assert.strictEqual(daemon.run("quota", "set", "b", "cpu", "1").code, 0)
    daemon.signal("SIGTERM")
    await daemon.ended
    const journal = join(daemon.folder, "state/journal.db")
    writeFileSync(journal, "this is no journal, and was never one".repeat(1_000))
    const run = runBinary(binary, daemon.env, ["serve", "--config", join(daemon.folder, "settings.json")])
    assert.deepStrictEqual([run.code, run.stdout], [12, ""], run.stderr)
    assert.include(run.stderr, journal)
    assert.notMatch(run.stderr, /\bat .*\.(ts|js):\d+/)
  })
})

describe("metrics", { timeout: 120_000 }, () => {
  it("are served where the settings say so, on a port that is told", async () => {
    const daemon = await start({ ...settings, daemon: { metrics: { listen: "127.0.0.1:0" } } })
    const [, url] = /metrics on (http:\/\/127\.0\.0\.1:[1-9]\d*\/metrics)/.exec(daemon.log()) ?? []
    assert.isDefined(url, daemon.log())
    assert.strictEqual(daemon.run("run", "--agent", "a", "--", "true").code, 0)
    const answer = await fetch(url ?? "")
    assert.match(answer.headers.get("content-type") ?? "", /^text\/plain; version=0\.0\.4/)
    const page = await answer.text()
    for (const line of [
      'resource_manager_pool_limit{resource_type="cpu"} 2',
      'resource_manager_agent_claim_granted_total{agent="a"} 1'
    ])
      assert.include(page, `${line}\n`)
  })

  it("and spans reach a collector by OTLP, with the headers that the settings name, the last at its end", async () => {
    const collector = await startCollector()
    const otlp = { endpoint: collector.url, interval: "100ms", headers: { authorization: { env: "RM_OTLP" } } }
    const daemon = await start({ ...settings, daemon: { otlp } }, { env: { RM_OTLP: "Bearer of-a-test" } })
    assert.strictEqual(daemon.run("run", "--agent", "exported", "--", "true").code, 0)
    for (const [path, words] of [
      ["/v1/metrics", ["resource-manager", "resource_manager.agent.claim.granted", "exported", "pool.usage"]],
      ["/v1/traces", ["resource-manager", "exported"]]
    ] as const) {
      const told = await until(`${path} with all of it`, () =>
        collector.received.find((one) => one.path === path && words.every((word) => one.body.includes(word)))
      )
      assert.deepStrictEqual([told.method, told.authorization], ["POST", "Bearer of-a-test"])
      assert.match(told.type, /^application\/x-protobuf/)
    }
    daemon.signal("SIGTERM")
    assert.strictEqual(await daemon.ended, 0)
    await collector.close()
  })

  it("harm nobody where there is no collector: that is told once", async () => {
    const collector = await startCollector()
    await collector.close()
    const daemon = await start({ ...settings, daemon: { otlp: { endpoint: collector.url, interval: "50ms" } } })
    const warnings = () => daemon.log().match(/ warn .*\/v1\/metrics/g) ?? []
    await until("it warns", () => (warnings().length > 0 ? true : undefined))
    for (let time = 0; time < 3; time++) assert.strictEqual(daemon.run("run", "--", "true").code, 0)
    assert.strictEqual(warnings().length, 1, daemon.log())
    daemon.signal("SIGTERM")
    assert.strictEqual(await daemon.ended, 0)
  })
})

describe("settings of a daemon", { timeout: 120_000 }, () => {
  const refused = (what: string, given: object, told: string, code = 3) => {
    it(`are refused in one line where it starts: ${what}`, () => {
      const { env, folder } = daemonFolder()
      const config = join(folder, "settings.json")
      writeFileSync(config, JSON.stringify(given))
      const run = runBinary(binary, env, ["serve", "--config", config])
      assert.deepStrictEqual([run.code, run.stdout], [code, ""], run.stderr)
      assert.include(run.stderr, told)
      assert.notMatch(run.stderr, /\bat .*\.(ts|js):\d+/)
      rmSync(folder, { recursive: true })
    })
  }
  refused("what cannot be", { pools: { cpu: { capacity: -1 } } }, "pools.cpu.capacity: -1 is not allowed here")
  refused(
    "a token that is not there",
    { daemon: { tokens: { admin: { env: "RM_NO_SUCH_TOKEN" } } } },
    "daemon.tokens.admin: the environment has no RM_NO_SUCH_TOKEN"
  )
  refused(
    "a token file that is not there",
    { daemon: { tokens: { admin: { file: "nowhere" } } } },
    "daemon.tokens.admin: ENOENT"
  )
  refused("an address that is none", { daemon: { listen: ["tcp:127.0.0.1:x"] } }, "is no address")

  it("say which file of tokens others can read", () => {
    const { env, folder } = daemonFolder()
    const config = join(folder, "settings.json")
    writeFileSync(join(folder, "token"), "a-token-of-some-length")
    chmodSync(join(folder, "token"), 0o644)
    writeFileSync(config, JSON.stringify({ daemon: { tokens: { admin: { file: "token" } } } }))
    const run = runBinary(binary, env, ["serve", "--config", config])
    assert.strictEqual(run.code, 3)
    assert.include(run.stderr, `chmod 600 ${join(folder, "token")}`)
    rmSync(folder, { recursive: true })
  })

  it("let in who has the token, as whom it is of", async () => {
    const tokens = { admin: { env: "RM_ADMIN" }, agents: { ci: { env: "RM_CI" } }, required: true }
    const secrets = { RM_ADMIN: "an-admin-token-of-some-length", RM_CI: "a-token-of-ci-and-nobody-else" }
    const daemon = await start({ ...settings, daemon: { tokens } }, { env: secrets })
    const as = (token: string | undefined, ...args: ReadonlyArray<string>) =>
      runBinary(binary, { ...daemon.env, RESOURCE_MANAGER_TOKEN: token }, args)
    assert.strictEqual(as(secrets.RM_ADMIN, "quota", "set", "ci", "cpu", "1").code, 0)
    assert.strictEqual(as(secrets.RM_CI, "pools", "list").code, 0)
    for (const [token, args, told] of [
      [undefined, ["status"], "set RESOURCE_MANAGER_TOKEN"],
      ["another-token-of-some-length", ["status"], "no such token"],
      [secrets.RM_CI, ["quota", "set", "ci", "cpu", "2"], ""],
      [secrets.RM_CI, ["stop", "--yes"], ""]
    ] as const) {
      const run = as(token, ...args)
      assert.deepStrictEqual([run.code, run.stdout], [8, ""], args.join(" "))
      assert.include(run.stderr, told)
    }
  })
})

describe.skipIf(spawnSync("script", ["--version"]).status !== 0)("a terminal", { timeout: 120_000 }, () => {
  it("is asked, shows colours, and no colours with NO_COLOR", async () => {
    const daemon = await start(settings)
    const env = { ...daemon.env, NO_COLOR: undefined, TERM: "xterm-256color" }
    assert.include(runOnTerminal(binary, env, "status").stdout, "\u001B[")
    assert.notInclude(runOnTerminal(binary, { ...env, NO_COLOR: "1" }, "status").stdout, "\u001B[")
    assert.include(runBinary(binary, { ...env, FORCE_COLOR: "1" }, ["status"]).stdout, "\u001B[")
    assert.notInclude(runBinary(binary, { ...env, FORCE_COLOR: "1", NO_COLOR: "1" }, ["status"]).stdout, "\u001B[")
    assert.notInclude(runBinary(binary, env, ["status"]).stdout, "\u001B[")
    const no = runOnTerminal(binary, env, "stop", "n")
    assert.strictEqual(no.code, 10, no.stdout)
    assert.include(no.stdout, `Stop the daemon with pid ${daemon.pid}?`)
    assert.strictEqual(daemon.run("status").code, 0)
    assert.strictEqual(runOnTerminal(binary, env, "stop", "y").code, 0)
    assert.strictEqual(await daemon.ended, 0)
  })
})
