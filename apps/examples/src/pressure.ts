/**
 * A build that nobody leased makes a machine wait for its processors: new leases get
 * fewer of them until that is over, and whoever waits is told why.
 *
 * The machine is a file that the kernel would write, kept in memory, so that the
 * program runs anywhere: `Host.layer` is the same on the files of this machine.
 */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager } from "@resource-manager/core"
import { Host, HostPressure, OperatingSystem } from "@resource-manager/plugin-host"
import { Clock, Console, Effect, Fiber, FileSystem, Layer, PlatformError, Stream } from "effect"
import { inVirtualTime } from "./support/virtualTime.ts"

/** A machine of eight processors. `busy` loses so much of the time from now on to waiting for one. */
const makeMachine = () => {
  let share = 0
  let lostMillis = 0
  let countedAt = 0
  const lostUntilNow = Effect.map(Clock.currentTimeMillis, (now) => {
    lostMillis += share * (now - countedAt)
    countedAt = now
    return lostMillis
  })
  const missing = (path: string) =>
    PlatformError.systemError({ _tag: "NotFound", module: "FileSystem", method: "read", pathOrDescriptor: path })
  const files = FileSystem.layerNoop({
    exists: () => Effect.succeed(false),
    readFileString: (path) =>
      path === "/proc/pressure/cpu"
        ? Effect.map(
            lostUntilNow,
            (millis) => `some avg10=0.00 avg60=0.00 avg300=0.00 total=${Math.round(millis * 1_000)}\n`
          )
        : Effect.fail(missing(path))
  })
  return { files, busy: (lost: number) => Effect.map(lostUntilNow, () => void (share = lost)) }
}

const program = Effect.gen(function* () {
  const machine = makeMachine()
  // #region layer
  // `Host.layerNoDeps` is `Host.layer` over a `FileSystem` of one's own.
  const layer = Host.layerNoDeps({
    pools: { cpu: {} },
    // Also by default: a reading a second, 10 seconds of cool-down, a minute to grow back.
    pressure: { memory: false, interval: "1 second", coolDown: "10 seconds", recovery: "1 minute" }
  }).pipe(Layer.provideMerge(ResourceManager.layer()))
  // #endregion layer

  yield* Effect.gen(function* () {
    const manager = yield* ResourceManager
    const pressure = yield* HostPressure
    const capacity = Effect.map(manager.poolStatistics("cpu"), (pool) => pool.capacity)
    /** Waits for a reading after which it holds. */
    const until = (holds: (capacity: number) => boolean) =>
      pressure.changes.pipe(
        Stream.mapEffect(() => Effect.delay(capacity, "1 millis")),
        Stream.takeUntil(holds),
        Stream.runDrain
      )

    assert.equal(yield* capacity, 8)
    yield* machine.busy(0.9)
    yield* until((cores) => cores === 2)
    // #region why
    const { capacity: now, maxCapacity, note } = yield* manager.poolStatistics("cpu")
    yield* Console.log(`${now} of ${maxCapacity} cores for new leases, ${note}`)
    // #endregion why

    // What the machine will have again waits for that; it does not fail.
    const build = yield* Effect.forkChild(manager.withLease("build", { cpu: 6 })(Effect.succeed("built")))
    while ((yield* manager.waiters).length === 0) yield* Effect.yieldNow
    for (const { reasons } of yield* manager.explain("build")) {
      for (const { message } of reasons) yield* Console.log(`build waits: ${message}`)
    }

    yield* machine.busy(0)
    yield* Console.log(yield* Fiber.join(build))
    yield* until((cores) => cores === 8)
    const after = yield* manager.poolStatistics("cpu")
    assert.deepEqual([after.capacity, after.note], [8, undefined])
    yield* Console.log("all 8 cores again")

    assert.equal(maxCapacity, 8)
    assert.match(note ?? "", /^lowered by cpu pressure: some task waited for a processor \d+ % of the time, over 50 %/)
  }).pipe(Effect.provide(Layer.provide(layer, machine.files)), Effect.provideService(OperatingSystem, eightProcessors))
})

const eightProcessors: typeof OperatingSystem.Service = {
  processors: () => 8,
  totalMemory: () => 16 * 1024 ** 3,
  usedMemory: () => 0,
  loadAverage: () => 0,
  openFilesLimit: () => undefined
}

NodeRuntime.runMain(inVirtualTime(program, "10 millis"))
