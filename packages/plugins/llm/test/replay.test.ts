/**
 * A crowd of agents on one provider: seeded at random, or the conversations of the Azure
 * LLM inference trace 2023 (Azure/AzurePublicDataset, CC-BY-4.0), which is not part of
 * this repository: `RESOURCE_MANAGER_AZURE` names the file. How long a call takes (0.25 ms
 * for a token of the prompt, 25 ms for one of the answer) is an assumption.
 */
import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { TestClock } from "effect/testing"
import { Llm, type LlmOptions, type Usage } from "../src/index.ts"

interface Call extends Usage {
  readonly agent: string
  readonly atMillis: number
  /** When its caller gives up, if it still waits then. */
  readonly givesUpAfterMillis: number | undefined
}

/** Numbers from 0 to 1, the same for a seed everywhere (mulberry32). */
const seeded = (seed: number) => {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

/** What left a rate: the worst window that ends now, in tokens. */
class Window {
  readonly burst: number
  private readonly perMilli: number
  private worst = 0
  private at = 0
  violations = 0

  constructor(perMinute: number) {
    this.burst = perMinute
    this.perMilli = perMinute / 60_000
  }

  take(atMillis: number, tokens: number, granted: boolean): void {
    this.worst = Math.max(0, this.worst - this.perMilli * (atMillis - this.at)) + tokens
    this.worst = Math.max(0, this.worst)
    this.at = atMillis
    if (granted && this.worst > this.burst + 1e-6) this.violations++
  }
}

const options = {
  name: "azure",
  requestsPerMinute: 400,
  inputTokensPerMinute: 400_000,
  outputTokensPerMinute: 80_000,
  concurrent: 34,
  price: { input: 1, output: 4 },
  isOverload: () => false
} satisfies LlmOptions

/** Runs the calls under the test clock, and tells what became of them. */
const replay = (calls: ReadonlyArray<Call>, changes: Partial<LlmOptions> = {}) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    const llm = yield* Llm.make({ ...options, ...changes })
    const windows = {
      requests: new Window(options.requestsPerMinute),
      input: new Window(options.inputTokensPerMinute),
      output: new Window(options.outputTokensPerMinute)
    }
    const outcomes = { served: 0, gaveUp: 0, refused: 0 }
    const spent = new Map<string, number>()
    const testClock = yield* Clock.Clock
    let running = 0
    let runningMost = 0
    const clock = () => testClock.currentTimeMillisUnsafe()

    const one = (call: Call) => {
      // Nobody knows how long the answer will be: half as much again is asked for.
      const estimate = { input: call.input, output: Math.ceil(1.5 * call.output) }
      let begun = false
      const body = Effect.suspend(() => {
        begun = true
        running++
        runningMost = Math.max(runningMost, running)
        windows.requests.take(clock(), 1, true)
        windows.input.take(clock(), Math.max(1, estimate.input), true)
        windows.output.take(clock(), Math.max(1, estimate.output), true)
        return Effect.sleep(Math.ceil(0.25 * call.input + 25 * call.output))
      }).pipe(
        Effect.map(() => {
          running--
          windows.input.take(clock(), call.input - Math.max(1, estimate.input), false)
          windows.output.take(clock(), call.output - Math.max(1, estimate.output), false)
          spent.set(call.agent, (spent.get(call.agent) ?? 0) + call.input + 4 * call.output)
          return call
        })
      )
      const made = Effect.matchCause(llm.call(call.agent, estimate, body, { usage: (usage) => usage }), {
        onSuccess: () => outcomes.served++,
        onFailure: () => (begun ? assert.fail("a call failed") : outcomes.refused++)
      })
      return Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(made)
        if (call.givesUpAfterMillis !== undefined) {
          yield* Effect.sleep(call.givesUpAfterMillis)
          if (!begun && fiber.pollUnsafe() === undefined) {
            outcomes.gaveUp++
            yield* Fiber.interrupt(fiber)
          }
        }
        yield* Fiber.await(fiber)
      })
    }

    const fibers: Array<Fiber.Fiber<void>> = []
    const last = calls.at(-1)?.atMillis ?? 0
    let next = 0
    // Steps of a few milliseconds: what is due happens at its own instant within one.
    for (let now = 0; now <= last || fibers.some((fiber) => fiber.pollUnsafe() === undefined); now += 20) {
      yield* TestClock.setTime(now)
      for (; next < calls.length && calls[next]!.atMillis <= now; next++)
        fibers.push(yield* Effect.forkChild(one(calls[next]!)))
    }
    yield* Fiber.joinAll(fibers)
    const pools = yield* manager.pools
    return { outcomes, spent, runningMost, pools, waiters: yield* manager.waiters, view: yield* llm.view, windows }
  }).pipe(Effect.scoped, Effect.provide(ResourceManager.layerTest({ gracePeriod: 0 })))

