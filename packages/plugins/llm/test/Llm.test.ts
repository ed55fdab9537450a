import { assert, describe, it } from "@effect/vitest"
import { Journal, ResourceManager, type ResourceManagerOptions, TestResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { type CallOptions, Llm, type LlmOptions, type Usage } from "../src/index.ts"

class TooMany extends Error {
  readonly _tag = "TooMany"
  readonly retryAfter: string | undefined
  constructor(retryAfter?: string) {
    super("429 Too Many Requests")
    this.retryAfter = retryAfter
  }
}

const options: LlmOptions = {
  name: "acme",
  requestsPerMinute: 60,
  inputTokensPerMinute: 10_000,
  outputTokensPerMinute: 6_000,
  concurrent: 4,
  // A millionth of a dollar for a token of the prompt, four for one of the answer.
  price: { input: 1, output: 4 },
  budget: { total: 0.1, perAgent: 0.02, agents: { boss: 0.05 } },
  isOverload: (error) => error instanceof TooMany,
  retryAfter: (error) => (error instanceof TooMany ? error.retryAfter : undefined)
}

const own: CallOptions<Usage, never> = { usage: (answer) => answer }

/** Tokens, free calls and what is left of budgets. */
const levels = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const pools = yield* manager.pools
  const of = (type: string) => pools.find((pool) => pool.resourceType === `acme.${type}`)
  return {
    requests: of("requests")?.tokens,
    input: of("inputTokens")?.tokens,
    output: of("outputTokens")?.tokens,
    calls: of("calls")?.free,
    spend: of("spend")?.free,
    a: of("spend of a")?.free
  }
})

const full = { requests: 60, input: 10_000, output: 6_000, calls: 4, spend: 100_000, a: undefined }

const withLlm = <A, E>(
  test: (llm: Llm["Service"]) => Effect.Effect<A, E, ResourceManager | TestResourceManager>,
  changes: Partial<LlmOptions> = {},
  manager: ResourceManagerOptions = {}
) =>
  Effect.gen(function* () {
    const llm = yield* Llm.make({ ...options, ...changes })
    return yield* test(llm)
  }).pipe(Effect.scoped, Effect.provide(ResourceManager.layerTest({ gracePeriod: 0, ...manager })))

const awaitWaiting = (count: number) => Effect.flatMap(TestResourceManager, (control) => control.awaitWaiting(count))

const estimate = { input: 1_000, output: 500 }

