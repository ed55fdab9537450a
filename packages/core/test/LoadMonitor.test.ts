import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import {
  type LoadCallback,
  LoadMonitor,
  type PoolLoad,
  ResourceManager,
  type ResourceManagerOptions,
  ScalingPolicy,
  TestResourceManager
} from "../src/index.ts"

const second = "1 second"

/** A monitor of one pool whose load the test sets. */
const monitored = Effect.fnUntraced(function* (
  initial: Partial<PoolLoad> = {},
  policy?: ScalingPolicy.Policy,
  options: { readonly callbackTimeout?: string } = {}
) {
  let taken = 0
  const pool = {
    resourceType: "cpu",
    inUse: 0,
    waiting: 0,
    capacity: 100,
    minCapacity: 10,
    maxCapacity: 200,
    ...initial
  }
  const monitor = yield* LoadMonitor.make({
    interval: second,
    callbackTimeout: "5 seconds",
    ...(options.callbackTimeout === undefined ? {} : { callbackTimeout: "2 seconds" }),
    policy,
    source: () => {
      taken++
      return [{ ...pool, load: LoadMonitor.loadOf(pool.inUse, pool.waiting, pool.capacity) }]
    },
    setCapacity: (_, capacity) => {
      pool.capacity = capacity
    }
  })
  return { monitor, pool, samples: () => taken }
})

/** Lets everybody do what they can without time. */
const settle = TestClock.adjust(0)

