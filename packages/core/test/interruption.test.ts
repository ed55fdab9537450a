/**
 * One fiber is interrupted before each operation of any fiber, at each await point
 * and between a grant and the fiber that it is for. Whenever that is, nothing
 * leaks, nobody else is kept waiting, and nothing is charged for what never began.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Journal, ResourceManager, ResourcePool, Semaphore, type Statistics, TokenBucket } from "../src/index.ts"
import { recover } from "../src/internal/journal/recovery.ts"
import { crash } from "./support/durable.ts"
import { interruptEverywhere, type Steps } from "./support/Steps.ts"

type Manager = ResourceManager["Service"]

const tokensMax = 1_000

/** Runs `scenario` in a manager with ten units, and then checks that nothing of it is left, there and in its journal. */
const inManagerOn =
  (durable: boolean) => (scenario: (manager: Manager, steps: Steps) => Effect.Effect<unknown, unknown>) =>
    interruptEverywhere((steps) => {
      const store = Journal.makeStore()
      return Effect.gen(function* () {
        const manager = yield* ResourceManager
        yield* scenario(manager, steps)
        yield* steps.idle
        const statistics = yield* manager.poolStatistics("cpu")
        assert.strictEqual(statistics.inUse, 0, "in use")
        assert.strictEqual(statistics.waiting, 0, "waiting")
        assert.strictEqual(statistics.earmarked, 0, "earmarked")
        assert.deepStrictEqual(yield* manager.leases, [], "leases")
        // Nobody may be kept out: all there is can be taken at once.
        yield* manager.setRate("cpu", undefined)
        assert.isTrue((yield* manager.check("another", { cpu: 10 })).granted, "free")
        for (const agent of yield* manager.agents) {
          assert.deepStrictEqual([agent.waiting, agent.accounts["cpu"]?.held ?? 0], [0, 0], agent.agent)
        }
        if (durable) assertKept(crash(store), statistics)
      }).pipe(
        Effect.provide(
          ResourceManager.layer({
            gracePeriod: 0,
            pools: { cpu: { capacity: 10, rate: { limit: 1, interval: "1000 days", burst: tokensMax } } }
          }).pipe(Layer.provide(durable ? Journal.layerMemory(store, { snapshotEvery: 3 }) : Layer.empty))
        )
      )
    })

/** What was told is what the next start would find. */
const assertKept = (store: Journal.MemoryStore, told: Statistics.PoolStatistics) => {
  const found = recover(Journal.makeMemory(store))
  const pool = found?.books.dormant.get("cpu")
  assert.deepStrictEqual(
    [pool?.inUse, pool?.waiting, pool?.acquisitions, pool?.holds.count, pool?.failures, found?.books.index?.size],
    [told.inUse, told.waiting, told.acquisitions, told.holds.count, told.failures, 0]
  )
}

/** How many bodies began, and the units of them. */
const counter = () => {
  const began = { times: 0, units: 0 }
  /** Counts in its very first operation. */
  const body = <A, E, R>(units: number, rest: Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      began.times++
      began.units += units
      return rest
    })
  return { began, body }
}

const tokensLeft = (manager: Manager) => Effect.map(manager.poolStatistics("cpu"), (statistics) => statistics.tokens)

/** Interruptions that a scenario must at least have had, lest it tests nothing. */
const several = 20

