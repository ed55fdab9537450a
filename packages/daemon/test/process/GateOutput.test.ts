/** What a command behind a gate prints, where its starter takes it. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { writeFileSync } from "node:fs"
import { exited } from "../../src/process/ExitStatus.ts"
import * as Gate from "../../src/process/Gate.ts"
import { ProcessTable } from "../../src/process/ProcessTable.ts"
import { temporaryPath } from "./support.ts"

const heard = (command: Omit<Gate.GatedCommand, "output" | "placement">) =>
  Effect.gen(function* () {
    const texts = { stdout: "", stderr: "" }
    const decoder = new TextDecoder()
    const gated = yield* Gate.start({
      ...command,
      placement: "own",
      output: (chunk, stream) => (texts[stream] += decoder.decode(chunk, { stream: true }))
    })
    yield* gated.open
    const status = yield* gated.exit
    return { gated, status, texts }
  })

describe.skipIf(process.platform === "win32")("the output of a command behind a gate", { timeout: 120_000 }, () => {
  it.live("is taken, by stream and to its end, and there is no input", () =>
    Effect.gen(function* () {
      const { gated, status, texts } = yield* heard({
        command: "sh",
        args: ["-c", "cat; printf out; printf err >&2; head -c 300000 /dev/zero | tr '\\0' x; exit 3"]
      })
      yield* gated.silent
      assert.deepStrictEqual(status, exited(3))
      assert.strictEqual(texts.stdout.length, 300_003)
      assert.strictEqual(texts.stdout.slice(0, 4), "outx")
      assert.strictEqual(texts.stderr, "err")
    }).pipe(Effect.scoped, Effect.provide(ProcessTable.layer))
  )

  it.live("goes on for as long as something that it started can print", () =>
    Effect.gen(function* () {
      const file = temporaryPath()
      const late = `(while [ ! -e ${file} ]; do sleep 0.02; done; echo late)`
      const { gated, texts } = yield* heard({ command: "sh", args: ["-c", `${late} & echo first`] })
      assert.notInclude(texts.stdout, "late")
      writeFileSync(file, "")
      yield* gated.silent
      assert.strictEqual(texts.stdout, "first\nlate\n")
    }).pipe(Effect.scoped, Effect.provide(ProcessTable.layer))
  )

  it.live("is silent at once where it is not taken", () =>
    Effect.gen(function* () {
      const gated = yield* Gate.start({ command: "true", args: [], placement: "own" })
      yield* gated.silent
      yield* gated.open
      assert.deepStrictEqual(yield* gated.exit, exited(0))
    }).pipe(Effect.scoped, Effect.provide(ProcessTable.layer))
  )
})
