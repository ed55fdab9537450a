import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { DeadlockPolicy, Order, ResourceManager, TestResourceManager } from "../src/index.ts"

const managerWith = (options: Order.OrderOptions) =>
  ResourceManager.layerTest({ pools: { cpu: { capacity: 1 } } }).pipe(Layer.provide(Order.layer(options)))

/** Who is served in which order, of those that wait behind one holder. */
const served = Effect.fnUntraced(function* (
  waiters: ReadonlyArray<readonly [agent: string, priority?: number | string]>
) {
  const manager = yield* ResourceManager
  const { awaitWaiting } = yield* TestResourceManager
  const order: Array<string> = []
  const fibers: Array<Fiber.Fiber<unknown, unknown>> = []
  yield* Effect.scoped(
    Effect.gen(function* () {
      yield* manager.lease("holder", { cpu: 1 })
      for (const [agent, priority] of waiters) {
        const body = manager.withLease(agent, { cpu: 1 }, { priority })(Effect.sync(() => order.push(agent)))
        fibers.push(yield* Effect.forkChild(body))
        yield* awaitWaiting(fibers.length)
      }
    })
  )
  for (const fiber of fibers) yield* Fiber.join(fiber)
  return order
})

/** The first takes what it is asked for, a second waits for more than is left, and others come behind. */
const behindBlocked = (backfill: Order.OrderOptions["backfill"]) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    const { awaitWaiting } = yield* TestResourceManager
    const start = (agent: string, cpu: number, expected: Duration.Input) =>
      Effect.forkChild(manager.withLease(agent, { cpu }, { expected })(Effect.never))
    yield* start("running", 3, "10 minutes")
    yield* Effect.yieldNow
    yield* start("large", 4, "1 hour")
    yield* awaitWaiting(1)
    yield* start("long", 1, "11 minutes")
    yield* awaitWaiting(2)
    yield* start("unknown", 1, 0)
    yield* awaitWaiting(3)
    yield* TestClock.adjust("1 minute")
    yield* start("short", 1, "5 minutes")
    yield* Effect.yieldNow
    const waiting = yield* manager.waiters
    return waiting.map(({ agent, earliestInMillis }) => [agent, earliestInMillis])
  }).pipe(
    Effect.provide(
      ResourceManager.layerTest({ pools: { cpu: { capacity: 4 } } }).pipe(Layer.provide(Order.layer({ backfill })))
    )
  )