describe.each([
  ["without a journal", false],
  ["with a journal", true]
])("interrupted at every step, %s: nothing leaks and everybody else is served", (_, durable) => {
  const inManager = inManagerOn(durable)

  it("withLease, uncontended: no token for a body that never began", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const { began, body } = counter()
        const victim = yield* steps.victim(manager.withLease("a", { cpu: 10 })(body(10, Effect.yieldNow)))
        yield* Fiber.await(victim)
        assert.strictEqual(yield* tokensLeft(manager), tokensMax - began.units)
        assert.strictEqual((yield* manager.poolStatistics("cpu")).acquisitions, began.times)
      })
    )
    assert.isAbove(times, several)
  })

  it("withLease, waiting: the next is granted at once, no token for a body that never began", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const { began, body } = counter()
        const open = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 10 })(body(10, Deferred.await(open))))
        yield* steps.idle
        const victim = yield* steps.victim(manager.withLease("victim", { cpu: 8 })(body(8, Effect.void)))
        yield* steps.idle
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 })(body(10, Effect.void)))
        yield* steps.idle
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.await(victim)
        yield* Fiber.join(behind)
        assert.strictEqual(yield* tokensLeft(manager), tokensMax - began.units)
        assert.strictEqual((yield* manager.poolStatistics("cpu")).acquisitions, began.times)
      })
    )
    assert.isAbove(times, several)
  })

  it("withLease, first in line: whoever it kept waiting is woken at once, by nothing but the interruption", () => {
    let woken = 0
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const open = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 4 })(Deferred.await(open)))
        yield* steps.idle
        const victim = yield* steps.victim(manager.withLease("victim", { cpu: 10 })(Effect.void))
        yield* steps.idle
        const small = yield* Effect.forkChild(manager.withLease("small", { cpu: 6 })(Effect.void))
        yield* steps.idle
        if (victim.pollUnsafe() !== undefined) {
          assert.isDefined(small.pollUnsafe(), "still asleep")
          woken++
        }
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.await(victim)
        yield* Fiber.join(small)
      })
    )
    assert.isAbove(times, several)
    assert.isAbove(woken, several)
  })

  it("withLease, nested", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const { began, body } = counter()
        const open = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 5 })(body(5, Deferred.await(open))))
        yield* steps.idle
        const victim = yield* steps.victim(
          manager.withLease("victim", { cpu: 5 })(
            body(5, manager.withLease("victim", { cpu: 4 })(body(4, Effect.void)))
          )
        )
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 })(body(10, Effect.void)))
        yield* steps.idle
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.await(victim)
        yield* Fiber.join(behind)
        assert.strictEqual(yield* tokensLeft(manager), tokensMax - began.units)
      })
    )
    assert.isAbove(times, several)
  })

  it("withLease, waiting for its tokens: the one behind gets them", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const { began, body } = counter()
        yield* manager.setRate("cpu", { limit: 10, burst: 10 })
        yield* manager.withLease("first", { cpu: 10 })(Effect.void)
        const victim = yield* steps.victim(manager.withLease("victim", { cpu: 10 })(body(10, Effect.void)))
        yield* steps.idle
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 })(body(10, Effect.void)))
        yield* steps.advance(1_000)
        // One interval brought ten tokens: they went to one of the two, and to none twice.
        assert.strictEqual((yield* tokensLeft(manager)) ?? 0, 10 - began.units)
        yield* steps.advance(1_000)
        yield* Fiber.await(victim)
        yield* Fiber.join(behind)
        assert.strictEqual(yield* tokensLeft(manager), 20 - began.units)
      })
    )
    assert.isAbove(times, several)
  })

  it("withLease with a time-out that strikes as the units come back", () => {
    const outcomes = new Set<string>()
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const { began, body } = counter()
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 10 })(Effect.sleep("1 second")))
        yield* steps.idle
        const victim = yield* steps.victim(
          manager.withLease("victim", { cpu: 10 }, { timeout: "1 second" })(body(10, Effect.void))
        )
        yield* steps.idle
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 })(body(10, Effect.void)))
        yield* steps.idle
        yield* steps.advance(1_000)
        const exit = yield* Fiber.await(victim)
        outcomes.add(
          Exit.match(exit, {
            onSuccess: () => "granted",
            onFailure: (cause) =>
              String(Option.getOrUndefined(Exit.findErrorOption(exit))?._tag ?? cause.reasons[0]?._tag)
          })
        )
        yield* Fiber.join(behind)
        yield* Fiber.join(holder)
        // The holder's ten, and of the others whatever began.
        assert.strictEqual(yield* tokensLeft(manager), tokensMax - 10 - began.units)
      })
    )
    assert.isAbove(times, several)
    assert.include([...outcomes], "Interrupt")
  })

  it("withLease with an expiry", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const victim = yield* steps.victim(
          manager.withLease("victim", { cpu: 10 }, { expiresAfter: "1 second" })(Effect.never)
        )
        yield* steps.idle
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 })(Effect.void))
        yield* steps.advance(1_000)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(victim)))
        yield* Fiber.join(behind)
      })
    )
    assert.isAbove(times, several)
  })

  it("lease, waiting: held by its scope or not at all", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const open = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 10 })(Deferred.await(open)))
        yield* steps.idle
        const victim = yield* steps.victim(
          Effect.scoped(
            Effect.flatMap(manager.lease("victim", { cpu: 10 }), (lease) =>
              Effect.andThen(
                Effect.yieldNow,
                Effect.sync(() => assert.isTrue(lease.isHeld))
              )
            )
          )
        )
        const behind = yield* Effect.forkChild(Effect.scoped(manager.lease("behind", { cpu: 10 })))
        yield* steps.idle
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.await(victim)
        yield* Fiber.join(behind)
      })
    )
    assert.isAbove(times, several)
  })

  it("tryLease, released early", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const victim = yield* steps.victim(
          Effect.scoped(
            Effect.gen(function* () {
              const lease = yield* manager.tryLease("victim", { cpu: 10 })
              assert.isTrue(Option.isSome(lease))
              if (Option.isSome(lease)) yield* lease.value.release
              assert.isTrue(Option.isSome(yield* manager.tryLease("victim", { cpu: 10 })))
            })
          )
        )
        const exit = yield* Fiber.await(victim)
        assert.isFalse(Exit.isFailure(exit) && !Exit.hasInterrupts(exit))
      })
    )
    assert.isAbove(times, several)
  })

  it("acquire by hand, as the resource of acquireUseRelease", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const open = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 10 })(Deferred.await(open)))
        yield* steps.idle
        const victim = yield* steps.victim(
          Effect.acquireUseRelease(
            manager.acquire("victim", { cpu: 10 }),
            () => Effect.yieldNow,
            () => Effect.orDie(manager.release("victim", { cpu: 10 }))
          )
        )
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 })(Effect.void))
        yield* steps.idle
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.await(victim)
        yield* Fiber.join(behind)
      })
    )
    assert.isAbove(times, several)
  })

  it("grow, waiting: the lease has all of it or what it had", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const open = yield* Deferred.make<void>()
        const holder = yield* Effect.forkChild(manager.withLease("holder", { cpu: 7 })(Deferred.await(open)))
        yield* steps.idle
        const victim = yield* steps.victim(
          Effect.scoped(
            Effect.gen(function* () {
              const lease = yield* manager.lease("victim", { cpu: 3 })
              const check = Effect.sync(() => assert.include([3, 7], lease.claim["cpu"]))
              yield* Effect.onExit(lease.grow({ cpu: 4 }), () => check)
              assert.strictEqual(lease.claim["cpu"], 7)
            })
          )
        )
        const behind = yield* Effect.forkChild(manager.withLease("behind", { cpu: 10 })(Effect.void))
        yield* steps.idle
        yield* Deferred.succeed(open, undefined)
        yield* Fiber.join(holder)
        yield* Fiber.await(victim)
        yield* Fiber.join(behind)
      })
    )
    assert.isAbove(times, several)
  })

  it("a lease that is taken back from the outside while its guard runs", () => {
    const times = inManager((manager, steps) =>
      Effect.gen(function* () {
        const victim = yield* steps.victim(
          Effect.scoped(
            Effect.flatMap(manager.lease("victim", { cpu: 10 }, { expiresAfter: "1 second" }), (lease) =>
              lease.guard(Effect.never)
            )
          )
        )
        yield* steps.idle
        yield* steps.advance(1_000)
        assert.isTrue(Exit.isFailure(yield* Fiber.await(victim)))
      })
    )
    assert.isAbove(times, several)
  })
})

