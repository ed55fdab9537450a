/** Capacities that change under load, and clocks that do what clocks do. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { Lease, ResourceManager } from "../src/index.ts"
import type { ManualClock } from "./support/ManualClock.ts"
import { assertIdle, type Manager, ten, withManager } from "./support/manager.ts"
import { runSteps } from "./support/Steps.ts"

const tagOf = <A, E extends { readonly _tag: string }>(exit: Exit.Exit<A, E>) =>
  Option.getOrUndefined(Exit.findErrorOption(exit))?._tag

describe("capacity and time", () => {
  it.effect("growing and shrinking under load loses no waiter and over-grants nothing", () =>
    withManager({ pools: { cpu: { capacity: 10 } } }, (manager) =>
      Effect.gen(function* () {
        let inside = 0
        let done = 0
        let capacity = 10
        // What was granted under a larger capacity may outlast a cut, but nothing is granted beyond the new one.
        const worker = (index: number) => {
          const amount = 1 + (index % 3)
          return manager.withLease(`agent-${index % 7}`, { cpu: amount })(
            Effect.gen(function* () {
              inside += amount
              assert.isAtMost(inside, capacity)
              yield* Effect.yieldNow
              inside -= amount
              done++
            })
          )
        }
        const resize = Effect.gen(function* () {
          for (let round = 0; round < 200; round++) {
            const next = 3 + ((round * 7) % 12)
            if (next < capacity) {
              yield* manager.setCapacity("cpu", next)
              // Until the leases of the larger pool are back nothing is granted.
              let use = inside
              while (use > next) {
                yield* Effect.yieldNow
                assert.isAtMost(inside, use, "granted over a capacity that had fallen")
                use = inside
              }
              capacity = next
            } else {
              capacity = next
              yield* manager.setCapacity("cpu", next)
            }
            yield* Effect.yieldNow
          }
        })
        const load = Effect.forEach(
          Array.from({ length: 500 }, (_, index) => index),
          worker,
          {
            concurrency: 40,
            discard: true
          }
        )
        yield* Effect.all([load, resize], { concurrency: 2 })
        assert.strictEqual(done, 500)
        yield* assertIdle(manager)
      })
    )
  )

  /** A manager on a clock that the test moves. `settled` completes when everybody else waits. */
  const onClock = <A, E>(
    test: (manager: Manager, clock: ManualClock, settled: Effect.Effect<void>) => Effect.Effect<A, E, Scope.Scope>
  ) =>
    runSteps(({ clock, idle }) =>
      Effect.scoped(Effect.flatMap(ResourceManager, (manager) => test(manager, clock, idle))).pipe(
        Effect.provide(
          ResourceManager.layer({
            gracePeriod: 0,
            pools: { cpu: { capacity: 10 }, calls: { capacity: 10, rate: { limit: 10, burst: 10 } } }
          })
        )
      )
    )

  it("a clock that jumps backwards breaks nothing", () =>
    onClock((manager, clock, settled) =>
      Effect.gen(function* () {
        clock.advance(10_000)
        yield* manager.withLease("a", { calls: 10 })(Effect.void)
        clock.advance(-60_000)
        // No token for time that did not pass, and nothing negative in what is shown.
        assert.strictEqual((yield* manager.poolStatistics("calls")).tokens, 0)
        const waiter = yield* Effect.forkChild(manager.withLease("b", { calls: 5 })(Effect.succeed("served")))
        const timed = yield* Effect.forkChild(
          Effect.exit(manager.withLease("c", { calls: 10 }, { timeout: "200 millis" })(Effect.void))
        )
        yield* settled
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* manager.lease("d", { cpu: 1 })
            clock.advance(-1_000)
            for (const lease of yield* manager.leases) assert.isAtLeast(lease.heldMillis, 0)
            for (const view of yield* manager.waiters) assert.isAtLeast(view.waitedMillis, 0)
          })
        )
        assert.strictEqual((yield* manager.poolStatistics("cpu")).holds.max, 0)
        clock.advance(61_000 + 1_000)
        yield* settled
        assert.strictEqual(yield* Fiber.join(waiter), "served")
        assert.isDefined(tagOf(yield* Fiber.join(timed)))
        yield* assertIdle(manager)
      })
    ))

  it("a machine that slept for a day breaks nothing", () =>
    onClock((manager, clock, settled) =>
      Effect.gen(function* () {
        const day = 24 * 3_600_000
        yield* manager.withLease("a", { calls: 10 })(Effect.void)
        const holder = yield* Effect.forkChild(
          Effect.exit(manager.withLease("b", { cpu: 10 }, { expiresAfter: "1 hour" })(Effect.never))
        )
        yield* settled
        const expiring = yield* Effect.forkChild(
          Effect.exit(manager.withLease("c", { cpu: 10 }, { expiresAfter: "1 hour" })(Effect.never))
        )
        const timed = yield* Effect.forkChild(
          Effect.exit(manager.withLease("d", { cpu: 10 }, { timeout: "90 minutes" })(Effect.void))
        )
        const patient = yield* Effect.forkChild(manager.withLease("e", { cpu: 10 })(Effect.succeed("served")))
        const rated = yield* Effect.forkChild(manager.withLease("f", { calls: 10 })(Effect.void))
        yield* settled
        clock.advance(day)
        yield* settled
        // Each thing happened at its own instant: b expired at one hour, c had the next hour, d gave up in it.
        assert.strictEqual(tagOf(yield* Fiber.join(holder)), "LeaseRevoked")
        assert.strictEqual(tagOf(yield* Fiber.join(expiring)), "LeaseRevoked")
        assert.strictEqual(tagOf(yield* Fiber.join(timed)), "ClaimTimedOut")
        assert.strictEqual(yield* Fiber.join(patient), "served")
        yield* Fiber.join(rated)
        // A day is worth a burst, no more.
        assert.strictEqual((yield* manager.poolStatistics("calls")).tokens, 10)
        yield* assertIdle(manager)
      })
    ))

  it("a lease that expired before its waiter could be told runs no body", () =>
    onClock((manager, clock, settled) =>
      Effect.gen(function* () {
        const holder = yield* Effect.forkChild(
          Effect.exit(manager.withLease("a", { cpu: 10 }, { expiresAfter: "1 second" })(Effect.never))
        )
        yield* settled
        let ran = false
        const late = yield* Effect.forkChild(
          Effect.exit(
            manager.withLease(
              "b",
              { cpu: 10 },
              { expiresAfter: "1 second" }
            )(
              Effect.sync(() => {
                ran = true
              })
            )
          )
        )
        yield* settled
        // Granted at one second and expired at two, all while the machine slept.
        clock.advance(60_000)
        yield* settled
        assert.strictEqual(tagOf(yield* Fiber.join(late)), "LeaseRevoked")
        assert.isFalse(ran)
        yield* Fiber.join(holder)
        yield* assertIdle(manager)
      })
    ))

  it.effect("a time-out exactly at the grant is a grant", () =>
    withManager(ten, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        const expiring = yield* Effect.forkChild(
          Effect.exit(manager.withLease("a", { cpu: 10 }, { expiresAfter: "1 second" })(Effect.never))
        )
        yield* Effect.yieldNow
        const waiter = yield* Effect.forkChild(
          manager.withLease("b", { cpu: 10 }, { timeout: "1 second" })(Effect.succeed("granted"))
        )
        yield* awaitWaiting(1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(yield* Fiber.join(waiter), "granted")
        yield* Fiber.join(expiring)
        yield* assertIdle(manager)
      })
    )
  )

  it.effect("a time-out of zero does not wait, and takes what is there", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        const now = { timeout: 0 }
        assert.strictEqual(yield* manager.withLease("a", { cpu: 10 }, now)(Effect.succeed("granted")), "granted")
        const error = yield* Effect.flip(
          manager.withLease("a", { cpu: 10 })(Lease.detached(manager.withLease("b", { cpu: 1 }, now)(Effect.void)))
        )
        assert.deepInclude({ ...error }, { _tag: "ClaimTimedOut", waitedMillis: 0 })
        yield* assertIdle(manager)
      })
    )
  )
})
