import { assert, describe, it } from "@effect/vitest"
import * as Journal from "@resource-manager/core/Journal"
import { mebibytes, ResourceManager, type ResourceManagerOptions, TestResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { Metrics, Telemetry } from "../src/index.ts"
import { growing, read } from "./support/page.ts"

const pools: ResourceManagerOptions["pools"] = {
  cpu: { capacity: 10, rate: { limit: 1, interval: "1 minute", burst: 100 } },
  memory: { capacity: mebibytes(1024) }
}

const layer = (options: Telemetry.TelemetryOptions = {}) =>
  Telemetry.layer(options).pipe(Layer.provideMerge(ResourceManager.layerTest({ gracePeriod: 0, pools })))

const page = Effect.map(Telemetry.prometheusText, read)

/** Leases, waits, failures and quotas of two agents, some of it over and some of it still going on. */
const busy = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const { awaitWaiting } = yield* TestResourceManager
  yield* manager.setQuota("render", "cpu", 8)
  yield* manager.acquire("build", { cpu: 6, memory: mebibytes(512) })
  const waiter = yield* Effect.forkChild(manager.withLease("render", { cpu: 5 })(Effect.sleep("3 seconds")))
  yield* awaitWaiting(1)
  yield* TestClock.adjust("2 seconds")
  yield* manager.release("build", { cpu: 2 })
  yield* TestClock.adjust("3 seconds")
  yield* Fiber.join(waiter)
  yield* Effect.ignore(manager.acquire("render", { cpu: 9 }))
  yield* Effect.ignore(manager.acquire("build", { cpu: 11 }))
  const late = yield* Effect.forkChild(Effect.ignore(manager.acquire("build", { cpu: 7 }, { timeout: "1 second" })))
  yield* awaitWaiting(1)
  yield* TestClock.adjust("1 second")
  yield* Fiber.join(late)
  yield* Effect.forkScoped(manager.acquire("build", { cpu: 7 }), { startImmediately: true })
})

const names = new Map(Metrics.all.map((metric) => [metric.name, Metrics.prometheusName(metric)]))
const nameOf = (metric: Metrics.Metric) => names.get(metric.name)!

