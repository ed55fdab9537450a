/**
 * The tests that every resource-type plugin passes, for its author to run:
 *
 * ```ts
 * PluginTest.suite("@acme/gpu", layer, { pools: { gpu: { measures: true, changes: "never" } } })
 * ```
 *
 * Each test has a manager of its own, with nothing registered but the plugin, and
 * the test clock. What the plugin should register is stated: a suite that names no
 * pool throws, one that names a pool too many or too few fails.
 *
 * Needs `@effect/vitest` and `vitest`.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { ResourceTypeTaken } from "./Errors.ts"
import type { Lease } from "./Lease.ts"
import { awaitWaiting } from "./internal/conformance/harness.ts"
import { ResourceManager } from "./ResourceManager.ts"
import * as ResourceType from "./ResourceType.ts"

export interface PoolExpectation {
  /** The capacity at the start. Any above 0 unless given. */
  readonly capacity?: number
  /** Whether its real use can be measured. */
  readonly measures: boolean
  /**
   * Changes what the plugin reads, and answers what the capacity should become. The
   * suite lets the test clock pass by the minute. `"never"` where it does not change.
   */
  readonly changes: "never" | Effect.Effect<number, unknown>
}

export interface PluginSuiteOptions {
  /** Every pool that the plugin registers, by resource type. */
  readonly pools: Readonly<Record<string, PoolExpectation>>
}

type Manager = ResourceManager["Service"]

/** The most that one claim can ask for now: the capacity, or what the rate lets go at once. */
const largest = Effect.fnUntraced(function* (manager: Manager, type: string) {
  const { capacity, tokens } = yield* manager.poolStatistics(type)
  assert.isAbove(capacity, 0, `${type} has nothing to hand out: give the plugin something to test with`)
  const whole = yield* manager.check("agent", { [type]: capacity })
  return whole.granted ? capacity : Math.min(capacity, tokens ?? capacity)
})

/** Where the pool has a rate: until its tokens are back. */
const refill = Effect.fnUntraced(function* (manager: Manager, type: string) {
  const { tokens } = yield* manager.poolStatistics(type)
  if (tokens !== undefined) yield* TestClock.adjust("1 day")
})

/** Leases of all that there is, as many as the rate makes of it. Gives them back when run. */
const takeAll = Effect.fnUntraced(function* (manager: Manager, type: string) {
  const most = yield* largest(manager, type)
  const leases: Array<Lease> = []
  for (let { free } = yield* manager.poolStatistics(type); free > 0; free -= most) {
    leases.push(yield* manager.lease("holder", { [type]: Math.min(most, free) }))
    yield* refill(manager, type)
  }
  return Effect.forEach(leases, (lease) => lease.release, { discard: true })
})

/**
 * Registers the tests of a plugin. `name` is the plugin's, as in `Plugin.layer`;
 * what the layer needs besides the manager is provided to it.
 */
export const suite = <E>(
  name: string,
  layer: Layer.Layer<never, E, ResourceManager>,
  options: PluginSuiteOptions
): void => {
  const pools = Object.entries(options.pools)
  if (pools.length === 0) throw new Error(`the suite of ${name} names no pool: it would pass by testing nothing`)
  const plugged = () => layer.pipe(Layer.fresh, Layer.provideMerge(ResourceManager.layer()))

  const check = (title: string, body: (manager: Manager) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    it.effect(title, () => Effect.scoped(Effect.flatMap(ResourceManager, body)).pipe(Effect.provide(plugged())))

  describe(`the plugin ${name}`, () => {
    check("registers the types that it should, and no other", (manager) =>
      Effect.gen(function* () {
        const types = (yield* manager.types).map((type) => type.name)
        assert.deepStrictEqual(types.toSorted(), pools.map(([type]) => type).toSorted())
      })
    )

    it.effect("says who has a type already, and whose plugin wants it", () =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        for (const [type] of pools) {
          const error = yield* Effect.flip(manager.register("another plugin", ResourceType.make(type), { capacity: 1 }))
          taken(error, { type, owner: name, claimant: "another plugin" })
        }
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(layer))))
        const first = (yield* manager.types)[0]?.name ?? ""
        taken(error, { type: first, owner: name, claimant: name })
      }).pipe(Effect.provide(plugged()))
    )

    it.effect("is refused a type that another has", () =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        for (const [type] of pools) {
          yield* manager.register("another plugin", ResourceType.make(type), { capacity: 1 })
        }
        const error = yield* Effect.flip(Effect.scoped(Layer.build(Layer.fresh(layer))))
        assert.instanceOf(error, ResourceTypeTaken)
        taken(error, { type: error.resourceType, owner: "another plugin", claimant: name })
      }).pipe(Effect.provide(ResourceManager.layer()))
    )

    it.effect("closes cleanly while its units are held", () =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const scope = yield* Scope.make()
        yield* Layer.buildWithScope(Layer.fresh(layer), scope)
        const held = yield* Effect.forEach(pools, ([type]) => manager.lease("agent", { [type]: 1 }))
        assert.isTrue(Exit.isSuccess(yield* Effect.exit(Scope.close(scope, Exit.void))))
        for (const lease of held) {
          assert.isTrue(lease.isHeld)
          yield* lease.release
        }
        for (const pool of yield* manager.pools) assert.strictEqual(pool.inUse, 0)
      }).pipe(Effect.scoped, Effect.provide(ResourceManager.layer()))
    )

    for (const [type, expected] of pools) {
      describe(`its pool ${type}`, () => {
        checkPool(check, type, expected)
      })
    }
  })
}

