/** Messages of a connection are dealt with in order, whether at once or in a fiber. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { Socket } from "node:net"
import { Inbox } from "../src/internal/inbox.ts"

const setup = () => {
  const seen: Array<string> = []
  const gate = Deferred.makeUnsafe<void>()
  const pushed: Array<() => void> = []
  const inbox = new Inbox<string>(
    new Socket(),
    Context.empty(),
    (message) => {
      if (!message.startsWith("now")) return false
      seen.push(message)
      pushed.shift()?.()
      return true
    },
    (message) =>
      Effect.andThen(
        message === "slow" ? Deferred.await(gate) : Effect.void,
        Effect.sync(() => {
          seen.push(message)
        })
      )
  )
  return { gate, inbox, pushed, seen }
}

describe("Inbox", () => {
  it("deals at once with what can be, up to the first that cannot, and with the rest in order", () => {
    const { inbox, seen } = setup()
    inbox.push(["now 1"])
    assert.deepStrictEqual(seen, ["now 1"])
    inbox.push(["now 2", "now 3", "later", "now 4"])
    assert.deepStrictEqual(seen, ["now 1", "now 2", "now 3", "later", "now 4"])
    inbox.push([])
    inbox.push(["now 5"])
    assert.strictEqual(seen.at(-1), "now 5")
  })

  it.effect("lets nothing pass what waits", () =>
    Effect.gen(function* () {
      const { gate, inbox, seen } = setup()
      inbox.push(["slow", "now 1"])
      inbox.push(["now 2"])
      assert.deepStrictEqual(seen, [])
      Deferred.doneUnsafe(gate, Effect.void)
      yield* Effect.yieldNow
      assert.deepStrictEqual(seen, ["slow", "now 1", "now 2"])
      inbox.push(["now 3"])
      assert.strictEqual(seen.at(-1), "now 3")
    })
  )

  it("keeps what is pushed by what it calls for its turn", () => {
    for (const first of [["now 1"], ["now 1", "now 2"], ["now 1", "later"]]) {
      const { inbox, pushed, seen } = setup()
      pushed.push(() => inbox.push(["now 8", "later 9"]))
      inbox.push(first)
      assert.deepStrictEqual(seen, [...first, "now 8", "later 9"])
      inbox.push(["now 10"])
      assert.strictEqual(seen.at(-1), "now 10")
    }
  })
})