describe("the Prometheus page", () => {
  it.effect("is accepted by a Prometheus parser, and every figure equals the statistics", () =>
    Effect.gen(function* () {
      yield* busy
      const manager = yield* ResourceManager
      // Two share the pool, and how evenly is a figure.
      yield* manager.acquire("render", { memory: mebibytes(1) })
      const { families, samples, value } = yield* page
      assert.sameMembers(
        families.map(({ name }) => name),
        Metrics.all.filter((metric) => !Metrics.ofDaemon.includes(metric)).map(nameOf)
      )
      for (const { help, name } of families) {
        assert.strictEqual(help, Metrics.all.find((metric) => nameOf(metric) === name)?.description)
      }
      let checked = 0
      const equal = (metric: Metrics.Metric, labels: Readonly<Record<string, string>>, expected: number, part = "") => {
        checked++
        assert.strictEqual(
          value(`${nameOf(metric)}${part}`, labels),
          expected,
          `${metric.name} ${JSON.stringify(labels)}`
        )
      }
      for (const pool of yield* manager.pools) {
        const labels = { resource_type: pool.resourceType }
        equal(Metrics.poolLimit, labels, pool.capacity)
        equal(Metrics.poolUsage, labels, pool.inUse)
        equal(Metrics.poolEarmarked, labels, pool.earmarked)
        equal(Metrics.poolRequested, labels, pool.waitingAmount)
        equal(Metrics.poolWaiters, labels, pool.waiting)
        if (pool.fairness !== undefined) equal(Metrics.poolFairness, labels, pool.fairness)
        if (pool.tokens !== undefined) equal(Metrics.poolTokens, labels, pool.tokens)
        equal(Metrics.claimGranted, labels, pool.acquisitions)
        for (const [error, count] of Object.entries(pool.failures)) {
          equal(Metrics.claimFailed, { ...labels, error_type: error }, count)
        }
        for (const [metric, { count, mean }] of [
          [Metrics.claimWaitDuration, pool.waits],
          [Metrics.leaseHoldDuration, pool.holds]
        ] as const) {
          equal(metric, labels, count, "_count")
          equal(metric, labels, (mean * count) / 1_000, "_sum")
          equal(metric, { ...labels, le: "+Inf" }, count, "_bucket")
        }
      }
      for (const agent of yield* manager.agents) {
        const labels = { agent: agent.agent }
        for (const [type, { held, quota }] of Object.entries(agent.accounts)) {
          equal(Metrics.agentUsage, { ...labels, resource_type: type }, held)
          if (quota !== undefined) equal(Metrics.agentLimit, { ...labels, resource_type: type }, quota)
        }
        equal(Metrics.agentWaiters, labels, agent.waiting)
        equal(Metrics.agentClaimGranted, labels, agent.acquisitions)
        for (const [error, count] of Object.entries(agent.failures)) {
          equal(Metrics.agentClaimFailed, { ...labels, error_type: error }, count)
        }
        equal(Metrics.agentWaitTime, labels, (agent.waits.mean * agent.waits.count) / 1_000)
        equal(Metrics.agentHoldTime, labels, (agent.holds.mean * agent.holds.count) / 1_000)
      }
      equal(Metrics.agentKnown, {}, 2)
      // Nothing is told besides: the rest are buckets, and zeros of errors that did not happen.
      const rest = [...samples].filter(
        ([sample, told]) => !/_bucket/.test(sample) && !(/error_type/.test(sample) && told === 0)
      )
      assert.strictEqual(rest.length, checked - 4)
      // The claim of a render waited for two seconds and held for three; the build's was granted at once.
      const buckets = (metric: Metrics.Metric) =>
        ["0.001", "1", "5", "+Inf"].map((le) => value(`${nameOf(metric)}_bucket`, { resource_type: "cpu", le }))
      assert.deepStrictEqual(buckets(Metrics.claimWaitDuration), [1, 1, 2, 2])
      assert.deepStrictEqual(buckets(Metrics.leaseHoldDuration), [0, 0, 1, 1])
    }).pipe(Effect.scoped, Effect.provide(layer()))
  )

  it.effect("tells what a daemon knows besides", () =>
    Effect.gen(function* () {
      const { value } = yield* page
      assert.deepStrictEqual(
        Metrics.ofDaemon.map((metric) => value(nameOf(metric))),
        [3, 2, 1]
      )
    }).pipe(Effect.provide(layer({ daemon: Effect.succeed({ connections: 3, sessions: 2, orphans: 1 }) })))
  )

  it.effect("begins at zero with the process, whatever a journal brought back", () =>
    Effect.gen(function* () {
      const store = Journal.makeStore()
      const process = Telemetry.layer().pipe(
        Layer.provideMerge(ResourceManager.layerHome({ gracePeriod: 0, pools })),
        Layer.provide(Journal.layerMemory(store))
      )
      yield* Effect.gen(function* () {
        const manager = yield* ResourceManager
        yield* manager.setQuota("a", "cpu", 7)
        yield* manager.withLease("a", { cpu: 1 })(TestClock.adjust("2 seconds"))
        yield* Effect.ignore(manager.acquire("a", { cpu: 11 }))
      }).pipe(Effect.provide(Layer.fresh(process)))
      yield* Effect.gen(function* () {
        const manager = yield* ResourceManager
        assert.strictEqual((yield* manager.agentStatistics("a")).acquisitions, 1)
        const before = yield* page
        for (const [sample, value] of growing(before)) assert.strictEqual(value, 0, sample)
        assert.strictEqual(before.value(nameOf(Metrics.agentLimit), { agent: "a", resource_type: "cpu" }), 7)
        yield* manager.withLease("a", { cpu: 1 })(TestClock.adjust("3 seconds"))
        const after = yield* page
        assert.strictEqual(after.value(nameOf(Metrics.agentClaimGranted), { agent: "a" }), 1)
        assert.strictEqual(after.value(nameOf(Metrics.agentHoldTime), { agent: "a" }), 3)
        assert.strictEqual(after.value(`${nameOf(Metrics.leaseHoldDuration)}_sum`, { resource_type: "cpu" }), 3)
      }).pipe(Effect.provide(Layer.fresh(process)))
    })
  )

  it.effect("counts under its own name what an agent of before did until the first page was asked for", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.setQuota("known", "cpu", 3)
      yield* manager.acquire("known", { cpu: 1 })
      yield* Effect.gen(function* () {
        yield* manager.acquire("known", { cpu: 2 })
        const { labels, value } = yield* page
        assert.sameMembers([...labels("agent")], ["known"])
        assert.strictEqual(value(nameOf(Metrics.agentClaimGranted), { agent: "known" }), 1)
      }).pipe(Effect.provide(Layer.fresh(Telemetry.layer())))
    }).pipe(Effect.provide(ResourceManager.layerTest({ pools })))
  )

  it.effect("tells agents by whatever name they have", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const hostile = [
        'quote"d',
        "back\\slash",
        "new\nline",
        "carriage\rreturn",
        "\\",
        '"} 1\nfake{a="',
        "# TYPE x counter",
        "tab\tand nul\0",
        "ünï😀 \u2028",
        "__proto__",
        " ",
        "a".repeat(256)
      ]
      for (const agent of hostile) yield* manager.acquire(agent, { cpu: 0, memory: 1 })
      const { labels, value } = yield* page
      assert.sameMembers([...labels("agent")], hostile)
      for (const agent of hostile) {
        assert.strictEqual(value(nameOf(Metrics.agentUsage), { agent, resource_type: "memory" }), 1)
      }
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps agents apart whose names look alike once written, and one that is called as the others are", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      for (const agent of ["\ud800", "\udbff", "\ufffd", Metrics.otherAgents]) yield* manager.acquire(agent, { cpu: 1 })
      const { labels, value } = read(
        new TextDecoder().decode(new TextEncoder().encode(yield* Telemetry.prometheusText))
      )
      assert.sameMembers([...labels("agent")], ["\ufffd", Metrics.otherAgents])
      assert.strictEqual(value(nameOf(Metrics.agentUsage), { agent: Metrics.otherAgents, resource_type: "cpu" }), 3)
    }).pipe(Effect.provide(layer()))
  )

  it.effect("keeps types apart whose names look alike once written", () =>
    Effect.gen(function* () {
      const { labels } = read(new TextDecoder().decode(new TextEncoder().encode(yield* Telemetry.prometheusText)))
      assert.strictEqual(labels("resource_type").size, 3)
    }).pipe(
      Effect.provide(
        Telemetry.layer().pipe(
          Layer.provide(
            ResourceManager.layerTest({
              pools: { "\ud800": { capacity: 1 }, "\udbff": { capacity: 1 }, 'a"\\\n': { capacity: 1 } }
            })
          )
        )
      )
    )
  )

  it.effect(
    "has no more series than agents have places, and still counts everybody",
    () =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const total = 10_000
        for (let index = 0; index < total; index++) {
          const agent = `agent-${index}`
          // The later ones do more.
          const times = index < total - 50 ? 1 : 5
          for (let time = 0; time < times; time++) yield* manager.withLease(agent, { memory: 1 })(Effect.void)
          if (index % 1_000 === 0) yield* Telemetry.prometheusText
        }
        yield* manager.acquire("agent-7", { memory: 5 })
        const { labels, samples, value } = yield* page
        const agents = labels("agent")
        assert.strictEqual(agents.size, 51)
        for (let index = total - 50; index < total; index++) assert.isTrue(agents.has(`agent-${index}`))
        assert.isBelow(samples.size, 1_000)
        assert.strictEqual(value(nameOf(Metrics.agentKnown)), total)
        assert.strictEqual(
          value(nameOf(Metrics.agentUsage), { agent: Metrics.otherAgents, resource_type: "memory" }),
          5
        )
        // The last 50 came at once, after the others were read: all that they did is theirs.
        assert.strictEqual(value(nameOf(Metrics.agentClaimGranted), { agent: "agent-9999" }), 5)
      }).pipe(Effect.provide(layer())),
    120_000
  )

  it.effect("counts from when it was made, and tells amounts as they are", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.acquire("early", { cpu: 3 })
      yield* Effect.ignore(manager.acquire("early", { cpu: 11 }))
      yield* Effect.gen(function* () {
        const before = yield* page
        for (const [sample, value] of growing(before)) assert.strictEqual(value, 0, sample)
        assert.strictEqual(before.value(nameOf(Metrics.poolUsage), { resource_type: "cpu" }), 3)
        yield* manager.acquire("early", { cpu: 2 })
        yield* manager.acquire("late", { cpu: 1 })
        const after = yield* page
        assert.strictEqual(after.value(nameOf(Metrics.claimGranted), { resource_type: "cpu" }), 2)
        assert.strictEqual(after.value(nameOf(Metrics.agentClaimGranted), { agent: "early" }), 1)
        assert.strictEqual(after.value(nameOf(Metrics.agentClaimGranted), { agent: "late" }), 1)
      }).pipe(Effect.provide(Layer.fresh(Telemetry.layer())))
    }).pipe(Effect.provide(ResourceManager.layerTest({ pools })))
  )

  it.effect("never takes a count back, though a grant was undone", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { awaitWaiting } = yield* TestResourceManager
      yield* manager.acquire("holder", { cpu: 10 })
      const waiter = yield* Effect.forkChild(manager.withLease("waiter", { cpu: 1 })(Effect.void))
      yield* awaitWaiting(1)
      yield* TestClock.adjust("7 seconds")
      // Granted in this very step, before its fiber can run; then it is interrupted.
      yield* manager.release("holder", { cpu: 10 })
      const granted = yield* page
      yield* Fiber.interrupt(waiter)
      assert.strictEqual((yield* manager.poolStatistics("cpu")).acquisitions, 1)
      const undone = yield* page
      assert.strictEqual(granted.value(nameOf(Metrics.claimGranted), { resource_type: "cpu" }), 2)
      assert.deepStrictEqual(growing(undone), growing(granted))
      yield* manager.withLease("waiter", { cpu: 1 })(Effect.void)
      const again = yield* page
      assert.strictEqual(again.value(nameOf(Metrics.claimGranted), { resource_type: "cpu" }), 2)
      assert.strictEqual(again.value(nameOf(Metrics.agentClaimGranted), { agent: "waiter" }), 1)
    }).pipe(Effect.provide(layer()))
  )

  it.effect.prop(
    "never falls, whoever is told by name when",
    {
      steps: Schema.Array(
        Schema.Struct({
          agent: Schema.Literals([0, 1, 2, 3, 4, 5, 6, 7]),
          act: Schema.Literals(["lease", "lease", "lease", "hold", "refused", "interrupted", "undone", "read"]),
          times: Schema.Literals([1, 2, 5])
        })
      )
    },
    ({ steps }) =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const { awaitWaiting } = yield* TestResourceManager
        let before = new Map<string, number>()
        /** The last value of every series of agents that ever was. */
        const everTold = new Map<string, number>()
        const check = Effect.gen(function* () {
          const now = yield* page
          assert.isAtMost(now.labels("agent").size, 3)
          const grown = growing(now)
          for (const [sample, value] of before) {
            const next = grown.get(sample)
            if (next !== undefined) assert.isAtLeast(next, value, sample)
          }
          for (const [sample, value] of grown) assert.isAtLeast(value, everTold.get(sample) ?? 0, sample)
          for (const [sample, value] of grown) everTold.set(sample, value)
          before = new Map(grown)
        })
        let undone = 0
        for (const { act, agent, times } of steps) {
          const id = `agent-${agent}`
          for (let time = 0; time < times; time++) {
            if (act === "read") yield* check
            if (act === "lease") yield* manager.withLease(id, { cpu: 1 })(TestClock.adjust("10 millis"))
            if (act === "hold") yield* manager.acquire(id, { memory: 1 })
            if (act === "refused") yield* Effect.ignore(manager.acquire(id, { cpu: 11 }))
            if (act === "interrupted" || act === "undone") {
              yield* manager.acquire("holder", { cpu: 10 })
              const waiter = yield* Effect.forkChild(manager.withLease(id, { cpu: 1 })(Effect.void))
              yield* awaitWaiting(1)
              if (act === "undone") {
                undone++
                yield* manager.release("holder", { cpu: 10 })
                yield* check
                yield* Fiber.interrupt(waiter)
              } else {
                yield* Fiber.interrupt(waiter)
                yield* manager.release("holder", { cpu: 10 })
              }
            }
          }
        }
        yield* check
        // All that was ever told of agents is all that they did; for a grant that was undone, at most one more.
        const agents = yield* manager.agents
        const done = agents.reduce((sum, { acquisitions }) => sum + acquisitions, 0)
        let told = 0
        for (const [sample, value] of everTold) {
          if (sample.includes(nameOf(Metrics.agentClaimGranted))) told += value
        }
        assert.isAtLeast(told, done)
        assert.isAtMost(told, done + undone)
      }).pipe(
        Effect.provide(
          Telemetry.layer({ agentsMax: 2 }).pipe(
            Layer.provideMerge(
              ResourceManager.layerTest({ gracePeriod: 0, pools: { cpu: { capacity: 10 }, memory: { capacity: 1e9 } } })
            )
          )
        )
      ),
    { arbitrary: { runs: 50, size: 30 }, timeout: 120_000 }
  )
})