describe("a call", () => {
  it.effect("takes all that it may need, and is settled with what it took", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        assert.deepStrictEqual(yield* levels, full)
        const used = { input: 900, output: 100 }
        const during = yield* llm.call("a", estimate, levels, { usage: () => used })
        assert.deepStrictEqual(during, {
          requests: 59,
          input: 9_000,
          output: 5_500,
          calls: 3,
          // 1,000 x 1 + 500 x 4
          spend: 97_000,
          a: 17_000
        })
        assert.deepStrictEqual(yield* levels, {
          requests: 59,
          input: 9_100,
          output: 5_900,
          calls: 4,
          spend: 98_700,
          a: 18_700
        })
        const { budgets } = yield* llm.view
        assert.deepStrictEqual(
          budgets.map(({ spentMicros }) => spentMicros),
          [1_300, 1_300]
        )
      })
    )
  )

  it.effect("that took more than it said owes it: the next one waits until the rate has paid", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        yield* llm.call("a", { input: 1_000, output: 1_000 }, Effect.succeed({ input: 10_500, output: 0 }), own)
        assert.strictEqual((yield* levels).input, -500)
        const next = yield* Effect.forkChild(
          llm.call("b", { input: 500, output: 1 }, Effect.succeed("served"), {
            usage: () => ({ input: 500, output: 1 })
          })
        )
        yield* awaitWaiting(1)
        // 1,000 tokens at 10,000 a minute.
        yield* TestClock.adjust("5999 millis")
        assert.isUndefined(next.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.strictEqual(yield* Fiber.join(next), "served")
      })
    )
  )

  it.effect("that is refused, gives up, or is interrupted while it waits has burnt nothing", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        const body = Effect.die(new Error("it must not begin"))
        const never = { usage: () => estimate }
        // Each is short of one thing only.
        const holders = yield* Effect.forEach([1, 2, 3, 4], () =>
          Effect.forkChild(llm.call("holder", { input: 1, output: 1 }, Effect.never, never), { startImmediately: true })
        )
        const before = yield* levels
        const money = yield* Effect.flip(llm.call("a", { input: 1_000, output: 5_000 }, body, never))
        assert.strictEqual(money._tag, "BudgetExceeded")
        const large = yield* Effect.flip(llm.call("a", { input: 10_001, output: 1 }, body, never))
        assert.strictEqual(large._tag, "ResourceExhausted")
        const late = yield* Effect.forkChild(
          Effect.flip(llm.call("a", estimate, body, { ...never, timeout: "1 second" }))
        )
        const interrupted = yield* Effect.forkChild(llm.call("a", estimate, body, never))
        yield* awaitWaiting(2)
        yield* Fiber.interrupt(interrupted)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(late))._tag, "ClaimTimedOut")
        const { a, requests, ...rest } = yield* levels
        const { a: _, requests: requestsBefore, ...expected } = before
        assert.deepStrictEqual(rest, { ...expected, input: 10_000, output: 6_000 })
        assert.strictEqual(requests, (requestsBefore ?? 0) + 1)
        assert.strictEqual(a, 20_000)
        yield* Fiber.interruptAll(holders)
      })
    )
  )

  it.effect(
    "fails: a typed failure took nothing, an interruption or a defect what was estimated; a rule says otherwise",
    () =>
      withLlm((llm) =>
        Effect.gen(function* () {
          const usage = { usage: () => estimate }
          const spent = () => Effect.map(llm.view, ({ budgets }) => budgets[0]?.spentMicros)
          yield* Effect.exit(llm.call("a", estimate, Effect.fail("400 Bad Request"), usage))
          assert.strictEqual(yield* spent(), 0)
          assert.deepInclude(yield* levels, { requests: 59, input: 10_000, output: 6_000 })
          yield* Effect.exit(llm.call("a", estimate, Effect.die("a defect"), usage))
          assert.strictEqual(yield* spent(), 3_000)
          const fiber = yield* Effect.forkChild(llm.call("a", estimate, Effect.never, usage), {
            startImmediately: true
          })
          yield* Fiber.interrupt(fiber)
          assert.strictEqual(yield* spent(), 6_000)
          assert.deepInclude(yield* levels, { input: 8_000, output: 5_000, calls: 4 })
          yield* Effect.exit(
            llm.call("a", estimate, Effect.fail("half way"), { ...usage, failed: () => ({ input: 1_000, output: 10 }) })
          )
          assert.strictEqual(yield* spent(), 7_040)
        })
      )
  )

  it.effect("that tells nonsense of its usage is taken to have used what was estimated", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        for (const usage of [
          () => ({ input: Number.NaN, output: 0 }),
          () => ({ input: -1, output: 0 }),
          (): Usage => {
            throw new Error("no usage in the answer")
          }
        ]) {
          assert.strictEqual(yield* llm.call("a", estimate, Effect.succeed("answer"), { usage }), "answer")
        }
        assert.deepInclude(yield* levels, { input: 7_000, output: 4_500, spend: 91_000, a: 11_000 })
        const wrong = yield* Effect.flip(
          llm.call("a", { input: 0.5, output: 1 }, Effect.void, { usage: () => estimate })
        )
        assert.strictEqual(wrong._tag, "InvalidClaim")
      })
    )
  )

  it.effect("with an expiry is interrupted, and took what was estimated", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        const call = llm.call("a", estimate, Effect.never, { usage: () => estimate, expiresAfter: "30 seconds" })
        const fiber = yield* Effect.forkChild(Effect.flip(call), { startImmediately: true })
        yield* TestClock.adjust("30 seconds")
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "LeaseRevoked")
        assert.deepInclude(yield* levels, { calls: 4, a: 17_000 })
      })
    )
  )
})

