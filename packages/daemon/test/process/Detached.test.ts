/** Programs that belong to nobody, with real processes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync, readFileSync, statSync } from "node:fs"
import * as Detached from "../../src/process/Detached.ts"
import * as Gate from "../../src/process/Gate.ts"
import { ProcessTable } from "../../src/process/ProcessTable.ts"
import { terminate } from "../../src/process/Terminator.ts"
import { eventually, lineIn, temporaryPath, uniqueMarker } from "./support.ts"

const starter = (log: string, file: string) => `
  import * as Effect from "effect/Effect"
  import * as Detached from "${import.meta.resolve("../../src/process/Detached.ts")}"
  import { writeFileSync } from "node:fs"
  const script = 'echo "$$ $RESOURCE_MANAGER_LEASE;"; echo problem >&2; exec sleep 1000'
  await Effect.runPromise(Detached.start({ command: "sh", args: ["-c", script], log: "${log}" }))
  writeFileSync("${file}", "started\\n")
  setInterval(() => 0, 1000)`

describe.skipIf(process.platform === "win32")("a program that belongs to nobody", { timeout: 120_000 }, () => {
  it.live("is none of the command's that started it, and outlives it", () =>
    Effect.gen(function* () {
      const table = yield* ProcessTable
      const [log, file, marker] = [temporaryPath("log"), temporaryPath("started"), uniqueMarker()]
      const args = ["--input-type=module-typescript", "-e", starter(log, file)]
      const gated = yield* Gate.start({
        command: process.execPath,
        args,
        cwd: import.meta.dirname,
        marker,
        placement: "own"
      })
      yield* gated.open
      yield* lineIn(file)
      const written = yield* eventually(
        "both of its lines",
        Effect.sync(() => {
          const text = existsSync(log) ? readFileSync(log, "utf8") : ""
          return text.includes("problem") ? text : undefined
        })
      )
      const pid = Number.parseInt(written, 10)
      // Its marker is empty.
      assert.strictEqual(written, `${pid} ;\nproblem\n`)
      assert.strictEqual(statSync(log).mode & 0o777, 0o600)
      const program = yield* table.inspect(pid)
      assert.isDefined(program)
      if (program === undefined) return
      assert.notStrictEqual(program.parent, gated.identity.pid)
      assert.notStrictEqual(program.session, program.identity.pid)
      const ending = yield* terminate(gated.target, { grace: "10 seconds" })
      assert.strictEqual(ending._tag, "Gone")
      assert.isTrue(yield* table.isAlive(program.identity))
      yield* table.signal(program.identity, "SIGKILL")
    }).pipe(Effect.scoped, Effect.provide(ProcessTable.layer))
  )

  it.live("is refused where its file cannot be written", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Detached.start({ command: "true", args: [], log: "/nowhere/log" }))
      assert.match(error.message, /"true" cannot be started in the background: .*\/nowhere\/log/)
    })
  )
})
