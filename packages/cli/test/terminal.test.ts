/** `top` as a person has it: the published binary, on a pseudo-terminal, of a daemon that works. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { bundledBinary } from "./binary.ts"
import { type Client, clientOf, removeDaemon, type RunningDaemon, startDaemon, until } from "./daemon.ts"
import { noTerminal, onTerminal } from "./pty.ts"

let binary: string
let daemon: RunningDaemon
let client: Client

beforeAll(async () => {
  if (noTerminal !== undefined) return
  binary = await bundledBinary()
  daemon = await startDaemon(binary, {
    pools: { cpu: { capacity: 4 }, network: { capacity: 10 } },
    quotas: { ada: { cpu: 3 } }
  })
  client = clientOf(daemon)
}, 120_000)

afterAll(async () => {
  if (noTerminal !== undefined) return
  await client.close()
  await removeDaemon(daemon)
})

describe("top on a pseudo-terminal", { timeout: 120_000 }, () => {
  it("shows what the daemon does, follows its size and its keys, and leaves the screen as it was", async (context) => {
    context.skip(noTerminal !== undefined, noTerminal)
    const giveBack = await client.hold("ada", { cpu: 3 })
    const top = await onTerminal(binary, daemon.env, ["top", "--interval", "100ms"], { columns: 110, rows: 32 })
    try {
      await top.shows(/cpu .*3 \/ 4/)
      assert.isTrue(top.glass.isAlternate)
      await top.shows(/^q quit/m)

      // What happens at the daemon is on the screen without a key.
      const waits = client.ask("ben", { cpu: 2 })
      await top.shows(/WAITER[^]*ben/)
      await giveBack()
      await top.shows(/cpu .*2 \/ 4/)
      assert.strictEqual(await waits, "held")

      // A smaller terminal is filled to its last line, and nothing is wrapped.
      top.resize(60, 14)
      await until("the screen has the new size", () => top.glass.lines[13]?.startsWith("q quit") || undefined)
      assert.isFalse(top.glass.wraps)
      top.resize(110, 32)
      await until("the screen has its size again", () => top.glass.lines[31]?.startsWith("q quit") || undefined)

      top.press("p")
      await top.shows(/PAUSED/)
      top.press("p")
      await until("it goes on", () => !top.glass.text.includes("PAUSED") || undefined)

      top.press("q")
      assert.strictEqual(await top.ended, 0)
      assert.isFalse(top.glass.isAlternate)
      assert.isTrue(top.glass.wrapsAround)
    } finally {
      top.kill()
    }
  })

  it("gives the screen back when it is interrupted", async (context) => {
    context.skip(noTerminal !== undefined, noTerminal)
    const top = await onTerminal(binary, daemon.env, ["top"], { columns: 80, rows: 24 })
    try {
      await top.shows(/cpu .*\/ 4/)
      top.press("\u0003")
      const code = await top.ended
      assert.notStrictEqual(code, "SIGKILL")
      assert.isFalse(top.glass.isAlternate)
    } finally {
      top.kill()
    }
  })
})