describe("options", () => {
  it.effect.each([
    [{ agentsMax: -1 }, "agentsMax"],
    [{ agentsMax: 1.5 }, "agentsMax"],
    [{ durationBounds: [1, 1] }, "durationBounds"],
    [{ durationBounds: [0, 1] }, "durationBounds"],
    [{ durationBounds: [1, Infinity] }, "durationBounds"],
    [{ durationBounds: [Number.NaN] }, "durationBounds"]
  ] as const)("%j is refused by name", ([options, option]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.provide(Effect.void, layer(options)))
      assert.strictEqual(error._tag, "InvalidTelemetryOption")
      assert.propertyVal(error, "option", option)
    })
  )

  it.effect("choose the buckets, and that nobody is told by name", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.withLease("a", { cpu: 1 })(TestClock.adjust("3 seconds"))
      const { labels, value } = yield* page
      assert.deepStrictEqual([...labels("agent")], [Metrics.otherAgents])
      assert.deepStrictEqual([...labels("le")], ["2.5", "3", "+Inf"])
      const buckets = ["2.5", "3", "+Inf"].map((le) =>
        value(`${nameOf(Metrics.leaseHoldDuration)}_bucket`, { resource_type: "cpu", le })
      )
      assert.deepStrictEqual(buckets, [0, 1, 1])
    }).pipe(Effect.provide(layer({ agentsMax: 0, durationBounds: [2.5, 3] })))
  )
})

