/** Leases of clients that are taken for claims that go before them. */
import { assert, describe, it } from "@effect/vitest"
import { Preemption } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { connect, startDaemon, until } from "./support/daemon.ts"

const low = { priority: 0, preemptible: true } as const

/** A daemon that gives holders so long. */
const daemonWith = (options: Preemption.PreemptionOptions) =>
  Effect.provideService(startDaemon(), Preemption.Preemption, Preemption.priority(options))

const held = (manager: { readonly leases: Effect.Effect<ReadonlyArray<unknown>> }) =>
  until("a lease", manager.leases, (all) => all.length === 1)

describe("a client's lease that is preempted", () => {
  it.live("stops its body at the deadline, and comes back when its finalizers have ended", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* daemonWith({ grace: "20 millis", overrun: "1 hour" })
        const client = yield* connect(daemon.address)
        let ended = false
        const victim = yield* Effect.forkScoped(
          client.manager.withLease(
            "low",
            { cpu: 10 },
            low
          )(Effect.onInterrupt(Effect.never, () => Effect.sync(() => (ended = true))))
        )
        yield* held(daemon.manager)
        yield* daemon.manager.withLease("high", { cpu: 4 }, { priority: 5 })(Effect.sync(() => assert.isTrue(ended)))
        const error = yield* Effect.flip(Fiber.join(victim))
        assert.deepStrictEqual(
          [error._tag, error._tag === "LeaseRevoked" && error.reason],
          ["LeaseRevoked", "preempted"]
        )
      })
    )
  )

  it.live("is told at once, and may give it back long before the deadline", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* daemonWith({ grace: "1 hour" })
        const client = yield* connect(daemon.address)
        const lease = yield* client.manager.lease("low", { cpu: 10 }, low)
        const claim = yield* Effect.forkScoped(
          daemon.manager.withLease("high", { cpu: 4 }, { priority: 5 })(Effect.succeed("served"))
        )
        const { cause, deadlineMillis } = yield* lease.onPreempt
        assert.strictEqual(cause, "priority")
        assert.isAbove(deadlineMillis, Date.now() + 1_000_000)
        yield* lease.release
        assert.strictEqual(yield* Fiber.join(claim), "served")
      })
    )
  )

  it.live("stops as soon as it is announced where it asks for that", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* daemonWith({ grace: "1 hour" })
        const client = yield* connect(daemon.address)
        const victim = yield* Effect.forkScoped(
          client.manager.withLease("low", { cpu: 10 }, { ...low, stopAt: "announcement" })(Effect.never)
        )
        yield* held(daemon.manager)
        yield* daemon.manager.withLease("high", { cpu: 4 }, { priority: 5 })(Effect.void)
        const error = yield* Effect.flip(Fiber.join(victim))
        assert.strictEqual(error._tag === "LeaseRevoked" && error.reason, "preempted")
      })
    )
  )

  it.live("is taken by force where its client stands still", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const daemon = yield* daemonWith({ grace: 0, overrun: "20 millis" })
        const client = yield* connect(daemon.address)
        const lease = yield* client.manager.lease("low", { cpu: 10 }, low)
        yield* daemon.manager.withLease("high", { cpu: 4 }, { priority: 5 })(Effect.void)
        assert.strictEqual((yield* lease.revoked).reason, "preempted")
      })
    )
  )
})
