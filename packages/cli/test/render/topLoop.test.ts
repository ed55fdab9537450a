/** The loop of `top`, on a terminal without glass and a clock that stands still. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Data from "effect/Data"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import { Terminal } from "effect/Terminal"
import { TestClock } from "effect/testing"
import { textStyle } from "../../src/render/style.ts"
import { enterScreen, leaveScreen } from "../../src/render/top/redraw.ts"
import { topPlain } from "../../src/top/plain.ts"
import { type Look, top } from "../../src/top/top.ts"
import { busy, status } from "./scenario.ts"
import { makeScreen } from "./screen.ts"

const look = (uptimeMillis: number): Look => ({
  overview: { ...busy.overview, status: { ...status, uptimeMillis } },
  types: busy.types
})

class Down extends Data.TaggedError("Down") {
  override readonly message = "nobody listens"
}

const start = Effect.fnUntraced(function* <E>(source: Effect.Effect<Look, E>, columns = 100, rows = 30) {
  const screen = yield* makeScreen(columns, rows)
  const fiber = yield* Effect.forkChild(
    Effect.provideService(top({ source, style: textStyle, zone: "utc" }), Terminal, screen.terminal)
  )
  /** Lets everything happen that can without time passing, and shows what was written. */
  const settle = Effect.gen(function* () {
    for (let turn = 0; turn < 5; turn++) yield* TestClock.adjust(0)
    yield* Effect.promise(() => screen.glass.write(""))
  })
  yield* settle
  const keys = (...names: ReadonlyArray<string>) =>
    Effect.gen(function* () {
      for (const name of names) screen.press(name)
      yield* settle
    })
  const pass = (millis: number) => Effect.andThen(TestClock.adjust(millis), settle)
  return { ...screen, fiber, keys, pass, settle }
})

/** Counts how often it is asked; the uptime says which answer it was. */
const counting = () => {
  let asked = 0
  return {
    source: Effect.sync(() => look(++asked * 1_000)),
    get asked() {
      return asked
    }
  }
}

