/** Every error crosses a wire as it is, and reads well in a terminal. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { Errors, Lease, mebibytes, Plugin, ResourceType } from "../src/index.ts"
import { type Manager, withManager } from "./support/manager.ts"

const pools = {
  pools: {
    cpu: { capacity: 10 },
    memory: { capacity: mebibytes(1024) },
    network: { capacity: 10, rate: { limit: 2, burst: 4 } }
  },
  waitersMax: 2,
  waitersPerAgentMax: 1
}

/** One of each, made by the manager itself. */
const provoke: Record<string, (manager: Manager) => Effect.Effect<unknown, unknown>> = {
  "ResourceExhausted: never fits": (manager) => manager.withLease("a", { memory: mebibytes(1536) })(Effect.void),
  "ResourceExhausted: burst": (manager) => manager.withLease("a", { network: 5 })(Effect.void),
  "QuotaExceeded: never fits": (manager) =>
    Effect.andThen(manager.setQuota("a", "cpu", 3), manager.withLease("a", { cpu: 4 })(Effect.void)),
  "QuotaExceeded: in use": (manager) =>
    Effect.andThen(
      manager.setQuota("a", "memory", mebibytes(512)),
      manager.withLease("a", { memory: mebibytes(500) })(manager.withLease("a", { memory: mebibytes(13) })(Effect.void))
    ),
  DeadlockDetected: (manager) =>
    manager.withLease("a", { cpu: 6, memory: mebibytes(1) })(manager.withLease("b", { cpu: 6 })(Effect.void)),
  ClaimTimedOut: (manager) =>
    manager.withLease("holder", { cpu: 8 })(
      Effect.gen(function* () {
        const fiber = yield* Effect.forkChild(
          Lease.detached(manager.withLease("a", { cpu: 6 }, { timeout: "90 seconds" })(Effect.void))
        )
        yield* TestClock.adjust("90 seconds")
        return yield* Fiber.join(fiber)
      })
    ),
  QueueFull: (manager) =>
    manager.withLease("holder", { cpu: 10 })(
      Effect.gen(function* () {
        yield* Effect.forkChild(Lease.detached(manager.withLease("a", { cpu: 1 })(Effect.void)))
        yield* Effect.yieldNow
        return yield* Lease.detached(manager.withLease("a", { cpu: 1 })(Effect.void))
      })
    ),
  "InvalidCapacity: no amount": (manager) => manager.setCapacity("cpu", Number.NaN),
  InvalidRate: (manager) => manager.setRate("cpu", { limit: 1, interval: "Infinity" }),
  InvalidQuota: (manager) => manager.setQuota("a", "cpu", -1),
  InvalidGroup: (manager) => manager.setGroup("team", { parent: "org" }),
  ReservationRefused: (manager) => manager.reserve({ for: { agent: "a" }, claim: { cpu: 1_000_000 } }),
  InvalidClaim: (manager) => manager.withLease("a", { cpu: 1.5 })(Effect.void),
  "InvalidClaim: empty": (manager) => manager.withLease("a", {})(Effect.void),
  "InvalidClaim: agent": (manager) => manager.withLease("", { cpu: 1 })(Effect.void),
  "InvalidClaim: time-out": (manager) => manager.withLease("a", { cpu: 1 }, { timeout: "-1 seconds" })(Effect.void),
  ResourceNotAcquired: (manager) =>
    Effect.andThen(
      manager.acquire("a", { memory: mebibytes(1.5) }),
      manager.release("a", { memory: mebibytes(2), cpu: 1 })
    ),
  UnknownResourceType: (manager) => manager.withLease("a", { gpu: 1 })(Effect.void),
  ResourceTypeTaken: (manager) => manager.register("@acme/gpu", ResourceType.cpu, { capacity: 1 }),
  LeaseRevoked: (manager) =>
    Effect.scoped(
      Effect.gen(function* () {
        const lease = yield* manager.lease("a", { cpu: 1 }, { expiresAfter: "1 second" })
        yield* TestClock.adjust("1 second")
        return yield* lease.guard(Effect.never)
      })
    ),
  ManagerStopped: (manager) => Effect.andThen(manager.stop, manager.acquire("a", { cpu: 1 }))
}

