/** Policies as `run` and the daemon's settings have them: the real binary, a real daemon. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { eventually, type Machine, machine } from "./machine.ts"

const order = { priority: { classes: { batch: -10, urgent: 10 } } }

const policies = {
  manager: { order },
  quotas: { small: { cpu: 1 } },
  reservations: [{ priority: "urgent", claim: { gpu: 1 }, note: "pages" }]
}

/** Holds processors until it is told to end by a line. */
const holds = Effect.fnUntraced(function* (on: Machine, ...args: ReadonlyArray<string>) {
  const program = on.start(["run", ...args, "--", "sh", "-c", "echo began; read -r line"])
  yield* program.wrote("began")
  return Effect.suspend(() => {
    program.child.stdin?.end("\n")
    return program.finished
  })
})

const waiting = (on: Machine, count: number) =>
  eventually(
    `${count} waiters`,
    Effect.map(on.finish("waiters", "list", "--json"), ({ stdout }) =>
      stdout !== "" && (JSON.parse(stdout) as ReadonlyArray<unknown>).length === count ? true : undefined
    )
  )

describe.skipIf(process.platform === "win32")("policies of a daemon", { timeout: 120_000 }, () => {
  it.live("name their classes of priority: for claims, agents and what is kept", () =>
    Effect.gen(function* () {
      const on = yield* machine({ more: policies })
      const ended = yield* holds(on, "--agent", "holder", "--cpu", "2")
      const append = (name: string) => ["--", "sh", "-c", `echo ${name} >> ${on.path("order")}`]
      assert.strictEqual((yield* on.finish("agents", "set-priority", "page", "urgent")).code, 0)
      const commands = [
        on.start(["run", "--agent", "nightly", "--priority", "batch", ...append("nightly")]),
        on.start(["run", "--agent", "person", ...append("person")]),
        on.start(["run", "--agent", "page", ...append("page")])
      ]
      yield* waiting(on, 3)
      const listed = yield* on.finish("waiters", "list", "--json")
      assert.deepStrictEqual(
        (JSON.parse(listed.stdout) as ReadonlyArray<{ readonly agent: string }>).map(({ agent }) => agent),
        ["page", "person", "nightly"]
      )
      yield* ended
      for (const command of commands) assert.strictEqual((yield* command.finished).code, 0)

      const kept = yield* on.finish("reserve", "add", "--priority", "urgent", "cpu=1")
      assert.match(kept.stdout, /cpu 1 for priority 10\+/)
      const expected: ReadonlyArray<readonly [number, RegExp, ReadonlyArray<string>]> = [
        [
          78,
          /priority is "urgnt"; allowed: a whole number .* or one of the classes batch, urgent/,
          ["run", "--priority", "urgnt", "--", "true"]
        ],
        [2, /--priority is "1.5"; allowed: a whole number/, ["run", "--priority", "1.5", "--", "true"]],
        [9, /priority is "bacth"; .*batch, urgent/, ["agents", "set-priority", "a", "bacth"]],
        [2, /N\|CLASS is "1.5"/, ["agents", "set-priority", "a", "1.5"]],
        [9, /priority is "bacth"; .*batch, urgent/, ["reserve", "add", "--priority", "bacth", "cpu=1"]],
        [2, /--priority is ""/, ["reserve", "add", "--priority", "", "cpu=1"]]
      ]
      for (const [code, message, args] of expected) {
        const finished = yield* on.finish(...args)
        assert.strictEqual(finished.code, code, `${args.join(" ")}: ${finished.stderr}`)
        assert.match(finished.stderr, message)
      }
    }).pipe(Effect.scoped)
  )

  it.live("learn how many at once from how commands end", () =>
    Effect.gen(function* () {
      const adaptive = { limit: "aimd", samplesMin: 1, window: "0ms", drop: [75, 7] }
      const on = yield* machine({ pools: { api: { capacity: 8, max: 10, unit: "calls", adaptive } } })
      const limit = Effect.map(on.finish("pools", "show", "api", "--json"), ({ stdout }) => {
        const { pool } = JSON.parse(stdout) as { readonly pool: { readonly capacity: number; readonly note: string } }
        return [pool.capacity, pool.note] as const
      })
      const ends = (code: number) => on.finish("run", "--resource", "api=6", "--", "sh", "-c", `exit ${code}`)
      const becomes = (capacity: number, note: string) =>
        eventually(
          `a limit of ${capacity}`,
          Effect.map(limit, ([now, why]) => (now === capacity && why === note ? true : undefined))
        )
      assert.strictEqual((yield* ends(7)).code, 7)
      yield* becomes(7, "aimd: falls to 7, a call was dropped")
      // Says nothing of the backend.
      assert.strictEqual((yield* ends(1)).code, 1)
      assert.strictEqual((yield* ends(0)).code, 0)
      yield* becomes(8, "aimd: grows to 8, calls go well")
    }).pipe(Effect.scoped)
  )

  it.live("let a claim over its quota fail, or wait for it", () =>
    Effect.gen(function* () {
      const on = yield* machine({ more: policies })
      const ended = yield* holds(on, "--agent", "small")
      const failed = yield* on.finish("run", "--agent", "small", "--", "true")
      assert.strictEqual(failed.code, 75)
      assert.match(failed.stderr, /quota/)
      const wrong = yield* on.finish("run", "--on-quota", "perhaps", "--", "true")
      assert.strictEqual(wrong.code, 2)
      const patient = on.start(["run", "--agent", "small", "--on-quota", "wait", "--", "echo", "ran"])
      yield* waiting(on, 1)
      yield* ended
      assert.deepInclude({ ...(yield* patient.finished) }, { code: 0, stdout: "ran\n" })
    }).pipe(Effect.scoped)
  )
})
