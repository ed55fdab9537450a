import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { TestClock } from "effect/testing"
import { AdaptiveRateLeases, Journal, LeaseTable, RatePolicy, ResourceManager } from "../src/index.ts"

const rate = { limit: 10, interval: "1 second", burst: 10 } as const

const home = ResourceManager.layerHome({
  gracePeriod: 0,
  pools: { api: { capacity: 1_000, rate }, other: { capacity: 20 } }
})

const inHome = <A, E>(body: Effect.Effect<A, E, ResourceManager | LeaseTable>) => Effect.provide(body, home)

const policy = RatePolicy.layer(RatePolicy.multiplicative({ backoff: 0.5, step: 0.1, every: "1 second" }))

const governed = (options: Partial<AdaptiveRateLeases.AdaptiveRateLeasesOptions> = {}) =>
  Effect.provide(AdaptiveRateLeases.make({ resourceType: "api", rate, ...options }), policy)

/** The events of what was done are heard in turns of their own. */
const heard = Effect.repeat(Effect.yieldNow, { times: 20 })

const begun = (agent = "a") => Effect.flatMap(LeaseTable, (table) => table.claim(agent, { api: 1 }))

const ends = (lease: number) => Effect.flatMap(LeaseTable, (table) => Effect.andThen(table.release(lease), heard))

