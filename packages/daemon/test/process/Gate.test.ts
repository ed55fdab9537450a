/** Commands behind a gate, with real processes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { exitCodeOf, exited, signaled } from "../../src/process/ExitStatus.ts"
import * as Gate from "../../src/process/Gate.ts"
import { ProcessTable } from "../../src/process/ProcessTable.ts"
import { passedOn } from "../../src/process/signals.ts"
import {
  eventually,
  exitOf,
  lineIn,
  pathOf,
  runStarter,
  spawnStarter,
  targetIn,
  temporaryPath,
  uniqueMarker
} from "./support.ts"

const withTable = Effect.provide(ProcessTable.layer)

describe.skipIf(process.platform === "win32")("a command behind a gate", { timeout: 120_000 }, () => {
  it.live("does nothing until the gate is open, and is the same process then", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const file = temporaryPath()
      const gated = yield* Gate.start({
        command: process.execPath,
        args: ["-e", "require('fs').writeFileSync(process.argv[1], `${process.pid} ${process.ppid}\\n`)", file],
        placement: "own"
      })
      assert.isTrue(yield* table.isAlive(gated.identity))
      assert.strictEqual((yield* table.inspect(gated.identity.pid))?.group, gated.group)
      assert.isFalse(existsSync(file))
      yield* gated.open
      assert.deepStrictEqual(yield* gated.exit, exited(0))
      assert.strictEqual(readFileSync(file, "utf8"), `${gated.identity.pid} ${process.pid}\n`)
      assert.isFalse(yield* table.isAlive(gated.identity))
      assert.isFalse(gated.signal("SIGTERM"))
      yield* gated.open
    }).pipe(Effect.scoped, withTable)
  )

  it.live("that is never opened ends with the scope, with nothing done", () =>
    Effect.gen(function* () {
      const file = temporaryPath()
      const gated = yield* Effect.scoped(Gate.start({ command: "touch", args: [file], placement: "own" }))
      assert.deepStrictEqual(yield* gated.exit, exited(Gate.closedExitCode))
      assert.isFalse(existsSync(file))
    }).pipe(withTable)
  )

  it.live("that runs is left alone by the scope", () =>
    Effect.gen(function* () {
      const gated = yield* Effect.scoped(
        Effect.tap(Gate.start({ command: "sleep", args: ["1000"], placement: "own" }), (gated) => gated.open)
      )
      const table = yield* ProcessTable
      yield* eventually(
        "sleep",
        Effect.map(table.inspect(gated.identity.pid), (info) => info?.name === "sleep" || undefined)
      )
      assert.isTrue(gated.signal("SIGKILL"))
      assert.deepStrictEqual(yield* gated.exit, signaled("SIGKILL"))
    }).pipe(withTable)
  )

  it.live("ends by a signal that it gets before the gate is open", () =>
    Effect.gen(function* () {
      const gated = yield* Gate.start({ command: "true", args: [], placement: "own" })
      assert.isTrue(gated.signal("SIGTERM"))
      assert.deepStrictEqual(yield* gated.exit, signaled("SIGTERM"))
      yield* gated.open
    }).pipe(Effect.scoped, withTable)
  )

  it.live("is in the starter's group where it shares it", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const gated = yield* Gate.start({ command: "true", args: [], placement: "shared" })
      assert.strictEqual(gated.group, undefined)
      const [mine, its] = [yield* table.inspect(process.pid), yield* table.inspect(gated.identity.pid)]
      assert.deepStrictEqual([its?.group, its?.session], [mine?.group, mine?.session])
    }).pipe(Effect.scoped, withTable)
  )

  const refused: ReadonlyArray<readonly [string, Gate.GatedCommand, RegExp]> = [
    ["no name", { command: "", args: [] }, /"" cannot be started: its name is empty/],
    ["a name that a shell takes for an option", { command: "-c", args: [] }, /"-c" .*\.\/-name/],
    ["a NUL in an argument", { command: "echo", args: ["a\0b"] }, /"echo" .*NUL/],
    ["a NUL in a variable", { command: "echo", args: [], env: { A: "\0" } }, /NUL/],
    ["no such directory", { command: "echo", args: [], cwd: "/nowhere" }, /"\/nowhere"/],
    ["too much", { command: "echo", args: ["x".repeat(8_000_000)] }, /longer than the system allows/]
  ]
  for (const [what, command, message] of refused) {
    it.live(`is refused with the reason: ${what}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Gate.start(command))
        assert.strictEqual(error._tag, "CommandNotStarted")
        assert.match(error.message, message)
      }).pipe(Effect.scoped, withTable)
    )
  }
})

/** The system's shell, and the others that are here, which are other systems' `/bin/sh`. */
const shells: ReadonlyArray<readonly [string, string]> = [
  ["/bin/sh", "/bin/sh"],
  ...["dash", "bash", "ksh", "mksh", "yash", "zsh"].flatMap((name): ReadonlyArray<readonly [string, string]> => {
    const path = pathOf(name)
    if (path === undefined) return []
    // By this name they keep to POSIX.
    const directory = temporaryPath(name)
    mkdirSync(directory)
    symlinkSync(path, join(directory, "sh"))
    return [[name, join(directory, "sh")]]
  })
]

