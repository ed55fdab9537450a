/** Agents that share a language model: its limits, its refusals, and money by agent and day. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager } from "@resource-manager/core"
import { formatMicros, Llm } from "@resource-manager/plugin-llm"
import { Clock, Console, Effect, Layer, Schema } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

class TooManyRequests extends Schema.TaggedError<TooManyRequests>()("TooManyRequests", {
  /** The header as it came. */
  retryAfter: Schema.String
}) {}

const isTooMany = Schema.is(TooManyRequests)

// #region layer
/** The limits as the provider's page says them; dollars for a million tokens. */
const layer = Llm.layer({
  name: "acme",
  requestsPerMinute: 6_000,
  inputTokensPerMinute: 400_000,
  outputTokensPerMinute: 80_000,
  concurrent: { initial: 8, max: 50 },
  price: { input: 3, output: 15 },
  budget: { total: 1, perAgent: 0.03 },
  isOverload: isTooMany,
  retryAfter: (error) => (isTooMany(error) ? error.retryAfter : undefined)
}).pipe(Layer.provideMerge(ResourceManager.layer({ timeout: "30 seconds" })))
// #endregion layer

interface Answer {
  readonly text: string
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number }
}

/** Stands for the provider: it answers in 20 ms, and refuses its fifth call. */
let calls = 0
const provider = (prompt: string): Effect.Effect<Answer, TooManyRequests> =>
  Effect.suspend(() => {
    calls++
    if (calls === 5) return Effect.fail(new TooManyRequests({ retryAfter: "1" }))
    return Effect.delay(
      Effect.succeed({ text: `about ${prompt}`, usage: { input_tokens: 200, output_tokens: 100 } }),
      "20 millis"
    )
  })

// #region ask
/** A call takes what it may need at most, and is settled with what the answer says that it took. */
const ask = (agent: string, prompt: string) =>
  Effect.gen(function* () {
    const llm = yield* Llm
    return yield* llm.call(agent, { input: 250, output: 500 }, provider(prompt), {
      usage: ({ usage }) => ({ input: usage.input_tokens, output: usage.output_tokens })
    })
  })
// #endregion ask

const program = Effect.gen(function* () {
  const llm = yield* Llm
  const startedAt = yield* Clock.currentTimeMillis
  const outcomes = yield* Effect.forEach(
    Array.from({ length: 40 }, (_, index) => (index % 2 === 0 ? "writer" : "critic")),
    (agent) =>
      Effect.matchEffect(ask(agent, "locks"), {
        onSuccess: () => Effect.succeed("answered" as const),
        onFailure: (error) => Effect.succeed(error._tag)
      }),
    { concurrency: "unbounded" }
  )
  const tookMillis = (yield* Clock.currentTimeMillis) - startedAt
  const count = (outcome: (typeof outcomes)[number]) => outcomes.filter((other) => other === outcome).length
  const { budgets, rate } = yield* llm.view
  yield* Console.log(
    `${count("answered")} answered, ${count("TooManyRequests")} refused by the provider,`,
    `${count("BudgetExceeded")} beyond the budget, in ${tookMillis} ms; ${rate.why}`
  )
  for (const { budgetMicros, spentMicros, type } of budgets) {
    yield* Console.log(`  ${type}: ${formatMicros(spentMicros)} of ${formatMicros(budgetMicros)}`)
    assert(spentMicros <= budgetMicros)
  }
  // An answer costs 200 x 3 + 100 x 15 = 2,100 millionths of a dollar, and may cost 8,250.
  assert.equal(count("TooManyRequests"), 1)
  assert(count("BudgetExceeded") > 0)
  assert.equal(count("answered") + count("TooManyRequests") + count("BudgetExceeded"), 40)
  assert.equal(budgets.find(({ scope }) => scope === "total")?.spentMicros, count("answered") * 2_100)
  assert(tookMillis >= 1_000, "Retry-After was not honoured")

  // What a call may cost is told before it is made: nothing was sent, and nothing taken.
  const refused = yield* Effect.flip(
    llm.call("writer", { input: 0, output: 10_000 }, Effect.die("never sent"), {
      usage: () => ({ input: 0, output: 0 })
    })
  )
  assert(refused._tag === "BudgetExceeded")
  yield* Console.log(refused.message)
})

NodeRuntime.runMain(inVirtualTime(Effect.provide(program, layer)))
