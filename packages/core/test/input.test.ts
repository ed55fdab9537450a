/** What makes no sense is refused at every door, with the typed error, and changes nothing. */
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { type Claim, ResourceManager } from "../src/index.ts"
import { type Manager, ten, withManager } from "./support/manager.ts"

/** A value as a program without types would pass it. */
const untyped = (value: unknown): never => value as never

const tagOf = <A, E>(exit: Exit.Exit<A, E>): string => {
  if (Exit.isSuccess(exit)) return "success"
  const error: unknown = Option.getOrUndefined(Exit.findErrorOption(exit))
  return typeof error === "object" && error !== null && "_tag" in error
    ? String(error._tag)
    : `a defect: ${Cause.pretty(exit.cause)}`
}

/** All that can be seen of a manager, but for who was refused. */
const seen = (manager: Manager) =>
  Effect.all({
    pools: Effect.map(manager.pools, (pools) => pools.map((pool) => ({ ...pool, failures: {}, meanInUse: 0 }))),
    leases: Effect.map(manager.leases, (leases) => leases.map((lease) => ({ ...lease, heldMillis: 0 }))),
    waiters: manager.waiters,
    usage: manager.usage("a"),
    quota: manager.quota("a", "cpu")
  })

const refusedBy = (
  manager: Manager,
  doors: Record<string, Effect.Effect<unknown, unknown>>,
  expected: string
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const before = yield* seen(manager)
    for (const [door, effect] of Object.entries(doors)) {
      assert.strictEqual(tagOf(yield* Effect.exit(effect)), expected, door)
      assert.deepStrictEqual(yield* seen(manager), before, door)
    }
  }).pipe(Effect.orDie)

/** Every door that takes an agent and a claim. */
const claimDoors = (
  manager: Manager,
  agent: string,
  claim: Claim.Claim
): Record<string, Effect.Effect<unknown, unknown>> => ({
  withLease: manager.withLease(agent, claim)(Effect.void),
  lease: Effect.scoped(Effect.asVoid(manager.lease(agent, claim))),
  tryLease: Effect.scoped(Effect.asVoid(manager.tryLease(agent, claim))),
  acquire: manager.acquire(agent, claim),
  tryAcquire: manager.tryAcquire(agent, claim)
})

const noAmounts = {
  NaN: Number.NaN,
  negative: -1,
  "a fraction": 0.5,
  infinite: Infinity,
  "over the safe integers": 2 ** 53,
  "a string": untyped("1"),
  "a bigint": untyped(1n),
  undefined: untyped(undefined),
  null: untyped(null),
  "a symbol": untyped(Symbol("1")),
  "an object": untyped({ valueOf: () => 1 }),
  "a cycle": untyped(Object.assign([], { 0: globalThis }))
}

describe("amounts", () => {
  for (const [name, amount] of Object.entries(noAmounts)) {
    it.effect(name, () =>
      withManager(ten, (manager) =>
        Effect.scoped(
          Effect.gen(function* () {
            const lease = yield* manager.lease("a", { cpu: 2 })
            yield* manager.acquire("a", { cpu: 1 })
            yield* manager.setQuota("a", "cpu", 5)
            // The second type is the wrong one: the first must not have been taken.
            const claim = { memory: 1, cpu: amount }
            yield* refusedBy(
              manager,
              {
                ...claimDoors(manager, "a", claim),
                release: manager.release("a", { cpu: amount }),
                grow: lease.grow(claim),
                shrink: lease.shrink({ cpu: amount })
              },
              "InvalidClaim"
            )
            yield* refusedBy(manager, { setQuota: manager.setQuota("a", "cpu", amount) }, "InvalidQuota")
            yield* refusedBy(manager, { setCapacity: manager.setCapacity("cpu", amount) }, "InvalidCapacity")
            yield* refusedBy(manager, { setRate: manager.setRate("cpu", { limit: amount }) }, "InvalidRate")
            const check = yield* manager.check("a", claim)
            assert.deepStrictEqual([check.granted, check.errors.map(({ _tag }) => _tag)], [false, ["InvalidClaim"]])
          })
        )
      )
    )
  }
})

