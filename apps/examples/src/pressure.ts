/**
 * A build that nobody leased makes a machine wait for its processors: new leases get
 * fewer of them until that is over, and whoever waits is told why.
 *
 * The machine is a directory with the files that the kernel would write, so that the
 * program ends by itself anywhere: without `root` it is this machine.
 */
import { strict as assert } from "node:assert"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager } from "@resource-manager/core"
import { Host, HostPressure, OperatingSystem } from "@resource-manager/plugin-host"
import { Console, Effect, Fiber, FileSystem, Layer, Stream } from "effect"

/** A machine of eight processors. `busy` loses so much of the time from now on to waiting for one. */
const makeMachine = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const root = yield* files.makeTempDirectoryScoped({ prefix: "machine-" })
  yield* files.makeDirectory(`${root}/proc/pressure`, { recursive: true })
  let share = 0
  let lostMillis = 0
  let countedAt = performance.now()
  const write = Effect.suspend(() => {
    const now = performance.now()
    lostMillis += share * (now - countedAt)
    countedAt = now
    const line = `some avg10=0.00 avg60=0.00 avg300=0.00 total=${Math.round(lostMillis * 1_000)}\n`
    // As a whole, as the kernel does: nobody reads half a file.
    return Effect.andThen(
      files.writeFileString(`${root}/next`, line),
      files.rename(`${root}/next`, `${root}/proc/pressure/cpu`)
    )
  })
  yield* write
  yield* Effect.forkScoped(Effect.forever(Effect.delay(write, "10 millis")))
  return { root, busy: (lost: number) => Effect.sync(() => void (share = lost)) }
})

const program = Effect.gen(function* () {
  const machine = yield* makeMachine
  // #region layer
  const layer = Host.layer({
    root: machine.root,
    pools: { cpu: {} },
    // By default: a reading a second, 10 seconds of cool-down, a minute to grow back. Here everything is faster.
    pressure: { memory: false, interval: "100 millis", coolDown: "200 millis", recovery: "1 second" }
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
  }).pipe(Effect.provide(layer), Effect.provideService(OperatingSystem, eightProcessors))
}).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))

const eightProcessors: typeof OperatingSystem.Service = {
  processors: () => 8,
  totalMemory: () => 16 * 1024 ** 3,
  usedMemory: () => 0,
  loadAverage: () => 0,
  openFilesLimit: () => undefined
}

NodeRuntime.runMain(Effect.timeout(program, "30 seconds"))
