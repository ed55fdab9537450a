/** Ending commands: with a table that the test plays and its clock, and with real processes. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import * as Gate from "../../src/process/Gate.ts"
import { type CommandTarget, keyOf, type ProcessIdentity } from "../../src/process/Identity.ts"
import type { ProcessInfo, ProcessState } from "../../src/process/members.ts"
import { ProcessesUnreadable, ProcessTable, type SignalResult } from "../../src/process/ProcessTable.ts"
import { type Ending, terminate } from "../../src/process/Terminator.ts"
import { eventually, lineIn, temporaryPath, uniqueMarker } from "./support.ts"

const place = "here"
const identity = (pid: number, start = 1): ProcessIdentity => ({ pid, start, place })
const target: CommandTarget = { root: identity(10), group: 10, marker: "m" }

/** A table whose processes do as the test says when a signal comes. */
class PlayedTable {
  readonly processes = new Map<number, ProcessInfo>()
  readonly sent: Array<string> = []
  readable = true
  looks = 0
  onSignal: (pid: number, signal: NodeJS.Signals) => SignalResult | void = () => undefined

  put(pid: number, state: ProcessState = "sleeping", start = 1): void {
    const info = { identity: identity(pid, start), name: `p${pid}`, parent: 1, group: 10, session: 10, state }
    this.processes.set(pid, info)
  }

  private attempt<A>(read: () => A): Effect.Effect<A, ProcessesUnreadable> {
    return Effect.suspend(() =>
      this.readable
        ? Effect.succeed(read())
        : Effect.fail(new ProcessesUnreadable({ message: "too many open files", source: "/proc", detail: "EMFILE" }))
    )
  }

  readonly layer = Effect.provideService(ProcessTable, {
    abilities: { identity: "ticks", marker: true, limits: [] },
    place,
    inspect: (pid) => this.attempt(() => this.processes.get(pid)),
    isAlive: ({ pid }) => this.attempt(() => this.processes.has(pid)),
    find: () =>
      this.attempt(() => {
        this.looks += 1
        return [...this.processes.values()]
      }),
    isMarked: () => Effect.succeed(false),
    forks: Effect.succeed(0),
    signal: (identity, signal) =>
      this.attempt(() => {
        const found = this.processes.get(identity.pid)
        if (found === undefined || keyOf(found.identity) !== keyOf(identity)) return "gone"
        this.sent.push(`${signal.slice(3)} ${identity.pid}`)
        return this.onSignal(identity.pid, signal) ?? "sent"
      }),
    usage: () => Effect.undefined
  })
}

const options = { grace: "10 seconds", patience: "5 seconds" } as const

const summary = (ending: Ending) =>
  ending._tag === "Gone"
    ? { gone: ending.asked.map((info) => info.identity.pid), killed: ending.killed.map((info) => info.identity.pid) }
    : { survivors: ending.survivors.map(({ identity, reason }) => `${identity.pid} ${reason}`) }

describe("ending a command", () => {
  it.effect("asks everybody once, and is over as soon as all are gone", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      table.put(10)
      table.put(11)
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, options)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(table.sent, ["TERM 10", "TERM 11"])
      table.processes.clear()
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), { gone: [10, 11], killed: [] })
      assert.lengthOf(table.sent, 2)
    })
  )

  it.effect("is over at once where nobody is left", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, options)))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), { gone: [], killed: [] })
      // One look could fall into the instant in which a process becomes another program.
      assert.strictEqual(table.looks, 2)
    })
  )

  it.effect("asks also who appears meanwhile, and wakes who is stopped", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      table.put(10, "stopped")
      table.onSignal = (pid, signal) => {
        if (signal === "SIGTERM" && pid === 10) table.put(12)
        if (signal === "SIGCONT" || pid === 12) table.processes.delete(pid)
      }
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, options)))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), { gone: [10, 12], killed: [] })
      assert.deepStrictEqual(table.sent, ["TERM 10", "CONT 10", "TERM 12"])
    })
  )

  it.effect("stops all and kills them after the grace period", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      table.put(10)
      table.onSignal = (pid, signal) => {
        // It manages to start one more before it is stopped.
        if (signal === "SIGSTOP" && pid === 10) table.put(11)
        if (signal === "SIGKILL") table.processes.delete(pid)
      }
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, options)))
      yield* TestClock.adjust("9999 millis")
      assert.deepStrictEqual(table.sent, ["TERM 10"])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), { gone: [10], killed: [10, 11] })
      assert.deepStrictEqual(table.sent, ["TERM 10", "STOP 10", "STOP 11", "KILL 10", "KILL 11"])
    })
  )

  it.effect("kills at once without a grace period", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      table.put(10)
      table.onSignal = (pid, signal) => {
        if (signal === "SIGKILL") table.processes.delete(pid)
      }
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, { grace: 0 })))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), { gone: [], killed: [10] })
      assert.deepStrictEqual(table.sent, ["STOP 10", "KILL 10"])
    })
  )

  it.effect("tells who survives, and why", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      table.put(10, "stuck")
      table.put(11)
      table.put(12)
      table.onSignal = (pid) => (pid === 11 ? "denied" : "sent")
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, options)))
      yield* TestClock.adjust("15 seconds")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), { survivors: ["10 stuck", "11 denied", "12 alive"] })
    })
  )

  it.effect("does not signal who has the number of one that ended", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      table.put(10)
      table.put(11)
      table.onSignal = (pid, signal) => {
        // In the same look: 11 was seen, ends, and somebody else gets its number.
        if (pid === 10 && signal === "SIGTERM") table.put(11, "sleeping", 99)
      }
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, options)))
      yield* TestClock.adjust("1 millis")
      assert.deepStrictEqual(table.sent, ["TERM 10"])
      yield* Fiber.interrupt(fiber)
    })
  )

  it.effect("concludes nothing while the processes cannot be read", () =>
    Effect.gen(function* () {
      const table = new PlayedTable()
      table.put(10)
      table.readable = false
      const fiber = yield* Effect.forkChild(table.layer(terminate(target, options)))
      yield* TestClock.adjust("12 seconds")
      assert.deepStrictEqual(table.sent, [])
      table.onSignal = (pid) => void table.processes.delete(pid)
      table.readable = true
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(summary(yield* Fiber.join(fiber)), { gone: [], killed: [10] })
      table.readable = false
      const failing = yield* Effect.forkChild(Effect.flip(table.layer(terminate(target, options))))
      yield* TestClock.adjust("16 seconds")
      assert.strictEqual((yield* Fiber.join(failing)).message, "too many open files")
    })
  )
})

