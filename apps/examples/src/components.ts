/** Each component taken alone. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { DeadlockDetector, LoadMonitor, ResourcePool, ResourceQuota, ScalingPolicy } from "@resource-manager/core"
import { Ledger, leasesOf, Request } from "@resource-manager/core/Ledger"
import { Effect, Option, Stream } from "effect"

// #region pool
const pooled = Effect.gen(function* () {
  const printers = yield* ResourcePool
  const pages = yield* printers.withUnits(1, { timeout: "10 seconds" })(Effect.succeed(12))

  // Capacity changes live. Shrinking takes nothing from those who hold.
  yield* printers.setCapacity(3)
  const { acquisitions, peak } = yield* printers.statistics
  return { pages, acquisitions, peak, available: yield* printers.available }
}).pipe(Effect.provide(ResourcePool.layer("printers", { capacity: 2, max: 4 })))
// #endregion pool

// #region quota
const limited = Effect.gen(function* () {
  const quotas = yield* ResourceQuota
  yield* quotas.setQuota("tenant-1", "storage", 100)
  yield* quotas.record("tenant-1", "storage", 80)

  // Check and record are one step: who races for the last unit cannot exceed it.
  const refused = yield* Effect.flip(quotas.record("tenant-1", "storage", 30))
  yield* quotas.release("tenant-1", "storage", 50)
  return { refused: refused._tag, usage: yield* quotas.usage("tenant-1") }
}).pipe(Effect.provide(ResourceQuota.layer))
// #endregion quota

// #region detector
const detected = Effect.gen(function* () {
  const detector = yield* DeadlockDetector
  yield* detector.recordAcquire("a", "database")
  yield* detector.recordAcquire("b", "cache")
  yield* detector.recordWait("a", "cache")
  const deadlock = yield* Effect.flip(detector.recordWait("b", "database"))
  return deadlock._tag === "DeadlockDetected" ? deadlock.cycle.map(({ agent }) => agent) : []
}).pipe(Effect.provide(DeadlockDetector.layer({ resources: { database: 1, cache: 1 } })))
// #endregion detector

// #region monitor
const capacities = new Map([["workers", 4]])

/** The pool that is watched may be anything: here, four workers with ten jobs to do. */
const monitorLayer = LoadMonitor.layer({
  interval: "10 millis",
  source: () => {
    const capacity = capacities.get("workers")!
    const load = LoadMonitor.loadOf(4, 6, capacity)
    return [
      {
        resourceType: "workers",
        inUse: 4,
        waiting: 6,
        capacity,
        minCapacity: 4,
        maxCapacity: 16,
        load
      }
    ]
  },
  policy: ScalingPolicy.thresholds({ scaleUpAt: 0.8 }),
  setCapacity: (name, capacity) => capacities.set(name, capacity)
})

const monitored = Effect.gen(function* () {
  const monitor = yield* LoadMonitor
  const calm = yield* Stream.runHead(Stream.filter(monitor.samples, ({ pools }) => pools[0]!.load <= 0.8))
  return Option.map(calm, ({ pools }) => pools[0]!.capacity)
}).pipe(Effect.provide(monitorLayer))
// #endregion monitor

// #region ledger
/** No clock, no fiber, no randomness: a command and a time go in, what was decided comes out. */
const decide = () => {
  const ledger = new Ledger()
  const pool = ledger.definePool("cpu", { capacity: 2 }, 0)
  const first = ledger.claim("a", { cpu: 2 }, 0)
  const second = ledger.claim("b", { cpu: 1 }, 10)
  if (!(first instanceof Request) || !(second instanceof Request)) throw new Error("refused")
  const before = second.status
  ledger.release(first, 20)
  return { before, after: second.status, inUse: pool.inUse, leases: leasesOf(ledger.books).length }
}
// #endregion ledger

const program = Effect.gen(function* () {
  assert.deepEqual(yield* pooled, { pages: 12, acquisitions: 1, peak: 1, available: 3 })
  assert.deepEqual(yield* limited, { refused: "QuotaExceeded", usage: { storage: 30 } })
  assert.deepEqual(yield* detected, ["b", "a"])
  assert.deepEqual(yield* monitored, Option.some(14))
  assert.deepEqual(decide(), { before: "waiting", after: "held", inUse: 1, leases: 1 })
  process.stdout.write("each component did what its page says\n")
})

NodeRuntime.runMain(program)