describe("Order", () => {
  it.effect("lets who ends in time start before a blocked claim, and tells by when that one starts", () =>
    Effect.gen(function* () {
      for (const kind of ["easy", "shadow"] as const) {
        const waiting = yield* behindBlocked(kind)
        assert.deepStrictEqual(waiting, [
          ["large", 540_000],
          ["long", undefined],
          ["unknown", undefined]
        ])
      }
    })
  )

  it.effect("tells everybody by when it starts with conservative backfill", () =>
    Effect.gen(function* () {
      const waiting = yield* behindBlocked({ kind: "conservative" })
      assert.deepStrictEqual(waiting, [
        ["large", 540_000],
        ["long", 540_000 + 3_600_000],
        ["unknown", 540_000 + 3_600_000]
      ])
    })
  )

  it.effect("refuses a kind and a depth that are none", () =>
    Effect.gen(function* () {
      const problem = (backfill: Order.OrderOptions["backfill"]) => Order.make({ backfill }).problem?.field
      assert.strictEqual(problem({ kind: "easy", depth: 0 }), "backfill.depth")
      assert.strictEqual(problem({ kind: "easy", depth: 1 }), undefined)
    })
  )

  it.effect("refuses conservative backfill where deadlocks are avoided, in words", () =>
    Effect.gen(function* () {
      const layer = ResourceManager.layer({ pools: { cpu: { capacity: 1 } } }).pipe(
        Layer.provide(DeadlockPolicy.layerBanker),
        Layer.provide(Order.layer({ backfill: "conservative" }))
      )
      const error = yield* Effect.flip(Effect.scoped(Layer.build(layer)))
      assert.strictEqual(error._tag, "InvalidClaim")
      assert.include(error.message, "easy or shadow where deadlocks are avoided")
    })
  )

  it.effect("names classes: for claims, and for agents", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.setAgent("deploy", { priority: "urgent" })
      const order = yield* served([["batch", "background"], ["page", 5], ["deploy"], ["other"]])
      assert.deepStrictEqual(order, ["deploy", "page", "other", "batch"])
    }).pipe(Effect.provide(managerWith({ priority: { classes: { background: -10, urgent: 10 } } })))
  )

  it.effect("explains who is ahead, and why", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { awaitWaiting } = yield* TestResourceManager
      yield* manager.lease("holder", { cpu: 1 })
      for (const [at, priority] of [0, 5, 0].entries()) {
        yield* Effect.forkScoped(manager.lease(`agent-${at}`, { cpu: 1 }, { priority }))
        yield* awaitWaiting(at + 1)
      }
      const [view] = yield* manager.explain("agent-2")
      assert.deepStrictEqual(view?.standing, {
        priority: 0,
        inherits: false,
        rescued: false,
        passed: 0,
        ahead: [
          { id: 3, agent: "agent-1", because: "priority" },
          { id: 2, agent: "agent-0", because: "arrival" }
        ]
      })
      assert.strictEqual(view?.reasons.find((reason) => reason._tag === "Order")?.ahead, 2)
      assert.deepStrictEqual(
        (yield* manager.waiters).map((waiter) => waiter.agent),
        ["agent-1", "agent-0", "agent-2"]
      )
    }).pipe(Effect.scoped, Effect.provide(managerWith({ priority: true })))
  )

  it.effect("is first come, first served unless one is provided, whatever claims say", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* served([
          ["a", 1],
          ["b", 9],
          ["c", 5]
        ]),
        ["a", "b", "c"]
      )
    }).pipe(Effect.provide(ResourceManager.layerTest({ pools: { cpu: { capacity: 1 } } })))
  )

  it.effect("shares fairly among groups first, then among who is in them", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.setGroup("red", { weight: 2 })
      yield* manager.setGroup("blue")
      for (const agent of ["r1", "r2"]) yield* manager.assign(agent, { group: "red" })
      yield* manager.assign("b", { group: "blue" })
      const order = yield* served(Array.from({ length: 18 }, (_, i) => [["r1", "r2", "b"][i % 3]!] as const))
      const turns = (agent: string) => order.slice(0, 9).filter((turn) => turn === agent).length
      assert.deepStrictEqual([turns("r1"), turns("r2"), turns("b")], [3, 3, 3])
      const weighted = (yield* manager.groups).map(({ group, weight }) => [group, weight])
      assert.deepStrictEqual(weighted, [
        ["red", 2],
        ["blue", 1]
      ])
    }).pipe(Effect.provide(managerWith({ fairShare: { by: "served" } })))
  )

  it.effect("forgets past use by halves, where it is told to", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      for (let i = 0; i < 8; i++) yield* manager.withLease("a", { cpu: 1 })(Effect.void)
      const both = Array.from({ length: 12 }, (_, i): readonly [string] => [i < 6 ? "a" : "b"])
      yield* TestClock.adjust("2 hours")
      // The eight count two: so many are b's first.
      assert.deepStrictEqual((yield* served(both)).slice(0, 3), ["b", "b", "a"])
    }).pipe(Effect.provide(managerWith({ fairShare: { by: "served", halfLife: "1 hour" } })))
  )

  it.effect("refuses a half-life that is none", () =>
    Effect.gen(function* () {
      const problem = (halfLife: Duration.Input) => Order.make({ fairShare: { halfLife } }).problem?.field
      for (const halfLife of [0, -1, "Infinity", "999 micros"] as const) {
        assert.strictEqual(problem(halfLife), "fairShare.halfLife", String(halfLife))
      }
      assert.strictEqual(problem("1 milli"), undefined)
      assert.strictEqual(problem("52 weeks"), undefined)
    })
  )

  it.effect("shares fairly by weight", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      yield* manager.setAgent("a", { weight: 2 })
      const waiters = Array.from({ length: 12 }, (_, i): readonly [string] => [i < 6 ? "a" : "b"])
      const order = yield* served(waiters)
      assert.strictEqual(order.slice(0, 6).filter((agent) => agent === "a").length, 4)
    }).pipe(Effect.provide(managerWith({ fairShare: { by: "served" } })))
  )

  it("calls itself by its parts", () => {
    assert.strictEqual(Order.make().name, "first come, first served")
    assert.strictEqual(Order.make({ priority: true, bypass: true }).name, "priority, bypass")
  })

  for (const [options, field] of [
    [{ priority: { aging: { oneIn: 0 } } }, "order.priority.aging.oneIn"],
    [{ priority: { classes: { "7": 3 } } }, "order.priority.classes.7"],
    [{ priority: { classes: { "1.5": 3 } } }, "order.priority.classes.1.5"],
    [{ bypass: { max: 0.5 } }, "order.bypass.max"],
    [{ bypass: { depth: 0 } }, "order.bypass.depth"]
  ] as const) {
    it.effect(`refuses ${JSON.stringify(options)}`, () =>
      Effect.gen(function* () {
        const error = yield* Effect.flip(Effect.scoped(Layer.build(managerWith(options))))
        assert.strictEqual(error._tag, "InvalidClaim")
        assert.include(error.message, field)
      })
    )
  }
})