describe("LoadMonitor", () => {
  it("load is what is in use and asked for, over what there is", () => {
    assert.strictEqual(LoadMonitor.loadOf(30, 20, 100), 0.5)
    assert.strictEqual(LoadMonitor.loadOf(90, 60, 100), 1.5)
    assert.strictEqual(LoadMonitor.loadOf(0, 0, 0), 0)
    assert.strictEqual(LoadMonitor.loadOf(0, 1, 0), Infinity)
  })

  it.effect("samples nothing while nobody listens", () =>
    Effect.gen(function* () {
      const { monitor, samples } = yield* monitored()
      yield* TestClock.adjust("1 hour")
      assert.strictEqual(samples(), 0)
      yield* monitor.sample
      assert.strictEqual(samples(), 1)
    })
  )

  it.effect("samples every interval once somebody listens, stops and starts", () =>
    Effect.gen(function* () {
      const { monitor, samples } = yield* monitored()
      yield* Effect.all([monitor.start, monitor.start, monitor.start], { concurrency: "unbounded" })
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(samples(), 10)
      yield* monitor.stop
      yield* monitor.stop
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(samples(), 10)
      yield* monitor.start
      yield* TestClock.adjust("10 seconds")
      assert.strictEqual(samples(), 20)
    })
  )

  it.effect("a slow reader of the stream gets the latest samples and slows nobody", () =>
    Effect.gen(function* () {
      const { monitor, pool, samples } = yield* monitored()
      const gate = yield* Deferred.make<void>()
      const slow: Array<number> = []
      const quick: Array<number> = []
      const read = (into: Array<number>, wait: Effect.Effect<void>) =>
        Effect.forkChild(
          Stream.runForEach(monitor.samples, (sample) =>
            Effect.andThen(
              Effect.sync(() => into.push(sample.pools[0]?.inUse ?? -1)),
              wait
            )
          )
        )
      yield* read(slow, Deferred.await(gate))
      yield* read(quick, Effect.void)
      yield* settle
      for (let index = 1; index <= 50; index++) {
        pool.inUse = index
        yield* TestClock.adjust(second)
      }
      assert.strictEqual(samples(), 50)
      assert.strictEqual(quick.length, 50)
      assert.isAtMost(slow.length, 1)
      yield* Deferred.succeed(gate, undefined)
      yield* settle
      // What it had begun with, and the window of the latest.
      assert.strictEqual(slow.at(-1), 50)
      assert.isAtMost(slow.length, 18)
    })
  )

  describe("a load callback affects nobody else", () => {
    const throws = () => {
      throw new Error("thrown by a callback")
    }
    const bad: Record<string, LoadCallback> = {
      "that throws": throws,
      "that fails": () => Effect.fail("a failure of a callback"),
      "that dies": () => Effect.die(new Error("a defect of a callback")),
      "that interrupts itself": () => Effect.interrupt,
      "that never ends": () => Effect.never,
      "that never ends and cannot be interrupted": () => Effect.uninterruptible(Effect.never),
      "that is slow": () => Effect.sleep("90 seconds")
    }
    for (const [name, callback] of Object.entries(bad)) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const { monitor, samples } = yield* Scope.provide(monitored(), scope)
          const registered = yield* Scope.make()
          let calls = 0
          const counted: LoadCallback = (sample) => {
            calls++
            return callback(sample)
          }
          let good = 0
          const other = () =>
            Effect.sync(() => {
              good++
            })
          yield* Scope.provide(monitor.onLoad(counted), registered)
          yield* Scope.provide(monitor.onLoad(other), registered)
          yield* settle
          for (let index = 0; index < 20; index++) yield* TestClock.adjust(second)
          assert.strictEqual(samples(), 20)
          assert.strictEqual(good, 20)
          assert.isAtLeast(calls, 1)
          // Neither its own scope nor the monitor's waits for it.
          yield* Scope.close(registered, Exit.void)
          const ended = calls
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(good, 20)
          assert.strictEqual(calls, ended)
          yield* Scope.close(scope, Exit.void)
          yield* TestClock.adjust("10 seconds")
          assert.strictEqual(samples(), 30)
        })
      )
    }

    it.effect("and one that takes too long is interrupted, and called again with the latest sample", () =>
      Effect.gen(function* () {
        const { monitor, pool } = yield* monitored({}, undefined, { callbackTimeout: "2 seconds" })
        const seen: Array<number> = []
        let interrupted = 0
        yield* monitor.onLoad((sample) =>
          Effect.andThen(
            Effect.sync(() => seen.push(sample.pools[0]?.inUse ?? -1)),
            Effect.onInterrupt(Effect.never, () =>
              Effect.sync(() => {
                interrupted++
              })
            )
          )
        )
        yield* settle
        for (let index = 1; index <= 7; index++) {
          pool.inUse = index
          yield* TestClock.adjust(second)
        }
        // As one call is interrupted the next begins, with the latest sample of that moment.
        assert.deepStrictEqual(seen, [1, 2, 4, 6])
        assert.strictEqual(interrupted, 3)
      })
    )
  })

  describe("a scaling policy that is wrong changes nothing, and is asked again", () => {
    const wrong: Record<string, number> = {
      "not a number": Number.NaN,
      negative: -5,
      "a fraction": 10.5,
      infinite: Infinity
    }
    for (const [name, capacity] of Object.entries(wrong)) {
      it.effect(name, () =>
        Effect.gen(function* () {
          const { pool, samples } = yield* monitored({}, { capacity: () => capacity })
          yield* TestClock.adjust("5 seconds")
          assert.strictEqual(samples(), 5)
          assert.strictEqual(pool.capacity, 100)
        })
      )
    }

    it.effect("throwing", () =>
      Effect.gen(function* () {
        let asked = 0
        const { pool } = yield* monitored(
          {},
          {
            capacity: () => {
              if (++asked < 3) throw new Error("thrown by a policy")
              return 120
            }
          }
        )
        yield* TestClock.adjust("3 seconds")
        assert.strictEqual(pool.capacity, 120)
      })
    )
  })

  describe("intervals that make no sense are refused", () => {
    for (const interval of [0, -1, Number.NaN, "-1 seconds"] as const) {
      it.effect(String(interval), () =>
        Effect.gen(function* () {
          const make = { source: () => [] }
          const error = yield* Effect.flip(LoadMonitor.make({ ...make, interval }))
          assert.strictEqual(error._tag, "InvalidClaim")
          assert.strictEqual(
            (yield* Effect.flip(LoadMonitor.make({ ...make, callbackTimeout: interval })))._tag,
            "InvalidClaim"
          )
          const manager = yield* Effect.flip(Layer.build(ResourceManager.layer({ loadInterval: interval })))
          assert.strictEqual(manager._tag, "InvalidClaim")
        })
      )
    }
  })
})

