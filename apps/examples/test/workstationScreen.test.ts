import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { modeOf, type Screen } from "../src/workstation/display.ts"
import { run } from "../src/workstation/run.ts"

let root: string

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "workstation-screen-"))
  mkdirSync(join(root, "below"))
  for (let index = 0; index < 20; index++) writeFileSync(join(root, "below", `${index}`), `${index}`.repeat(10_000))
})

afterAll(() => rmSync(root, { recursive: true, force: true }))

/** A terminal that keeps what is written to it, and says when a table was drawn. */
const makeScreen = () => {
  const written: Array<string> = []
  const drawn = Latch.makeUnsafe()
  const write = (text: string) => {
    written.push(text)
    if (text.includes("agent-01")) drawn.openUnsafe()
  }
  const screen: Screen = { isTTY: true, columns: 100, rows: 30, write }
  return { screen, written, drawn }
}

const start = (screen: Screen, rate: number) =>
  run({ directory: root, agents: 3, level: 1, rate, seed: 1, manifest: undefined, mode: "live", stream: screen })

const entered = "\u001B[?1049h\u001B[?25l"
const left = "\u001B[?25h\u001B[?1049l"

describe("the workstation on a terminal", () => {
  it.live("draws on a screen of its own, and leaves it in the end", () =>
    Effect.gen(function* () {
      const { screen, written } = makeScreen()
      const summary = yield* start(screen, 1_000)
      assert.deepStrictEqual(summary.violations, [])
      assert.strictEqual(written[0], entered)
      assert.strictEqual(written.at(-1), left)
      assert.isTrue(written.some((text) => text.includes("network") && text.includes("░")))
    })
  )

  it.live("leaves it when it is interrupted", () =>
    Effect.gen(function* () {
      const { drawn, screen, written } = makeScreen()
      const running = yield* Effect.forkChild(start(screen, 1))
      yield* drawn.await
      yield* Fiber.interrupt(running)
      assert.strictEqual(written.at(-1), left)
      assert.strictEqual(written.filter((text) => text === left).length, 1)
    })
  )

  it("shows a table to people only", () => {
    const terminal: Screen = { isTTY: true, write: () => true }
    const pipe: Screen = { write: () => true }
    assert.strictEqual(modeOf(terminal, false, { TERM: "xterm" }), "live")
    assert.strictEqual(modeOf(terminal, false, { TERM: "dumb" }), "lines")
    assert.strictEqual(modeOf(terminal, false, { TERM: "xterm", CI: "true" }), "lines")
    assert.strictEqual(modeOf(pipe, false, { TERM: "xterm" }), "lines")
    assert.strictEqual(modeOf(pipe, true, { TERM: "xterm" }), "silent")
  })
})
