import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { ResourceQuota } from "../src/index.ts"

describe("ResourceQuota", () => {
  it.effect("checks and records in one step: agents that race never exceed it", () =>
    Effect.gen(function* () {
      const quota = yield* ResourceQuota
      yield* quota.setQuota("a", "cpu", 10)
      const exits = yield* Effect.forEach(
        Array.from({ length: 1_000 }),
        () => Effect.exit(Effect.andThen(Effect.yieldNow, quota.record("a", "cpu", 3))),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(exits.filter(Exit.isSuccess).length, 3)
      assert.deepStrictEqual(yield* quota.usage("a"), { cpu: 9 })
    }).pipe(Effect.provide(ResourceQuota.layer))
  )

  it.effect("check records nothing and says the numbers; release takes off, never below zero", () =>
    Effect.gen(function* () {
      const quota = yield* ResourceQuota.make()
      yield* quota.setQuota("a", "cpu", 10)
      yield* quota.check("a", "cpu", 10)
      assert.deepStrictEqual(yield* quota.usage("a"), {})
      yield* quota.record("a", "cpu", 8)
      const inUse = yield* Effect.flip(quota.check("a", "cpu", 3))
      assert.deepInclude(
        { ...inUse },
        { _tag: "QuotaExceeded", reason: "inUse", requested: 3, quota: 10, held: 8, waiting: 0 }
      )
      assert.deepInclude({ ...(yield* Effect.flip(quota.check("a", "cpu", 11))) }, { reason: "neverFits" })
      const over = yield* Effect.flip(quota.release("a", "cpu", 9))
      assert.deepInclude({ ...over }, { _tag: "ResourceNotAcquired", requested: { cpu: 9 }, held: { cpu: 8 } })
      yield* quota.release("a", "cpu", 8)
      assert.deepStrictEqual(yield* quota.usage("a"), {})
    })
  )

  it.effect("after a cut nothing more goes until enough is back; without a quota all goes", () =>
    Effect.gen(function* () {
      const quota = yield* ResourceQuota.make()
      yield* quota.record("a", "cpu", 8)
      yield* quota.setQuota("a", "cpu", 5)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(quota.record("a", "cpu", 1))))
      yield* quota.record("a", "cpu", 0).pipe(Effect.exit)
      yield* quota.release("a", "cpu", 4)
      yield* quota.record("a", "cpu", 1)
      yield* quota.removeQuota("a", "cpu")
      yield* quota.record("a", "cpu", 1_000_000)
      assert.deepStrictEqual(yield* quota.usage("a"), { cpu: 1_000_005 })
      yield* quota.record("b", "cpu", Number.MAX_SAFE_INTEGER)
      assert.isTrue(Exit.isFailure(yield* Effect.exit(quota.record("b", "cpu", 1))))
    })
  )

  it.effect("names that objects have by themselves are names like others", () =>
    Effect.gen(function* () {
      const quota = yield* ResourceQuota.make()
      for (const name of ["__proto__", "constructor", "toString"]) {
        yield* quota.setQuota(name, name, 2)
        yield* quota.record(name, name, 2)
        assert.isTrue(Exit.isFailure(yield* Effect.exit(quota.record(name, name, 1))))
        assert.deepStrictEqual(Object.entries(yield* quota.usage(name)), [[name, 2]])
      }
    })
  )

  it.effect("amounts that are none are refused and change nothing", () =>
    Effect.gen(function* () {
      const quota = yield* ResourceQuota.make()
      for (const amount of [-1, 1.5, Number.NaN, Infinity, 2 ** 53]) {
        assert.strictEqual((yield* Effect.flip(quota.setQuota("a", "cpu", amount)))._tag, "InvalidQuota")
        for (const door of [quota.check("a", "cpu", amount), quota.record("a", "cpu", amount)]) {
          assert.strictEqual((yield* Effect.flip(door))._tag, "InvalidClaim")
        }
        assert.strictEqual((yield* Effect.flip(quota.release("a", "cpu", amount)))._tag, "InvalidClaim")
      }
      assert.deepStrictEqual(yield* quota.usage("a"), {})
      yield* quota.record("a", "cpu", Number.MAX_SAFE_INTEGER)
    })
  )
})