describe("a budget", () => {
  const costly = { input: 0, output: 2_000 }
  const spend = (llm: Llm["Service"], agent: string, output: number) =>
    llm.call(agent, { input: 0, output }, Effect.succeed({ input: 0, output }), own)

  it.effect("is each agent's own, is refused with the figures, and is back at midnight (UTC)", () =>
    withLlm(
      (llm) =>
        Effect.gen(function* () {
          yield* TestClock.setTime(Date.UTC(1970, 10, 24, 18))
          yield* spend(llm, "a", 2_000)
          yield* spend(llm, "a", 2_000)
          const refused = yield* Effect.flip(spend(llm, "a", 1_500))
          assert.deepInclude(
            { ...refused },
            {
              _tag: "BudgetExceeded",
              agent: "a",
              scope: "agent",
              requestedMicros: 6_000,
              leftMicros: 4_000,
              budgetMicros: 20_000,
              resetsInMillis: 6 * 3_600_000
            }
          )
          assert.strictEqual(
            refused.message,
            "acme: the call may cost $0.006, and $0.004 of the $0.02 a day of a are left"
          )
          yield* spend(llm, "b", 2_000)
          yield* spend(llm, "boss", 2_000)
          yield* spend(llm, "boss", 2_000)
          yield* spend(llm, "boss", 2_000)
          yield* TestClock.setTime(Date.UTC(1970, 10, 24, 23, 59, 59, 999))
          assert.strictEqual((yield* Effect.flip(spend(llm, "a", 1_500)))._tag, "BudgetExceeded")
          yield* TestClock.setTime(Date.UTC(1970, 10, 25))
          yield* spend(llm, "a", 2_000)
          yield* TestClock.setTime(Date.UTC(1970, 10, 27, 12))
          yield* spend(llm, "a", 2_000)
          yield* spend(llm, "a", 2_000)
          assert.strictEqual((yield* Effect.flip(spend(llm, "a", 1_500)))._tag, "BudgetExceeded")
        }),
      { outputTokensPerMinute: 1_000_000 }
    )
  )

  it.effect("of all agents together ends all of them", () =>
    withLlm(
      (llm) =>
        Effect.gen(function* () {
          for (const agent of ["a", "b", "c", "d", "e"]) {
            yield* spend(llm, agent, 2_500)
            yield* spend(llm, agent, 2_500)
          }
          const refused = yield* Effect.flip(spend(llm, "f", 1))
          assert.deepInclude({ ...refused }, { _tag: "BudgetExceeded", scope: "total", leftMicros: 0 })
        }),
      { outputTokensPerMinute: 1_000_000 }
    )
  )

  it.effect("keeps what running calls may cost: who might exceed it waits, and is served where they cost less", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(
          llm.call("a", costly, Effect.delay(Effect.succeed({ input: 0, output: 10 }), "10 seconds"), own),
          { startImmediately: true }
        )
        // 8,000 and 16,000 are more than 20,000; 40 and 16,000 are not.
        const waiting = yield* Effect.forkChild(
          llm.call("a", { input: 0, output: 4_000 }, Effect.succeed({ input: 0, output: 0 }), own)
        )
        yield* awaitWaiting(1)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.joinAll([running, waiting])
        assert.strictEqual((yield* levels).a, 19_960)
      })
    )
  )

  it.effect("who waits for what a running call then spends is told so", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        const running = yield* Effect.forkChild(
          llm.call("a", costly, Effect.delay(Effect.succeed({ input: 0, output: 2_000 }), "10 seconds"), own),
          { startImmediately: true }
        )
        const waiting = yield* Effect.forkChild(
          Effect.flip(llm.call("a", { input: 0, output: 4_000 }, Effect.succeed({ input: 0, output: 0 }), own))
        )
        yield* awaitWaiting(1)
        yield* TestClock.adjust("10 seconds")
        yield* Fiber.join(running)
        assert.deepInclude({ ...(yield* Fiber.join(waiting)) }, { _tag: "BudgetExceeded", leftMicros: 12_000 })
      })
    )
  )

  it.effect("agents with a budget of their own are bounded; without budgets there are none", () =>
    Effect.gen(function* () {
      yield* withLlm(
        (llm) =>
          Effect.gen(function* () {
            yield* spend(llm, "a", 1)
            yield* spend(llm, "b", 1)
            const refused = yield* Effect.flip(spend(llm, "c", 1))
            assert.deepInclude({ ...refused }, { _tag: "InvalidClaim", field: "agent" })
            yield* spend(llm, "a", 1)
          }),
        { agentsMax: 2 }
      )
      const { budget: _, price: __, ...free } = options
      yield* Effect.gen(function* () {
        const llm = yield* Llm.make(free)
        yield* spend(llm, "constructor", 1_000)
        assert.deepStrictEqual((yield* llm.view).budgets, [])
      }).pipe(Effect.scoped, Effect.provide(ResourceManager.layerTest({ gracePeriod: 0 })))
    })
  )
})