const oddArgs = [
  "",
  " ",
  "a b",
  "'",
  '"',
  "$HOME",
  "`x`",
  "\\n",
  "\n",
  "*",
  "-c",
  "--",
  "é\u{1f600}",
  "\u0001\u007f",
  "!x",
  "~"
]

const show = "process.stdout.write(JSON.stringify(process.argv.slice(1)))"
const environment = "process.stdout.write(JSON.stringify(process.env))"

describe.skipIf(process.platform === "win32")("a starter", { timeout: 120_000 }, () => {
  for (const [name, shell] of shells) {
    it(`gives the command its arguments as they are: by ${name}`, () => {
      const run = runStarter({ command: process.execPath, args: ["-e", show, "--", ...oddArgs], shell })
      assert.deepStrictEqual(JSON.parse(run.stdout), oddArgs)
      assert.deepStrictEqual([run.code, run.stderr], [0, ""])
    })

    it(`gives the command its environment as it is, with the marker: by ${name}`, () => {
      const odd = { "BASH_FUNC_f%%": "() { :\n}", "with-dash": "1", "with.dot": "a b", go: "x", IFS: ":", OPTIND: "7" }
      const env = { PATH: process.env["PATH"] ?? "", HOME: "/", PWD: process.cwd(), PLAIN: "'\"\n", ...odd }
      const command = { command: process.execPath, args: ["-e", environment], marker: "7.key", shell }
      const run = runStarter(command, { env })
      const seen: Record<string, string> = JSON.parse(run.stdout)
      // What shells add on their own account.
      for (const added of ["SHLVL", "_", "OLDPWD", "LOGNAME"]) delete seen[added]
      const expected: Record<string, string> = { ...env, RESOURCE_MANAGER_LEASE: "7.key" }
      assert.deepStrictEqual(seen, expected)
    })

    it(`ends with 127 or 126 where there is no such command or it cannot be executed: by ${name}`, () => {
      const missing = runStarter({ command: "no-such-command", shell })
      assert.strictEqual(missing.code, 127)
      // In the shell's own words.
      assert.match(missing.stderr, /^(resource-manager: .*no-such-command: not found|zsh:1: .*: no-such-command)\n$/)
      const file = temporaryPath()
      writeFileSync(file, "#!/bin/sh\n")
      assert.strictEqual(statSync(file).mode & 0o111, 0)
      const forbidden = runStarter({ command: file, shell })
      assert.strictEqual(forbidden.code, 126)
      assert.include(forbidden.stderr, file)
    })

    it.live(`that is killed before it opens the gate leaves nothing: by ${name}`, () =>
      Effect.gen(function* () {
        const table = yield* ProcessTable
        const [report, file] = [temporaryPath("report"), temporaryPath("ran")]
        const command = { command: "touch", args: [file], shell, report, open: false, placement: "own" } as const
        const starter = spawnStarter(command)
        const target = yield* targetIn(report)
        assert.isTrue(yield* table.isAlive(target.root))
        starter.kill("SIGKILL")
        yield* eventually(
          "the end of the shell",
          Effect.map(table.isAlive(target.root), (alive) => !alive || undefined)
        )
        assert.isFalse(existsSync(file))
      }).pipe(withTable)
    )
  }

  it("gives the command its standard input, output and error", () => {
    const run = runStarter({ command: "sh", args: ["-c", "cat; echo problem >&2"] }, { input: "in\n" })
    assert.deepStrictEqual(run, { code: 0, signal: null, stdout: "in\n", stderr: "problem\n" })
  })

  it.skipIf(!existsSync("/proc/self/fd"))("gives the command no other descriptor", () => {
    // `ls` itself opens the directory, as 3. High ones may come from whoever started the tests.
    const listed = runStarter({ command: "ls", args: ["/proc/self/fd"] }).stdout.split("\n")
    assert.deepStrictEqual(
      listed.filter((fd) => fd !== "" && Number(fd) < 16),
      ["0", "1", "2", "3"]
    )
  })

  const codes = [0, 1, 2, 42, 125, 126, 127, 128, 255]
  it.each(codes)("ends with the command's code: %i", (code) => {
    assert.strictEqual(runStarter({ command: "sh", args: ["-c", `exit ${code}`] }).code, code)
  })

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    it(`dies of ${signal} where the command did`, () => {
      const run = runStarter({ command: "sh", args: ["-c", `kill -${signal.slice(3)} $$`] })
      assert.deepStrictEqual([run.code, run.signal], [null, signal])
    })
  }

  for (const signal of ["SIGKILL", "SIGQUIT", "SIGUSR1", "SIGSEGV", "SIGPIPE"] as const) {
    it(`ends with 128 and the number of ${signal} where the command died of it`, () => {
      const run = runStarter({ command: "sh", args: ["-c", `kill -${signal.slice(3)} $$`] })
      assert.deepStrictEqual([run.code, run.signal], [exitCodeOf(signaled(signal)), null])
    })
  }

  for (const placement of ["own", "shared"] as const) {
    it.live(`passes signals on: ${placement}`, () =>
      Effect.gen(function* () {
        const file = temporaryPath()
        const program = `
          const { appendFileSync } = require("node:fs")
          let left = ${passedOn.length}
          for (const signal of ${JSON.stringify(passedOn)}) process.on(signal, () => {
            appendFileSync("${file}", signal + "\\n")
            if (--left === 0) process.exit(9)
          })
          setInterval(() => 0, 1000)
          appendFileSync("${file}", "ready\\n")`
        // In a session of its own nothing comes from a keyboard.
        const command = { command: process.execPath, args: ["-e", program], placement }
        const starter = spawnStarter(command, { detached: true })
        yield* lineIn(file)
        const seen = ["ready"]
        for (const signal of passedOn) {
          starter.kill(signal)
          seen.push(signal)
          yield* eventually(
            signal,
            Effect.sync(() => readFileSync(file, "utf8") === `${seen.join("\n")}\n` || undefined)
          )
        }
        assert.deepStrictEqual(yield* exitOf(starter), [9, null])
      })
    )
  }

  it.live(
    "killed at any instant leaves nothing behind that has begun, or a command that its target finds",
    () =>
      Effect.gen(function* () {
        const table = yield* ProcessTable
        const begun = { before: 0, after: 0 }
        for (let round = 0; round < 40; round++) {
          const [report, file, marker] = [temporaryPath("report"), temporaryPath("ran"), uniqueMarker()]
          const script = `echo $$ > ${file}; exec sleep 1000`
          const starter = spawnStarter({ command: "sh", args: ["-c", script], marker, report, placement: "own" })
          // From before the spawn to well after the opening of the gate; node itself takes most of it to start.
          const instant = Math.random() * 2
          if (instant < 1) yield* targetIn(report)
          yield* Effect.promise(
            () => new Promise((resolve) => setTimeout(resolve, instant < 1 ? instant * 10 : (instant - 1) * 300))
          )
          starter.kill("SIGKILL")
          yield* exitOf(starter)
          if (existsSync(report)) {
            begun.after += 1
            const target = yield* targetIn(report)
            // The gate was closed, and the shell ends; or it was open, and all that runs is found.
            const ran = yield* eventually(
              "the shell at the gate to end, or the command to begin",
              Effect.map(table.find(target), (found) =>
                found.length === 0 || (existsSync(file) && found.length > 0) ? found : undefined
              )
            )
            if (ran.length === 0) assert.isFalse(existsSync(file))
            for (const { identity } of ran) yield* table.signal(identity, "SIGKILL")
            yield* eventually(
              "the end",
              Effect.map(table.find(target), (found) => found.length === 0 || undefined)
            )
          } else {
            begun.before += 1
            const self = yield* table.inspect(process.pid)
            assert.isDefined(self)
            if (self === undefined) return
            const anybody = table.find({ root: { ...self.identity, pid: 2 ** 31 - 1 }, marker })
            yield* eventually(
              "the shell at the gate to end",
              Effect.map(anybody, (found) => found.length === 0 || undefined)
            )
            assert.isFalse(existsSync(file))
          }
        }
        assert.isAbove(begun.before, 2)
        assert.isAbove(begun.after, 2)
      }).pipe(withTable),
    120_000
  )
})
