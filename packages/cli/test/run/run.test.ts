/** `run` as its users have it: the real binary, a real daemon, real commands. */
import { afterAll, assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { spawn, spawnSync } from "node:child_process"
import { existsSync, readFileSync, writeFileSync } from "node:fs"
import { eventually, type Machine, machine, Program } from "./machine.ts"

const run = (...args: ReadonlyArray<string>) => ["run", ...args]

const scope = Scope.makeUnsafe()
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)), 120_000)

/** One machine for all tests that leave nothing: each of them starts with nothing held. */
const shared = Effect.runSync(Effect.cached(Scope.provide(machine(), scope)))

/** Only util-linux's `script` takes the options that are used here. */
const hasTerminals = /util-linux/.test(spawnSync("script", ["--version"], { encoding: "utf8" }).stdout ?? "")

/** Holds two processors until it is told to end by a line. */
const holder = Effect.fnUntraced(function* (on: Machine, ...args: ReadonlyArray<string>) {
  const program = on.start(run("--agent", "holder", ...args, "--", "sh", "-c", "echo began; read -r line; echo ended"))
  yield* program.wrote("began")
  return {
    program,
    end: Effect.suspend(() => {
      program.child.stdin?.end("\n")
      return program.finished
    })
  }
})

describe.skipIf(process.platform === "win32")("run", { timeout: 120_000 }, () => {
  it.live("starts a daemon where none runs, and is like the command itself", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const script = 'cat; echo "$1:$RESOURCE_MANAGER_LEASE" >&2; exit 3'
      const program = on.start(run("--", "sh", "-c", script, "sh", "a b"))
      program.child.stdin?.end("in\n")
      const { code, stderr, stdout } = yield* program.finished
      assert.deepStrictEqual([code, stdout], [3, "in\n"])
      assert.match(stderr, /^a b:\d+\.[0-9a-f]{32}\n$/)
      yield* on.noLeases
    }).pipe(Effect.scoped)
  )

  it.live("says why it does not run, by its code", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const held = yield* holder(on, "--cpu", "2")
      const expected: ReadonlyArray<readonly [number, RegExp, ReadonlyArray<string>]> = [
        [75, /not granted now:\n.*cpu.*1 core/s, ["--try", "--", "true"]],
        [75, /cpu/, ["--timeout", "100ms", "--", "true"]],
        [78, /at most 2 cores/, ["--cpu", "3", "--", "true"]],
        [78, /no pool counts "disk"/, ["--resource", "disk=1", "--", "true"]],
        [2, /--cpu is "0.5".*whole cores/, ["--cpu", "0.5", "--", "true"]],
        [2, /--timeout is "soon"/, ["--timeout", "soon", "--", "true"]],
        [2, /command/, []],
        [69, /no daemon answers/, ["--connect", on.path("nobody.sock"), "--", "true"]],
        // Before it waits for what the holder has.
        [127, /"no-such-command" was not found: no folder of PATH has it\n$/, ["--cpu", "2", "--", "no-such-command"]],
        [
          127,
          /no-such-file" was not found: there is no such file\n$/,
          ["--resource", "gpu=1", on.path("no-such-file")]
        ],
        [126, /cannot be executed: it is a folder\n$/, ["--resource", "gpu=1", "--", on.folder]],
        [126, /cannot be executed: `chmod \+x` it/, ["--resource", "gpu=1", "--", on.path("config.json")]],
        [2, /--agent is ""; allowed: a name of 1 to 256 characters/, ["--agent", "", "--", "true"]]
      ]
      for (const [code, message, args] of expected) {
        const finished = yield* on.finish(...run(...args))
        assert.strictEqual(finished.code, code, `${args.join(" ")}: ${finished.stderr}`)
        assert.match(finished.stderr, message)
        assert.strictEqual(finished.stdout, "")
      }
      assert.strictEqual((yield* held.end).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("waits its turn, tells why on standard error, and runs then", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const held = yield* holder(on, "--cpu", "2")
      const waiting = on.start(run("--agent", "waiter", "--", "echo", "ran"))
      yield* eventually(
        "why it waits",
        Effect.sync(() => waiting.stderr.includes("\n") || undefined)
      )
      assert.match(waiting.stderr, /^waiter waits \d+.* for cpu 1 \(cpu: 1 core, none free.*\)\n$/)
      assert.strictEqual(waiting.stdout, "")
      yield* held.end
      const finished = yield* waiting.finished
      assert.deepStrictEqual([finished.code, finished.stdout], [0, "ran\n"])
      const [, told] = finished.stderr.split("\n")
      assert.match(told ?? "", /^resource-manager: cpu 1 granted after .*; cpu is accounted, not enforced$/)
    }).pipe(Effect.scoped)
  )

  it.live("is inside of the lease of the command that it is started by", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const inner = `"$@" run --agent inner -- sh -c 'echo inner; read -r line'`
      const program = on.start(run("--agent", "outer", "--", "sh", "-c", `echo outer; ${inner}`, "sh", ...on.binary))
      yield* program.wrote("inner")
      const leases = yield* on.leases
      const outer = leases.find((lease) => lease.agent === "outer")
      assert.isDefined(outer)
      assert.strictEqual(leases.find((lease) => lease.agent === "inner")?.parent, outer?.id)
      program.child.stdin?.end("\n")
      assert.strictEqual((yield* program.finished).code, 0)
    }).pipe(Effect.scoped)
  )

  it.live("does not hang where it would wait for the command that it is started by", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const args = run("--cpu", "2", "--", "sh", "-c", `"$@" run -- echo never; echo "code $?"`, "sh", ...on.binary)
      const { code, stderr, stdout } = yield* on.finish(...args)
      assert.deepStrictEqual([code, stdout], [0, "code 79\n"])
      assert.match(stderr, /deadlock|cycle/i)
    }).pipe(Effect.scoped)
  )

  it.live("ends what the command leaves behind, and says so", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const file = on.path("pid")
      const script = `(setsid sh -c 'echo $$ > ${file}; exec sleep 1000' > /dev/null 2>&1 &); while [ ! -s ${file} ]; do sleep 0.01; done`
      const { code, stderr } = yield* on.finish(...run("--", "sh", "-c", script))
      assert.strictEqual(code, 0)
      const pid = Number(readFileSync(file, "utf8"))
      assert.include(stderr, `ended a process of the command: sleep (${pid}), still there when it had ended`)
      assert.match(spawnSync("ps", ["-o", "stat=", "-p", String(pid)], { encoding: "utf8" }).stdout, /^(Z|$)/)
    }).pipe(Effect.scoped)
  )

  it.live("passes signals on, and ends by what the command ended by", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const heeding = on.start(
        run("--", "sh", "-c", "trap 'echo told; exit 9' TERM; echo began; while :; do sleep 0.02; done")
      )
      yield* heeding.wrote("began")
      heeding.child.kill("SIGTERM")
      const finished = yield* heeding.finished
      assert.deepStrictEqual([finished.code, finished.stdout], [9, "began\ntold\n"])
      const dying = on.start(run("--", "sh", "-c", "echo began; exec sleep 1000"))
      yield* dying.wrote("began")
      dying.child.kill("SIGINT")
      assert.strictEqual((yield* dying.finished).signal, "SIGINT")
      yield* on.noLeases
    }).pipe(Effect.scoped)
  )

  it.live("dies of a signal while it waits, and is in the queue no more", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const held = yield* holder(on, "--cpu", "2")
      const waiting = on.start(run("--", "echo", "ran"))
      yield* eventually(
        "the wait",
        Effect.sync(() => waiting.stderr.includes("waits") || undefined)
      )
      waiting.child.kill("SIGINT")
      const finished = yield* waiting.finished
      assert.deepStrictEqual([finished.signal, finished.stdout], ["SIGINT", ""])
      const listed = yield* on.finish("waiters", "list", "--json")
      assert.deepStrictEqual(JSON.parse(listed.stdout), [])
      yield* held.end
    }).pipe(Effect.scoped)
  )

  it.live("ends the command where its lease is taken away", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const file = on.path("ended")
      const program = on.start(
        run("--", "sh", "-c", `trap 'echo ended > ${file}; exit 0' TERM; echo began; while :; do sleep 0.02; done`)
      )
      yield* program.wrote("began")
      const [lease] = yield* on.leases
      yield* on.finish("leases", "revoke", String(lease?.id), "--yes")
      const finished = yield* program.finished
      assert.strictEqual(finished.code, 80)
      assert.match(finished.stderr, /revoked.*; the command was ended/)
      assert.isTrue(existsSync(file))
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!existsSync("/proc/self/cmdline"))("refuses arguments that it could not pass on as they are", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const shell = (text: string) => {
        const command = `exec "$@" run -- printf %s "$(printf '${text}')"`
        return new Program(spawn("sh", ["-c", command, "sh", ...on.binary], { env: on.env }))
      }
      const finished = yield* shell("a\\377b").finished
      assert.deepStrictEqual([finished.code, finished.stdout], [2, ""])
      assert.include(finished.stderr, "not UTF-8")
      const replacement = yield* shell("a\\357\\277\\275b").finished
      assert.deepStrictEqual([replacement.code, replacement.stdout], [0, "a\uFFFDb"])
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!hasTerminals)("tells why it waits in one line on a terminal, and leaves nothing of it", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const held = yield* holder(on, "--cpu", "2")
      const command = [...on.binary, "run", "--agent", "waiter", "--", "echo", "ran"]
        .map((word) => `'${word}'`)
        .join(" ")
      const terminal = new Program(
        spawn("script", ["-qec", `stty columns 60; exec ${command}`, "/dev/null"], {
          env: { ...on.env, TERM: "xterm", SHELL: "/bin/sh" }
        })
      )
      yield* terminal.wrote("waiter waits")
      // Written over at least once.
      yield* eventually(
        "the next frame",
        Effect.sync(() => terminal.stdout.split("\r").length > 2 || undefined)
      )
      yield* held.end
      const { stdout } = yield* terminal.finished
      const [progress = "", rest] = stdout.split("\r\u001B[Kresource-manager: ")
      assert.notInclude(progress, "\n")
      for (const frame of progress.split("\r").slice(1)) {
        assert.match(frame, /^waiter waits .* for cpu 1 \(cpu: /)
        assert.isTrue(frame.endsWith("\u001B[K"))
        assert.isBelow(frame.length, 60 + "\u001B[K".length)
      }
      assert.match(rest ?? "", /^cpu 1 granted after [^\n]*\r\nran\r\n$/)
    }).pipe(Effect.scoped)
  )

  it.live("reports over-use where it is watched", () =>
    Effect.gen(function* () {
      const on = yield* machine({ pools: { cpu: { capacity: 2 }, memory: { capacity: "1GiB" } } })
      const args = run("--memory", "1MiB", "--enforce", "watch", "--", "sh", "-c", "echo began; read -r line")
      const program = on.start(args)
      yield* program.wrote("began")
      program.child.stdin?.end("\n")
      assert.strictEqual((yield* program.finished).code, 0)
      const refused = yield* Effect.sync(() => on.start(run("--", "true"), { RESOURCE_MANAGER_ENFORCE: "all" }))
      const finished = yield* refused.finished
      assert.strictEqual(finished.code, 2)
      assert.match(finished.stderr, /RESOURCE_MANAGER_ENFORCE is "all"; allowed: auto, none, systemd, watch/)
    }).pipe(Effect.scoped)
  )

  it.live("never lets two commands have the same units", () =>
    Effect.gen(function* () {
      const on = yield* shared
      const file = on.path("inside")
      writeFileSync(file, "")
      // Says when it is in, and that it was alone.
      const script = `mkdir ${file}.lock || echo overlap; sleep 0.05; rmdir ${file}.lock`
      const programs = Array.from({ length: 5 }, (_, index) =>
        on.start(run("--agent", `a${index}`, "--resource", "gpu=1", "--", "sh", "-c", script))
      )
      for (const program of programs) {
        program.child.stdin?.end()
        const finished = yield* program.finished
        assert.deepStrictEqual([finished.code, finished.stdout], [0, ""], finished.stderr)
      }
    }).pipe(Effect.scoped)
  )
})
