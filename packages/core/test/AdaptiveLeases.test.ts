import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { AdaptiveLeases, Aimd, LeaseTable, LimitPolicy, ResourceManager } from "../src/index.ts"

const home = ResourceManager.layerHome({ gracePeriod: 0, pools: { api: { capacity: 20 }, other: { capacity: 20 } } })

const aimd = LimitPolicy.layer(Aimd.make({ initial: 4, min: 1, max: 20, timeout: "1 minute" }))

const inHome = <A, E>(body: Effect.Effect<A, E, ResourceManager | LeaseTable>) => Effect.provide(body, home)

const limited = (outcomeOf?: AdaptiveLeases.AdaptiveLeasesOptions["outcomeOf"]) =>
  AdaptiveLeases.make({
    resourceType: "api",
    samplesMin: 1,
    window: 0,
    seed: 1,
    ...(outcomeOf === undefined ? {} : { outcomeOf })
  }).pipe(Effect.provide(aimd))

/** The events of what was done are heard in turns of their own. */
const heard = Effect.repeat(Effect.yieldNow, { times: 20 })

describe("AdaptiveLeases", () => {
  it.effect("grows as leases of the pool come back, and says why", () =>
    inHome(
      Effect.gen(function* () {
        const table = yield* LeaseTable
        const manager = yield* ResourceManager
        const limit = yield* limited()
        assert.deepInclude(yield* manager.poolStatistics("api"), { capacity: 4, note: "aimd: begins at 4" })
        const leases = yield* Effect.forEach([1, 2, 3], () => table.claim("a", { api: 1 }))
        yield* table.claim("a", { other: 1 })
        yield* heard
        assert.strictEqual((yield* limit.view).inFlight, 3)
        yield* TestClock.adjust("1 second")
        // A round trip: as many as were in flight when the last of them began.
        for (const { id } of leases.toReversed()) yield* table.release(id)
        yield* heard
        assert.deepInclude(yield* limit.view, { limit: 5, served: 3, dropped: 0, ignored: 0, inFlight: 0, changes: 1 })
        assert.deepInclude(yield* manager.poolStatistics("api"), {
          capacity: 5,
          note: "aimd: grows to 5, calls go well"
        })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("falls by what is told of a lease, by one that outlived its time, and by one that was held for long", () =>
    inHome(
      Effect.gen(function* () {
        const table = yield* LeaseTable
        const codes = new Map<number, AdaptiveLeases.LeaseOutcome>()
        const limit = yield* limited((lease) => codes.get(lease))
        const told = yield* table.claim("a", { api: 1 })
        codes.set(told.id, "dropped")
        yield* table.release(told.id)
        yield* heard
        assert.deepInclude(yield* limit.view, { limit: 3, dropped: 1 })
        yield* TestClock.adjust("1 second")
        yield* table.claim("a", { api: 1 }, { expiresAfter: "1 second" })
        yield* TestClock.adjust("1 second")
        yield* heard
        assert.deepInclude(yield* limit.view, { limit: 2, dropped: 2 })
        yield* TestClock.adjust("1 second")
        const slow = yield* table.claim("a", { api: 1 })
        yield* TestClock.adjust("2 minutes")
        yield* table.release(slow.id)
        yield* heard
        assert.deepInclude(yield* limit.view, { limit: 1, served: 1, dropped: 2 })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("learns nothing from leases that were taken, were there before, or never began; growth is no call", () =>
    inHome(
      Effect.gen(function* () {
        const table = yield* LeaseTable
        const before = yield* table.claim("a", { api: 2 })
        const limit = yield* limited()
        assert.strictEqual((yield* limit.view).inFlight, 2)
        const waits = yield* table.claim("b", { api: 4 })
        yield* table.release(before.id)
        yield* table.settled(waits.id)
        yield* heard
        assert.deepInclude(yield* limit.view, { inFlight: 4, ignored: 1 })
        yield* table.revoke(waits.id, "revoked")
        const undone = yield* table.claim("b", { api: 1 })
        yield* table.giveUp(undone.id)
        const grows = yield* table.claim("b", { api: 1 })
        yield* table.grow(grows.id, { api: 1 })
        yield* heard
        assert.deepInclude(yield* limit.view, { limit: 4, served: 0, dropped: 0, ignored: 2, inFlight: 1, changes: 0 })
      }).pipe(Effect.scoped)
    )
  )

  it.effect("refuses a pool whose bounds do not hold its own", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(Effect.scoped(limited()))
      assert.strictEqual(error._tag, "InvalidCapacity")
    }).pipe(
      Effect.provide(ResourceManager.layerHome({ pools: { api: { capacity: 5, min: 3, max: 10 } } }).pipe(Layer.orDie))
    )
  )
})
