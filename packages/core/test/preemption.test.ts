/** Preemption at the edge: who is told, who is stopped, and when the units come back. */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { Journal, Preemption, ResourceManager } from "../src/index.ts"
import { interruptEverywhere } from "./support/Steps.ts"

const layer = (options: Preemption.PreemptionOptions = { grace: "10 seconds", overrun: "5 seconds" }) =>
  ResourceManager.layerTest({ pools: { cpu: { capacity: 10 } } }).pipe(Layer.provide(Preemption.layerPriority(options)))

const low = { priority: 0, preemptible: true } as const
const high = { priority: 5 } as const

/** Lets everybody do what they can without time passing. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

describe("reclaim", () => {
  const reclaiming = ResourceManager.layerTest({ pools: { cpu: { capacity: 10 } } }).pipe(
    Layer.provide(Preemption.layerReclaim({ grace: "10 seconds", overrun: "5 seconds" }))
  )
  const teams = Effect.gen(function* () {
    const manager = yield* ResourceManager
    yield* manager.setGroup("acme", { onQuota: "wait" })
    for (const [team, nominal] of [
      ["red", 6],
      ["blue", 4]
    ] as const) {
      yield* manager.setGroup(team, { parent: "acme", limits: { cpu: { nominal } } })
      yield* manager.assign(team, { group: team })
    }
    return manager
  })

  it.effect("tells who borrowed, whatever the priorities, and the owner has its own after the grace", () =>
    Effect.gen(function* () {
      const manager = yield* teams
      const told = yield* Deferred.make<string>()
      const borrower = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* manager.lease("blue", { cpu: 10 }, { preemptible: true, priority: 9 })
            yield* Deferred.succeed(told, (yield* lease.onPreempt).cause)
            return yield* lease.guard(Effect.never)
          })
        )
      )
      yield* settle
      const owner = yield* Effect.forkChild(manager.withLease("red", { cpu: 6 })(Effect.succeed("served")))
      assert.strictEqual(yield* Deferred.await(told), "reclaim")
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(owner.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual(yield* Fiber.join(owner), "served")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(borrower)))
    }).pipe(Effect.provide(reclaiming))
  )

  it.effect("is chosen with or without priority, by one layer", () =>
    Effect.gen(function* () {
      for (const [choices, taken] of [
        [{}, true],
        [{ reclaim: false }, false],
        [{ byPriority: false }, true]
      ] as const) {
        const pools = ResourceManager.layerTest({ pools: { cpu: { capacity: 10 } } })
        yield* Effect.gen(function* () {
          const manager = yield* teams
          const lease = yield* manager.lease("blue", { cpu: 10 }, { preemptible: true })
          const owner = yield* Effect.forkChild(Effect.scoped(manager.lease("red", { cpu: 1 })))
          yield* settle
          const noticed = yield* Effect.forkChild(lease.onPreempt)
          yield* settle
          assert.strictEqual(noticed.pollUnsafe() !== undefined, taken, JSON.stringify(choices))
          yield* Fiber.interrupt(noticed)
          yield* Fiber.interrupt(owner)
        }).pipe(Effect.scoped, Effect.provide(pools.pipe(Layer.provide(Preemption.layer(choices)))))
      }
    })
  )
})

describe("withLease, preemptible", () => {
  it.effect("is interrupted at the deadline, and its units come back when its finalizers have ended", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const victim = yield* Effect.forkChild(
        manager.withLease("low", { cpu: 10 }, low)(Effect.onInterrupt(Effect.never, () => Effect.sleep("2 seconds")))
      )
      yield* settle
      const claim = yield* Effect.forkChild(manager.withLease("high", { cpu: 4 }, high)(Effect.succeed("served")))
      yield* settle
      yield* TestClock.adjust("9 seconds")
      assert.isUndefined(victim.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* manager.poolStatistics("cpu")).inUse, 10, "its finalizers still run")
      yield* TestClock.adjust("2 seconds")
      const error = yield* Effect.flip(Fiber.join(victim))
      assert.deepStrictEqual([error._tag, error._tag === "LeaseRevoked" && error.reason], ["LeaseRevoked", "preempted"])
      assert.strictEqual(yield* Fiber.join(claim), "served")
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is stopped at once where it asks for that", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const victim = yield* Effect.forkChild(
        manager.withLease("low", { cpu: 10 }, { ...low, stopAt: "announcement" })(Effect.never)
      )
      yield* settle
      assert.strictEqual(yield* manager.withLease("high", { cpu: 4 }, high)(Effect.succeed("served")), "served")
      const error = yield* Effect.flip(Fiber.join(victim))
      assert.deepStrictEqual([error._tag, error._tag === "LeaseRevoked" && error.reason], ["LeaseRevoked", "preempted"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("loses its units by force where its finalizers take too long, and the next token is higher", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const victim = yield* Effect.forkChild(
        manager.withLease("low", { cpu: 10 }, low)(Effect.onInterrupt(Effect.never, () => Effect.sleep("1 minute")))
      )
      yield* settle
      const [before] = yield* manager.leases
      const claim = yield* Effect.forkChild(Effect.scoped(manager.lease("high", { cpu: 4 }, high)))
      yield* settle
      yield* TestClock.adjust("15 seconds")
      const lease = yield* Fiber.join(claim)
      assert.isAbove(lease.token, before!.token + 1)
      assert.isUndefined(victim.pollUnsafe(), "its finalizers still run")
      yield* TestClock.adjust("1 minute")
      assert.isTrue(Exit.isFailure(yield* Fiber.await(victim)))
    }).pipe(Effect.provide(layer()))
  )

  it.effect("goes on where the claim leaves before the deadline", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const open = yield* Deferred.make<void>()
      const victim = yield* Effect.forkChild(
        manager.withLease("low", { cpu: 10 }, low)(Effect.as(Deferred.await(open), "done"))
      )
      yield* settle
      const claim = yield* Effect.forkChild(manager.withLease("high", { cpu: 4 }, high)(Effect.void))
      yield* TestClock.adjust("5 seconds")
      yield* Fiber.interrupt(claim)
      yield* TestClock.adjust("1 hour")
      yield* Deferred.succeed(open, undefined)
      assert.strictEqual(yield* Fiber.join(victim), "done")
    }).pipe(Effect.provide(layer()))
  )
})

describe("a scoped lease, preemptible", () => {
  it.effect("is told the deadline, and its guard is stopped then", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const said: Array<string> = []
      const victim = yield* Effect.forkChild(
        Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* manager.lease("low", { cpu: 10 }, low)
            yield* Effect.forkChild(
              Effect.map(lease.onPreempt, ({ cause, deadlineMillis }) => said.push(`${cause} until ${deadlineMillis}`))
            )
            yield* Effect.forkChild(Effect.map(lease.revoked, ({ reason }) => said.push(reason)))
            const error = yield* Effect.flip(lease.guard(Effect.never))
            said.push(`guard: ${error.reason}`)
            assert.isTrue(lease.isHeld)
            yield* settle
          })
        )
      )
      yield* settle
      const claim = yield* Effect.forkChild(manager.withLease("high", { cpu: 4 }, high)(Effect.void))
      yield* settle
      assert.deepStrictEqual(said, ["priority until 10000"])
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(claim)
      yield* Fiber.join(victim)
      assert.deepStrictEqual(said.toSorted(), ["guard: preempted", "preempted", "priority until 10000"])
    }).pipe(Effect.provide(layer()))
  )

  it.effect("is told even where it asks after the announcement", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const lease = yield* manager.lease("low", { cpu: 10 }, low)
        const claim = yield* Effect.forkChild(manager.withLease("high", { cpu: 4 }, high)(Effect.void))
        yield* settle
        assert.strictEqual((yield* lease.onPreempt).cause, "priority")
        yield* lease.release
        yield* Fiber.join(claim)
      })
    ).pipe(Effect.provide(layer()))
  )
})

describe.each([
  ["without a journal", false],
  ["with a journal", true]
])("interrupted at every step, %s", (_, durable) => {
  const scenario = (stopAt: "announcement" | "deadline", interrupted: "low" | "high") =>
    interruptEverywhere((steps) =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const fork =
          (who: typeof interrupted) =>
          <A, E>(effect: Effect.Effect<A, E>) =>
            who === interrupted ? steps.victim(effect) : Effect.forkChild(effect)
        const victim = yield* fork("low")(
          manager.withLease(
            "low",
            { cpu: 10 },
            { ...low, stopAt }
          )(Effect.onInterrupt(Effect.never, () => Effect.yieldNow))
        )
        yield* steps.idle
        const claim = yield* fork("high")(manager.withLease("high", { cpu: 4 }, high)(Effect.yieldNow))
        yield* steps.idle
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 }, { priority: 9 })(Effect.void))
        yield* steps.idle
        yield* steps.advance(1_000)
        yield* steps.advance(1_000)
        yield* Fiber.await(victim)
        yield* Fiber.await(claim)
        yield* Fiber.join(behind)
        yield* steps.idle
        const { earmarked, inUse, waiting } = yield* manager.poolStatistics("cpu")
        assert.deepStrictEqual([inUse, waiting, earmarked], [0, 0, 0])
      }).pipe(
        Effect.provide(
          ResourceManager.layer({ gracePeriod: 0, pools: { cpu: { capacity: 10 } } }).pipe(
            Layer.provide(Preemption.layerPriority({ grace: "1 second", overrun: "1 second" })),
            Layer.provide(durable ? Journal.layerMemory(Journal.makeStore(), { snapshotEvery: 3 }) : Layer.empty)
          )
        )
      )
    )
  for (const stopAt of ["deadline", "announcement"] as const) {
    for (const interrupted of ["low", "high"] as const) {
      it(`${interrupted} is interrupted, stopped at the ${stopAt}: nothing leaks`, () => {
        assert.isAbove(scenario(stopAt, interrupted), 20)
      })
    }
  }
})
