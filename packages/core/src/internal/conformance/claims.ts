/** Claims and leases: whole or not at all, and back exactly once. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { awaitWaiting, failure, type Home, inUse, tens } from "./harness.ts"

/** A hundred tokens, and next to nothing in the time of a test. */
const rated = {
  pools: {
    tokens: { capacity: 1_000_000, rate: { limit: 1, interval: "1 day", burst: 100 } },
    calls: { capacity: 10 }
  }
} as const

export const claims = ({ check }: Home): void => {
  check("grants all types of a claim at once", tens, (manager) =>
    Effect.gen(function* () {
      const usage = yield* manager.withLease("a", { cpu: 3, memory: 4 })(manager.usage("a"))
      assert.deepStrictEqual(usage, { cpu: 3, memory: 4 })
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
      assert.strictEqual(yield* inUse(manager, "memory"), 0)
    })
  )

  check("holds nothing of a claim that waits for the rest", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("holder", { cpu: 10 })
      const both = yield* Effect.forkChild(manager.withLease("waiter", { cpu: 1, memory: 5 })(manager.usage("waiter")))
      yield* awaitWaiting(manager, 1)
      assert.deepStrictEqual(yield* manager.usage("waiter"), {})
      assert.strictEqual(yield* inUse(manager, "memory"), 0)
      yield* lease.release
      assert.deepStrictEqual(yield* Fiber.join(both), { cpu: 1, memory: 5 })
    })
  )

  check("gives back after success, failure, defect and interruption", tens, (manager) =>
    Effect.gen(function* () {
      const all = manager.withLease("a", { cpu: 10, memory: 10 })
      assert.strictEqual(yield* all(Effect.succeed(1)), 1)
      assert.strictEqual(yield* Effect.flip(all(Effect.fail("no"))), "no")
      assert.isTrue(Exit.isFailure(yield* Effect.exit(all(Effect.die("broken")))))
      const endless = yield* Effect.forkChild(all(Effect.never))
      while ((yield* inUse(manager, "cpu")) === 0) yield* Effect.yieldNow
      yield* Fiber.interrupt(endless)
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
      assert.strictEqual(yield* all(Effect.succeed(2)), 2)
    })
  )

  check("keeps a scoped lease until its scope closes", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* Effect.scoped(
        Effect.gen(function* () {
          const own = yield* manager.lease("a", { cpu: 7 })
          assert.isTrue(own.isHeld)
          assert.deepStrictEqual(own.claim, { cpu: 7 })
          assert.strictEqual(yield* inUse(manager, "cpu"), 7)
          return own
        })
      )
      assert.isFalse(lease.isHeld)
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
    })
  )

  check("takes a lease back once, however often it is released", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("other", { cpu: 4 })
      const lease = yield* manager.lease("a", { cpu: 3 })
      yield* lease.release
      yield* lease.release
      assert.strictEqual(yield* inUse(manager, "cpu"), 4)
    })
  )

  check("answers at once where it is asked not to wait", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.tryLease("a", { cpu: 6 })
      assert.isTrue(Option.isSome(lease))
      assert.isTrue(Option.isNone(yield* manager.tryLease("b", { cpu: 5 })))
      assert.isFalse(yield* manager.tryAcquire("b", { cpu: 5 }))
      assert.isTrue(yield* manager.tryAcquire("b", { cpu: 4 }))
      assert.strictEqual(yield* inUse(manager, "cpu"), 10)
      yield* failure(manager.tryLease("b", { cpu: 11 }), "ResourceExhausted")
      yield* manager.release("b", { cpu: 4 })
    })
  )

  check("refuses for good what can never be granted, with the numbers", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.lease("holder", { memory: 2 })
      const error = yield* failure(manager.lease("a", { cpu: 1, memory: 11 }), "ResourceExhausted")
      assert.deepInclude(
        { ...error },
        { reason: "neverFits", short: "capacity", resourceType: "memory", requested: 11, available: 8, limit: 10 }
      )
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
    })
  )

  for (const amount of [Number.NaN, -1, 1.5, Infinity, Number.MAX_SAFE_INTEGER + 1]) {
    check(`refuses the amount ${amount} at the door`, tens, (manager) =>
      Effect.gen(function* () {
        const error = yield* failure(manager.lease("a", { cpu: amount }), "InvalidClaim")
        assert.strictEqual(error.field, "claim.cpu")
        yield* failure(manager.release("a", { cpu: amount }), "InvalidClaim")
      })
    )
  }

  check("refuses what makes no sense at the door", tens, (manager) =>
    Effect.gen(function* () {
      yield* failure(manager.lease("a", {}), "InvalidClaim")
      yield* failure(manager.lease("", { cpu: 1 }), "InvalidClaim")
      yield* failure(manager.lease("a", { cpu: 1 }, { timeout: -1 }), "InvalidClaim")
      const error = yield* failure(manager.lease("a", { gpu: 1 }), "UnknownResourceType")
      assert.strictEqual(error.resourceType, "gpu")
      assert.deepStrictEqual(error.known.toSorted(), ["cpu", "memory"])
    })
  )

  check("takes amounts by hand and gives them back newest first, all or nothing", tens, (manager) =>
    Effect.gen(function* () {
      yield* manager.acquire("a", { cpu: 3 })
      yield* manager.acquire("a", { cpu: 2, memory: 1 })
      // A lease is not the bridge's to release.
      yield* manager.lease("a", { cpu: 4 })
      const error = yield* failure(manager.release("a", { cpu: 6 }), "ResourceNotAcquired")
      assert.deepStrictEqual(error.held, { cpu: 5, memory: 1 })
      assert.deepStrictEqual(error.requested, { cpu: 6 })
      yield* failure(manager.release("a", { cpu: 1, memory: 2 }), "ResourceNotAcquired")
      assert.deepStrictEqual(yield* manager.usage("a"), { cpu: 9, memory: 1 })
      yield* manager.release("a", { cpu: 3 })
      assert.deepStrictEqual(yield* manager.usage("a"), { cpu: 6, memory: 1 })
      const left = (yield* manager.leases).filter((lease) => lease.manual).map((lease) => lease.claim)
      assert.deepStrictEqual(left, [{ cpu: 2 }, { memory: 1 }])
      yield* manager.release("a", { cpu: 2, memory: 1 })
      yield* failure(manager.release("a", { cpu: 1 }), "ResourceNotAcquired")
      yield* failure(manager.release("nobody", { cpu: 1 }), "ResourceNotAcquired")
      assert.deepStrictEqual(yield* manager.usage("a"), { cpu: 4 })
    })
  )

  check("shrinks and grows a lease", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("a", { cpu: 4 })
      yield* lease.grow({ cpu: 2, memory: 3 })
      assert.deepStrictEqual(lease.claim, { cpu: 6, memory: 3 })
      yield* lease.shrink({ cpu: 5 })
      assert.deepStrictEqual(lease.claim, { cpu: 1, memory: 3 })
      yield* failure(lease.shrink({ cpu: 2 }), "InvalidClaim")
      assert.strictEqual(yield* inUse(manager, "cpu"), 1)
      yield* failure(lease.grow({ cpu: 11 }), "ResourceExhausted")
      yield* lease.release
      assert.strictEqual(yield* inUse(manager, "memory"), 0)
      yield* failure(lease.grow({ cpu: 1 }), "LeaseRevoked")
      yield* failure(lease.shrink({ cpu: 1 }), "LeaseRevoked")
    })
  )

  check("settles a lease with what it cost in the end", rated, (manager) =>
    Effect.gen(function* () {
      const tokens = Effect.map(manager.poolStatistics("tokens"), (pool) => pool.tokens)
      const lease = yield* manager.lease("a", { tokens: 40, calls: 1 })
      assert.strictEqual(yield* tokens, 60)
      yield* failure(lease.settle({ tokens: 10, gpu: 1 }), "InvalidClaim")
      assert.strictEqual(yield* tokens, 60)
      yield* lease.settle({ tokens: 10, calls: 1 })
      assert.strictEqual(yield* tokens, 90)
      yield* lease.settle({ tokens: 140 })
      assert.strictEqual(yield* tokens, -40)
      assert.isTrue(Option.isNone(yield* manager.tryLease("a", { tokens: 1 })))
      yield* lease.settle({ tokens: 0 })
      assert.strictEqual(yield* tokens, 100)
      yield* lease.release
      yield* failure(lease.settle({ tokens: 0 }), "LeaseRevoked")
    })
  )

  check("gives every lease a higher token than all before", tens, (manager) =>
    Effect.gen(function* () {
      const tokens: Array<number> = []
      for (const agent of ["a", "b", "a", "c"]) {
        tokens.push(yield* Effect.scoped(Effect.map(manager.lease(agent, { cpu: 10 }), (lease) => lease.token)))
      }
      assert.deepStrictEqual(
        tokens,
        [...new Set(tokens)].toSorted((one, other) => one - other)
      )
    })
  )

  check("takes what a claim says for the policies, and refuses what makes no sense", tens, (manager) =>
    Effect.gen(function* () {
      const said = { priority: -3, expected: "5 minutes", preemptible: true } as const
      assert.strictEqual(yield* manager.withLease("a", { cpu: 1 }, said)(Effect.succeed("served")), "served")
      const lease = yield* manager.lease("a", { cpu: 1 }, said)
      yield* lease.grow({ cpu: 1 }, { priority: 7 })
      assert.deepStrictEqual(lease.claim, { cpu: 2 })
      yield* manager.setAgent("a", { weight: 2.5, priority: 3 })
      for (const weight of [0, -1, Number.NaN]) {
        const refused = yield* failure(manager.setAgent("a", { weight }), "InvalidClaim")
        assert.strictEqual(refused.field, "weight")
      }
      const unnamed = yield* failure(manager.setAgent("a", { priority: "no such class" }), "InvalidClaim")
      assert.strictEqual(unnamed.field, "priority")
      for (const priority of [0.5, Number.NaN, Infinity, 2 ** 40, "no such class"]) {
        const refused = yield* failure(manager.lease("a", { cpu: 1 }, { priority }), "InvalidClaim")
        assert.strictEqual(refused.field, "priority")
      }
      const refused = yield* failure(manager.lease("a", { cpu: 1 }, { expected: "-1 second" }), "InvalidClaim")
      assert.strictEqual(refused.field, "expected")
      assert.strictEqual(yield* inUse(manager, "cpu"), 2)
    })
  )

  check("names the lease that one is inside of", tens, (manager) =>
    Effect.gen(function* () {
      const outer = yield* manager.lease("a", { cpu: 1 })
      const inner = yield* manager.lease("a", { memory: 1 })
      assert.strictEqual(outer.parent, undefined)
      assert.strictEqual(inner.parent, outer.id)
      const listed = yield* manager.leases
      assert.deepStrictEqual(
        listed.map(({ agent, claim, id, parent }) => ({ agent, claim, id, parent })),
        [
          { agent: "a", claim: { cpu: 1 }, id: outer.id, parent: undefined },
          { agent: "a", claim: { memory: 1 }, id: inner.id, parent: outer.id }
        ]
      )
    })
  )
}
