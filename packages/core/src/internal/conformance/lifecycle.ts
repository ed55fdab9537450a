/** The end: new claims are refused, waiters are told, leases return. */
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { awaitWaiting, failure, type Home, inUse, tens } from "./harness.ts"

export const lifecycle = ({ check }: Home): void => {
  check("fails waiters and new claims once it has stopped, and lets leases return", tens, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("a", { cpu: 8 })
      yield* manager.acquire("b", { memory: 1 })
      const waiter = yield* Effect.forkChild(failure(manager.withLease("c", { cpu: 4 })(Effect.void), "ManagerStopped"))
      yield* awaitWaiting(manager, 1)
      yield* manager.stop
      yield* Fiber.join(waiter)
      yield* failure(manager.lease("d", { memory: 1 }), "ManagerStopped")
      yield* failure(manager.tryLease("d", { memory: 1 }), "ManagerStopped")
      yield* failure(manager.acquire("d", { memory: 1 }), "ManagerStopped")
      assert.deepStrictEqual(
        (yield* manager.check("d", { memory: 1 })).errors.map((error) => error._tag),
        ["ManagerStopped"]
      )
      assert.isTrue(lease.isHeld)
      yield* lease.release
      yield* manager.release("b", { memory: 1 })
      assert.strictEqual(yield* inUse(manager, "cpu"), 0)
      assert.strictEqual(yield* inUse(manager, "memory"), 0)
      yield* manager.stop
    })
  )

  check("bounds how many may wait", { ...tens, waitersMax: 3, waitersPerAgentMax: 2 }, (manager) =>
    Effect.gen(function* () {
      const lease = yield* manager.lease("holder", { cpu: 10 })
      const served: Array<Fiber.Fiber<void, unknown>> = []
      const wait = Effect.fnUntraced(function* (agent: string) {
        served.push(yield* Effect.forkChild(manager.withLease(agent, { cpu: 1 })(Effect.void)))
        yield* awaitWaiting(manager, served.length)
      })
      yield* wait("a")
      yield* wait("a")
      const own = yield* failure(manager.lease("a", { cpu: 1 }), "QueueFull")
      assert.deepInclude({ ...own }, { scope: "agent", name: "a", waiting: 2, limit: 2 })
      yield* wait("b")
      const full = yield* failure(manager.lease("c", { cpu: 1 }), "QueueFull")
      assert.deepInclude({ ...full }, { scope: "manager", waiting: 3, limit: 3 })
      yield* lease.release
      yield* Effect.forEach(served, Fiber.join)
      yield* manager.withLease("c", { cpu: 1 })(Effect.void)
    })
  )
}
