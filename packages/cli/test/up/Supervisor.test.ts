import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { AgentRunner } from "../../src/up/AgentRunner.ts"
import type { Instance, Plan } from "../../src/up/plan.ts"
import * as Supervisor from "../../src/up/Supervisor.ts"
import * as supervision from "../../src/up/supervision.ts"
import type { Outcome } from "../../src/up/supervision.ts"
import { instance, planOf, restart } from "./support.ts"

const exit = (code: number): Outcome => ({ _tag: "Exited", code })

interface Attempt {
  /** Milliseconds until it is granted, and until it ends. */
  readonly waits?: number
  readonly runs?: number
  readonly ends?: Outcome
  readonly dies?: boolean
}

/** A machine by script: the attempts of each instance in order, the last one again and again. */
const machine = (scripts: Readonly<Record<string, ReadonlyArray<Attempt>>>, endsAfter = 0) => {
  const log: Array<string> = []
  const alive = new Set<string>()
  const counts = new Map<string, number>()
  const runner = (startedAt: number) =>
    AgentRunner.of({
      run: ({ id }: Instance, listener) =>
        Effect.gen(function* () {
          const now = Effect.map(
            Effect.clockWith((clock) => clock.currentTimeMillis),
            (millis) => millis - startedAt
          )
          const script = scripts[id] ?? [{}]
          const index = counts.get(id) ?? 0
          counts.set(id, index + 1)
          const { dies = false, ends = exit(0), runs = 0, waits = 0 } = script[Math.min(index, script.length - 1)]!
          assert.isFalse(alive.has(id), `${id} runs already`)
          alive.add(id)
          log.push(`${yield* now} ${id} asks`)
          return yield* Effect.gen(function* () {
            yield* Effect.sleep(waits)
            yield* listener.granted
            yield* listener.started(100 + index)
            log.push(`${yield* now} ${id} runs`)
            if (dies) return yield* Effect.die(new Error("out of order"))
            yield* Effect.sleep(runs)
            return ends
          }).pipe(
            Effect.onExit((how) =>
              Effect.gen(function* () {
                if (how._tag === "Failure" && endsAfter > 0) yield* Effect.sleep(endsAfter)
                alive.delete(id)
                log.push(`${yield* now} ${id} ${how._tag === "Success" ? "ends" : "ended"}`)
              })
            )
          )
        })
    })
  return { log, alive, runner }
}

const run = (plan: Plan, { runner }: ReturnType<typeof machine>) =>
  Effect.gen(function* () {
    const startedAt = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
    const supervisor = yield* Supervisor.make(plan).pipe(Effect.provideService(AgentRunner, runner(startedAt)))
    const fiber = yield* Effect.forkChild(supervisor.run, { startImmediately: true })
    return { supervisor, fiber }
  })

const statusOf = (state: supervision.State) =>
  Object.fromEntries(
    [...state.instances.values()].map(({ instance: { id }, status }) => [
      id,
      status._tag === "Ended" ? status.verdict : status._tag
    ])
  )