describe("too many requests", () => {
  const refuse = (llm: Llm["Service"], header?: string) =>
    Effect.exit(llm.call("a", estimate, Effect.fail(new TooMany(header)), { usage: () => estimate }))

  it.effect("halves the rate, takes no tokens and no money, and recovers", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        assert.isTrue(Exit.isFailure(yield* refuse(llm)))
        assert.strictEqual((yield* llm.view).rate.share, 0.5)
        assert.deepInclude(yield* levels, { input: 10_000, output: 6_000, spend: 100_000 })
        yield* TestClock.adjust("10 seconds")
        yield* llm.call("a", estimate, Effect.succeed(estimate), own)
        assert.strictEqual((yield* llm.view).rate.share, 1)
      })
    )
  )

  it.effect("is left alone for its Retry-After: nobody's call begins before", () =>
    withLlm((llm) =>
      Effect.gen(function* () {
        yield* refuse(llm, "20")
        let begun = 0
        const body = Effect.sync(() => {
          begun++
          return estimate
        })
        const calls = yield* Effect.forEach(["a", "b", "boss"], (agent) =>
          Effect.forkChild(llm.call(agent, { input: 100, output: 100 }, body, own))
        )
        yield* awaitWaiting(3)
        yield* TestClock.adjust("19999 millis")
        assert.strictEqual(begun, 0)
        // Then at half of sixty a minute, from nothing.
        yield* TestClock.adjust("2001 millis")
        assert.strictEqual(begun, 1)
        yield* TestClock.adjust("1 minute")
        yield* Fiber.joinAll(calls)
      })
    )
  )

  it.effect("lowers the calls at once where they are learnt, and a time-out does", () =>
    withLlm(
      (llm) =>
        Effect.gen(function* () {
          assert.strictEqual((yield* llm.view).concurrent?.limit, 20)
          yield* refuse(llm)
          assert.strictEqual((yield* llm.view).concurrent?.limit, 18)
          const slow = Effect.timeout(Effect.never, "1 minute")
          const fiber = yield* Effect.forkChild(Effect.exit(llm.call("a", estimate, slow, { usage: () => estimate })), {
            startImmediately: true
          })
          yield* TestClock.adjust("1 minute")
          yield* Fiber.join(fiber)
          assert.strictEqual((yield* llm.view).concurrent?.limit, 16)
        }),
      { concurrent: { max: 50 } }
    )
  )
})

describe("providers", () => {
  it.effect("several side by side; of one name only one", () =>
    Effect.gen(function* () {
      const { inputTokensPerMinute: _, outputTokensPerMinute: __, concurrent: ___, ...least } = options
      yield* Llm.make(least)
      const other = yield* Llm.make({ ...options, name: "other" })
      yield* other.call("a", estimate, Effect.succeed(estimate), own)
      assert.strictEqual((yield* Effect.flip(Llm.make(options)))._tag, "ResourceTypeTaken")
    }).pipe(Effect.scoped, Effect.provide(ResourceManager.layerTest({ gracePeriod: 0 })))
  )

  it.effect.each([
    [{ name: "" }, "name"],
    [{ requestsPerMinute: 0 }, "requestsPerMinute"],
    [{ inputTokensPerMinute: 0.5 }, "inputTokensPerMinute"],
    [{ outputTokensPerMinute: -1 }, "outputTokensPerMinute"],
    [{ agentsMax: 0 }, "agentsMax"],
    [{ price: { input: -1, output: 1 } }, "price.input"],
    [{ price: { input: 1, output: Number.NaN } }, "price.output"],
    [{ budget: { total: -1 } }, "budget.total"],
    [{ budget: { perAgent: Infinity } }, "budget.perAgent"],
    [{ budget: { agents: { a: -5 } } }, "budget.agents.a"]
  ] as ReadonlyArray<readonly [Partial<LlmOptions>, string]>)(
    "options that make no sense are refused: %j",
    ([changes, field]) =>
      Effect.gen(function* () {
        const refused = yield* Effect.flip(withLlm(() => Effect.void, changes))
        assert.deepInclude({ ...refused }, { _tag: "InvalidLlmOption", field })
      })
  )

  it.effect("a budget needs a price", () =>
    Effect.gen(function* () {
      const { price: _, ...unpriced } = options
      const refused = yield* Effect.flip(
        Effect.scoped(Llm.make(unpriced)).pipe(Effect.provide(ResourceManager.layerTest({ gracePeriod: 0 })))
      )
      assert.deepInclude({ ...refused }, { _tag: "InvalidLlmOption", field: "price" })
    })
  )
})

describe("on a journal", () => {
  it.effect("what is left of a budget, and what a call took, outlast a restart", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const run = <A, E>(test: (llm: Llm["Service"]) => Effect.Effect<A, E, ResourceManager>) =>
        Effect.gen(function* () {
          return yield* test(yield* Llm.make(options))
        }).pipe(
          Effect.scoped,
          Effect.provide(
            Layer.fresh(ResourceManager.layer({ gracePeriod: 0 }).pipe(Layer.provide(Journal.layerMemory(store))))
          )
        )
      yield* run((llm) => llm.call("a", estimate, Effect.succeed({ input: 900, output: 100 }), own))
      yield* run((llm) =>
        Effect.gen(function* () {
          assert.deepInclude(yield* levels, { requests: 59, input: 9_100, output: 5_900, calls: 4, spend: 98_700 })
          yield* llm.call("a", { input: 0, output: 1_000 }, Effect.succeed({ input: 0, output: 1_000 }), own)
          const { budgets } = yield* llm.view
          assert.deepStrictEqual(
            budgets.map(({ spentMicros }) => spentMicros),
            [5_300, 5_300]
          )
        })
      )
    })
  )
})