/** What people read. */
const messages: Record<string, string> = {
  "ResourceExhausted: never fits": "memory: 1.50 GiB can never be granted, the pool has at most 1 GiB",
  "ResourceExhausted: burst": "network: 5 tokens can never be there at once, the burst of its rate is 4",
  "QuotaExceeded: never fits": "a asked for 4 cores of cpu: its quota is 3 cores, it holds 0 cores",
  "QuotaExceeded: in use": "a asked for 13 MiB of memory: its quota is 512 MiB, it holds 500 MiB",
  DeadlockDetected:
    "deadlock: b asked for cpu: 6 cores and would wait for ever\n" +
    "  b waits for 6 cores of cpu, of which a holds 6 cores (lease 1)",
  ClaimTimedOut:
    "a waited 90.0 s for cpu: 6 cores\n" +
    "  cpu: asks for 6 cores, 2 cores of 10 cores free (holder holds 8 cores for 90.0 s)",
  QueueFull: "the queue of a is full: 1 waiting, at most 1",
  "InvalidCapacity: no amount": "cpu: capacity is NaN; allowed: a whole number from 0 to 9007199254740991",
  InvalidRate:
    'cpu: rate.interval is "Infinity"; allowed: a finite duration of at least a microsecond, such as "1 second"',
  InvalidQuota: "the quota of a on cpu is -1; allowed: a whole number from 0",
  InvalidGroup: 'parent of group team is "org"; allowed: a group that was set before; there is none',
  ReservationRefused:
    "cpu: 1000000 cores cannot be promised to a, 999990 cores short: of 10 cores the rest is promised already, or held by leases that do not say that they end before",
  InvalidClaim: "claim.cpu is 1.5; allowed: a whole number from 0 to 9007199254740991, in the type's smallest unit",
  "InvalidClaim: empty": "claim is {}; allowed: at least one resource type with an amount",
  "InvalidClaim: agent": 'agent is ""; allowed: a string of 1 to 256 characters',
  "InvalidClaim: time-out": 'timeout is "-1 seconds"; allowed: a duration such as "5 seconds", not negative',
  ResourceNotAcquired: "a cannot release memory: 2 MiB, cpu: 1 core: by hand it acquired memory: 1.50 MiB",
  UnknownResourceType: 'no pool counts "gpu"; there are: cpu, memory, network',
  ResourceTypeTaken: "cpu is claimed by @acme/gpu, and was registered by the manager's configuration",
  LeaseRevoked: "lease 1 of a has expired",
  ManagerStopped: "the resource manager has stopped"
}

const schemas = {
  ResourceExhausted: Errors.ResourceExhausted,
  QuotaExceeded: Errors.QuotaExceeded,
  DeadlockDetected: Errors.DeadlockDetected,
  ClaimTimedOut: Errors.ClaimTimedOut,
  QueueFull: Errors.QueueFull,
  InvalidCapacity: Errors.InvalidCapacity,
  InvalidRate: Errors.InvalidRate,
  InvalidGroup: Errors.InvalidGroup,
  InvalidQuota: Errors.InvalidQuota,
  ReservationRefused: Errors.ReservationRefused,
  InvalidClaim: Errors.InvalidClaim,
  ResourceNotAcquired: Errors.ResourceNotAcquired,
  UnknownResourceType: Errors.UnknownResourceType,
  ResourceTypeTaken: Errors.ResourceTypeTaken,
  LeaseRevoked: Errors.LeaseRevoked,
  ManagerStopped: Errors.ManagerStopped
}

const AnyError = Schema.Union(Object.values(schemas))

describe("errors", () => {
  it("each is provoked here", () => {
    const provoked = new Set(Object.keys(provoke).map((name) => name.split(":")[0]))
    assert.deepStrictEqual([...provoked].toSorted(), Object.keys(schemas).toSorted())
    const exported = Object.entries(Errors).flatMap(([name, value]) =>
      "fields" in value && name !== "DeadlockStep" && name !== "QuotaLevel" ? [name] : []
    )
    assert.deepStrictEqual(exported.toSorted(), Object.keys(schemas).toSorted())
  })

  for (const [name, effect] of Object.entries(provoke)) {
    it.effect(name, () =>
      withManager(pools, (manager) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(effect(manager))
          assert.isTrue(Schema.is(AnyError)(error))
          if (!Schema.is(AnyError)(error)) return
          assert.strictEqual(error._tag, name.split(":")[0])
          // As JSON, which is what a wire carries.
          const codec = Schema.toCodecJson(AnyError)
          const wire = JSON.stringify(yield* Schema.encodeEffect(codec)(error))
          const back = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(wire))
          assert.strictEqual(back._tag, error._tag)
          assert.strictEqual(back.message, error.message)
          assert.deepStrictEqual({ ...back }, { ...error })
          assert.instanceOf(back, Error)
          assert.strictEqual(error.message, messages[name])
        })
      )
    )
  }

  it.effect("two plugins that claim one type are both named", () =>
    withManager({}, () =>
      Effect.gen(function* () {
        const gpu = ResourceType.make("gpu", { unit: "devices" })
        const plugin = (name: string) => Plugin.layer({ name, pools: [{ type: gpu, capacity: 1 }] })
        yield* Effect.provide(Effect.void, plugin("@acme/gpu"))
        const error = yield* Effect.flip(Effect.provide(Effect.void, plugin("@other/gpu")))
        assert.strictEqual(error.message, "gpu is claimed by @other/gpu, and was registered by @acme/gpu")
      })
    )
  )

  for (const [name, value] of Object.entries({
    symbol: Symbol("s"),
    undefined: undefined,
    bigint: 10n,
    function: () => 1,
    date: new Date(0),
    null: null
  })) {
    it.effect(`of a value that no wire carries: ${name}`, () =>
      withManager(pools, (manager) =>
        Effect.gen(function* () {
          const claim = JSON.parse("{}")
          claim.cpu = value
          const error = yield* Effect.flip(manager.withLease("a", claim)(Effect.void))
          assert.strictEqual(error._tag, "InvalidClaim")
          assert.include(error.message, "claim.cpu is ")
          const codec = Schema.toCodecJson(Errors.ClaimError)
          const wire = JSON.stringify(yield* Schema.encodeEffect(codec)(error))
          const back = yield* Schema.decodeUnknownEffect(codec)(JSON.parse(wire))
          assert.strictEqual(back.message, error.message)
        })
      )
    )
  }
})