/** Both are named, in the facts and in the message. */
const taken = (
  error: unknown,
  expected: { readonly type: string; readonly owner: string; readonly claimant: string }
) => {
  assert.instanceOf(error, ResourceTypeTaken)
  assert.deepStrictEqual({ type: error.resourceType, owner: error.owner, claimant: error.claimant }, { ...expected })
  for (const named of Object.values(expected)) assert.include(error.message, named)
}

type Check = (title: string, body: (manager: Manager) => Effect.Effect<unknown, unknown, Scope.Scope>) => void

const checkPool = (check: Check, type: string, expected: PoolExpectation): void => {
  const take = (amount: number) => ({ [type]: amount })

  check("has a capacity within its bounds", (manager) =>
    Effect.gen(function* () {
      const { capacity, minCapacity } = yield* manager.poolStatistics(type)
      assert.isTrue(Number.isSafeInteger(capacity))
      assert.isAtLeast(capacity, minCapacity)
      if (expected.capacity !== undefined) assert.strictEqual(capacity, expected.capacity)
    })
  )

  check("grants nothing, one and all, and gets it back", (manager) =>
    Effect.gen(function* () {
      const most = yield* largest(manager, type)
      for (const amount of [0, 1, most]) {
        const inUse = yield* manager.withLease(
          "agent",
          take(amount)
        )(Effect.map(manager.poolStatistics(type), (pool) => pool.inUse))
        assert.strictEqual(inUse, amount)
        assert.strictEqual((yield* manager.poolStatistics(type)).inUse, 0)
        yield* refill(manager, type)
      }
    })
  )

  check("refuses more than it has at once, with the numbers", (manager) =>
    Effect.gen(function* () {
      const { maxCapacity } = yield* manager.poolStatistics(type)
      const error = yield* Effect.flip(manager.lease("agent", take(maxCapacity + 1)))
      if (error._tag !== "ResourceExhausted") return assert.fail(`it failed with ${error._tag}: ${error.message}`)
      assert.deepInclude(
        { ...error },
        { reason: "neverFits", short: "capacity", resourceType: type, requested: maxCapacity + 1, limit: maxCapacity }
      )
      assert.strictEqual((yield* manager.poolStatistics(type)).inUse, 0)
    })
  )

  check("refuses what it does not have now, and serves it once it has", (manager) =>
    Effect.gen(function* () {
      const most = yield* largest(manager, type)
      const release = yield* takeAll(manager, type)
      assert.isTrue(Option.isNone(yield* manager.tryLease("second", take(most))))
      const second = yield* Effect.forkChild(manager.withLease("second", take(most))(Effect.succeed("served")))
      yield* awaitWaiting(manager, 1)
      yield* release
      assert.strictEqual(yield* Fiber.join(second), "served")
    })
  )

  check("writes amounts for people", (manager) =>
    Effect.gen(function* () {
      const found = (yield* manager.types).find((candidate) => candidate.name === type)
      if (found === undefined) return assert.fail(`${type} is not registered`)
      const { capacity } = yield* manager.poolStatistics(type)
      for (const amount of [0, 1, capacity, Number.MAX_SAFE_INTEGER]) {
        assert.notStrictEqual(found.format(amount).trim(), "", `the amount ${amount}`)
      }
    })
  )

  check(expected.measures ? "measures its real use" : "does not measure its real use", (manager) =>
    Effect.gen(function* () {
      const measured = yield* manager.measure(type)
      assert.strictEqual(Option.isSome(measured), expected.measures)
      if (Option.isNone(measured)) return
      assert.isTrue(Number.isFinite(measured.value), `it measured ${measured.value}`)
      assert.isAtLeast(measured.value, 0)
    })
  )

  if (expected.changes === "never") return
  const change = expected.changes
  check("follows its capacity and loses no waiter", (manager) =>
    Effect.gen(function* () {
      const before = (yield* manager.poolStatistics(type)).capacity
      const all = yield* largest(manager, type)
      const release = yield* takeAll(manager, type)
      // One that only what there was before can serve, and behind it one that always fits.
      const large = yield* Effect.forkChild(Effect.exit(manager.withLease("large", take(all))(Effect.void)))
      yield* awaitWaiting(manager, 1)
      const small = yield* Effect.forkChild(manager.withLease("small", take(1))(Effect.succeed("served")))
      yield* awaitWaiting(manager, 2)

      const after = yield* change
      assert.notStrictEqual(after, before, "the capacity has to change for the test to mean anything")
      yield* followed(manager, type, after)
      if (after < all) {
        assert.isTrue(Exit.isFailure(yield* Fiber.join(large)), "more than there is now was not refused")
      }
      yield* release
      yield* refill(manager, type)
      if (after >= 1) assert.strictEqual(yield* Fiber.join(small), "served")
      if (after >= all) assert.isTrue(Exit.isSuccess(yield* Fiber.join(large)))
      const pool = yield* manager.poolStatistics(type)
      assert.deepStrictEqual({ inUse: pool.inUse, waiting: pool.waiting }, { inUse: 0, waiting: 0 })
    })
  )
}

/** Lets time pass until the pool has it, or the test's own limit ends the test: the plugin may read files for it. */
const followed = (manager: Manager, type: string, capacity: number) =>
  Effect.gen(function* () {
    while ((yield* manager.poolStatistics(type)).capacity !== capacity) yield* TestClock.adjust("1 minute")
  })
