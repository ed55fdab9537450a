import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import { Plugin, ResourceManager, ResourceType } from "../src/index.ts"

const gpu = ResourceType.make("gpu", { unit: "devices" })

const withPlugin = <E>(plugin: Layer.Layer<never, E, ResourceManager>) =>
  plugin.pipe(Layer.provideMerge(ResourceManager.layer({ gracePeriod: 0, pools: { cpu: { capacity: 10 } } })))

describe("a plugin", () => {
  it.effect("brings a type that claims, quotas, rates and errors know like any other", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      assert.deepStrictEqual(
        (yield* manager.types).map(({ name }) => name),
        ["cpu", "gpu"]
      )
      yield* manager.setQuota("a", "gpu", 1)
      yield* manager.withLease("a", { gpu: 1, cpu: 1 })(Effect.void)
      assert.strictEqual((yield* Effect.flip(manager.acquire("a", { gpu: 2 })))._tag, "QuotaExceeded")
      const error = yield* Effect.flip(manager.acquire("b", { gpu: 3 }))
      assert.strictEqual(error.message, "gpu: 3 devices can never be granted, the pool has at most 2 devices")
      yield* manager.acquire("b", { gpu: 2 })
      assert.strictEqual((yield* manager.poolStatistics("gpu")).tokens, 1)
    }).pipe(
      Effect.provide(
        withPlugin(
          Plugin.layer({ name: "@acme/gpu", pools: [{ type: gpu, capacity: 2, rate: { limit: 1, burst: 4 } }] })
        )
      )
    )
  )

  it.effect("computes its capacity, measures real use, and changes both while it lives", () =>
    Effect.gen(function* () {
      const changes = yield* Queue.unbounded<number>()
      const scope = yield* Scope.make()
      const plugin = Plugin.layer({
        name: "@acme/gpu",
        pools: [
          {
            type: gpu,
            capacity: Effect.succeed(2),
            max: 8,
            measure: Effect.succeed(7),
            changes: Stream.fromQueue(changes)
          }
        ]
      })
      const manager = yield* ResourceManager
      yield* Layer.buildWithScope(plugin, scope)
      const capacity = Effect.map(manager.poolStatistics("gpu"), (pool) => pool.capacity)
      assert.strictEqual(yield* capacity, 2)
      assert.deepStrictEqual(yield* manager.measure("gpu"), Option.some(7))
      assert.deepStrictEqual(yield* manager.measure("cpu"), Option.none())
      yield* Queue.offer(changes, 5)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* capacity, 5)
      // What the bounds refuse is skipped, and the next is read.
      for (const wrong of [9, -1, Number.NaN]) yield* Queue.offer(changes, wrong)
      yield* Queue.offer(changes, 6)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* capacity, 6)
      yield* Scope.close(scope, Exit.void)
      yield* Queue.offer(changes, 3)
      yield* TestClock.adjust(0)
      assert.strictEqual(yield* capacity, 6)
    }).pipe(Effect.provide(ResourceManager.layer({ pools: { cpu: { capacity: 10 } } })))
  )

  it.effect("of two that claim one type at once, one is told of the other", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const go = yield* Deferred.make<void>()
      const claim = (owner: string) =>
        Effect.exit(Effect.andThen(Deferred.await(go), manager.register(owner, gpu, { capacity: 1 })))
      const racing = yield* Effect.forkChild(Effect.all([claim("one"), claim("two")], { concurrency: 2 }))
      yield* Effect.yieldNow
      yield* Deferred.succeed(go, undefined)
      yield* TestClock.adjust(0)
      const exits = racing.pollUnsafe()
      assert.isTrue(exits !== undefined && Exit.isSuccess(exits))
      if (exits === undefined || Exit.isFailure(exits)) return
      const errors = exits.value.flatMap((exit) => (Exit.isFailure(exit) ? [Exit.findErrorOption(exit)] : []))
      assert.strictEqual(errors.length, 1)
      assert.deepInclude(
        { ...Option.getOrThrow(Option.flatten(Option.fromUndefinedOr(errors[0]))) },
        { _tag: "ResourceTypeTaken", owner: "one", claimant: "two" }
      )
      assert.strictEqual((yield* manager.types).length, 2)
    }).pipe(Effect.provide(ResourceManager.layer({ pools: { cpu: { capacity: 10 } } })))
  )

  it.effect("whose capacity is none, or cannot be read, registers nothing", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const build = (capacity: number | Effect.Effect<number, string>) =>
        Effect.flip(Effect.scoped(Layer.build(Plugin.layer({ name: "@acme/gpu", pools: [{ type: gpu, capacity }] }))))
      assert.deepInclude({ ...Object(yield* build(Number.NaN)) }, { _tag: "InvalidCapacity", resourceType: "gpu" })
      assert.strictEqual(yield* build(Effect.fail("no device")), "no device")
      assert.deepStrictEqual(
        (yield* manager.types).map(({ name }) => name),
        ["cpu"]
      )
    }).pipe(Effect.provide(ResourceManager.layer({ pools: { cpu: { capacity: 10 } } })))
  )
})
