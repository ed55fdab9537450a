/**
 * A workstation as the real manager tells it, at an instant of a test's clock:
 * some hold, some wait for each kind of reason, some were refused.
 */
import * as ResourceManager from "@resource-manager/core/ResourceManager"
import { exclusive, make } from "@resource-manager/core/ResourceType"
import * as ScalingPolicy from "@resource-manager/core/ScalingPolicy"
import { Meter } from "@resource-manager/core/Meter"
import * as DeadlockPolicy from "@resource-manager/core/DeadlockPolicy"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { TestClock } from "effect/testing"
import { typesOf } from "../../src/render/amounts.ts"
import type { Style } from "../../src/render/style.ts"
import { textStyle } from "../../src/render/style.ts"
import type { OverviewView, Sheet, StatusView } from "../../src/render/views.ts"

const gib = 1024 ** 3

export const lock = exclusive("db-lock")

const gpu = make("gpu", { unit: "devices" })

const manager = ResourceManager.ResourceManager

/** Starts a fiber that holds a claim for ever, and lets it begin. */
const hold = (agent: string, claim: Record<string, number>, inside: Effect.Effect<unknown, unknown> = Effect.never) =>
  Effect.gen(function* () {
    const { withLease } = yield* manager
    yield* Effect.forkChild(withLease(agent, claim)(inside))
    yield* TestClock.adjust(0)
  })

const look = Effect.gen(function* () {
  const { agents, leases, pools, types, waiters } = yield* manager
  const { waitGraph } = yield* Meter
  const overview: OverviewView = {
    pools: yield* pools,
    agents: yield* agents,
    leases: yield* leases,
    waiters: yield* waiters
  }
  return { overview, types: typesOf(yield* types), graph: yield* waitGraph() }
})

const run = <A, E>(
  pools: NonNullable<ResourceManager.ResourceManagerOptions["pools"]>,
  program: Effect.Effect<A, E, ResourceManager.ResourceManager | Meter | ResourceManager.TestResourceManager>,
  policies: Layer.Layer<never> = Layer.empty
): Promise<A> => {
  const layer = manager.layerTest({ pools, loadInterval: "1 day" }).pipe(Layer.provide(policies))
  return Effect.runPromise(
    Effect.provide(program, layer.pipe(Layer.provideMerge(TestClock.layer()))).pipe(
      // At its end it says what it took back, which is not what is tested here.
      Effect.provideService(References.MinimumLogLevel, "None")
    )
  )
}

export const busy = await run(
  {
    cpu: { capacity: 8 },
    memory: { capacity: 16 * gib },
    network: { capacity: 100, rate: { limit: 5, interval: "1 second", burst: 10 } },
    gpu: { capacity: 2, max: 4, type: gpu },
    [lock.name]: lock.pool
  },
  Effect.gen(function* () {
    const { acquire, check, setQuota, withLease } = yield* manager
    yield* setQuota("builder", "cpu", 6)
    yield* setQuota("builder", "memory", 4 * gib)
    yield* setQuota("tests", "cpu", 8)
    yield* hold("builder", { cpu: 4, memory: 4 * gib })
    yield* hold("migrate", lock.hold)
    yield* Effect.ignore(withLease("builder", { cpu: 3 })(Effect.void))
    for (let index = 0; index < 20; index++) yield* withLease("tests", { cpu: 1 })(TestClock.adjust("3 seconds"))
    yield* TestClock.adjust("65 seconds")
    yield* hold("ビルド", { memory: 8 * gib })
    yield* acquire("by-hand", { network: 10 }, { expiresAfter: "10 minutes" })
    yield* TestClock.adjust("100 millis")
    yield* hold("tests", { cpu: 2, memory: 2 * gib }, withLease("tests", lock.hold)(Effect.never))
    yield* TestClock.adjust("500 millis")
    yield* Effect.forkChild(withLease("lint", { cpu: 4, memory: 8 * gib }, { timeout: "1 minute" })(Effect.never))
    yield* TestClock.adjust("1500 millis")
    yield* hold("docs", { cpu: 1 })
    yield* hold("crawler", { network: 4 })
    yield* hold("crawler", { network: 10 })
    yield* hold("trainer", { gpu: 3 })
    yield* TestClock.adjust("400 millis")
    const seen = yield* look
    return { ...seen, refused: yield* check("builder", { cpu: 3 }), short: yield* check("new", { cpu: 4 }) }
  }),
  ScalingPolicy.layer(ScalingPolicy.thresholds())
)

/** Two agents that took two locks in opposite orders, and nobody who looks after that. */
export const deadlocked = await run(
  { x: { capacity: 1 }, y: { capacity: 1 }, cpu: { capacity: 4 } },
  Effect.gen(function* () {
    const { withLease } = yield* manager
    yield* hold("a", { x: 1, cpu: 1 }, Effect.andThen(Effect.sleep("1 second"), withLease("a", { y: 1 })(Effect.never)))
    yield* hold("b", { y: 1 }, Effect.andThen(Effect.sleep("2 seconds"), withLease("b", { x: 1 })(Effect.never)))
    yield* hold("c", { x: 1 })
    yield* TestClock.adjust("5 seconds")
    return yield* look
  }),
  DeadlockPolicy.layerOff
)

export const idle = await run({ cpu: { capacity: 8 } }, look)

export const status: StatusView = {
  version: "0.1.0",
  pid: 4711,
  uptimeMillis: 7_512_000,
  addresses: ["unix:/run/user/1000/resource-manager/daemon.sock"],
  stateFolder: "/home/me/.local/state/resource-manager",
  durable: true,
  journal: { events: 12_345, fileBytes: 3_565_158, snapshotAgeMillis: 61_000 },
  connections: 4,
  sessions: 3,
  leases: 4,
  waiters: 6,
  orphans: 0,
  idleTimeoutMillis: 600_000
}

export const sheet = (width: number, style: Style = textStyle, types = busy.types): Sheet => ({
  width,
  style,
  types,
  zone: "utc"
})