describe("the components alone, interrupted at every step", () => {
  it("Semaphore", () => {
    const times = interruptEverywhere((steps) =>
      Effect.scoped(
        Effect.gen(function* () {
          const semaphore = yield* Semaphore.make(3)
          const open = yield* Deferred.make<void>()
          const holder = yield* Effect.forkChild(semaphore.withPermits(3)(Deferred.await(open)))
          yield* steps.idle
          const victim = yield* steps.victim(semaphore.withPermits(2)(Effect.yieldNow))
          yield* steps.idle
          const behind = yield* Effect.forkChild(semaphore.withPermits(3)(Effect.void))
          yield* steps.idle
          yield* Deferred.succeed(open, undefined)
          yield* Effect.all([Fiber.join(holder), Fiber.await(victim), Fiber.join(behind)])
          assert.strictEqual(yield* semaphore.available, 3)
        })
      )
    )
    assert.isAbove(times, several)
  })

  it("TokenBucket: tokens are spent by who got them, and by nobody else", () => {
    const times = interruptEverywhere((steps) =>
      Effect.scoped(
        Effect.gen(function* () {
          const bucket = yield* TokenBucket.make({ capacity: 10, limit: 10 })
          yield* bucket.acquire(10)
          const victim = yield* steps.victim(bucket.acquire(10))
          const behind = yield* Effect.forkChild(bucket.acquire(10))
          yield* steps.advance(1_000)
          yield* steps.advance(1_000)
          yield* Fiber.join(behind)
          const exit = yield* Fiber.await(victim)
          if (Exit.isSuccess(exit)) assert.strictEqual(yield* bucket.available, 0)
          yield* steps.advance(1_000)
          assert.strictEqual(yield* bucket.available, 10)
          assert.isTrue(yield* bucket.tryAcquire(10))
        })
      )
    )
    assert.isAbove(times, several)
  })

  it("TokenBucket: an interrupted tryAcquire keeps nothing", () => {
    const times = interruptEverywhere((steps) =>
      Effect.scoped(
        Effect.gen(function* () {
          // A pool under the bucket that kept a unit would refuse the whole of it.
          const bucket = yield* TokenBucket.make({ capacity: Number.MAX_SAFE_INTEGER, limit: Number.MAX_SAFE_INTEGER })
          const victim = yield* steps.victim(bucket.tryAcquire(1))
          yield* Fiber.await(victim)
          yield* steps.advance(1_000)
          assert.isTrue(yield* bucket.tryAcquire(Number.MAX_SAFE_INTEGER))
        })
      )
    )
    assert.isAbove(times, 5)
  })

  it("ResourcePool", () => {
    const times = interruptEverywhere((steps) =>
      Effect.scoped(
        Effect.gen(function* () {
          const pool = yield* ResourcePool.make("gpu", { capacity: 4 })
          const open = yield* Deferred.make<void>()
          const holder = yield* Effect.forkChild(pool.withUnits(4)(Deferred.await(open)))
          yield* steps.idle
          const victim = yield* steps.victim(Effect.scoped(Effect.andThen(pool.lease(4), Effect.yieldNow)))
          const behind = yield* Effect.forkChild(pool.withUnits(4)(Effect.void))
          yield* steps.idle
          yield* Deferred.succeed(open, undefined)
          yield* Effect.all([Fiber.join(holder), Fiber.await(victim), Fiber.join(behind)])
          assert.strictEqual(yield* pool.available, 4)
        })
      )
    )
    assert.isAbove(times, several)
  })
})

