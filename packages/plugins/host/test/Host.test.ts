import { layer as fileSystemLayer } from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import { TestClock } from "effect/testing"
import { Host, HostUnreadable, InvalidHostOption, OperatingSystem } from "../src/index.ts"
import * as Machine from "./machine.ts"

const gibibyte = 1024 ** 3

const hosted = (options: Host.HostOptions) =>
  Host.layerNoDeps(options).pipe(Layer.provideMerge(ResourceManager.layer()))

/** Capacities and real use, by pool. */
const figures = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const found: Record<string, ReadonlyArray<number | undefined>> = {}
  for (const { capacity, resourceType } of yield* manager.pools) {
    found[resourceType] = [capacity, Option.getOrUndefined(yield* manager.measure(resourceType))]
  }
  return found
})

const onMachine = <A, E>(
  body: Effect.Effect<A, E, FileSystem.FileSystem | Scope.Scope>,
  system: Partial<typeof OperatingSystem.Service> = {}
) =>
  body.pipe(Effect.provide(fileSystemLayer), Effect.provideService(OperatingSystem, { ...Machine.system, ...system }))

describe("Host on a machine of files", () => {
  it.effect("takes the smallest limit of the process's groups", () =>
    onMachine(
      Effect.gen(function* () {
        const { root, write } = yield* Machine.make(Machine.service)
        const read = Effect.provide(figures, hosted({ root }))
        // Use is measured in the group that limits; before a second reading of its processors, the load.
        const expected = { cpu: [2, 1.5], memory: [4 * gibibyte, gibibyte], fileHandles: [1_024, 3] }
        assert.deepStrictEqual(yield* read, expected)
        // The slice around it is tighter now, in all that it limits.
        yield* write("/sys/fs/cgroup/system.slice/cpu.max", "150000 100000\n")
        yield* write("/sys/fs/cgroup/system.slice/cpu.stat", "usage_usec 1\n")
        yield* write("/sys/fs/cgroup/system.slice/memory.high", "3221225472\n")
        yield* write("/sys/fs/cgroup/system.slice/memory.current", "2147483648\n")
        assert.deepStrictEqual(yield* read, { ...expected, cpu: [1, 1.5], memory: [3 * gibibyte, 2 * gibibyte] })
      })
    )
  )

  it.effect("finds the limits of a container where the hierarchy is mounted", () =>
    onMachine(
      Effect.gen(function* () {
        const inContainer = {
          "/proc/self/limits": Machine.limits("unlimited"),
          "/sys/fs/cgroup/cpu.max": "400000 100000\n",
          "/sys/fs/cgroup/memory.max": "2147483648\n",
          "/sys/fs/cgroup/memory.current": "1\n"
        }
        const own = yield* Machine.make({ ...inContainer, "/proc/self/cgroup": "0::/\n" })
        const expected = { cpu: [4, 1.5], memory: [2 * gibibyte, 1], fileHandles: [1_048_576, undefined] }
        assert.deepStrictEqual(yield* Effect.provide(figures, hosted({ root: own.root })), expected)
        const seen = yield* Machine.make({
          ...inContainer,
          "/proc/self/cgroup": "0::/docker/ab\n",
          "/proc/self/mountinfo": "41 31 0:38 /docker/ab /sys/fs/cgroup ro - cgroup2 cgroup rw\n"
        })
        assert.deepStrictEqual(yield* Effect.provide(figures, hosted({ root: seen.root })), expected)
      })
    )
  )

  it.effect("asks the operating system where there is no limit", () =>
    onMachine(
      Effect.gen(function* () {
        const expected = {
          cpu: [8, 1.5],
          memory: [16 * gibibyte, 6 * gibibyte],
          fileHandles: [8_192, undefined]
        }
        const bare = yield* Machine.make({})
        assert.deepStrictEqual(yield* Effect.provide(figures, hosted({ root: bare.root })), expected)
        const unlimited = yield* Machine.make({
          "/proc/self/cgroup": "0::/a\n",
          "/sys/fs/cgroup/a/cpu.max": "max 100000\n",
          "/sys/fs/cgroup/a/memory.max": "9223372036854771712\n",
          "/sys/fs/cgroup/a/memory.high": "max\n",
          "/sys/fs/cgroup/a/memory.current": "1\n"
        })
        assert.deepStrictEqual(yield* Effect.provide(figures, hosted({ root: unlimited.root })), expected)
        const onlyV1 = yield* Machine.make({ "/proc/self/cgroup": "4:memory:/old\n" })
        assert.deepStrictEqual(yield* Effect.provide(figures, hosted({ root: onlyV1.root })), expected)
      })
    )
  )

  it.effect("asks the operating system for the limit of open files where there is no /proc", () =>
    onMachine(
      Effect.gen(function* () {
        const { root } = yield* Machine.make({})
        const found = yield* Effect.provide(figures, hosted({ root, pools: { fileHandles: {} } }))
        assert.deepStrictEqual(found, { fileHandles: [256, undefined] })
      }),
      { openFilesLimit: () => 256 }
    )
  )

  it.effect("keeps a part back for the rest of the machine", () =>
    onMachine(
      Effect.gen(function* () {
        const { root } = yield* Machine.make({})
        const pools = { cpu: { share: 0.5, reserve: 1 }, memory: { reserve: 4 * gibibyte, max: 10 * gibibyte } }
        const found = yield* Effect.provide(figures, hosted({ root, pools }))
        assert.deepStrictEqual(found, { cpu: [3, 1.5], memory: [10 * gibibyte, 6 * gibibyte] })
      })
    )
  )

  it.effect("follows what changes, at every interval", () =>
    onMachine(
      Effect.gen(function* () {
        const { root, write } = yield* Machine.make(Machine.service)
        yield* Effect.gen(function* () {
          const manager = yield* ResourceManager
          const capacity = Effect.map(manager.poolStatistics("memory"), (pool) => pool.capacity)
          yield* write(`${Machine.serviceGroup}/memory.max`, "1073741824\n")
          yield* TestClock.adjust("59 seconds")
          assert.strictEqual(yield* capacity, 4 * gibibyte)
          yield* TestClock.adjust("1 second")
          while ((yield* capacity) !== gibibyte) yield* Effect.yieldNow
          yield* write(`${Machine.serviceGroup}/memory.max`, "max\n")
          // The reading of the last minute may have ended after this one began.
          while ((yield* capacity) !== 6 * gibibyte) yield* TestClock.adjust("1 minute")
        }).pipe(Effect.provide(hosted({ root, interval: "1 minute" })))
      })
    )
  )

  it.effect("keeps a capacity that it cannot read again, and says so once", () => {
    const logged: Array<unknown> = []
    const logger = Logger.make(({ message }) => {
      logged.push(...(Array.isArray(message) ? message : [message]))
    })
    return onMachine(
      Effect.gen(function* () {
        const { root, write } = yield* Machine.make(Machine.service)
        const path = `${Machine.serviceGroup}/cpu.max`
        yield* Effect.gen(function* () {
          const manager = yield* ResourceManager
          const capacity = Effect.map(manager.poolStatistics("cpu"), (pool) => pool.capacity)
          yield* write(path, "broken\n")
          while (logged.length === 0) yield* TestClock.adjust("5 seconds")
          for (let count = 0; count < 5; count++) yield* TestClock.adjust("5 seconds")
          assert.strictEqual(yield* capacity, 2)
          yield* write(path, "700000 100000\n")
          while ((yield* capacity) !== 7) yield* TestClock.adjust("5 seconds")
        }).pipe(Effect.provide(hosted({ root, pools: { cpu: {} } })))
        assert.deepStrictEqual(logged, [
          `@resource-manager/plugin-host: cpu keeps its capacity: ${root}${path} is malformed: ` +
            'expected a quota or "max" and a period above 0, found "broken"'
        ])
      })
    ).pipe(Effect.provide(Logger.layer([logger])))
  })

  it.effect("measures the processors that a limited group uses", () =>
    onMachine(
      Effect.gen(function* () {
        const { root, write } = yield* Machine.make(Machine.service)
        yield* Effect.gen(function* () {
          const manager = yield* ResourceManager
          const used = Effect.map(manager.measure("cpu"), Option.getOrUndefined)
          const usage = (micros: number) => write(`${Machine.serviceGroup}/cpu.stat`, `usage_usec ${micros}\n`)
          yield* TestClock.adjust("10 seconds")
          yield* usage(20_000_000)
          assert.strictEqual(yield* used, 1.5)
          // No time went by since: the same again.
          assert.strictEqual(yield* used, 1.5)
          yield* TestClock.adjust("4 seconds")
          yield* usage(21_000_000)
          assert.strictEqual(yield* used, 0.25)
          // A count that went back is of another group: nothing to compare with but the load.
          yield* TestClock.adjust("4 seconds")
          yield* usage(10)
          assert.strictEqual(yield* used, 7)
        }).pipe(Effect.provide(hosted({ root, pools: { cpu: {} } })))
      }),
      { loadAverage: () => 7 }
    )
  )

  it.effect("fails with the file that it cannot understand", () =>
    onMachine(
      Effect.gen(function* () {
        for (const path of Object.keys(Machine.service)) {
          if (path.includes("/fd/") || path.includes("mountinfo") || path.endsWith("memory.current")) continue
          const { root, write } = yield* Machine.make(Machine.service)
          yield* write(path, "\u0000garbage\n")
          const error = yield* Effect.flip(Effect.provide(figures, hosted({ root })))
          assert.instanceOf(error, HostUnreadable)
          assert.deepInclude({ ...error }, { reason: "malformed", path: root + path })
          assert.include(error.message, path)
        }
      })
    )
  )

  it.effect("fails with the file that it may not read", () =>
    Effect.gen(function* () {
      const denied = FileSystem.layerNoop({
        readFileString: (path) =>
          Effect.fail(
            PlatformError.systemError({
              _tag: "PermissionDenied",
              module: "FileSystem",
              method: "readFile",
              pathOrDescriptor: path
            })
          ),
        exists: () => Effect.succeed(false)
      })
      const error = yield* Effect.flip(Effect.provide(figures, hosted({}).pipe(Layer.provide(denied))))
      assert.instanceOf(error, HostUnreadable)
      assert.strictEqual(error.reason, "unreadable")
      assert.strictEqual(error.path, "/proc/self/cgroup")
    })
  )

  const wrong: ReadonlyArray<readonly [string, Host.HostOptions]> = [
    ["pools", { pools: {} }],
    ["interval", { interval: "0 seconds" }],
    ["interval", { interval: Infinity }],
    ["cpu.share", { pools: { cpu: { share: 0 } } }],
    ["cpu.share", { pools: { cpu: { share: 1.01 } } }],
    ["memory.share", { pools: { memory: { share: Number.NaN } } }],
    ["memory.reserve", { pools: { memory: { reserve: -1 } } }],
    ["cpu.min", { pools: { cpu: { min: 0.5 } } }],
    ["fileHandles.max", { pools: { fileHandles: { max: 1, min: 2 } } }]
  ]
  it.effect.each(wrong)("refuses the option %s of %j", ([option, options]) =>
    onMachine(
      Effect.gen(function* () {
        const { root } = yield* Machine.make({})
        const error = yield* Effect.flip(Effect.provide(figures, hosted({ root, ...options })))
        assert.instanceOf(error, InvalidHostOption)
        assert.strictEqual(error.option, option)
      })
    )
  )
})
