/** What holders of leases report, and limits that it is for. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { LimitRefused } from "../src/Errors.ts"
import { LeaseReports, type Overload, type ReportedLimit } from "../src/LeaseReports.ts"
import { startDaemon } from "./support/daemon.ts"
import { raw, type Raw, rawSession } from "./support/raw.ts"

const admin = "the administrator's own token"
const tokens = { admin, agents: { builder: "the builder's token", tester: "the tester's token" } }

const test = (title: string, body: Effect.Effect<unknown, unknown, Scope.Scope | LeaseReports>) =>
  it.live(title, () => Effect.scoped(Effect.asVoid(body)).pipe(Effect.provide(LeaseReports.layer)))

/** Limits that remember what they are told. */
const limits = Effect.gen(function* () {
  const reports = yield* LeaseReports
  const told: Array<Overload> = []
  const settled: Array<unknown> = []
  const model: ReportedLimit = {
    name: "acme",
    covers: (type) => type === "cpu",
    view: Effect.succeed({
      name: "acme",
      pools: ["cpu", "b", "t", "all"],
      budgets: [
        { pool: "b", agent: "builder", budgetMicros: 2, spentMicros: 1 },
        { pool: "t", agent: "tester", budgetMicros: 2, spentMicros: 1 },
        { pool: "all", budgetMicros: 4, spentMicros: 2 }
      ]
    }),
    overload: (overload) => Effect.sync(() => void told.push(overload)),
    calls: {
      plan: (agent, { input }) =>
        input > 10
          ? Effect.fail(new LimitRefused({ limit: "acme", until: "later", message: "too dear" }))
          : Effect.succeed({ claim: { cpu: input }, budgets: [agent] }),
      settle: (lease, usage) =>
        Effect.sync(() => {
          settled.push([lease, usage])
          return { tokens: { cpu: usage.input }, costMicros: 7 }
        }),
      ended: (lease, code) => Effect.sync(() => void settled.push([lease, code]))
    }
  }
  yield* reports.join(model)
  yield* reports.join({
    name: "memory",
    covers: (type) => type === "memory",
    view: Effect.succeed({ name: "memory", pools: ["memory"] })
  })
  return { reports, settled, told }
})

const claim = (client: Raw, agent: string, amounts: object = { cpu: 1 }, command = 1) =>
  Effect.map(client.call("Claim", { command, ack: 1, agent, claim: amounts }), ({ value }) => Number(value?.["lease"]))

