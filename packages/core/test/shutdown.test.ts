/** The end of a manager: nothing new, nobody left waiting, everything back, nothing running. */
import { assert, describe, it } from "@effect/vitest"
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { ResourceManager, type ResourceManagerOptions, Semaphore, TestResourceManager } from "../src/index.ts"

const errorOf = <A, E>(exit: Exit.Exit<A, E>) => Option.getOrUndefined(Exit.findErrorOption(exit))

/** A manager in a scope that the test closes. */
const closable = Effect.fnUntraced(function* (options: ResourceManagerOptions = {}) {
  const scope = yield* Scope.make()
  const context = yield* Layer.buildWithScope(
    ResourceManager.layerTest({ pools: { cpu: { capacity: 10 } }, ...options }),
    scope
  )
  const close = Effect.forkDetach(Scope.close(scope, Exit.void))
  const { awaitWaiting } = Context.get(context, TestResourceManager)
  return { manager: Context.get(context, ResourceManager), awaitWaiting, close }
})

describe("shutdown", () => {
  it.effect("stop refuses new claims, fails waiters, and leaves leases to return", () =>
    Effect.gen(function* () {
      const { awaitWaiting, close, manager } = yield* closable()
      const open = yield* Deferred.make<void>()
      const holder = yield* Effect.forkChild(manager.withLease("a", { cpu: 10 })(Deferred.await(open)))
      yield* Effect.yieldNow
      const waiters = yield* Effect.forEach([1, 2, 3], (cpu) =>
        Effect.forkChild(Effect.exit(manager.withLease("b", { cpu })(Effect.void)))
      )
      yield* awaitWaiting(3)
      yield* manager.stop
      yield* manager.stop
      for (const waiter of waiters) assert.strictEqual(errorOf(yield* Fiber.join(waiter))?._tag, "ManagerStopped")
      for (const refused of [
        manager.withLease("c", { cpu: 1 })(Effect.void),
        Effect.scoped(Effect.asVoid(manager.lease("c", { cpu: 1 }))),
        Effect.scoped(Effect.asVoid(manager.tryLease("c", { cpu: 1 }))),
        manager.acquire("c", { cpu: 1 }),
        Effect.asVoid(manager.tryAcquire("c", { cpu: 1 }))
      ]) {
        assert.strictEqual((yield* Effect.flip(refused))._tag, "ManagerStopped")
      }
      const check = yield* manager.check("c", { cpu: 1 })
      assert.deepStrictEqual([check.granted, check.errors.map((error) => error._tag)], [false, ["ManagerStopped"]])
      assert.strictEqual((yield* manager.poolStatistics("cpu")).inUse, 10)
      yield* Deferred.succeed(open, undefined)
      yield* Fiber.join(holder)
      assert.strictEqual((yield* manager.poolStatistics("cpu")).inUse, 0)
      yield* Fiber.join(yield* close)
    })
  )

  it.effect("closing the scope waits for leases to drain, no longer", () =>
    Effect.gen(function* () {
      const { close, manager } = yield* closable({ gracePeriod: "1 hour" })
      const open = yield* Deferred.make<void>()
      const holders = yield* Effect.forEach([1, 2, 3], (cpu) =>
        Effect.forkChild(manager.withLease("a", { cpu })(Effect.as(Deferred.await(open), cpu)))
      )
      yield* Effect.yieldNow
      const closing = yield* close
      yield* Effect.yieldNow
      assert.isUndefined(closing.pollUnsafe())
      yield* Deferred.succeed(open, undefined)
      assert.deepStrictEqual(yield* Effect.forEach(holders, Fiber.join), [1, 2, 3])
      // The clock did not move: it was the last return that ended it.
      yield* Fiber.join(closing)
    })
  )

  it.effect("takes leases back after the grace period; revoked, guard and the body are told", () =>
    Effect.gen(function* () {
      const { close, manager } = yield* closable({ gracePeriod: "2 seconds" })
      const scope = yield* Scope.make()
      const lease = yield* Scope.provide(manager.lease("a", { cpu: 2 }), scope)
      const revoked = yield* Effect.forkChild(lease.revoked)
      const guarded = yield* Effect.forkChild(Effect.exit(lease.guard(Effect.never)))
      const body = yield* Effect.forkChild(
        Effect.exit(manager.withLease("b", { cpu: 2 }, { expiresAfter: "1 hour" })(Effect.never))
      )
      // A body that nothing can take its lease from goes on, without it.
      const open = yield* Deferred.make<void>()
      const plain = yield* Effect.forkChild(
        manager.withLease("c", { cpu: 2 })(Effect.as(Deferred.await(open), "went on"))
      )
      yield* Effect.yieldNow
      const closing = yield* close
      yield* TestClock.adjust("1999 millis")
      assert.isTrue(lease.isHeld)
      assert.isUndefined(closing.pollUnsafe())
      yield* TestClock.adjust("1 millis")
      yield* Fiber.join(closing)
      assert.isFalse(lease.isHeld)
      assert.strictEqual((yield* Fiber.join(revoked)).reason, "stopped")
      for (const told of [guarded, body]) {
        const error = errorOf(yield* Fiber.join(told))
        assert.strictEqual(error?._tag, "LeaseRevoked")
        if (error?._tag === "LeaseRevoked") assert.strictEqual(error.reason, "stopped")
      }
      yield* Deferred.succeed(open, undefined)
      assert.strictEqual(yield* Fiber.join(plain), "went on")
      // What comes back late comes back to nobody, and harms nobody.
      yield* lease.release
      yield* Scope.close(scope, Exit.void)
      const statistics = yield* manager.poolStatistics("cpu")
      assert.deepStrictEqual([statistics.inUse, statistics.free], [0, 10])
    })
  )

  it.effect("with a grace period of zero takes leases back at once", () =>
    Effect.gen(function* () {
      const { close, manager } = yield* closable({ gracePeriod: 0 })
      const scope = yield* Scope.make()
      const lease = yield* Scope.provide(manager.lease("a", { cpu: 2 }), scope)
      yield* Fiber.join(yield* close)
      assert.isFalse(lease.isHeld)
      assert.deepInclude({ ...(yield* Effect.flip(lease.grow({ cpu: 1 }))) }, { reason: "stopped" })
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.effect("a lease that expires in the grace period counts as returned", () =>
    Effect.gen(function* () {
      const { close, manager } = yield* closable({ gracePeriod: "1 hour" })
      const scope = yield* Scope.make()
      yield* Scope.provide(manager.lease("a", { cpu: 2 }, { expiresAfter: "1 second" }), scope)
      const closing = yield* close
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(closing)
      yield* Scope.close(scope, Exit.void)
    })
  )

  it.effect("a component that stands alone: an expiry outlasts its stop, and its scope takes all back", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const semaphore = yield* Scope.provide(Semaphore.make(2), scope)
      const first = yield* Effect.forkChild(
        Effect.exit(semaphore.withPermits(1, { expiresAfter: "1 second" })(Effect.never))
      )
      const second = yield* Effect.forkChild(
        Effect.exit(semaphore.withPermits(1, { expiresAfter: "1 hour" })(Effect.never))
      )
      yield* Effect.yieldNow
      yield* semaphore.stop
      yield* TestClock.adjust("1 second")
      const expired = errorOf(yield* Fiber.join(first))
      assert.deepInclude({ ...expired }, { _tag: "LeaseRevoked", reason: "expired" })
      yield* Scope.close(scope, Exit.void)
      const stopped = errorOf(yield* Fiber.join(second))
      assert.deepInclude({ ...stopped }, { _tag: "LeaseRevoked", reason: "stopped" })
    })
  )

  it("leaves nothing running: a program ends by itself", async () => {
    const program = fileURLToPath(new URL("programs/endsByItself.ts", import.meta.url))
    // A process that does not end by itself is ended here, and fails the test.
    const { stdout } = await promisify(execFile)(process.execPath, [program], { timeout: 90_000 })
    const lines = stdout.trim().split("\n")
    const told: unknown = JSON.parse(lines.at(-1) ?? "")
    assert.deepStrictEqual(told, { exit: "Success", refused: "refused", timers: [] })
  })
})
