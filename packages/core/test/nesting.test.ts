/** Which leases a wait is inside of, and what leases do over their lives. */
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { Lease, ResourceManager } from "../src/index.ts"
import { assertIdle, type Manager, ten, withManager } from "./support/manager.ts"

/** Fails with `DeadlockDetected` where the place of the call is inside of a lease of six. */
const six = (manager: Manager) => manager.withLease("inner", { cpu: 6 })(Effect.void)

const isDeadlock = <A, E extends { readonly _tag: string }>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.exit(effect), (exit) => {
    const error = Option.getOrUndefined(Exit.findErrorOption(exit))
    return error?._tag === "DeadlockDetected"
  })

/** Whether a wait is parked: it is for the test to end it. */
const waits = <A, E>(
  effect: Effect.Effect<A, E>,
  awaitWaiting: (count: number) => Effect.Effect<void>
): Effect.Effect<boolean> =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect)
    yield* Effect.raceFirst(awaitWaiting(1), Effect.exit(Fiber.join(fiber)))
    const parked = fiber.pollUnsafe() === undefined
    yield* Fiber.interrupt(fiber)
    return parked
  })

describe("a wait is inside of", () => {
  it.effect("the bodies of withLease around it, also in children that it forks", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        const body = Effect.gen(function* () {
          const child = yield* Effect.forkChild(isDeadlock(six(manager)))
          const grandchild = yield* Effect.forkChild(
            Effect.flatMap(Effect.forkChild(isDeadlock(six(manager))), Fiber.join)
          )
          assert.isTrue(yield* Fiber.join(child))
          assert.isTrue(yield* Fiber.join(grandchild))
          assert.isTrue(yield* isDeadlock(Effect.timeout(six(manager), "1 hour")))
        })
        yield* manager.withLease("outer", { cpu: 6 })(body)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("no body that has ended, nor one beside it", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.withLease("ended", { cpu: 6 })(Effect.void)
        const beside = yield* Effect.forkChild(manager.withLease("beside", { cpu: 6 })(Effect.never))
        yield* Effect.yieldNow
        assert.isTrue(yield* waits(six(manager), awaitWaiting))
        yield* Fiber.interrupt(beside)
        // After the body, the place is outside again, whether it failed or not.
        yield* Effect.exit(manager.withLease("failed", { cpu: 6 })(Effect.fail("no")))
        yield* six(manager)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("the scoped leases of its own fiber, not of its parent", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* manager.lease("outer", { cpu: 6 })
          assert.isTrue(yield* isDeadlock(six(manager)))
          assert.isTrue(yield* waits(six(manager), awaitWaiting))
        })
      )
    )
  )

  it.effect("a guard's lease: its effect runs in a fiber of its own, but inside", () =>
    withManager(ten, (manager) =>
      Effect.scoped(
        Effect.gen(function* () {
          const lease = yield* manager.lease("outer", { cpu: 6 })
          assert.isTrue(yield* isDeadlock(lease.guard(Effect.timeoutOption(six(manager), 1))))
        })
      )
    )
  )

  it.effect("no scoped lease that was released early", () =>
    withManager(ten, (manager) =>
      Effect.scoped(
        Effect.gen(function* () {
          const first = yield* manager.lease("first", { cpu: 6 })
          const second = yield* manager.lease("second", { memory: 6 })
          assert.strictEqual(second.parent, first.id)
          yield* first.release
          assert.isUndefined(second.parent)
          yield* six(manager)
          // Its own place is still there for what comes after.
          assert.strictEqual((yield* manager.lease("third", { cpu: 1 })).parent, second.id)
        })
      )
    )
  )

  it.effect("a lease whose scope outlives the body that it was taken in", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* manager.withLease("body", { memory: 1 })(Scope.provide(manager.lease("kept", { cpu: 6 }), scope))
        assert.isTrue(yield* isDeadlock(six(manager)))
        yield* Scope.close(scope, Exit.void)
        yield* six(manager)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("a child that outlives the body is inside of it as long as it is held, and then of nothing", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const go = yield* Deferred.make<void>()
        const child = yield* manager.withLease("body", { cpu: 6 })(
          Effect.forkDetach(Effect.andThen(Deferred.await(go), six(manager)))
        )
        yield* Deferred.succeed(go, undefined)
        yield* Fiber.join(child)
        const early = yield* manager.withLease("body", { cpu: 6 })(
          Effect.gen(function* () {
            const detached = yield* Effect.forkDetach(isDeadlock(six(manager)))
            assert.isTrue(yield* Fiber.join(detached))
            // Outside by its own will: it waits for the body to end.
            const willing = yield* Effect.forkDetach(Lease.detached(six(manager)))
            yield* awaitWaiting(1)
            return willing
          })
        )
        yield* Fiber.join(early)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("no lease at all in Lease.detached, but what is taken there counts there", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.scoped(
        Effect.gen(function* () {
          const outer = yield* manager.lease("outer", { cpu: 5 })
          yield* manager.withLease("body", { cpu: 1 })(
            Effect.gen(function* () {
              assert.isTrue(yield* waits(Lease.detached(six(manager)), awaitWaiting))
              const inner = yield* Lease.detached(
                Effect.gen(function* () {
                  const lease = yield* manager.lease("there", { memory: 6 })
                  assert.isUndefined(lease.parent)
                  assert.isTrue(yield* isDeadlock(manager.withLease("there", { memory: 6 })(Effect.void)))
                  return lease
                })
              )
              yield* inner.release
              assert.isTrue(yield* isDeadlock(six(manager)))
            })
          )
          assert.isTrue(outer.isHeld)
        })
      )
    )
  )

  it.effect("leases of its own manager only", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const other = Context.get(yield* Layer.build(ResourceManager.layer(ten)), ResourceManager)
        yield* manager.withLease("a", { cpu: 6 })(
          other.withLease("a", { cpu: 6 })(
            Effect.gen(function* () {
              assert.isTrue(yield* isDeadlock(six(manager)))
              assert.isTrue(yield* isDeadlock(six(other)))
              const lease = yield* Effect.scoped(manager.lease("b", { memory: 1 }))
              const parent = (yield* manager.leases).find(({ agent }) => agent === "a")
              assert.strictEqual(lease.parent, parent?.id)
            })
          )
        )
        // A second manager without pools knows nothing of the first.
        assert.isFalse(yield* waits(Effect.scoped(other.lease("z", { cpu: 10 })), awaitWaiting))
        yield* assertIdle(manager)
        yield* assertIdle(other)
      })
    )
  )
})