describe("claims", () => {
  for (const [name, claim] of Object.entries({
    empty: {},
    null: untyped(null),
    undefined: untyped(undefined),
    "a number": untyped(5),
    "a string": untyped("cpu"),
    "a symbol": untyped(Symbol("cpu"))
  })) {
    it.effect(name, () =>
      withManager(ten, (manager) => refusedBy(manager, claimDoors(manager, "a", claim), "InvalidClaim"))
    )
  }

  for (const type of ["gpu", "", "__proto__", "constructor", "toString", "CPU"]) {
    it.effect(`of an unknown type: ${JSON.stringify(type)}`, () =>
      withManager(ten, (manager) =>
        Effect.gen(function* () {
          const claim: Claim.Claim = JSON.parse(`{ "cpu": 1, ${JSON.stringify(type)}: 1 }`)
          yield* refusedBy(
            manager,
            {
              ...claimDoors(manager, "a", claim),
              release: manager.release("a", claim),
              setQuota: manager.setQuota("a", type, 1),
              removeQuota: manager.removeQuota("a", type),
              quota: manager.quota("a", type),
              setCapacity: manager.setCapacity(type, 1),
              setRate: manager.setRate(type, { limit: 1 }),
              poolUsage: manager.poolUsage(type),
              poolStatistics: manager.poolStatistics(type),
              measure: manager.measure(type)
            },
            "UnknownResourceType"
          )
          const check = yield* manager.check("a", claim)
          assert.deepStrictEqual(
            [check.granted, check.errors.map(({ _tag }) => _tag)],
            [false, ["UnknownResourceType"]]
          )
        })
      )
    )
  }

  it.effect("of nothing of a known type are granted at once, and hold nothing", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        yield* manager.acquire("b", { cpu: 10 })
        assert.strictEqual(yield* manager.withLease("a", { cpu: 0 })(Effect.succeed("granted")), "granted")
        assert.deepStrictEqual(yield* manager.usage("a"), {})
      })
    )
  )
})

describe("agents", () => {
  for (const [name, agent] of Object.entries({
    empty: "",
    "too long": "a".repeat(257),
    "a symbol": untyped(Symbol("a")),
    "a number": untyped(5),
    null: untyped(null),
    undefined: untyped(undefined),
    "an object": untyped({})
  })) {
    it.effect(name, () =>
      withManager(ten, (manager) =>
        refusedBy(
          manager,
          { ...claimDoors(manager, agent, { cpu: 1 }), setQuota: manager.setQuota(agent, "cpu", 1) },
          "InvalidClaim"
        )
      )
    )
  }

  for (const agent of ["a".repeat(257), untyped(null), untyped(5)]) {
    it.effect(`check says so too: ${String(agent).slice(0, 5)}`, () =>
      withManager(ten, (manager) =>
        Effect.gen(function* () {
          const check = yield* manager.check(agent, { cpu: 1 })
          assert.deepStrictEqual([check.granted, check.errors.map(({ _tag }) => _tag)], [false, ["InvalidClaim"]])
        })
      )
    )
  }

  it.effect("of names that objects have by themselves are agents like others", () =>
    withManager(ten, (manager) =>
      Effect.gen(function* () {
        for (const agent of ["__proto__", "constructor", "toString", "a".repeat(256), " "]) {
          yield* manager.setQuota(agent, "cpu", 2)
          yield* manager.acquire(agent, { cpu: 2 })
          assert.deepStrictEqual(yield* manager.usage(agent), { cpu: 2 })
          assert.strictEqual(tagOf(yield* Effect.exit(manager.acquire(agent, { cpu: 1 }))), "QuotaExceeded")
          assert.deepStrictEqual(yield* manager.quota(agent, "cpu"), Option.some(2))
          yield* manager.release(agent, { cpu: 2 })
        }
        assert.strictEqual((yield* manager.agents).length, 5)
      })
    )
  )
})