describe("interrupted where the default scheduler yields", () => {
  /** Runs a fiber until it yields by itself, interrupts it there, and tells whether its body ran. */
  const yieldingAfter = (manager: Manager, padding: number, claims: number) => {
    let bodies = 0
    const claim = manager.withLease("victim", { cpu: 10 })(
      Effect.sync(() => {
        bodies++
      })
    )
    const fiber = Effect.runFork(
      Effect.gen(function* () {
        for (let i = 0; i < padding; i++) yield* Effect.suspend(() => Effect.void)
        for (let i = 0; i < claims; i++) yield* claim
      })
    )
    const yielded = fiber.pollUnsafe() === undefined
    fiber.interruptUnsafe()
    return { bodies, yielded }
  }

  it.live("at every operation of withLease: nothing is kept, and no token is paid for a body that never began", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const everything = (yield* manager.poolStatistics("cpu")).tokens!
      let paid = 0
      let yields = 0
      // Every padding moves the yield by some operations along the claims.
      for (let padding = 900; padding < 1_030; padding++) {
        for (const claims of [1, 2, 3]) {
          const { bodies, yielded } = yieldingAfter(manager, padding, claims)
          paid += bodies
          if (yielded) yields++
          const { inUse, tokens } = yield* manager.poolStatistics("cpu")
          assert.deepStrictEqual(
            { inUse, paid: everything - tokens! },
            { inUse: 0, paid: paid * 10 },
            `after ${padding}`
          )
        }
      }
      assert.isAbove(yields, 20)
    }).pipe(
      Effect.provide(
        ResourceManager.layer({
          pools: { cpu: { capacity: 10, rate: { limit: 1, interval: "1000 days", burst: 100_000 } } }
        })
      )
    )
  )
})