const assertSound = (
  { outcomes, pools, runningMost, waiters, windows }: Effect.Success<ReturnType<typeof replay>>,
  calls: ReadonlyArray<Call>
) => {
  assert.deepStrictEqual(
    [windows.requests.violations, windows.input.violations, windows.output.violations],
    [0, 0, 0],
    "rate violations"
  )
  assert.isAtMost(runningMost, options.concurrent)
  assert.strictEqual(outcomes.served + outcomes.gaveUp + outcomes.refused, calls.length)
  assert.deepStrictEqual(waiters, [])
  for (const pool of pools) {
    assert.deepStrictEqual([pool.inUse, pool.waiting, pool.earmarked], [0, 0, 0], pool.resourceType)
  }
}

const crowd = (seed: number, count: number): ReadonlyArray<Call> => {
  const random = seeded(seed)
  let atMillis = 0
  return Array.from({ length: count }, () => {
    atMillis += Math.floor(random() * 200)
    return {
      agent: `agent-${Math.floor(random() * 6)}`,
      atMillis,
      input: Math.floor(random() * 6_000),
      output: Math.floor(random() * 600),
      givesUpAfterMillis: random() < 0.05 ? Math.floor(random() * 20_000) : undefined
    }
  })
}

describe("a crowd of agents", () => {
  it.effect.each([1, 2, 3])("is served within all limits, and nothing leaks: seed %d", (seed) =>
    Effect.gen(function* () {
      const calls = crowd(seed, 400)
      const result = yield* replay(calls)
      assertSound(result, calls)
      assert.isAbove(result.outcomes.served, 360)
      assert.isAbove(result.outcomes.gaveUp, 2)
      assert.strictEqual(result.outcomes.refused, 0)
    })
  )

  it.effect("spends no more than its budgets, and what it says that it spent", () =>
    Effect.gen(function* () {
      const calls = crowd(4, 400)
      const result = yield* replay(calls, { budget: { total: 0.9, perAgent: 0.2 } })
      assertSound(result, calls)
      assert.isAbove(result.outcomes.refused, 20)
      let total = 0
      for (const { budgetMicros, scope, spentMicros, type } of result.view.budgets) {
        assert.isAtMost(spentMicros, budgetMicros, type)
        if (scope === "total") assert.isAbove(spentMicros, 0.8 * budgetMicros)
        else {
          assert.strictEqual(spentMicros, result.spent.get(type.slice("azure.spend of ".length)))
          total += spentMicros
        }
      }
      assert.strictEqual(result.view.budgets.find(({ scope }) => scope === "total")?.spentMicros, total)
    })
  )
})

const file = process.env["RESOURCE_MANAGER_AZURE"] ?? ""

describe.skipIf(file === "")("azure2023_conv.csv (skipped unless RESOURCE_MANAGER_AZURE names the file)", () => {
  it.effect(
    "is served within all limits, with a twentieth of the waiters interrupted, and nothing leaks",
    () =>
      Effect.gen(function* () {
        const random = seeded(1)
        const rows = readFileSync(file, "utf8").trim().split("\n").slice(1)
        const origin = Date.parse(`${rows[0]!.split(",")[0]!.slice(0, 23)}Z`)
        const calls = rows.map((row): Call => {
          const [at = "", input = "", output = ""] = row.split(",")
          return {
            agent: `agent-${Math.floor(random() * 20)}`,
            atMillis: Date.parse(`${at.slice(0, 23)}Z`) - origin,
            input: Number(input),
            output: Number(output),
            givesUpAfterMillis: random() < 0.05 ? Math.floor(random() * 5_000) : undefined
          }
        })
        const result = yield* replay(calls)
        assertSound(result, calls)
        process.stdout.write(`${JSON.stringify({ ...result.outcomes, runningMost: result.runningMost })}\n`)
        assert.strictEqual(calls.length, 19_366)
        assert.isAbove(result.outcomes.gaveUp, 20)
      }),
    600_000
  )
})
