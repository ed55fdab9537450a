/** Quotas: checked on arrival against what the agent holds and waits for. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { awaitWaiting, failure, type Home, inUse, tens } from "./harness.ts"

export const quota = ({ check }: Home): void => {
  check("refuses what would be over the quota, with the numbers", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.setQuota("a", "cpu", 5)
      const never = yield* failure(manager.lease("a", { cpu: 6 }), "QuotaExceeded")
      assert.deepInclude({ ...never }, { reason: "neverFits", requested: 6, quota: 5, held: 0, waiting: 0 })
      yield* manager.lease("a", { cpu: 3 })
      const inUseNow = yield* failure(manager.lease("a", { cpu: 3 }), "QuotaExceeded")
      assert.deepInclude({ ...inUseNow }, { reason: "inUse", agent: "a", resourceType: "cpu", requested: 3, held: 3 })
      yield* manager.lease("a", { cpu: 2 })
      yield* manager.lease("b", { cpu: 5 })
    })
  )

  check("counts what the agent waits for already", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.setQuota("a", "cpu", 5)
      yield* manager.lease("holder", { cpu: 10 })
      yield* Effect.forkChild(manager.withLease("a", { cpu: 3 })(Effect.void))
      yield* awaitWaiting(manager, 1)
      const error = yield* failure(manager.lease("a", { cpu: 3 }), "QuotaExceeded")
      assert.deepInclude({ ...error }, { reason: "inUse", held: 0, waiting: 3 })
    })
  )

  check("never exceeds a quota, whoever races for its last unit", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.setQuota("a", "cpu", 7)
      let granted = 0
      let refused = 0
      const race = manager.withLease("a", { cpu: 1 })(
        Effect.gen(function* () {
          granted++
          assert.isAtMost(yield* inUse(manager, "cpu"), 7)
          yield* Effect.yieldNow
        })
      )
      yield* Effect.forEach(
        Array.from({ length: 1_000 }),
        () =>
          Effect.catchTag(race, "QuotaExceeded", () =>
            Effect.sync(() => {
              refused++
            })
          ),
        { concurrency: "unbounded" }
      )
      assert.strictEqual(granted + refused, 1_000)
      assert.isAtLeast(granted, 7)
      const { accounts } = yield* manager.agentStatistics("a")
      assert.strictEqual(accounts["cpu"]?.peak, 7)
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
    })
  )

  check("fails the youngest waiters after a cut, and takes no lease", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.setQuota("a", "cpu", 10)
      const holder = yield* manager.lease("other", { cpu: 6 })
      const own = yield* manager.lease("a", { cpu: 4 })
      const older = yield* Effect.forkChild(manager.withLease("a", { cpu: 2 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 1)
      const younger = yield* Effect.forkChild(failure(manager.withLease("a", { cpu: 3 })(Effect.void), "QuotaExceeded"))
      yield* awaitWaiting(manager, 2)
      yield* manager.setQuota("a", "cpu", 6)
      const error = yield* Fiber.join(younger)
      assert.deepInclude({ ...error }, { requested: 3, quota: 6, held: 4 })
      assert.isTrue(own.isHeld)
      yield* holder.release
      assert.strictEqual(yield* Fiber.join(older), "served")
    })
  )

  check("tells and lifts a quota", tens, (manager) =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* manager.quota("a", "cpu"), Option.none())
      yield* manager.setQuota("a", "cpu", 0)
      assert.deepStrictEqual(yield* manager.quota("a", "cpu"), Option.some(0))
      assert.deepStrictEqual(yield* manager.quota("a", "memory"), Option.none())
      yield* failure(manager.lease("a", { cpu: 1 }), "QuotaExceeded")
      yield* manager.removeQuota("a", "cpu")
      assert.deepStrictEqual(yield* manager.quota("a", "cpu"), Option.none())
      yield* manager.lease("a", { cpu: 10 })
    })
  )

  check("refuses a quota that is no amount", tens, (manager) =>
    Effect.gen(function* () {
      for (const value of [-1, 0.5, Number.NaN, Infinity]) {
        yield* failure(manager.setQuota("a", "cpu", value), "InvalidQuota")
      }
      yield* failure(manager.setQuota("a", "gpu", 1), "UnknownResourceType")
      yield* failure(manager.quota("a", "gpu"), "UnknownResourceType")
      yield* failure(manager.removeQuota("a", "gpu"), "UnknownResourceType")
    })
  )
}
