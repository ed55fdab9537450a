/** Capacities that change under load: nobody is lost, nothing is granted twice. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as ResourceType from "../../ResourceType.ts"
import { awaitWaiting, failure, type Home, inUse, tens } from "./harness.ts"

export const capacity = ({ check }: Home): void => {
  check("serves waiters as a pool grows", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("holder", { cpu: 10 })
      const waiter = yield* Effect.forkChild(manager.withLease("a", { cpu: 5 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 1)
      yield* manager.setCapacity("cpu", 14)
      assert.isTrue(Option.isNone(yield* manager.tryLease("b", { cpu: 5 })))
      yield* manager.setCapacity("cpu", 15)
      assert.strictEqual(yield* Fiber.join(waiter), "served")
    })
  )

  check("shrinks below what is in use as leases return", tens, (manager) =>
    Effect.gen(function* () {
      const six = yield* manager.lease("a", { cpu: 6 })
      const four = yield* manager.lease("b", { cpu: 4 })
      yield* manager.setCapacity("cpu", 5)
      const waiter = yield* Effect.forkChild(manager.withLease("c", { cpu: 1 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 1)
      assert.isTrue(six.isHeld)
      yield* four.release
      // Six of five in use still: nothing may go out.
      assert.strictEqual((yield* manager.waiters).length, 1)
      assert.strictEqual(yield* manager.poolUsage("cpu"), 120)
      yield* six.release
      assert.strictEqual(yield* Fiber.join(waiter), "served")
    })
  )

  check("fails waiters that a smaller pool can never serve", tens, (manager) =>
    Effect.gen(function* () {
      const holder = yield* manager.lease("holder", { cpu: 10 })
      const large = yield* Effect.forkChild(
        failure(manager.withLease("a", { cpu: 8, memory: 1 })(Effect.void), "ResourceExhausted")
      )
      yield* awaitWaiting(manager, 1)
      const small = yield* Effect.forkChild(manager.withLease("b", { cpu: 2 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 2)
      yield* manager.setCapacity("cpu", 7)
      const error = yield* Fiber.join(large)
      assert.deepInclude({ ...error }, { reason: "neverFits", resourceType: "cpu", requested: 8, limit: 7 })
      yield* holder.release
      assert.strictEqual(yield* Fiber.join(small), "served")
    })
  )

  check("lowers a pool for now: what it may have again waits, what it never will fails", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.setCapacity("cpu", 4, { max: 8, note: "the machine is under pressure" })
      const pool = yield* manager.poolStatistics("cpu")
      assert.deepInclude({ ...pool }, { capacity: 4, maxCapacity: 8, note: "the machine is under pressure" })
      const never = yield* failure(manager.withLease("a", { cpu: 9 })(Effect.void), "ResourceExhausted")
      assert.deepInclude({ ...never }, { reason: "neverFits", requested: 9, limit: 8 })
      const eight = yield* Effect.forkChild(
        failure(manager.withLease("b", { cpu: 8 })(Effect.void), "ResourceExhausted")
      )
      yield* awaitWaiting(manager, 1)
      const six = yield* Effect.forkChild(manager.withLease("c", { cpu: 6 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 2)
      const reason = (yield* manager.waiters)[0]?.reasons[0]
      assert.strictEqual(reason?._tag, "Growth")
      assert.include(reason?.message, "may grow to 8")
      assert.include(reason?.message, "the machine is under pressure")
      assert.strictEqual(reason?.note, "the machine is under pressure")
      // The capacity stays, what may come back is less: the claim of eight can never be served now.
      yield* manager.setCapacity("cpu", 4, { max: 6 })
      assert.deepInclude({ ...(yield* Fiber.join(eight)) }, { reason: "neverFits", requested: 8, limit: 6 })
      yield* manager.setCapacity("cpu", 6, { max: 6 })
      assert.strictEqual(yield* Fiber.join(six), "served")
      yield* failure(manager.setCapacity("cpu", 6, { max: 5 }), "InvalidCapacity")
      // Without a maximum it is as it was defined: nothing grows it, so what is over it fails.
      yield* manager.setCapacity("cpu", 5)
      const after = yield* manager.poolStatistics("cpu")
      assert.deepInclude({ ...after }, { capacity: 5, maxCapacity: 5 })
      assert.isUndefined(after.note)
      yield* failure(manager.withLease("d", { cpu: 6 })(Effect.void), "ResourceExhausted")
    })
  )

  check("loses no waiter and grants nothing twice as a pool grows and shrinks under load", tens, (manager) =>
    Effect.gen(function* () {
      const work = (_: unknown, index: number) =>
        manager.withLease(`agent ${index % 7}`, { cpu: 1 + (index % 3) })(
          Effect.gen(function* () {
            yield* Effect.yieldNow
            return yield* inUse(manager, "cpu")
          })
        )
      const all = yield* Effect.forkChild(
        Effect.forEach(Array.from({ length: 200 }), work, { concurrency: "unbounded" })
      )
      for (const units of [3, 20, 4, 15, 3, 12, 5, 10]) {
        yield* manager.setCapacity("cpu", units)
        for (let turn = 0; turn < 3; turn++) yield* Effect.yieldNow
      }
      const seen = yield* Fiber.join(all)
      assert.strictEqual(seen.length, 200)
      assert.isAtMost(Math.max(...seen), 20)
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
      assert.strictEqual((yield* manager.poolStatistics("cpu")).acquisitions, 200)
    })
  )

  check("refuses a capacity that no pool can have", tens, (manager) =>
    Effect.gen(function* () {
      for (const units of [-1, 1.5, Number.NaN, Infinity]) {
        yield* failure(manager.setCapacity("cpu", units), "InvalidCapacity")
      }
      yield* failure(manager.setCapacity("gpu", 1), "UnknownResourceType")
      assert.strictEqual((yield* manager.poolStatistics("cpu")).capacity, 10)
    })
  )

  check("keeps a pool within its bounds", { pools: { cpu: { capacity: 10, min: 5, max: 20 } } }, (manager) =>
    Effect.gen(function* () {
      yield* manager.setCapacity("cpu", 5)
      const error = yield* failure(manager.setCapacity("cpu", 4), "InvalidCapacity")
      assert.deepInclude({ ...error }, { resourceType: "cpu", value: 4 })
      yield* manager.setCapacity("cpu", 20)
      yield* failure(manager.setCapacity("cpu", 21), "InvalidCapacity")
      assert.strictEqual((yield* manager.poolStatistics("cpu")).capacity, 20)
    })
  )

  check("takes in a type while it runs, once", tens, (manager) =>
    Effect.gen(function* () {
      const gpu = ResourceType.make("gpu", { unit: "devices" })
      yield* manager.register("one", gpu, { capacity: 2, measure: Effect.succeed(1) })
      yield* manager.withLease("a", { gpu: 2, cpu: 1 })(Effect.void)
      assert.deepStrictEqual(yield* manager.measure("gpu"), Option.some(1))
      assert.deepStrictEqual(yield* manager.measure("cpu"), Option.none())
      const error = yield* failure(manager.register("two", gpu, { capacity: 3 }), "ResourceTypeTaken")
      assert.deepInclude({ ...error }, { resourceType: "gpu", owner: "one", claimant: "two" })
      yield* failure(manager.register("one", ResourceType.make("tpu"), { capacity: -1 }), "InvalidCapacity")
      yield* failure(manager.measure("tpu"), "UnknownResourceType")
      assert.deepStrictEqual((yield* manager.types).map((type) => type.name).toSorted(), ["cpu", "gpu", "memory"])
    })
  )

  check("keeps what is promised for its holder, and refuses what cannot be kept", tens, (manager) =>
    Effect.gen(function* () {
      const standing = yield* manager.reserve({ for: { agent: "prod" }, claim: { cpu: 4 }, note: "interactive" })
      assert.deepStrictEqual(standing, {
        id: 1,
        for: { agent: "prod" },
        claim: { cpu: 4 },
        used: { cpu: 0 },
        startsInMillis: 0,
        note: "interactive"
      })
      yield* manager.lease("other", { cpu: 6 })
      assert.isTrue(Option.isNone(yield* manager.tryLease("other", { cpu: 1 })))
      const waiter = yield* Effect.forkChild(manager.withLease("other", { cpu: 1 })(Effect.succeed("served")))
      yield* awaitWaiting(manager, 1)
      const [waiting] = yield* manager.explain("other")
      assert.deepStrictEqual(
        waiting?.reasons.map(({ _tag, kept }) => ({ _tag, kept })),
        [{ _tag: "Reservation", kept: [{ for: "prod", amount: 4, inMillis: 0 }] }]
      )
      // Whoever waits before.
      yield* manager.withLease("prod", { cpu: 4 })(Effect.void)
      const error = yield* failure(
        manager.reserve({ for: { priority: 5 }, claim: { cpu: 1 }, startsIn: "1 hour", lasts: "1 hour" }),
        "ReservationRefused"
      )
      assert.deepInclude({ ...error }, { resourceType: "cpu", requested: 1, capacity: 10, short: 1 })
      yield* manager.reserve({ for: { agent: "b" }, claim: { memory: 10 }, startsIn: "1 hour", lasts: "2 hours" })
      const bad = yield* failure(manager.reserve({ for: { group: "no" }, claim: { cpu: 1 } }), "InvalidClaim")
      assert.strictEqual(bad.field, "group")
      yield* failure(manager.reserve({ for: { agent: "a" }, claim: { gpu: 1 } }), "UnknownResourceType")
      const never = yield* failure(
        manager.reserve({ for: { agent: "a" }, claim: { cpu: 1 }, lasts: "-1 s" as never }),
        "InvalidClaim"
      )
      assert.strictEqual(never.field, "lasts")
      assert.deepStrictEqual(
        (yield* manager.reservations).map(({ id }) => id),
        [1, 2]
      )
      assert.isTrue(yield* manager.endReservation(1))
      assert.isFalse(yield* manager.endReservation(1))
      assert.strictEqual(yield* Fiber.join(waiter), "served")
    })
  )
}