describe("thresholds", () => {
  const load = (over: Partial<ScalingPolicy.PoolLoad> = {}): ScalingPolicy.PoolLoad => {
    const pool = {
      resourceType: "cpu",
      inUse: 0,
      waiting: 0,
      capacity: 100,
      minCapacity: 1,
      maxCapacity: 1_000,
      ...over
    }
    return { ...pool, load: LoadMonitor.loadOf(pool.inUse, pool.waiting, pool.capacity) }
  }
  const policy = ScalingPolicy.thresholds()

  it("grows by half over 80 %, shrinks by a fifth under 20 %, and between leaves it", () => {
    const table: ReadonlyArray<readonly [inUse: number, waiting: number, capacity: number]> = [
      [81, 0, 150],
      [50, 31, 150],
      [0, 900, 150],
      [80, 0, 100],
      [20, 0, 100],
      [19, 0, 80],
      [0, 0, 80]
    ]
    for (const [inUse, waiting, capacity] of table) {
      assert.strictEqual(
        policy.capacity(load({ inUse, waiting }), Infinity),
        capacity,
        `${inUse} in use, ${waiting} asked for`
      )
    }
  })

  it("grows by at least one, and never shrinks below its minimum", () => {
    assert.strictEqual(policy.capacity(load({ capacity: 1, inUse: 1 }), Infinity), 2)
    assert.strictEqual(policy.capacity(load({ capacity: 0, waiting: 1 }), Infinity), 0)
    assert.strictEqual(policy.capacity(load({ capacity: 0, waiting: 1, needed: 1 }), Infinity), 1)
    assert.strictEqual(policy.capacity(load({ capacity: 11, minCapacity: 10 }), Infinity), 10)
    assert.strictEqual(policy.capacity(load({ capacity: 10, minCapacity: 10 }), Infinity), 10)
  })

  it("a waiter that only growth can serve is given what it needs, cooldown or not", () => {
    const cool = ScalingPolicy.thresholds({ cooldown: "1 minute" })
    assert.strictEqual(cool.capacity(load({ waiting: 400, needed: 400 }), 1_000), 400)
    assert.strictEqual(policy.capacity(load({ waiting: 10, needed: 110 }), Infinity), 110)
  })

  it("keeps still in the cooldown", () => {
    const cool = ScalingPolicy.thresholds({ cooldown: "1 minute" })
    assert.strictEqual(cool.capacity(load({ inUse: 100 }), 59_999_999), 100)
    assert.strictEqual(cool.capacity(load({ inUse: 100 }), 60_000_000), 150)
  })

  it("does not shrink where it would grow again at the next sample", () => {
    const near = ScalingPolicy.thresholds({ scaleUpAt: 0.3, scaleDownAt: 0.25, hysteresis: 0.05 })
    // 22 of 80 would be 27.5 %: over the 25 % that the hysteresis leaves.
    assert.strictEqual(near.capacity(load({ inUse: 22 }), Infinity), 100)
    assert.strictEqual(near.capacity(load({ inUse: 20 }), Infinity), 80)
  })
})

