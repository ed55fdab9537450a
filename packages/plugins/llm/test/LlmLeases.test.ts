import { assert, describe, it } from "@effect/vitest"
import { Journal, LeaseTable, ResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { LlmLeases } from "../src/index.ts"

const options: LlmLeases.LlmLeasesOptions = {
  name: "acme",
  requestsPerMinute: 60,
  inputTokensPerMinute: 10_000,
  outputTokensPerMinute: 6_000,
  concurrent: 4,
  price: { input: 1, output: 4 },
  budget: { total: 0.1, perAgent: 0.02, agents: { boss: 0.05 } }
}

/** What is left: tokens, free calls, money. */
const levels = Effect.gen(function* () {
  const pools = yield* (yield* ResourceManager).pools
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

const capacityOf = (type: string) =>
  Effect.flatMap(ResourceManager, (manager) => Effect.map(manager.poolStatistics(type), ({ capacity }) => capacity))

/** The events of what was done are heard in turns of their own. */
const heard = Effect.repeat(Effect.yieldNow, { times: 20 })

const withLeases = <A, E>(
  test: (llm: LlmLeases.LlmLeases) => Effect.Effect<A, E, ResourceManager | LeaseTable>,
  changes: Partial<LlmLeases.LlmLeasesOptions> = {},
  store: Journal.MemoryStore = Journal.makeStore()
) =>
  Effect.gen(function* () {
    const llm = yield* LlmLeases.make({ ...options, ...changes })
    return yield* test(llm)
  }).pipe(
    Effect.scoped,
    Effect.provide(
      Layer.fresh(ResourceManager.layerHome({ gracePeriod: 0 }).pipe(Layer.provide(Journal.layerMemory(store))))
    )
  )

const estimate = { input: 1_000, output: 500 }

const begun = (llm: LlmLeases.LlmLeases, agent = "a", call = estimate) =>
  Effect.gen(function* () {
    const table = yield* LeaseTable
    const { claim } = yield* llm.claimOf(agent, call)
    const ticket = yield* table.claim(agent, claim)
    yield* heard
    return ticket
  })

const ends = (lease: number) => Effect.flatMap(LeaseTable, (table) => Effect.andThen(table.release(lease), heard))

const spent = (llm: LlmLeases.LlmLeases) =>
  Effect.map(llm.view, ({ budgets }) => budgets.map(({ spentMicros }) => spentMicros))

describe("a call of a lease", () => {
  it.effect("claims all limits at once, is settled with what it took, and that may be said again", () =>
    withLeases((llm) =>
      Effect.gen(function* () {
        const lease = yield* begun(llm)
        const during = { requests: 59, input: 9_000, output: 5_500, calls: 3, spend: 97_000, a: 17_000 }
        assert.deepStrictEqual(yield* levels, during)
        const settled = yield* llm.settle(lease.id, { input: 900, output: 100 })
        assert.deepStrictEqual(settled, {
          tokens: { "acme.inputTokens": 900, "acme.outputTokens": 100 },
          costMicros: 1_300
        })
        // What it holds of the budgets is not kept any longer.
        const after = { requests: 59, input: 9_100, output: 5_900, calls: 3, spend: 98_700, a: 18_700 }
        assert.deepStrictEqual(yield* levels, after)
        yield* llm.settle(lease.id, { input: 900, output: 200 })
        assert.deepStrictEqual(yield* levels, { ...after, output: 5_800, spend: 98_300, a: 18_300 })
        yield* llm.ended(lease.id, "failed")
        yield* ends(lease.id)
        assert.deepStrictEqual(yield* levels, { ...after, output: 5_800, spend: 98_300, a: 18_300, calls: 4 })
        assert.deepStrictEqual(yield* spent(llm), [1_700, 1_700])
      })
    )
  )

  it.effect("that said nothing took what was estimated, and nothing where it failed", () =>
    withLeases((llm) =>
      Effect.gen(function* () {
        const failed = yield* begun(llm)
        yield* llm.ended(failed.id, "failed")
        yield* ends(failed.id)
        const full = { input: 10_000, output: 6_000, calls: 4, spend: 100_000, a: 20_000 }
        assert.deepStrictEqual(yield* levels, { ...full, requests: 59 })
        const served = yield* begun(llm)
        yield* llm.ended(served.id, "served")
        yield* ends(served.id)
        assert.deepStrictEqual(yield* spent(llm), [3_000, 3_000])
        const unheard = yield* begun(llm)
        yield* ends(unheard.id)
        assert.deepStrictEqual(yield* spent(llm), [6_000, 6_000])
        const lost = yield* begun(llm)
        yield* (yield* LeaseTable).revoke(lost.id, "lost")
        yield* heard
        assert.deepStrictEqual(yield* spent(llm), [9_000, 9_000])
        const undone = yield* begun(llm)
        yield* (yield* LeaseTable).giveUp(undone.id)
        yield* heard
        assert.deepStrictEqual(yield* spent(llm), [9_000, 9_000])
        assert.strictEqual(yield* capacityOf("acme.spend"), 91_000)
      })
    )
  )

  it.effect("keeps the estimate of a failed one where that is the rule", () =>
    withLeases(
      (llm) =>
        Effect.gen(function* () {
          const failed = yield* begun(llm)
          yield* llm.ended(failed.id, "failed")
          yield* ends(failed.id)
          assert.deepStrictEqual(yield* spent(llm), [3_000, 3_000])
        }),
      { failed: "keep" }
    )
  )

  it.effect("that may cost more than is left is refused, with when there is more; that of another agent is not", () =>
    withLeases((llm) =>
      Effect.gen(function* () {
        const lease = yield* begun(llm, "a", { input: 1_000, output: 4_000 })
        yield* llm.settle(lease.id, { input: 1_000, output: 4_000 })
        yield* ends(lease.id)
        const error = yield* Effect.flip(llm.claimOf("a", { input: 1_000, output: 1_000 }))
        assert.deepInclude(error, { _tag: "BudgetExceeded", scope: "agent", leftMicros: 3_000, requestedMicros: 5_000 })
        const { budgets } = yield* llm.claimOf("boss", estimate)
        assert.deepStrictEqual(budgets, ["acme.spend of boss", "acme.spend"])
        yield* TestClock.adjust("1 day")
        assert.deepStrictEqual((yield* llm.claimOf("a", { input: 1_000, output: 1_000 })).budgets.length, 2)
        const nonsense = yield* Effect.flip(llm.claimOf("a", { input: -1, output: 1 }))
        assert.strictEqual(nonsense._tag, "InvalidClaim")
      })
    )
  )

  it.effect("backs off by an overload, and lowers the calls at once where they are learnt", () => {
    const dropped = new Set<number>()
    return withLeases(
      (llm) =>
        Effect.gen(function* () {
          const lease = yield* begun(llm)
          dropped.add(lease.id)
          yield* llm.overload({ lease: lease.id, retryAfter: "20" })
          assert.deepInclude((yield* llm.view).rate, { share: 0.5, pausedMillis: 20_000, perSecond: 0.5 })
          const next = yield* begun(llm, "b")
          assert.strictEqual(next.status, "waiting")
          // Not a token of any other limit is taken by who waits.
          assert.deepInclude(yield* levels, { input: 9_000, output: 5_500, spend: 97_000 })
          yield* llm.ended(lease.id, "failed")
          yield* TestClock.adjust("1 second")
          yield* ends(lease.id)
          assert.deepInclude((yield* llm.view).concurrent, { limit: 7, dropped: 1 })
        }),
      {
        concurrent: { initial: 8, max: 10 },
        outcomeOf: (lease) => (dropped.has(lease) ? "dropped" : undefined)
      }
    )
  })

  it.effect("is charged once, also where its home is started anew in between", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const run = <A, E>(use: (llm: LlmLeases.LlmLeases) => Effect.Effect<A, E, ResourceManager | LeaseTable>) =>
        withLeases(use, {}, store)
      const [settled, open] = yield* run((llm) =>
        Effect.gen(function* () {
          const table = yield* LeaseTable
          const leases = [yield* begun(llm), yield* begun(llm, "b")] as const
          yield* table.committed
          const batches = store.batches.length
          yield* llm.settle(leases[0].id, { input: 900, output: 100 })
          yield* table.committed
          // Tokens, both budgets, and what the lease holds of them.
          assert.strictEqual(store.batches.length, batches + 1)
          // As a process that is killed: nothing more is written.
          return leases.map(({ id }) => id)
        })
      )
      yield* run((llm) =>
        Effect.gen(function* () {
          const table = yield* LeaseTable
          yield* table.keepOnly(new Set([settled!, open!]))
          yield* heard
          assert.deepInclude(yield* levels, { requests: 58, input: 8_100, output: 5_400, a: 18_700 })
          assert.deepStrictEqual(yield* spent(llm), [1_300, 1_300, 0])
          yield* ends(settled!)
          yield* llm.settle(open!, { input: 1_000, output: 0 })
          yield* ends(open!)
          assert.deepStrictEqual(yield* spent(llm), [2_300, 1_300, 1_000])
          assert.deepInclude(yield* levels, { spend: 97_700, a: 18_700 })
        })
      )
    })
  )

  it.effect("that is refused to be settled costs no money either", () =>
    withLeases((llm) =>
      Effect.gen(function* () {
        const [first, second] = [yield* begun(llm, "a"), yield* begun(llm, "boss")]
        const { requests: _requests, ...before } = yield* levels
        // More than dollars can be counted exactly.
        const dear = yield* Effect.flip(llm.settle(first.id, { input: 0, output: Number.MAX_SAFE_INTEGER }))
        assert.deepInclude(dear, { _tag: "InvalidClaim", field: "tokens" })
        const dearest = yield* Effect.flip(llm.claimOf("a", { input: Number.MAX_SAFE_INTEGER, output: 1 }))
        assert.deepInclude(dearest, { _tag: "InvalidClaim", field: "tokens" })
        assert.deepInclude(yield* levels, before)
        yield* llm.settle(first.id, { input: Number.MAX_SAFE_INTEGER, output: 0 })
        // A debt that would not be exact.
        const refused = yield* Effect.flip(llm.settle(second.id, { input: Number.MAX_SAFE_INTEGER, output: 0 }))
        assert.strictEqual(refused._tag, "InvalidClaim")
        assert.deepInclude(
          (yield* llm.view).budgets.find(({ type }) => type === "acme.spend of boss"),
          {
            spentMicros: 0
          }
        )
        yield* llm.settle(second.id, { input: 1, output: 0 })
        assert.deepInclude(
          (yield* llm.view).budgets.find(({ type }) => type === "acme.spend of boss"),
          {
            spentMicros: 1
          }
        )
      })
    )
  )

  it.effect("that took less than it was charged yesterday leaves no more than the budget today", () =>
    withLeases((llm) =>
      Effect.gen(function* () {
        const lease = yield* begun(llm)
        yield* llm.settle(lease.id, { input: 1_000, output: 500 })
        yield* TestClock.adjust("1 day")
        yield* heard
        yield* llm.settle(lease.id, { input: 10, output: 0 })
        assert.deepStrictEqual(yield* spent(llm), [0, 0])
        assert.deepInclude(yield* levels, { spend: 100_000, a: 20_000 })
        const next = yield* begun(llm)
        yield* llm.settle(next.id, { input: 1_000, output: 500 })
        assert.deepStrictEqual(yield* spent(llm), [3_000, 3_000])
        assert.deepInclude(yield* levels, { spend: 97_000, a: 17_000 })
      })
    )
  )

  it.effect("is no lease of anything else", () =>
    withLeases((llm) =>
      Effect.gen(function* () {
        const table = yield* LeaseTable
        const other = yield* table.claim("a", { "acme.calls": 1 })
        const error = yield* Effect.flip(llm.settle(other.id, { input: 1, output: 1 }))
        assert.deepInclude(error, { _tag: "InvalidClaim", field: "lease" })
        const gone = yield* Effect.flip(llm.settle(4_711, { input: 1, output: 1 }))
        assert.strictEqual(gone._tag, "LeaseRevoked")
      })
    )
  )
})
