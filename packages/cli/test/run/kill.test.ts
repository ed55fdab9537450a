/** `run` and its daemon killed at any instant: no command works beside the next one, and nothing is lost. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { existsSync, readFileSync } from "node:fs"
import { eventually, type Machine, machine, type Program } from "./machine.ts"

/**
 * A command that has the one gpu: it says who it is, and whether who had it before
 * is still at work. A zombie is not.
 */
const exclusive = (on: Machine, rest: string): ReadonlyArray<string> => {
  const file = on.path("current")
  const script = `
    if [ -e ${file} ]; then
      read -r before < ${file}
      case "$(cat /proc/$before/stat 2> /dev/null)" in *") Z "*|"") ;; *) echo overlap with $before ;; esac
    fi
    echo $$ > ${file}.new && mv ${file}.new ${file}
    echo began
    ${rest}`
  return ["run", "--resource", "gpu=1", "--", "sh", "-c", script]
}

const pause = (millis: number) => Effect.promise(() => new Promise((resolve) => setTimeout(resolve, millis)))

const killed = (program: Program) =>
  Effect.suspend(() => {
    program.child.kill("SIGKILL")
    return program.finished
  })

/** How often `run` is killed at random; the longer run has 200. */
const rounds = Number(process.env["RESOURCE_MANAGER_KILLS"] ?? 12)
const timeout = 180_000 + rounds * 20_000

describe.skipIf(!existsSync("/proc/self/stat"))("run, killed", { timeout }, () => {
  it.live("does not leave its command beside the next grant of the same units", () =>
    Effect.gen(function* () {
      const on = yield* machine()
      // Ignores SIGTERM, and has a descendant that left its group and parents.
      const stubborn = on.start(
        exclusive(on, `trap "" TERM; (setsid sleep 1000 > /dev/null 2>&1 &); while :; do sleep 0.05; done`)
      )
      yield* stubborn.wrote("began")
      const next = on.start(exclusive(on, "read -r line"))
      yield* eventually(
        "the wait",
        Effect.sync(() => next.stderr.includes("waits") || undefined)
      )
      yield* killed(stubborn)
      yield* next.wrote("began")
      assert.strictEqual(next.stdout, "began\n")
      next.child.stdin?.end("\n")
      assert.strictEqual((yield* next.finished).code, 0)
      yield* on.noLeases
    }).pipe(Effect.scoped)
  )

  it.live("at any instant gives everything back, and never while its command works", () =>
    Effect.gen(function* () {
      const on = yield* machine()
      yield* on.finish("run", "--", "true")
      let ran = 0
      for (let round = 0; round < rounds; round++) {
        const programs = [0, 1, 2].map(() => on.start(exclusive(on, "exec sleep 1000")))
        const instant = Math.random()
        // Every other while one is at work and two wait, the rest from before they connect on.
        if (round % 2 === 0) {
          yield* eventually(
            "one that runs",
            Effect.sync(() => programs.some((one) => one.stdout.includes("began")) || undefined)
          )
          yield* pause(instant * 50)
        } else yield* pause(instant * 1_500)
        for (const program of programs) {
          yield* killed(program)
          // The grandchild holds the pipe until the daemon has ended it: so this is the end of all of it.
          assert.notInclude(program.stdout, "overlap")
          if (program.stdout.includes("began")) ran += 1
        }
      }
      yield* on.noLeases
      const last = yield* on.finish(...exclusive(on, "true"))
      assert.deepStrictEqual([last.code, last.stdout], [0, "began\n"])
      assert.isAtLeast(ran, Math.ceil(rounds / 2))
    }).pipe(Effect.scoped)
  )

  it.live("goes on to the command's end where the daemon is killed", () =>
    Effect.gen(function* () {
      const on = yield* machine()
      const program = on.start(["run", "--", "sh", "-c", "echo began; read -r line; exit 6"])
      yield* program.wrote("began")
      process.kill(yield* on.daemon, "SIGKILL")
      program.child.stdin?.end("\n")
      assert.strictEqual((yield* program.finished).code, 6)
    }).pipe(Effect.scoped)
  )

  it.live("is served where the daemon is killed while it waits, and nobody else starts one", () =>
    Effect.gen(function* () {
      const on = yield* machine({ daemon: { journal: { path: "journal.db" } } })
      const holder = on.start(exclusive(on, "read -r line"))
      yield* holder.wrote("began")
      const waiter = on.start(exclusive(on, "true"))
      yield* eventually(
        "the wait",
        Effect.sync(() => waiter.stderr.includes("waits") || undefined)
      )
      process.kill(yield* on.daemon, "SIGKILL")
      holder.child.stdin?.end("\n")
      assert.strictEqual((yield* holder.finished).code, 0)
      const finished = yield* waiter.finished
      assert.deepStrictEqual([finished.code, finished.stdout], [0, "began\n"])
      assert.include(finished.stderr, "the daemon does not answer")
    }).pipe(Effect.scoped)
  )

  it.live("keeps its lease where the daemon is killed and started again", () =>
    Effect.gen(function* () {
      const on = yield* machine({ daemon: { journal: { path: "journal.db" } } })
      const program = on.start(exclusive(on, "read -r line"))
      yield* program.wrote("began")
      const before = yield* on.daemon
      process.kill(before, "SIGKILL")
      const next = on.start(exclusive(on, "read -r line"))
      yield* eventually(
        "the wait",
        Effect.sync(() => next.stderr.includes("waits") || undefined)
      )
      assert.notStrictEqual(yield* on.daemon, before)
      program.child.stdin?.end("\n")
      assert.strictEqual((yield* program.finished).code, 0)
      yield* next.wrote("began")
      next.child.stdin?.end("\n")
      const finished = yield* next.finished
      assert.deepStrictEqual([finished.code, finished.stdout], [0, "began\n"])
      yield* on.noLeases
      assert.match(readFileSync(on.path("current"), "utf8"), /^\d+\n$/)
    }).pipe(Effect.scoped)
  )
})