describe("AdaptiveRateLeases", () => {
  it.effect("backs off by a report, recovers as leases come back, and gives the pool its rate back", () =>
    inHome(
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const perSecond = Effect.map(manager.poolStatistics("api"), ({ rate }) =>
          rate === undefined ? undefined : (rate.limit / rate.intervalMillis) * 1_000
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            const api = yield* governed()
            const refused = yield* begun()
            yield* heard
            yield* api.overload({ lease: refused.id })
            assert.deepInclude(yield* api.view, { share: 0.5, overloads: 1, perSecond: 5 })
            assert.strictEqual(yield* perSecond, 5)
            yield* TestClock.adjust("1 second")
            // What was refused did not go well.
            yield* ends(refused.id)
            assert.strictEqual((yield* api.view).share, 0.5)
            const well = yield* begun()
            yield* ends(well.id)
            assert.deepInclude(yield* api.view, { share: 0.6, perSecond: 6 })
            assert.strictEqual(yield* perSecond, 6)
          })
        )
        assert.strictEqual(yield* perSecond, 10)
      })
    )
  )

  it.effect(
    "has paused the pool when a report is answered, in one batch, also where a journal has to be written",
    () => {
      const store = Journal.makeStore()
      const journaled = ResourceManager.layerHome({
        gracePeriod: 0,
        pools: { api: { capacity: 1_000, rate } }
      }).pipe(Layer.provide(Journal.layerMemory(store)))
      return Effect.gen(function* () {
        const manager = yield* ResourceManager
        const table = yield* LeaseTable
        const api = yield* governed()
        const lease = yield* begun()
        yield* table.committed
        const batches = store.batches.length
        yield* api.overload({ lease: lease.id, retryAfter: "20" })
        assert.strictEqual(store.batches.length, batches + 1)
        const tried = yield* manager.tryLease("b", { api: 1 })
        assert.isTrue(Option.isNone(tried))
        assert.strictEqual((yield* manager.poolStatistics("api")).capacity, 0)
        // Two at once: both are answered once the later is in force.
        yield* Effect.all([api.overload({ retryAfter: "30" }), api.overload({ retryAfter: "60" })], {
          concurrency: "unbounded"
        })
        assert.strictEqual((yield* api.view).pausedMillis, 60_000)
      }).pipe(Effect.scoped, Effect.provide(Layer.fresh(journaled)))
    }
  )

  it.effect("lowers once for calls that were let out together, and again for a lease that is refused again", () =>
    inHome(
      Effect.gen(function* () {
        const api = yield* governed()
        const [first, second] = [yield* begun("a"), yield* begun("b")]
        yield* heard
        yield* TestClock.adjust("1 second")
        yield* api.overload({ lease: first.id })
        yield* TestClock.adjust("2 seconds")
        yield* api.overload({ lease: second.id })
        assert.deepInclude(yield* api.view, { share: 0.5, overloads: 2 })
        yield* api.overload({ lease: first.id })
        assert.deepInclude(yield* api.view, { share: 0.25, overloads: 3 })
        yield* TestClock.adjust("2 seconds")
        // Of no lease: a call of now.
        yield* api.overload({})
        assert.deepInclude(yield* api.view, { share: 0.125, overloads: 4 })
      }).pipe(Effect.scoped)
    )
  )

  it.effect(
    "grants nothing before a Retry-After is over, however it is said; a lease that goes on may be refused again",
    () =>
      inHome(
        Effect.gen(function* () {
          const manager = yield* ResourceManager
          const table = yield* LeaseTable
          const api = yield* governed()
          const lease = yield* begun()
          yield* heard
          yield* api.overload({ lease: lease.id, retryAfter: "30" })
          assert.deepInclude(yield* api.view, { pausedMillis: 30_000, share: 0.5 })
          const waits = yield* begun("b")
          assert.strictEqual(waits.status, "waiting")
          const [waiter] = yield* manager.explain("b")
          assert.match(JSON.stringify(waiter?.reasons), /left alone until 1970-01-01T00:00:30Z/)
          yield* api.overload({ lease: lease.id, retryAfter: Duration.seconds(40) })
          yield* TestClock.adjust("39999 millis")
          assert.strictEqual(waits.status, "waiting")
          // An empty bucket of five a second.
          yield* TestClock.adjust("1 millis")
          yield* TestClock.adjust("200 millis")
          yield* table.settled(waits.id)
          yield* TestClock.adjust("1 second")
          yield* api.overload({ lease: lease.id })
          assert.strictEqual((yield* api.view).share, 0.25)
        }).pipe(Effect.scoped)
      )
  )

  it.effect("takes in what is told of leases that came back, and learns nothing from those that were taken", () =>
    inHome(
      Effect.gen(function* () {
        const table = yield* LeaseTable
        const outcomes = new Map<number, "served" | "dropped" | "ignored">()
        const before = yield* begun()
        const api = yield* governed({ outcomeOf: (lease) => outcomes.get(lease) })
        const other = yield* table.claim("a", { other: 1 })
        outcomes.set(other.id, "dropped")
        yield* ends(other.id)
        assert.strictEqual((yield* api.view).overloads, 0)
        outcomes.set(before.id, "dropped")
        yield* ends(before.id)
        assert.deepInclude(yield* api.view, { share: 0.5, overloads: 1 })
        yield* TestClock.adjust("5 seconds")
        const ignored = yield* begun()
        outcomes.set(ignored.id, "ignored")
        yield* ends(ignored.id)
        const taken = yield* begun()
        yield* table.revoke(taken.id, "revoked")
        const undone = yield* begun()
        yield* table.giveUp(undone.id)
        yield* table.claim("a", { api: 1 }, { expiresAfter: "1 second" })
        yield* TestClock.adjust("1 second")
        yield* heard
        assert.strictEqual((yield* api.view).share, 0.5)
        const grows = yield* begun()
        yield* table.grow(grows.id, { api: 1 })
        yield* ends(grows.id)
        assert.strictEqual((yield* api.view).share, 1)
      }).pipe(Effect.scoped)
    )
  )

  it.effect("refuses a rate that is none, and a pool that cannot be paused", () =>
    Effect.gen(function* () {
      const wrong = yield* Effect.flip(Effect.scoped(governed({ retryAfterMax: 0 })))
      assert.deepInclude(wrong, { _tag: "InvalidRate", field: "retryAfterMax" })
      const bound = yield* Effect.flip(Effect.scoped(governed()))
      assert.deepInclude(bound, { _tag: "InvalidCapacity", field: "min" })
    }).pipe(
      Effect.provide(ResourceManager.layerHome({ pools: { api: { capacity: 5, min: 3, max: 10 } } }).pipe(Layer.orDie))
    )
  )
})