describe("Supervisor", () => {
  it.effect("runs a plan in order, and tells what it took", () =>
    Effect.gen(function* () {
      const plan = planOf([instance("a"), instance("b"), instance("c", { after: ["a", "b"] })])
      const own = machine({ a: [{ waits: 100, runs: 400 }], b: [{ runs: 700 }], c: [{ runs: 50 }] })
      const { fiber } = yield* run(plan, own)
      yield* TestClock.adjust("1 minute")
      const state = yield* Fiber.join(fiber)
      assert.isTrue(supervision.isWell(state))
      assert.deepStrictEqual(own.log, [
        "0 a asks",
        "0 b asks",
        "0 b runs",
        "100 a runs",
        "500 a ends",
        "700 b ends",
        "700 c asks",
        "700 c runs",
        "750 c ends"
      ])
      const { heldMillis, waitedMillis } = state.instances.get("a")!
      assert.deepStrictEqual({ heldMillis, waitedMillis }, { heldMillis: 400, waitedMillis: 100 })
    })
  )

  it.effect("restarts when it is due", () =>
    Effect.gen(function* () {
      const plan = planOf([instance("a", { restart: restart("on-failure") })])
      const own = machine({ a: [{ runs: 10, ends: exit(1) }, { runs: 10, ends: exit(1) }, { runs: 10 }] })
      const { fiber, supervisor } = yield* run(plan, own)
      yield* TestClock.adjust("500 millis")
      assert.deepStrictEqual(statusOf(supervisor.state()), { a: "Restarting" })
      yield* TestClock.adjust("1 minute")
      assert.isTrue(supervision.isWell(yield* Fiber.join(fiber)))
      assert.deepStrictEqual(
        own.log.filter((line) => line.endsWith("asks")),
        ["0 a asks", "1010 a asks", "3020 a asks"]
      )
    })
  )

  it.effect("arms one timer for the first of several that are due", () =>
    Effect.gen(function* () {
      const policy = (initialMillis: number) => restart("on-failure", { initialMillis, factor: 1, max: 2 })
      const plan = planOf([
        instance("slow", { restart: policy(5_000) }),
        instance("fast", { restart: policy(700) }),
        instance("other")
      ])
      const own = machine({
        slow: [{ runs: 1, ends: exit(1) }],
        fast: [{ runs: 2, ends: exit(1) }],
        other: [{ runs: 6_000 }]
      })
      const { fiber } = yield* run(plan, own)
      yield* TestClock.adjust("1 minute")
      const state = yield* Fiber.join(fiber)
      assert.deepStrictEqual(statusOf(state), { slow: "failed", fast: "failed", other: "done" })
      assert.deepStrictEqual(
        own.log.filter((line) => line.endsWith("asks")),
        [
          "0 slow asks",
          "0 fast asks",
          "0 other asks",
          "702 fast asks",
          "1404 fast asks",
          "5001 slow asks",
          "10002 slow asks"
        ]
      )
    })
  )

  it.effect("stops in order: who runs or waits first, then services, and waits for each", () =>
    Effect.gen(function* () {
      const plan = planOf([
        instance("server", { restart: restart("always") }),
        instance("runs"),
        instance("waits"),
        instance("later", { after: ["runs"] })
      ])
      const own = machine({ server: [{ runs: 1e9 }], runs: [{ runs: 1e9 }], waits: [{ waits: 1e9 }] }, 300)
      const { fiber, supervisor } = yield* run(plan, own)
      yield* TestClock.adjust("1 second")
      yield* supervisor.stop("interrupted")
      yield* supervisor.stop("interrupted again")
      yield* TestClock.adjust("200 millis")
      assert.deepStrictEqual([...own.alive], ["server", "runs", "waits"])
      yield* TestClock.adjust("100 millis")
      assert.deepStrictEqual([...own.alive], ["server"])
      yield* TestClock.adjust("300 millis")
      const state = yield* Fiber.join(fiber)
      assert.isFalse(supervision.isWell(state))
      assert.deepStrictEqual(statusOf(state), {
        server: "stopped",
        runs: "stopped",
        waits: "stopped",
        later: "stopped"
      })
      assert.deepStrictEqual(own.log.slice(-3), ["1300 runs ended", "1300 waits ended", "1600 server ended"])
    })
  )

  it.effect("ends everything before its own interruption is over", () =>
    Effect.gen(function* () {
      const plan = planOf([instance("a"), instance("b", { restart: restart("always") })])
      const own = machine({ a: [{ runs: 1e9 }], b: [{ waits: 1e9 }] }, 300)
      const { fiber } = yield* run(plan, own)
      yield* TestClock.adjust("1 second")
      assert.strictEqual(own.alive.size, 2)
      const interruption = yield* Effect.forkChild(Fiber.interrupt(fiber), { startImmediately: true })
      yield* TestClock.adjust("299 millis")
      assert.isUndefined(interruption.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(interruption)
      assert.strictEqual(own.alive.size, 0)
    })
  )

  it.effect("goes on with the others where one cannot be run at all", () =>
    Effect.gen(function* () {
      const plan = planOf([instance("a", { restart: restart("always") }), instance("b")])
      const own = machine({ a: [{ dies: true }], b: [{ runs: 100 }] })
      const { fiber } = yield* run(plan, own)
      yield* TestClock.adjust("1 minute")
      const state = yield* Fiber.join(fiber)
      assert.deepStrictEqual(statusOf(state), { a: "failed", b: "done" })
      const { status } = state.instances.get("a")!
      assert.include(status._tag === "Ended" ? status.why : "", "out of order")
    })
  )

  it.effect("is over at once where there is nobody", () =>
    Effect.gen(function* () {
      const { fiber } = yield* run(planOf([]), machine({}))
      assert.isTrue(supervision.isWell(yield* Fiber.join(fiber)))
    })
  )

  it.effect("tells every change, and comes to an end, whatever the machine does", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 60; seed++) {
        let random = seed
        const next = (most: number) => (random = (random * 48_271) % 2_147_483_647) % most
        const names = Array.from({ length: 1 + next(6) }, (_, index) => `agent${index}`)
        const plan = planOf(
          names.map((name, index) => {
            const when = (["never", "on-failure", "on-failure", "always"] as const)[next(4)]!
            const after = index > 0 && next(3) === 0 ? ["agent0"] : []
            return instance(name, {
              after,
              restart: restart(index === 0 ? "on-failure" : when, { resetMillis: next(2_000) })
            })
          })
        )
        const scripts = Object.fromEntries(
          names.map((name) => [
            name,
            Array.from({ length: 4 }, (_, index) => ({
              waits: next(3) * 100,
              runs: next(5) * 100,
              ends: exit(index === 3 || next(2) === 0 ? 0 : 1),
              dies: next(15) === 0
            }))
          ])
        )
        const own = machine(scripts, next(2) * 50)
        let last: supervision.State | undefined
        const supervisor = yield* Supervisor.make(plan, (state, before) =>
          Effect.sync(() => {
            assert.isTrue(last === undefined || last === before)
            last = state
          })
        ).pipe(Effect.provideService(AgentRunner, own.runner(0)))
        const fiber = yield* Effect.forkChild(supervisor.run, { startImmediately: true })
        if (next(3) === 0) {
          yield* TestClock.adjust(next(2_000))
          yield* supervisor.stop("interrupted")
        }
        // Services alone would run for ever.
        yield* TestClock.adjust("30 minutes")
        yield* supervisor.stop("enough")
        yield* TestClock.adjust("1 minute")
        const state = yield* Fiber.join(fiber)
        assert.strictEqual(state, last)
        assert.isTrue(supervision.isOver(state))
        assert.strictEqual(own.alive.size, 0, `seed ${seed}`)
      }
    })
  )
})
