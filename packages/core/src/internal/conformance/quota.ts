/** Quotas: checked on arrival against what the agent holds and waits for. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { awaitWaiting, failure, type Home, inUse, type Service, tens } from "./harness.ts"

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

/** Quotas as a tree of groups. */
export const quotaTree = ({ check }: Home): void => {
  /** Two teams of five cpu each in one organisation. */
  const teams = (manager: Service, limits?: { readonly lendingLimit?: number; readonly borrowingLimit?: number }) =>
    Effect.gen(function* () {
      yield* manager.setGroup("org")
      for (const team of ["red", "blue"]) {
        yield* manager.setGroup(team, { parent: "org", limits: { cpu: { nominal: 5, ...limits } } })
        yield* manager.assign(`${team}-agent`, { group: team })
      }
    })

  check("lets a group borrow what its siblings leave idle, and no more", tens, (manager) =>
    Effect.gen(function* () {
      yield* teams(manager)
      yield* manager.lease("red-agent", { cpu: 8 })
      const error = yield* failure(manager.lease("red-agent", { cpu: 3 }), "QuotaExceeded")
      assert.deepStrictEqual(error.level, { path: ["org"], limit: "nominal" })
      assert.deepInclude({ ...error }, { reason: "inUse", requested: 3, quota: 10, held: 8 })
      const never = yield* failure(manager.lease("red-agent", { cpu: 11 }), "ResourceExhausted")
      assert.strictEqual(never.reason, "neverFits")
      const groups = yield* manager.groups
      assert.deepStrictEqual(
        groups.map(({ group, path }) => `${group} ${path.join("/")}`),
        ["org org", "red org/red", "blue org/blue"]
      )
      assert.deepInclude(groups[1]?.types["cpu"], { nominal: 5, quota: 5, inUse: 8, borrowed: 3, lent: 0, leases: 1 })
      assert.deepInclude(groups[2]?.types["cpu"], { inUse: 0, borrowed: 0, lent: 3 })
    })
  )

  check("keeps what a group does not lend, and how much it may borrow", tens, (manager) =>
    Effect.gen(function* () {
      yield* teams(manager, { lendingLimit: 3, borrowingLimit: 2 })
      const never = yield* failure(manager.lease("red-agent", { cpu: 8 }), "QuotaExceeded")
      assert.deepInclude({ ...never }, { reason: "neverFits", level: { path: ["org", "red"], limit: "borrowing" } })
      yield* manager.lease("red-agent", { cpu: 7 })
      yield* manager.lease("blue-agent", { cpu: 3 })
    })
  )

  check("waits for what is its own and lent, and has it before those who borrow", tens, (manager) =>
    Effect.gen(function* () {
      yield* teams(manager)
      const lent = yield* manager.lease("red-agent", { cpu: 9 })
      const more = yield* Effect.forkChild(
        manager.withLease("red-agent", { cpu: 2 }, { onQuota: "wait" })(Effect.succeed("borrowed"))
      )
      yield* awaitWaiting(manager, 1)
      const own = yield* Effect.forkChild(manager.lease("blue-agent", { cpu: 4 }))
      yield* awaitWaiting(manager, 2)
      const [view] = yield* manager.explain("blue-agent")
      const quota = view?.reasons.find((reason) => reason._tag === "Quota")?.quota
      assert.deepInclude(quota, { path: ["org"], limit: "nominal", entitled: true })
      yield* lent.shrink({ cpu: 4 })
      yield* Fiber.join(own)
      assert.strictEqual((yield* manager.waiters).length, 1)
      yield* lent.release
      assert.strictEqual(yield* Fiber.join(more), "borrowed")
    })
  )

  check("limits leases and rate of a group, and names the level", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.setGroup("org", {
        limits: { cpu: { leases: 2 }, memory: { rate: { limit: 4, interval: "1 hour" } } }
      })
      yield* manager.setGroup("team", { parent: "org", limits: { cpu: { max: 4 } } })
      yield* manager.assign("a", { group: "team" })
      yield* manager.lease("a", { cpu: 1 })
      const over = yield* failure(manager.lease("a", { cpu: 4 }), "QuotaExceeded")
      assert.deepStrictEqual(over.level, { path: ["org", "team"], limit: "max" })
      yield* manager.lease("a", { cpu: 1 })
      const leases = yield* failure(manager.lease("a", { cpu: 1 }), "QuotaExceeded")
      assert.deepStrictEqual(leases.level, { path: ["org"], limit: "leases" })
      yield* Effect.scoped(manager.lease("a", { memory: 3 }))
      const rate = yield* failure(manager.lease("a", { memory: 3 }), "QuotaExceeded")
      assert.strictEqual(rate.level?.limit, "rate")
      assert.isAbove(rate.level?.readyInMillis ?? 0, 0)
    })
  )

  check("moves an agent with its leases, and refuses what is no tree", tens, (manager) =>
    Effect.gen(function* () {
      yield* teams(manager)
      yield* manager.lease("red-agent", { cpu: 5 })
      yield* manager.assign("red-agent", { group: "blue" })
      const groups = yield* manager.groups
      assert.deepStrictEqual(
        groups.map(({ types }) => types["cpu"]?.inUse),
        [5, 0, 5]
      )
      const cycle = yield* failure(manager.setGroup("org", { parent: "red" }), "InvalidGroup")
      assert.deepInclude({ ...cycle }, { group: "org", field: "parent", value: "red" })
      yield* failure(manager.setGroup("red", { parent: "nobody" }), "InvalidGroup")
      yield* failure(manager.setGroup("red", { limits: { cpu: { nominal: 0.5 } } }), "InvalidGroup")
      yield* failure(manager.setGroup("red", { limits: { gpu: { nominal: 1 } } }), "UnknownResourceType")
      yield* failure(manager.removeGroup("org"), "InvalidGroup")
      yield* failure(manager.removeGroup("blue"), "InvalidGroup")
      yield* manager.assign("red-agent")
      yield* manager.removeGroup("red")
      assert.strictEqual((yield* manager.groups).length, 2)
    })
  )
}