describe("a lease over its life", () => {
  const scoped =
    <A, E>(
      test: (manager: Manager, awaitWaiting: (count: number) => Effect.Effect<void>) => Effect.Effect<A, E, Scope.Scope>
    ) =>
    () =>
      withManager(ten, (manager, awaitWaiting) =>
        Effect.andThen(Effect.scoped(test(manager, awaitWaiting)), assertIdle(manager))
      )

  it.effect(
    "grows, shrinks and gives back all of what it has",
    scoped((manager) =>
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 2 })
        yield* lease.grow({ cpu: 3, memory: 4 })
        assert.deepStrictEqual(lease.claim, { cpu: 5, memory: 4 })
        yield* lease.shrink({ cpu: 1, memory: 4 })
        assert.deepStrictEqual(lease.claim, { cpu: 4 })
        const error = yield* Effect.flip(lease.shrink({ cpu: 1, memory: 1 }))
        assert.strictEqual(error._tag, "InvalidClaim")
        assert.deepStrictEqual(lease.claim, { cpu: 4 })
        yield* lease.shrink({ cpu: 4 })
        assert.isTrue(lease.isHeld)
        yield* lease.grow({ cpu: 1 })
        assert.deepStrictEqual(yield* manager.usage("a"), { cpu: 1 })
        yield* lease.release
        assert.deepStrictEqual(yield* manager.usage("a"), {})
        for (const gone of [lease.grow({ cpu: 1 }), lease.shrink({ cpu: 1 })]) {
          const refused = yield* Effect.flip(gone)
          assert.deepInclude({ ...refused }, { _tag: "LeaseRevoked", reason: "returned" })
        }
      })
    )
  )

  it.effect(
    "shrinking serves who waits",
    scoped((manager, awaitWaiting) =>
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 10 })
        const waiter = yield* Effect.forkChild(manager.withLease("b", { cpu: 4 })(Effect.succeed("served")))
        yield* awaitWaiting(1)
        yield* lease.shrink({ cpu: 4 })
        assert.strictEqual(yield* Fiber.join(waiter), "served")
      })
    )
  )

  it.effect(
    "grows from another fiber, and in parallel",
    scoped((manager) =>
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 1 })
        yield* Effect.all(
          [lease.grow({ cpu: 2 }), lease.grow({ cpu: 3 }), lease.grow({ memory: 1 }), lease.grow({ cpu: 4 })],
          {
            concurrency: "unbounded"
          }
        )
        assert.deepStrictEqual(lease.claim, { cpu: 10, memory: 1 })
      })
    )
  )

  it.effect(
    "two leases that grow into each other are a deadlock; the second to ask is told",
    scoped((manager, awaitWaiting) =>
      Effect.gen(function* () {
        const a = yield* manager.lease("a", { cpu: 5 })
        const b = yield* Lease.detached(manager.lease("b", { cpu: 5 }))
        const first = yield* Effect.forkChild(a.grow({ cpu: 1 }))
        yield* awaitWaiting(1)
        const second = yield* Effect.forkChild(isDeadlock(b.grow({ cpu: 1 })))
        assert.isTrue(yield* Fiber.join(second))
        yield* b.release
        yield* Fiber.join(first)
        assert.deepStrictEqual(a.claim, { cpu: 6 })
      })
    )
  )

  it.effect(
    "released while it waits to grow: the growth fails, and nobody holds what it asked for",
    scoped((manager, awaitWaiting) =>
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 5 })
        const other = yield* manager.lease("b", { cpu: 5 })
        const growing = yield* Effect.forkChild(Effect.flip(lease.grow({ cpu: 3 })))
        yield* awaitWaiting(1)
        yield* lease.release
        assert.strictEqual((yield* Fiber.join(growing))._tag, "LeaseRevoked")
        yield* other.release
      })
    )
  )

  it.effect(
    "expired while it waits to grow: the same",
    scoped((manager, awaitWaiting) =>
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 5 }, { expiresAfter: "1 second" })
        yield* manager.lease("b", { cpu: 5 })
        const growing = yield* Effect.forkChild(Effect.flip(lease.grow({ cpu: 3 })))
        yield* awaitWaiting(1)
        yield* TestClock.adjust("1 second")
        const error = yield* Fiber.join(growing)
        assert.deepInclude({ ...error }, { _tag: "LeaseRevoked", reason: "expired" })
        assert.deepStrictEqual(yield* manager.usage("a"), {})
      })
    )
  )

  it.effect(
    "says why it is gone, to whoever asks after",
    scoped((manager) =>
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 5 }, { expiresAfter: "1 second" })
        const told = yield* Effect.forkChild(lease.revoked)
        yield* TestClock.adjust("1 second")
        assert.strictEqual((yield* Fiber.join(told)).reason, "expired")
        assert.strictEqual((yield* lease.revoked).reason, "expired")
        for (const late of [lease.shrink({ cpu: 1 }), lease.grow({ cpu: 1 }), lease.guard(Effect.never)]) {
          assert.deepInclude({ ...(yield* Effect.flip(late)) }, { _tag: "LeaseRevoked", reason: "expired" })
        }
      })
    )
  )

  it.effect(
    "that was released early leaves nothing in a long-lived scope",
    scoped((manager) =>
      Effect.gen(function* () {
        const scope = yield* Effect.scope
        const entries = () => (scope.state._tag === "Open" ? (scope.state.finalizers?.size ?? 1) : 0)
        const kept = yield* manager.lease("kept", { memory: 1 })
        const before = entries()
        for (let index = 0; index < 1_000; index++) {
          const lease = yield* manager.lease("a", { cpu: 1 })
          yield* lease.release
        }
        assert.strictEqual(entries(), before)
        assert.isTrue(kept.isHeld)
      })
    )
  )

  it.effect(
    "fencing tokens grow from grant to grant",
    scoped((manager) =>
      Effect.gen(function* () {
        const tokens: Array<number> = []
        for (let index = 0; index < 5; index++) {
          tokens.push((yield* manager.lease("a", { cpu: 1 })).token)
        }
        assert.deepStrictEqual(
          tokens,
          tokens.toSorted((a, b) => a - b)
        )
        assert.strictEqual(new Set(tokens).size, 5)
      })
    )
  )
})