describe("reports about leases", () => {
  test(
    "go to the limits of the lease, once for a command however often it is asked for",
    Effect.gen(function* () {
      const { reports, settled, told } = yield* limits
      const daemon = yield* startDaemon()
      const client = yield* rawSession(daemon.address)
      const lease = yield* claim(client, "builder")
      const report = { command: 2, ack: 1, lease, retryAfterMillis: 20_000 }
      const first = yield* client.call("ReportOverload", report)
      assert.deepStrictEqual(yield* client.call("ReportOverload", report), first)
      assert.strictEqual(told.length, 1)
      assert.deepInclude(told[0], { lease })
      assert.isTrue(reports.wasOverloaded(lease))
      const settle = { command: 3, ack: 1, lease, cost: { _tag: "Usage", input: 4, output: 2 } }
      const answer = yield* client.call("SettleLease", settle)
      assert.deepStrictEqual(answer.value, { lease, agent: "builder", tokens: { cpu: 4 }, costMicros: 7 })
      assert.deepStrictEqual((yield* client.call("SettleLease", settle)).value, answer.value)
      yield* client.call("ReportExit", { lease, code: 3 })
      assert.deepStrictEqual(settled, [
        [lease, { _tag: "Usage", input: 4, output: 2 }],
        [lease, 3]
      ])
      // Without a command: as an administrator says it, who does not ask again.
      yield* client.call("SettleLease", { lease, cost: { _tag: "Refund" } })
      assert.deepStrictEqual(settled.at(-1), [lease, { input: 0, output: 0 }])
      yield* client.call("Release", { lease })
      assert.strictEqual(yield* client.errorOf("SettleLease", { lease, cost: { _tag: "Refund" } }), "LeaseUnknown")
      // A retry gets the first answer, whatever became of the lease.
      const length = settled.length
      assert.deepStrictEqual((yield* client.call("SettleLease", settle)).value, answer.value)
      assert.deepStrictEqual(yield* client.call("ReportOverload", report), first)
      assert.deepStrictEqual([settled.length, told.length], [length, 1])
    })
  )

  test(
    "are refused where they are of no limit, or make no sense",
    Effect.gen(function* () {
      yield* limits
      const daemon = yield* startDaemon()
      const client = yield* rawSession(daemon.address)
      const lease = yield* claim(client, "builder", { memory: 1 })
      const call = yield* claim(client, "builder", { cpu: 1 }, 2)
      const usage = { lease, cost: { _tag: "Usage", input: 1, output: 1 } }
      const expected: ReadonlyArray<readonly [string, string, unknown]> = [
        ["LimitUnknown", "SettleLease", usage],
        ["InvalidClaim", "SettleLease", { lease, cost: { _tag: "Amounts", actual: { cpu: 1 } } }],
        // What has a price is settled as usage.
        ["InvalidClaim", "SettleLease", { lease: call, cost: { _tag: "Amounts", actual: { cpu: 1 } } }],
        ["LimitUnknown", "ReportOverload", { lease, limit: "acme" }],
        ["LimitUnknown", "ReportOverload", { limit: "acm" }],
        ["LimitUnknown", "ReportOverload", {}],
        ["InvalidClaim", "ReportOverload", { limit: "acme", retryAfterMillis: -1 }],
        // It learns from leases alone.
        ["LimitRefused", "ReportOverload", { limit: "memory" }],
        ["Success", "ReportOverload", { lease, limit: "memory" }],
        ["Success", "ReportOverload", { limit: "acme" }],
        ["LimitRefused", "PlanCall", { agent: "builder", limit: "acme", input: 11, output: 0 }],
        ["LimitUnknown", "PlanCall", { agent: "builder", limit: "memory", input: 1, output: 0 }],
        ["Success", "PlanCall", { agent: "builder", limit: "acme", input: 1, output: 0 }]
      ]
      for (const [tag, call, payload] of expected) {
        assert.strictEqual(yield* client.errorOf(call, payload), tag, `${call} ${JSON.stringify(payload)}`)
      }
    })
  )

  test(
    "are of who is inside of the lease, its agent, and administrators",
    Effect.gen(function* () {
      const { told } = yield* limits
      const daemon = yield* startDaemon({ tokens: { ...tokens, required: true } })
      const owner = yield* rawSession(daemon.address, tokens.agents.builder)
      const lease = yield* claim(owner, "builder")
      const key = String((yield* owner.call("LeaseKey", { lease })).value)
      const as = (token: string) =>
        Effect.gen(function* () {
          const client = yield* raw(daemon.address)
          yield* client.hello(token)
          return client
        })
      const tester = yield* as(tokens.agents.tester)
      const settle = (ref: number | string) => ({ lease: ref, cost: { _tag: "Refund" } })
      assert.strictEqual(yield* tester.errorOf("SettleLease", settle(lease)), "NotAllowed")
      assert.strictEqual(yield* tester.errorOf("SettleLease", settle(`${lease}.${"0".repeat(32)}`)), "ForeignLease")
      assert.strictEqual(yield* tester.errorOf("SettleLease", settle(key)), "Success")
      assert.strictEqual(yield* tester.errorOf("ReportOverload", { lease }), "NotAllowed")
      // Of everybody.
      assert.strictEqual(yield* tester.errorOf("ReportOverload", { limit: "acme" }), "NotAllowed")
      // A lease that is under another limit than the one that is named is none of it.
      assert.strictEqual(yield* tester.errorOf("ReportOverload", { lease: key, limit: "memory" }), "NotAllowed")
      assert.strictEqual(yield* tester.errorOf("ReportOverload", { lease: key, limit: "acme" }), "Success")
      assert.strictEqual(
        yield* tester.errorOf("PlanCall", { agent: "builder", limit: "acme", input: 1, output: 1 }),
        "NotAllowed"
      )
      const own = yield* as(tokens.agents.builder)
      assert.strictEqual(yield* own.errorOf("ReportOverload", { lease }), "Success")
      const budgets = ({ value }: { readonly value?: unknown }) =>
        (value as ReadonlyArray<{ readonly budgets?: ReadonlyArray<{ readonly pool: string }> }>)[0]?.budgets?.map(
          ({ pool }) => pool
        )
      const seen = yield* own.call("Limits")
      assert.deepStrictEqual(budgets(seen), ["b", "all"])
      assert.include(JSON.stringify(seen.value), '"pools":["cpu","b","all"]')
      const all = yield* as(admin)
      assert.deepStrictEqual(budgets(yield* all.call("Limits")), ["b", "t", "all"])
      assert.strictEqual(yield* all.errorOf("ReportOverload", { limit: "acme" }), "Success")
      assert.strictEqual(told.length, 3)
    })
  )

  test(
    "keep a daemon that ends when idle for as long as a service is to be left alone",
    Effect.gen(function* () {
      const reports = yield* LeaseReports
      let looks = 0
      const rate = { pool: "cpu", share: 0.5, perSecond: 1, configuredPerSecond: 2, overloads: 1, why: "asked" }
      yield* reports.join({
        name: "cpu",
        covers: (type) => type === "cpu",
        view: Effect.sync(() => ({
          name: "cpu",
          pools: ["cpu"],
          rate: { ...rate, pausedMillis: ++looks < 20 ? 1 : 0 }
        }))
      })
      const daemon = yield* startDaemon({ idleTimeout: "30 millis" })
      assert.strictEqual(yield* daemon.server.ended, "idle")
      assert.isAtLeast(looks, 20)
    })
  )

  test(
    "find no limit where the home has none",
    Effect.gen(function* () {
      const daemon = yield* startDaemon()
      const client = yield* rawSession(daemon.address)
      assert.strictEqual(JSON.stringify((yield* client.call("Limits")).value), "[]")
      assert.strictEqual(yield* client.errorOf("ReportOverload", { limit: "acme" }), "LimitUnknown")
    })
  )
})