describe("top on a terminal", () => {
  it.effect("draws what the source answers, and again at every interval", () =>
    Effect.gen(function* () {
      const source = counting()
      const { fiber, glass, keys, pass } = yield* start(source.source)
      assert.include(glass.lines[0], "up 1 s  3 sessions")
      assert.match(glass.text, /cpu +█+·+ +6 \/ 8 cores/)
      assert.isTrue(glass.isAlternate)
      yield* pass(1_000)
      assert.include(glass.lines[0], "up 2 s")
      yield* pass(2_500)
      assert.strictEqual(source.asked, 4)
      yield* keys("q")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
    })
  )

  it.effect("answers keys between two looks", () =>
    Effect.gen(function* () {
      const { glass, keys } = yield* start(counting().source)
      assert.match(glass.text, /▸ +# +WAITER/)
      yield* keys("right")
      assert.match(glass.text, /▸ +LEASE/)
      yield* keys("s")
      assert.include(glass.text, "by agent")
      yield* keys("?")
      assert.include(glass.text, "sort the section by the next thing")
      yield* keys("?", "return", "pagedown")
      assert.notInclude(glass.text, "WAITER")
    })
  )

  it.effect("pauses, and goes on", () =>
    Effect.gen(function* () {
      const { glass, keys, pass } = yield* start(counting().source)
      yield* keys("p")
      yield* pass(5_000)
      assert.include(glass.lines[0], "up 1 s")
      assert.include(glass.lines[0], "PAUSED")
      yield* keys("p")
      yield* pass(1_000)
      assert.include(glass.lines[0], "up 7 s")
      assert.notInclude(glass.lines[0], "PAUSED")
    })
  )

  it.effect("follows the size of the terminal", () =>
    Effect.gen(function* () {
      const { glass, resize, settle } = yield* start(counting().source, 120, 40)
      const large = glass.lines
      resize(50, 12)
      yield* settle
      assert.strictEqual(glass.lines.length, 12)
      assert.isFalse(glass.wraps)
      assert.match(glass.lines[11]!, /^q quit/)
      resize(120, 40)
      yield* settle
      assert.deepStrictEqual(glass.lines, large)
    })
  )

  it.effect("asks again where the source fails, and says so meanwhile", () =>
    Effect.gen(function* () {
      let fails = true
      const source = Effect.suspend(() => (fails ? Effect.fail(new Down()) : Effect.succeed(look(1_000))))
      const { glass, pass } = yield* start(source)
      assert.include(glass.text, "nobody listens")
      assert.include(glass.text, "NO ANSWER")
      fails = false
      yield* pass(1_000)
      assert.notInclude(glass.text, "nobody listens")
      assert.include(glass.text, "6 / 8 cores")
      fails = true
      yield* pass(1_000)
      // What was seen last stays.
      assert.include(glass.text, "nobody listens")
      assert.include(glass.text, "6 / 8 cores")
    })
  )

  it.effect("shows a defect of the source too: a screen that stands still would tell nothing", () =>
    Effect.gen(function* () {
      const { glass } = yield* start(Effect.die(new Error("a bug")))
      assert.include(glass.text, "a bug")
    })
  )

  it.effect("is not held up by a source that does not answer", () =>
    Effect.gen(function* () {
      const { fiber, glass, keys } = yield* start(Effect.never)
      assert.include(glass.text, "asking for the first time")
      yield* keys("?")
      assert.include(glass.text, "Keys")
      yield* keys("q")
      assert.isTrue(Exit.isSuccess(yield* Fiber.await(fiber)))
    })
  )

  it.effect("writes nothing where nothing changed", () =>
    Effect.gen(function* () {
      const still = Effect.succeed({ ...look(1_000), overview: busy.overview })
      const { keys, written } = yield* start(still)
      const before = written.length
      yield* keys("x", "y", "z")
      assert.strictEqual(written.length, before)
    })
  )

  for (const { end, how } of [
    { how: "q", end: ({ press }: { readonly press: (name: string) => void }) => press("q") },
    {
      how: "Ctrl-C",
      end: ({ press }: { readonly press: (name: string, modifiers: { readonly ctrl: boolean }) => void }) =>
        press("c", { ctrl: true })
    },
    { how: "the end of the keys", end: ({ closeInput }: { readonly closeInput: () => void }) => closeInput() }
  ]) {
    it.effect(`gives the terminal back after ${how}`, () =>
      Effect.gen(function* () {
        const screen = yield* start(counting().source)
        assert.strictEqual(screen.written[0], enterScreen)
        end(screen)
        yield* screen.settle
        assert.isTrue(Exit.isSuccess(yield* Fiber.await(screen.fiber)))
        assert.strictEqual(screen.written.at(-1), leaveScreen)
        assert.isFalse(screen.glass.isAlternate)
        assert.isTrue(screen.glass.wrapsAround)
      })
    )
  }

  it.effect("gives the terminal back when it is interrupted, whatever it is doing", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      for (const source of [Effect.never, counting().source, Effect.as(Deferred.await(gate), look(1))]) {
        const screen = yield* start(source)
        yield* Fiber.interrupt(screen.fiber)
        const exit = yield* Fiber.await(screen.fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        yield* screen.settle
        assert.strictEqual(screen.written.at(-1), leaveScreen)
        assert.isFalse(screen.glass.isAlternate)
        const asked = screen.written.length
        yield* screen.pass(5_000)
        assert.strictEqual(screen.written.length, asked)
      }
    })
  )

  it.effect("ends where nothing can be written any more", () =>
    Effect.gen(function* () {
      const screen = yield* start(counting().source)
      screen.breakOutput()
      yield* screen.pass(1_000)
      assert.isTrue(Exit.isFailure(yield* Fiber.await(screen.fiber)))
    })
  )
})

describe("top in a pipe", () => {
  it.effect("writes lines at every interval", () =>
    Effect.gen(function* () {
      const { source } = counting()
      const written: Array<string> = []
      const fiber = yield* Effect.forkChild(
        topPlain({
          source: Effect.map(source, ({ overview }) => overview),
          interval: "2 seconds",
          times: 3,
          write: (lines) => Effect.sync(() => written.push(...lines))
        })
      )
      yield* TestClock.adjust("1 second")
      const pools = busy.overview.pools.length
      assert.strictEqual(written.length, pools + busy.overview.agents.length)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(written.filter((line) => line.startsWith("time=1970-01-01T00:00:02.000Z pool=")).length, pools)
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.strictEqual(written.length, 3 * pools + busy.overview.agents.length)
    })
  )

  it.effect("fails as its source does", () =>
    Effect.gen(function* () {
      const failed = yield* Effect.flip(topPlain({ source: Effect.fail(new Down()), write: () => Effect.void }))
      assert.strictEqual(failed._tag, "Down")
    })
  )
})