describe("durations", () => {
  for (const duration of [-1, "-1 seconds", "soon", "1 fortnight", -Infinity].map(untyped)) {
    it.effect(String(duration), () =>
      withManager(ten, (manager) =>
        Effect.gen(function* () {
          const claim = { cpu: 1 }
          yield* refusedBy(
            manager,
            {
              timeout: manager.withLease("a", claim, { timeout: duration })(Effect.void),
              expiresAfter: manager.withLease("a", claim, { expiresAfter: duration })(Effect.void),
              lease: Effect.scoped(Effect.asVoid(manager.lease("a", claim, { timeout: duration }))),
              tryLease: Effect.scoped(Effect.asVoid(manager.tryLease("a", claim, { expiresAfter: duration }))),
              acquire: manager.acquire("a", claim, { timeout: duration })
            },
            "InvalidClaim"
          )
          for (const options of [
            { timeout: duration },
            { gracePeriod: duration },
            { loadInterval: duration },
            { callbackTimeout: duration }
          ]) {
            const exit = yield* Effect.exit(Layer.build(ResourceManager.layer(options)))
            assert.strictEqual(tagOf(exit), "InvalidClaim", Object.keys(options)[0])
          }
        })
      )
    )
  }

  it.effect("NaN", () =>
    withManager(ten, (manager) =>
      refusedBy(
        manager,
        { timeout: manager.withLease("a", { cpu: 1 }, { timeout: Number.NaN })(Effect.void) },
        "InvalidClaim"
      )
    )
  )

  it.effect("of nothing: no lease lasts no time", () =>
    withManager(ten, (manager) =>
      refusedBy(
        manager,
        { expiresAfter: manager.withLease("a", { cpu: 1 }, { expiresAfter: 0 })(Effect.void) },
        "InvalidClaim"
      )
    )
  )

  it.effect("without end wait and last without end", () =>
    withManager({ ...ten, timeout: "1 second" }, (manager) =>
      Effect.gen(function* () {
        const waits = { timeout: "Infinity", expiresAfter: "Infinity" } as const
        assert.strictEqual(yield* manager.withLease("a", { cpu: 1 }, waits)(Effect.succeed("granted")), "granted")
      })
    )
  )
})

describe("configurations", () => {
  const wrong: ReadonlyArray<readonly [string, Parameters<typeof ResourceManager.layer>[0], string]> = [
    ["capacity", { pools: { cpu: { capacity: -1 } } }, "InvalidCapacity"],
    ["capacity of none", { pools: { cpu: untyped({}) } }, "InvalidCapacity"],
    ["bounds", { pools: { cpu: { capacity: 5, min: 6 } } }, "InvalidCapacity"],
    ["rate", { pools: { cpu: { capacity: 5, rate: { limit: 0 } } } }, "InvalidRate"],
    ["waitersMax", { waitersMax: -1 }, "InvalidClaim"],
    ["waitersMax of NaN", { waitersMax: Number.NaN }, "InvalidClaim"],
    ["waitersPerAgentMax", { waitersPerAgentMax: 0.5 }, "InvalidClaim"]
  ]
  for (const [name, options, expected] of wrong) {
    it.effect(name, () =>
      Effect.gen(function* () {
        assert.strictEqual(tagOf(yield* Effect.exit(Layer.build(ResourceManager.layer(options)))), expected)
      })
    )
  }

  it.effect("the bounds on waiters hold", () =>
    withManager({ ...ten, waitersMax: 2, waitersPerAgentMax: 1 }, (manager, awaitWaiting) =>
      Effect.gen(function* () {
        yield* manager.acquire("holder", { cpu: 10 })
        yield* Effect.forkChild(manager.acquire("a", { cpu: 1 }))
        yield* awaitWaiting(1)
        const agent = yield* Effect.flip(manager.acquire("a", { cpu: 1 }))
        assert.deepInclude({ ...agent }, { _tag: "QueueFull", scope: "agent", name: "a", waiting: 1, limit: 1 })
        yield* Effect.forkChild(manager.acquire("b", { cpu: 1 }))
        yield* awaitWaiting(2)
        const all = yield* Effect.flip(manager.acquire("c", { cpu: 1 }))
        assert.deepInclude({ ...all }, { _tag: "QueueFull", scope: "manager", waiting: 2, limit: 2 })
        yield* manager.release("holder", { cpu: 10 })
      })
    )
  )

  it.effect("pools of names that objects have by themselves count like others", () =>
    Effect.gen(function* () {
      const manager = yield* ResourceManager
      const all: Claim.Claim = JSON.parse('{ "__proto__": 2, "toString": 5, "cpu": 3 }')
      yield* manager.acquire("a", all)
      assert.deepStrictEqual(Object.entries(yield* manager.usage("a")).toSorted(), Object.entries(all).toSorted())
      yield* manager.release("a", { cpu: 3 })
      assert.deepStrictEqual(
        (yield* manager.pools).map(({ inUse, resourceType }) => [resourceType, inUse]),
        [
          ["__proto__", 2],
          ["toString", 5],
          ["cpu", 0]
        ]
      )
    }).pipe(
      Effect.provide(
        ResourceManager.layer({
          gracePeriod: 0,
          pools: JSON.parse(
            '{ "__proto__": { "capacity": 10 }, "toString": { "capacity": 10 }, "cpu": { "capacity": 10 } }'
          )
        })
      )
    )
  )
})
