/** Commands on a terminal: what the keyboard sends, and who else is there. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ProcessTable } from "../../src/process/ProcessTable.ts"
import { terminate } from "../../src/process/Terminator.ts"
import { eventually, starterArgs, type StarterOptions, targetIn, temporaryPath, uniqueMarker } from "./support.ts"
import { hasTerminals, onTerminal, quote } from "./terminal.ts"

const starter = (options: StarterOptions) => [process.execPath, ...starterArgs(options)]

/** Says each interrupt that it gets, and ends with 7 at `end`. */
const counting = `
  let interrupts = 0
  process.on("SIGINT", () => console.log("interrupt", ++interrupts))
  process.stdin.on("data", (text) => {
    console.log("read", String(text).trim(), "interrupts", interrupts)
    if (String(text).trim() === "end") process.exit(7)
  })
  console.log("ready", process.stdin.isTTY, process.stdout.isTTY)`

describe.skipIf(!hasTerminals)("a command on a terminal (with util-linux's script)", { timeout: 120_000 }, () => {
  it.live("reads it, and gets Ctrl-C once, as its starter does, which goes on", () =>
    Effect.gen(function* () {
      const terminal = yield* onTerminal(starter({ command: process.execPath, args: ["-e", counting] }))
      yield* terminal.shows("ready true true")
      yield* terminal.type("hello\n")
      yield* terminal.shows("read hello interrupts 0")
      yield* terminal.type("\u0003")
      yield* terminal.shows("interrupt 1")
      // What came first is handled first: had the starter passed it on too, it would have come by now.
      yield* terminal.type("again\n")
      yield* terminal.shows("read again interrupts 1")
      yield* terminal.type("end\n")
      assert.strictEqual(yield* terminal.exit, 7)
    }).pipe(Effect.scoped)
  )

  it.live("that dies of Ctrl-C takes its starter with it, by the same signal", () =>
    Effect.gen(function* () {
      const args = [
        "-c",
        `"$@"; echo "after: $?"`,
        "sh",
        ...starter({ command: "sh", args: ["-c", "echo ready; exec sleep 1000"] })
      ]
      // A shell that waits for a program ends too if that died of the interrupt, and only then.
      const terminal = yield* onTerminal(["bash", ...args])
      yield* terminal.shows("ready")
      yield* terminal.type("\u0003")
      assert.strictEqual(yield* terminal.exit, 130)
      assert.notInclude(terminal.screen(), "after")
    }).pipe(Effect.scoped)
  )

  it.live("stops at Ctrl-Z with its starter, and goes on in the foreground", () =>
    Effect.gen(function* () {
      const command = starter({ command: process.execPath, args: ["-e", counting] })
        .map(quote)
        .join(" ")
      const terminal = yield* onTerminal(["bash", "--norc", "--noprofile", "-i"], { ...process.env, PS1: "prompt: " })
      yield* terminal.shows("prompt: ")
      yield* terminal.type(`${command}\n`)
      yield* terminal.shows("ready true true")
      yield* terminal.type("\u001a")
      yield* terminal.shows("Stopped")
      yield* terminal.shows("prompt: ")
      yield* terminal.type("echo shell $((6 * 7))\n")
      yield* terminal.shows("shell 42")
      yield* terminal.type("fg\n")
      yield* terminal.shows("fg\r\n")
      yield* terminal.type("back\n")
      yield* terminal.shows("read back interrupts 0")
      yield* terminal.type("end\n")
      yield* terminal.shows("prompt: ")
      yield* terminal.type("echo status $?\n")
      yield* terminal.shows("status 7")
      yield* terminal.type("exit\n")
    }).pipe(Effect.scoped)
  )

  it.live("in the background gets what is sent to its starter alone", () =>
    Effect.gen(function* () {
      const command = starter({
        command: process.execPath,
        args: [
          "-e",
          'process.on("SIGINT", () => { console.log("told"); process.exit(3) }); console.log("rea" + "dy"); setInterval(() => 0, 1000)'
        ]
      })
        .map(quote)
        .join(" ")
      const terminal = yield* onTerminal(["bash", "--norc", "--noprofile", "-i"], { ...process.env, PS1: "prompt: " })
      yield* terminal.shows("prompt: ")
      yield* terminal.type(`${command} &\n`)
      yield* terminal.shows("ready")
      yield* terminal.type("kill -INT $!; wait $!; echo status $?\n")
      yield* terminal.shows("told")
      yield* terminal.shows("status 3")
      yield* terminal.type("exit\n")
    }).pipe(Effect.scoped)
  )

  it.live("is ended without the rest of its pipeline and the script around, where its starter was killed", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const [report, marker] = [temporaryPath("report"), uniqueMarker()]
      const script = "sleep 1000 & (setsid sleep 1000 &) ; echo ready; exec sleep 1000"
      const command = starter({ command: "sh", args: ["-c", script], report, marker })
        .map(quote)
        .join(" ")
      const terminal = yield* onTerminal([
        "bash",
        "-c",
        `${command} | (cat; sleep 0.1; echo rest of the pipeline); echo rest of the script`
      ])
      yield* terminal.shows("ready")
      const target = yield* targetIn(report)
      assert.strictEqual(target.group, undefined)
      const root = yield* table.inspect(target.root.pid)
      assert.isDefined(root)
      yield* eventually(
        "three of them",
        Effect.map(table.find(target), (found) => found.length === 3 || undefined)
      )
      const self = root === undefined ? undefined : yield* table.inspect(root.parent)
      assert.isDefined(self)
      if (self !== undefined) yield* table.signal(self.identity, "SIGKILL")
      const ending = yield* terminate(target)
      assert.strictEqual(ending._tag, "Gone")
      yield* terminal.shows("rest of the pipeline")
      yield* terminal.shows("rest of the script")
      assert.strictEqual(yield* terminal.exit, 0)
    }).pipe(Effect.scoped, Effect.provide(ProcessTable.layer))
  )
})
