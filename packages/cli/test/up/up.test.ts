/** `up` with real commands, by the binary as it is published. */
import { spawn, spawnSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { beforeAll } from "vitest"
import { UpSummary } from "../../src/up/summary.ts"
import { bundledBinary } from "../binary.ts"
import { until } from "../daemon.ts"
import { temporaryFile } from "../support.ts"

let binary = ""
beforeAll(async () => {
  binary = await bundledBinary()
}, 120_000)

/** Where it puts its socket: a short path. */
const temporary = mkdtempSync(join(tmpdir(), "up-"))

const run = (text: string, ...flags: ReadonlyArray<string>) => {
  const file = temporaryFile("up.yaml", text)
  const { status, stderr, stdout } = spawnSync(process.execPath, [binary, "up", file, ...flags], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", TMPDIR: temporary, BINARY: `${process.execPath} ${binary}` }
  })
  return { code: status, stdout, stderr }
}

const summaryOf = (stdout: string) => Schema.decodeUnknownSync(UpSummary)(JSON.parse(stdout))

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe.skipIf(process.platform === "win32")("up", { timeout: 120_000 }, () => {
  it("runs agents in order under their claims, and leaves nothing behind", () => {
    const { code, stderr, stdout } = run(
      `pools: { cpu: { capacity: 2 } }
quotas: { many: { cpu: 1 } }
agents:
  first: { command: echo one, claim: { cpu: 2 } }
  many: { command: "true", count: 3 }
  last: { command: [sh, -c, 'test -n "$RESOURCE_MANAGER_LEASE" && test "$WHO" = 7'], env: { WHO: 7 }, after: [first, many] }
`,
      "--json"
    )
    assert.strictEqual(code, 0, stderr)
    const { agents, ok, pools } = summaryOf(stdout)
    assert.isTrue(ok)
    assert.deepStrictEqual(
      agents.map(({ exits, id, verdict }) => [id, verdict, exits]),
      ["first", "many/1", "many/2", "many/3", "last"].map((id) => [id, "done", [0]])
    )
    assert.strictEqual(pools[0]?.peak, 2)
    // The folder of its socket is gone with it.
    assert.isFalse(readdirSync(temporary).some((name) => name.startsWith("resource-manager-up-")))
  })

  it("restarts, gives up, skips who comes after, and tells what failed with its last lines", () => {
    const text = `pools: { cpu: { capacity: 2 } }
agents:
  mended: { command: 'test -e "$MARK" || { touch "$MARK"; echo once; exit 3; }', restart: { when: on-failure, delay: 10ms }, env: { MARK: ${temporaryFile("mark")} } }
  broken: { command: 'echo "no luck"; exit 4', restart: { when: on-failure, delay: 10ms, max: 1 } }
  after: { command: "true", after: broken }
  missing: { command: [there-is-no-such-program] }
  late: { command: sleep 60, timeout: 300ms, grace: 1s }
`
    const { code, stdout } = run(text)
    assert.strictEqual(code, 13)
    assert.include(stdout, "broken | no luck")
    assert.match(stdout, /mended +done +2 +3, 0 /)
    assert.match(stdout, /broken +failed +2 +4, 4 .* exit code 4, after 1 restart in a row/)
    assert.match(stdout, /after +skipped .* broken did not end well/)
    assert.match(stdout, /missing +failed +1 +127 /)
    assert.match(stdout, /late +failed +1 +timeout .* took longer than 300 ms/)
  })

  it("is a daemon for what it runs: run and status work within, inside of the lease", () => {
    const { code, stderr, stdout } = run(
      `pools: { cpu: { capacity: 2 }, api: { capacity: 1 } }
agents:
  outer: { command: '$BINARY run --cpu 1 --resource api=1 -- echo within && $BINARY status --json | grep -q leases' }
`,
      "--output",
      "all"
    )
    assert.strictEqual(code, 0, stdout + stderr)
    assert.include(stdout, "outer | within")
  })

  it("leaves nothing running where it is killed", async () => {
    const pids = temporaryFile("killed-pids", "")
    // One that minds no SIGTERM, and one that left its group, its session and its parents.
    const file = temporaryFile(
      "killed.yaml",
      `pools: { cpu: { capacity: 4 } }
agents:
  deaf: { command: 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 0.1; done', grace: 300ms }
  away: { command: 'setsid sh -c "echo \\$\\$ >> ${pids}; exec sleep 600" & sleep 600' }
  ended: { command: 'echo $$ >> ${pids}' }
`
    )
    const child = spawn(process.execPath, [binary, "up", file, "--json"], {
      stdio: "ignore",
      env: { ...process.env, TMPDIR: temporary }
    })
    const written = () => readFileSync(pids, "utf8").trim().split("\n").map(Number)
    await until("all have begun", () => written().length === 3 || undefined)
    child.kill("SIGKILL")
    await until("all are gone", () => !written().some(isAlive) || undefined)
    assert.deepStrictEqual(written().filter(isAlive), [])
  })

  it("ends everything in order at a signal, and ends with 130", async () => {
    const pids = temporaryFile("pids", "")
    const file = temporaryFile(
      "signal.yaml",
      `pools: { cpu: { capacity: 4 } }
agents:
  deaf: { command: 'trap "" TERM; echo $$ >> ${pids}; while :; do sleep 0.1; done', grace: 300ms }
  server: { command: 'echo $$ >> ${pids}; sleep 600', restart: always }
  later: { command: "true", after: deaf }
`
    )
    const child = spawn(process.execPath, [binary, "up", file, "--json"], { stdio: ["ignore", "pipe", "pipe"] })
    let stdout = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    const started = await until("both run", () => {
      const found = readFileSync(pids, "utf8")
        .trim()
        .split("\n")
        .filter((line) => line !== "")
      return found.length === 2 ? found.map(Number) : undefined
    })
    child.kill("SIGINT")
    const code = await new Promise((resolve) => child.once("close", resolve))
    assert.strictEqual(code, 130)
    assert.deepStrictEqual(started.filter(isAlive), [])
    const { agents, stopped } = summaryOf(stdout)
    assert.strictEqual(stopped, "interrupted")
    assert.deepStrictEqual(
      agents.map(({ verdict }) => verdict),
      ["stopped", "stopped", "stopped"]
    )
  })

  it("kills at a second signal what does not end, and still sums up", async () => {
    const pids = temporaryFile("deaf", "")
    const file = temporaryFile(
      "deaf.yaml",
      `pools: { cpu: { capacity: 1 } }
agents:
  deaf: { command: 'trap "" TERM INT; echo $$ >> ${pids}; while :; do sleep 0.1; done', grace: 10 minutes }
`
    )
    const child = spawn(process.execPath, [binary, "up", file], { stdio: ["ignore", "pipe", "pipe"] })
    let stdout = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    const pid = await until("it runs", () => Number(readFileSync(pids, "utf8").trim()) || undefined)
    const ended = new Promise((resolve) => child.once("close", resolve))
    child.kill("SIGINT")
    await until("it is told", () => (stdout.includes("Ctrl-C kills it") ? true : undefined))
    assert.isTrue(isAlive(pid))
    child.kill("SIGINT")
    assert.strictEqual(await ended, 130)
    assert.isFalse(isAlive(pid))
    assert.match(stdout, /^deaf +interrupted: 0 of 1 agent done /m)
    assert.match(stdout, /^deaf +stopped +1 /m)
  })

  it("refuses a file that makes no sense, with its place", () => {
    const { code, stderr } = run("pools: { cpu: { capacity: 1 } }\nagents:\n  a: { command: x, claim: { cpu: 2 } }\n")
    assert.strictEqual(code, 3)
    assert.include(stderr, "up.yaml:3:34: agents.a.claim.cpu: 2 can never be granted")
  })
})