describe("scaling in a manager", () => {
  const scaled = (options: ResourceManagerOptions, policy: ScalingPolicy.Policy = ScalingPolicy.thresholds()) =>
    ResourceManager.layerTest({ gracePeriod: 0, ...options }).pipe(Layer.provide(ScalingPolicy.layer(policy)))

  const capacity = Effect.gen(function* () {
    const manager = yield* ResourceManager
    return (yield* manager.poolStatistics("cpu")).capacity
  })

  it.effect("a waiter that only growth can serve is served at the next sample", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const { awaitWaiting } = yield* TestResourceManager
      const large = yield* Effect.forkChild(manager.withLease("a", { cpu: 30 })(Effect.succeed("served")))
      yield* awaitWaiting(1)
      assert.deepStrictEqual(
        (yield* manager.explain("a")).flatMap(({ reasons }) => reasons.map(({ _tag }) => _tag)),
        ["Growth"]
      )
      yield* TestClock.adjust("5 seconds")
      assert.strictEqual(yield* Fiber.join(large), "served")
      const error = yield* Effect.flip(manager.withLease("a", { cpu: 41 })(Effect.void))
      assert.deepInclude({ ...error }, { reason: "neverFits", limit: 40 })
    }).pipe(Effect.provide(scaled({ pools: { cpu: { capacity: 10, max: 40 } } })))
  )

  it.effect("keeps within its bounds, up and down", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const busy = yield* Effect.forkChild(manager.withLease("a", { cpu: 10 })(Effect.never))
      yield* Effect.yieldNow
      const grown: Array<number> = []
      for (let index = 0; index < 3; index++) {
        yield* manager.sampleLoad
        grown.push(yield* capacity)
      }
      assert.deepStrictEqual(grown, [12, 12, 12])
      yield* Fiber.interrupt(busy)
      for (let index = 0; index < 20; index++) yield* manager.sampleLoad
      assert.strictEqual(yield* capacity, 5)
    }).pipe(Effect.provide(scaled({ pools: { cpu: { capacity: 10, min: 5, max: 12 } } })))
  )

  it.effect("scales no pool without a maximum: shrunk, it could never grow back", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      for (let index = 0; index < 20; index++) yield* manager.sampleLoad
      assert.strictEqual(yield* capacity, 10)
    }).pipe(Effect.provide(scaled({ pools: { cpu: { capacity: 10 } } })))
  )

  it.effect("maximum and minimum bind setCapacity, with a scaling policy and without", () =>
    Effect.gen(function* () {
      const options = { gracePeriod: 0, pools: { cpu: { capacity: 10, min: 5, max: 12 } } }
      for (const layer of [scaled(options), ResourceManager.layer(options)]) {
        yield* Effect.gen(function* () {
          const manager = yield* ResourceManager
          for (const outside of [4, 13, Number.NaN, 5.5, -1]) {
            const error = yield* Effect.flip(manager.setCapacity("cpu", outside))
            assert.strictEqual(error._tag, "InvalidCapacity", String(outside))
          }
          yield* manager.setCapacity("cpu", 12)
          yield* manager.setCapacity("cpu", 5)
          assert.strictEqual(yield* capacity, 5)
        }).pipe(Effect.provide(layer))
      }
    })
  )

  it.effect("the default configuration is the reference's", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const pools = yield* manager.pools
      assert.deepStrictEqual(
        pools.map((pool) => [pool.resourceType, pool.capacity, pool.tokens]),
        [
          ["cpu", 100, 100],
          ["memory", 1_073_741_824, 50],
          ["fileHandles", 1_000, 1_000],
          ["network", 100, 100]
        ]
      )
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(
        (yield* manager.pools).map((pool) => pool.capacity),
        [80, 858_993_459, 800, 80]
      )
    }).pipe(Effect.provide(ResourceManager.layerDefault))
  )

  it.effect("a callback that claims is inside of no lease where it was registered", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const parents: Array<number | undefined> = []
      yield* manager.withLease("a", { cpu: 1 })(
        Effect.scoped(
          Effect.gen(function* () {
            yield* manager.onLoad(() =>
              Effect.scoped(Effect.map(manager.lease("callback", { cpu: 1 }), (lease) => parents.push(lease.parent)))
            )
            yield* Effect.yieldNow
            yield* TestClock.adjust("5 seconds")
          })
        )
      )
      assert.deepStrictEqual(parents, [undefined])
    }).pipe(Effect.provide(ResourceManager.layer({ pools: { cpu: { capacity: 10 } } })))
  )
})