const running = Effect.fnUntraced(function* (script: string, placement: "own" | "shared" = "own") {
  const ready = temporaryPath("ready")
  const marker = uniqueMarker()
  const gated = yield* Gate.start({ command: "sh", args: ["-c", script], env: { READY: ready }, marker, placement })
  yield* gated.open
  yield* lineIn(ready)
  return gated
})

const real = { grace: "10 seconds", patience: "20 seconds" } as const
const ready = 'echo ready > "$READY"'

describe.skipIf(process.platform === "win32")("ending a real command", { timeout: 120_000 }, () => {
  const withTable = Effect.provide(ProcessTable.layer)
  /** `programs` are those that it has become, where it is told them by name: until `exec` they are shells. */
  const ends = (
    what: string,
    script: string,
    check: (ending: Ending) => void,
    options: Parameters<typeof terminate>[1] = real,
    programs?: ReadonlyArray<string>
  ) => {
    for (const placement of ["own", "shared"] as const) {
      it.live(`${what}, ${placement === "own" ? "in its own group" : "in the group of who started it"}`, () =>
        Effect.gen(function* () {
          const table = yield* ProcessTable
          const gated = yield* running(script, placement)
          if (programs !== undefined) {
            yield* eventually(
              programs.join(", "),
              Effect.map(table.find(gated.target), (found) => namesOf(found).join() === programs.join() || undefined)
            )
          }
          check(yield* terminate(gated.target, options))
          assert.deepStrictEqual(yield* table.find(gated.target), [])
          assert.isFalse(yield* table.isAlive(gated.identity))
        }).pipe(Effect.scoped, withTable)
      )
    }
  }

  const namesOf = (infos: ReadonlyArray<ProcessInfo>) => infos.map((info) => info.name).toSorted()
  const gone = (ending: Ending, asked: ReadonlyArray<string>, killed: ReadonlyArray<string>) => {
    assert.strictEqual(ending._tag, "Gone")
    if (ending._tag === "Gone") assert.deepStrictEqual([namesOf(ending.asked), namesOf(ending.killed)], [asked, killed])
  }

  ends("that acts on SIGTERM", `${ready}; exec sleep 1000`, (ending) => gone(ending, ["sleep"], []), real, ["sleep"])

  ends(
    "that ignores SIGTERM",
    `trap "" TERM; ${ready}; exec sleep 1000`,
    (ending) => gone(ending, ["sleep"], ["sleep"]),
    { ...real, grace: "200 millis" },
    ["sleep"]
  )

  ends("that is stopped", `sh -c 'sleep 0.01; kill -STOP $PPID; ${ready}'; exec sleep 1000`, (ending) => {
    assert.strictEqual(ending._tag, "Gone")
    if (ending._tag === "Gone") assert.deepStrictEqual(ending.killed, [])
  })

  ends("whose root has ended", `sleep 1000 & ${ready}`, (ending) => gone(ending, ["sleep"], []), real, ["sleep"])

  const daemonize = 'setsid sh -c "(setsid sleep 1000 < /dev/null > /dev/null 2>&1 &)"'
  ends(
    "with a descendant that left its group, session and parents",
    `${daemonize}; ${ready}; exec sleep 1001`,
    (ending) => gone(ending, ["sleep", "sleep"], []),
    real,
    ["sleep", "sleep"]
  )

  ends(
    "with a tree that starts itself anew",
    // Each starts what it lost anew, and no more: without a bound, a machine that is busy would be full of them before
    // they are ended.
    `
    tree() {
      trap "" TERM; i=0
      while [ $((i += 1)) -lt 100 ]; do
        if [ $1 -gt 0 ]; then (tree $(($1 - 1))) & (tree $(($1 - 1))) & wait; else sleep 0.05; fi
      done
    }
    ${ready}; tree 3`,
    (ending) => assert.strictEqual(ending._tag, "Gone"),
    { ...real, grace: "100 millis" }
  )
})