describe("names", () => {
  it("follow OpenTelemetry, and its mapping to Prometheus", () => {
    for (const metric of Metrics.all) {
      assert.match(metric.name, /^resource_manager(\.[a-z]+)+$/)
      assert.notMatch(metric.description, /\.$/)
      const page = Metrics.prometheusName(metric)
      assert.match(page, /^[a-z_]+$/)
      assert.strictEqual(page.endsWith("_total"), metric.kind === "counter")
      assert.strictEqual(/_seconds(_total)?$/.test(page), metric.unit === "s")
      // No name is another's namespace.
      for (const other of Metrics.all) assert.isFalse(other.name.startsWith(`${metric.name}.`), metric.name)
    }
    assert.strictEqual(new Set(Metrics.all.map(Metrics.prometheusName)).size, Metrics.all.length)
    assert.strictEqual(Metrics.prometheusName(Metrics.agentWaitTime), "resource_manager_agent_wait_time_seconds_total")
    const bytes: Metrics.Metric = { ...Metrics.poolTokens, name: "a.b-c.size", unit: "By" }
    assert.strictEqual(Metrics.prometheusName(bytes), "a_b_c_size_bytes")
    assert.strictEqual(Metrics.prometheusName({ ...bytes, unit: "1" }), "a_b_c_size_ratio")
  })
})
