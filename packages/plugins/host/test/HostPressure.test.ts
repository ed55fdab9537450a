import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "@resource-manager/core"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { TestClock } from "effect/testing"
import {
  Host,
  HostPressure,
  HostUnreadable,
  InvalidHostOption,
  OperatingSystem,
  type PressureOptions
} from "../src/index.ts"
import * as Machine from "./machine.ts"

const gibibyte = 1024 ** 3

type World = ReturnType<typeof Machine.inMemory> & {
  /** Lets so many seconds pass, in each of which the share of time was lost to each file that is named. */
  readonly pass: (
    seconds: number,
    shares?: Readonly<Record<string, number | readonly [number, number]>>
  ) => Effect.Effect<void>
  readonly logged: ReadonlyArray<string>
  readonly capacity: (pool: "cpu" | "memory") => Effect.Effect<number, never, ResourceManager>
}

const machineCpu = "/proc/pressure/cpu"
const machineMemory = "/proc/pressure/memory"

/** Runs on a machine of 8 processors and 16 GiB, with its pressure at rest, by the test clock. */
const onMachine = <A, E>(
  tree: Readonly<Record<string, string>>,
  options: Host.HostOptions,
  body: (world: World) => Effect.Effect<A, E, ResourceManager | HostPressure | Scope.Scope>
) =>
  Effect.suspend(() => {
    const memory = Machine.inMemory({ ...Machine.calm, ...tree })
    const logged: Array<string> = []
    const totals = new Map<string, readonly [number, number]>()
    const pass: World["pass"] = (seconds, shares = {}) =>
      Effect.gen(function* () {
        for (let second = 0; second < seconds; second++) {
          for (const [path, share] of Object.entries(shares)) {
            const [some, full] = typeof share === "number" ? [share, 0] : share
            const [someBefore, fullBefore] = totals.get(path) ?? [0, 0]
            const next = [someBefore + some * 1_000_000, fullBefore + full * 1_000_000] as const
            totals.set(path, next)
            memory.texts.set(path, Machine.pressureText(...next))
          }
          yield* TestClock.adjust("1 second")
        }
      })
    const capacity: World["capacity"] = (pool) =>
      Effect.orDie(
        Effect.flatMap(ResourceManager, (manager) =>
          Effect.map(manager.poolStatistics(pool), (found) => found.capacity)
        )
      )
    const logger = Logger.make(({ logLevel, message }) => {
      logged.push(`${logLevel} ${String(Array.isArray(message) ? message[0] : message)}`)
    })
    return body({ ...memory, pass, logged, capacity }).pipe(
      Effect.provide(Host.layerNoDeps(options).pipe(Layer.provideMerge(ResourceManager.layer()))),
      Effect.scoped,
      Effect.provide([memory.layer, Logger.layer([logger]), Layer.succeed(OperatingSystem, Machine.system)])
    )
  })

const both = { pools: { cpu: {}, memory: {} }, pressure: true } as const

describe("Host under pressure", () => {
  it.effect("hands out less while there is pressure, and all of it again some time after", () =>
    onMachine({}, both, ({ capacity, logged, pass }) =>
      Effect.gen(function* () {
        yield* pass(30, { [machineCpu]: 0.5, [machineMemory]: [0.1, 0.02] })
        assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [8, 16 * gibibyte])
        // Processors are waited for: only `cpu` shrinks, second by second, and not below a quarter.
        for (const expected of [5, 3, 2, 2, 2, 2]) {
          yield* pass(1, { [machineCpu]: 0.8 })
          assert.strictEqual(yield* capacity("cpu"), expected)
        }
        assert.strictEqual(yield* capacity("memory"), 16 * gibibyte)
        // Ten seconds of cool-down, then an eighth of it, one processor, in seven and a half.
        yield* pass(9)
        assert.strictEqual(yield* capacity("cpu"), 2)
        yield* pass(8)
        assert.strictEqual(yield* capacity("cpu"), 3)
        yield* pass(36)
        assert.strictEqual(yield* capacity("cpu"), 7)
        yield* pass(1)
        assert.strictEqual(yield* capacity("cpu"), 8)
        const pressed =
          "for new leases, cpu pressure: some task waited for a processor 80 % of the time, over 50 % (/proc/pressure/cpu)"
        assert.deepStrictEqual(logged, [
          `Info @resource-manager/plugin-host: cpu: 8 cores → 5 cores ${pressed}`,
          `Info @resource-manager/plugin-host: cpu: 5 cores → 3 cores ${pressed}`,
          `Info @resource-manager/plugin-host: cpu: 3 cores → 2 cores ${pressed}`,
          "Info @resource-manager/plugin-host: cpu: the pressure is over, all 8 cores are handed out again"
        ])
      })
    )
  )

  it.effect("shrinks both where memory is short: nothing should start on a machine that thrashes", () =>
    onMachine({}, both, ({ capacity, pass }) =>
      Effect.gen(function* () {
        yield* pass(2)
        yield* pass(1, { [machineMemory]: [0.05, 0.03] })
        assert.strictEqual(yield* capacity("cpu"), 5)
        assert.strictEqual(yield* capacity("memory"), Math.floor(16 * gibibyte * 0.7))
        yield* pass(5, { [machineMemory]: 1 })
        assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [2, 4 * gibibyte])
      })
    )
  )

  it.effect("tells who asks: status, changes, the pool's note and the reasons of those who wait", () =>
    onMachine({}, both, ({ pass }) =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const pressure = yield* HostPressure
        const factors = yield* pressure.changes.pipe(
          Stream.map(({ pools }) => Number(pools.cpu.factor.toFixed(3))),
          Stream.changes,
          Stream.take(4),
          Stream.runCollect,
          Effect.forkChild({ startImmediately: true })
        )
        yield* pass(2)
        yield* pass(3, { [machineCpu]: 0.75 })
        const status = yield* pressure.status
        assert.deepStrictEqual(status?.pools.cpu.phase, "shrinking")
        assert.deepStrictEqual(status?.pools.memory, {
          factor: 1,
          phase: "full",
          sinceOverMicros: Infinity,
          cause: undefined
        })
        assert.deepStrictEqual(
          status?.readings.map(({ kind, path, some }) => [kind, path, some]),
          [
            ["cpu", machineCpu, 0.75],
            ["memory", machineMemory, 0]
          ]
        )
        assert.deepStrictEqual(yield* Fiber.join(factors), [1, 0.7, 0.49, 0.343])

        const waiter = yield* Effect.forkChild(manager.withLease("large", { cpu: 8 })(Effect.succeed("served")))
        yield* pass(1)
        const { capacity, maxCapacity, note } = yield* manager.poolStatistics("cpu")
        const because =
          "lowered by cpu pressure: some task waited for a processor 75 % of the time, over 50 % (/proc/pressure/cpu)"
        assert.deepStrictEqual({ capacity, maxCapacity, note }, { capacity: 2, maxCapacity: 8, note: because })
        assert.deepStrictEqual(
          (yield* manager.explain("large")).flatMap(({ reasons }) => reasons.map(({ message }) => message)),
          [`cpu: asks for 8 cores, the pool has 2 cores and may grow to 8 cores; ${because}`]
        )
        // It waits for the pressure to pass. What the machine never has fails at once, pressure or not.
        assert.strictEqual((yield* Effect.flip(manager.lease("larger", { cpu: 9 })))._tag, "ResourceExhausted")
        yield* pass(70)
        assert.strictEqual(yield* Fiber.join(waiter), "served")
        assert.isUndefined((yield* manager.poolStatistics("cpu")).note)
      })
    )
  )

  it.effect("takes nothing from those who hold, and grants nothing until enough came back", () =>
    onMachine({}, both, ({ capacity, pass }) =>
      Effect.gen(function* () {
        const manager = yield* ResourceManager
        const leases = yield* Effect.forEach([3, 3], (cpu) => manager.lease("holder", { cpu }))
        yield* pass(2)
        yield* pass(3, { [machineCpu]: 1 })
        assert.strictEqual(yield* capacity("cpu"), 2)
        assert.isTrue(leases.every((lease) => lease.isHeld))
        const waiter = yield* Effect.forkChild(manager.withLease("next", { cpu: 1 })(Effect.succeed("served")))
        yield* pass(1, { [machineCpu]: 0.4 })
        yield* leases[0]!.release
        assert.strictEqual((yield* manager.waiters).length, 1)
        yield* leases[1]!.release
        assert.strictEqual(yield* Fiber.join(waiter), "served")
      })
    )
  )

  it.effect("is a fraction of what there is now, whichever changes", () =>
    onMachine(
      Machine.service,
      { pools: { cpu: { min: 2 }, memory: { reserve: gibibyte } }, pressure: { shrinkBy: 0.5 }, interval: "2 seconds" },
      ({ capacity, pass, texts }) =>
        Effect.gen(function* () {
          const group = Machine.serviceGroup
          yield* pass(4)
          assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [2, 3 * gibibyte])
          yield* pass(1, { [machineMemory]: 1 })
          // Not below the minimum of the pool.
          assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [2, 1.5 * gibibyte])
          // The limit grows while half of it is handed out; then it falls.
          texts.set(`${group}/memory.max`, `${5 * gibibyte}\n`)
          texts.set(`${group}/cpu.max`, "600000 100000\n")
          yield* pass(2)
          assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [3, 2 * gibibyte])
          const manager = yield* ResourceManager
          assert.strictEqual((yield* manager.poolStatistics("memory")).maxCapacity, 4 * gibibyte)
          texts.set(`${group}/memory.max`, `${2 * gibibyte}\n`)
          yield* pass(2)
          assert.strictEqual(yield* capacity("memory"), 0.5 * gibibyte)
          yield* pass(60)
          assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [6, gibibyte])
        })
    )
  )
})

describe("Where pressure is read", () => {
  const group = Machine.serviceGroup
  const slice = "/sys/fs/cgroup/system.slice"
  const files = (directories: ReadonlyArray<string>) =>
    Object.fromEntries(
      directories.flatMap((directory) =>
        ["cpu", "memory"].map((kind) => [`${directory}/${kind}.pressure`, Machine.pressureText(0)])
      )
    )
  const paths = (kind: string) =>
    Effect.gen(function* () {
      const status = yield* (yield* HostPressure).status
      return status?.readings.filter((reading) => reading.kind === kind).map(({ path }) => path)
    })

  it.effect("up to the group that limits, and not beyond", () =>
    onMachine({ ...Machine.service, ...files([group, slice, "/sys/fs/cgroup"]) }, both, ({ capacity, pass, texts }) =>
      Effect.gen(function* () {
        yield* pass(1, { [machineCpu]: 1, [machineMemory]: 1, [`${slice}/cpu.pressure`]: 1 })
        assert.deepStrictEqual(yield* paths("cpu"), [`${group}/cpu.pressure`])
        assert.deepStrictEqual(yield* paths("memory"), [`${group}/memory.pressure`])
        yield* pass(5, { [machineCpu]: 1, [machineMemory]: 1, [`${slice}/cpu.pressure`]: 1 })
        assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [2, 4 * gibibyte])
        // The slice limits memory now: what happens in it counts from the next look on.
        texts.set(`${slice}/memory.max`, `${2 * gibibyte}\n`)
        yield* pass(6)
        assert.deepStrictEqual(yield* paths("memory"), [`${group}/memory.pressure`, `${slice}/memory.pressure`])
        yield* pass(1, { [`${slice}/memory.pressure`]: 1 })
        assert.isBelow(yield* capacity("memory"), 2 * gibibyte)
      })
    )
  )

  it.effect("in all groups and on the machine, where none limits", () =>
    onMachine(
      { "/proc/self/cgroup": "0::/user.slice\n", ...files(["/sys/fs/cgroup/user.slice"]) },
      both,
      ({ capacity, pass }) =>
        Effect.gen(function* () {
          yield* pass(1)
          assert.deepStrictEqual(yield* paths("cpu"), ["/sys/fs/cgroup/user.slice/cpu.pressure", machineCpu])
          yield* pass(1, { "/sys/fs/cgroup/user.slice/cpu.pressure": 0.6 })
          assert.strictEqual(yield* capacity("cpu"), 5)
        })
    )
  )

  it.effect("on the machine, where no group tells", () =>
    onMachine(Machine.service, both, ({ capacity, pass }) =>
      Effect.gen(function* () {
        yield* pass(1)
        assert.deepStrictEqual(yield* paths("memory"), [machineMemory])
        yield* pass(1, { [machineMemory]: 0.6 })
        assert.strictEqual(yield* capacity("memory"), Math.floor(4 * gibibyte * 0.7))
      })
    )
  )

  it.effect("of input and output where that was asked for", () =>
    onMachine({}, { ...both, pressure: { io: { full: 0.6 } } }, ({ capacity, pass }) =>
      Effect.gen(function* () {
        yield* pass(1)
        assert.deepStrictEqual(yield* paths("io"), ["/proc/pressure/io"])
        yield* pass(1, { "/proc/pressure/io": [1, 0.7] })
        assert.deepStrictEqual([yield* capacity("cpu"), yield* capacity("memory")], [5, 16 * gibibyte])
      })
    )
  )

  it.effect("by files whose counters went back: nothing is known, nothing changes", () =>
    onMachine({}, both, ({ capacity, pass, texts }) =>
      Effect.gen(function* () {
        texts.set(machineCpu, Machine.pressureText(100_000))
        yield* pass(1)
        texts.set(machineCpu, Machine.pressureText(10))
        yield* pass(1)
        assert.deepStrictEqual(yield* paths("cpu"), [])
        assert.strictEqual(yield* capacity("cpu"), 8)
        yield* pass(1)
        assert.deepStrictEqual(yield* paths("cpu"), [machineCpu])
      })
    )
  )
})

describe("A kernel that reports no pressure", () => {
  const without = (options: Host.HostOptions, change: (world: ReturnType<typeof Machine.inMemory>) => void) =>
    Effect.gen(function* () {
      const memory = Machine.inMemory(Machine.calm)
      change(memory)
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => {
        logged.push(String(Array.isArray(message) ? message[0] : message))
      })
      const answer = yield* Effect.gen(function* () {
        return yield* (yield* HostPressure).status
      }).pipe(
        Effect.provide(Host.layerNoDeps(options).pipe(Layer.provideMerge(ResourceManager.layer()))),
        Effect.provide([memory.layer, Logger.layer([logger]), Layer.succeed(OperatingSystem, Machine.system)]),
        Effect.result
      )
      return { answer, logged }
    })

  const changes: ReadonlyArray<
    readonly [string, "missing" | "unreadable" | "malformed", (world: ReturnType<typeof Machine.inMemory>) => void]
  > = [
    ["has no such file", "missing", ({ texts }) => texts.delete(machineMemory)],
    ["may not be asked", "unreadable", ({ denied }) => denied.add(machineMemory)],
    ["says something else", "malformed", ({ texts }) => texts.set(machineMemory, "none\n")]
  ]

  it.effect.each(changes)("%s: fails the layer where pressure was asked for", ([, reason, change]) =>
    Effect.gen(function* () {
      for (const pressure of [true, {}, { required: true }]) {
        const { answer } = yield* without({ pressure }, change)
        if (answer._tag === "Success") return assert.fail("the layer was built")
        assert.instanceOf(answer.failure, HostUnreadable)
        assert.deepInclude({ ...answer.failure }, { reason, path: machineMemory })
        assert.include(answer.failure.message, machineMemory)
      }
    })
  )

  it.effect.each(changes)("%s: is told and done without where it was not", ([, , change]) =>
    Effect.gen(function* () {
      for (const pressure of ["auto", { required: false }] as const) {
        const { answer, logged } = yield* without({ pressure }, change)
        assert.isTrue(answer._tag === "Success" && answer.success === undefined)
        assert.strictEqual(logged.length, 1)
        assert.include(logged[0], `the pools do not follow pressure: ${machineMemory}`)
      }
    })
  )

  it.effect("is not asked unless told to", () =>
    Effect.gen(function* () {
      for (const options of [{}, { pressure: false }]) {
        const { answer, logged } = yield* without(options, ({ denied, texts }) => {
          for (const path of texts.keys()) denied.add(path)
        })
        assert.isTrue(answer._tag === "Success" && answer.success === undefined)
        assert.deepStrictEqual(logged, [])
      }
    })
  )

  it.effect("later: keeps the pools as they are, and says so once", () =>
    onMachine({}, both, ({ capacity, denied, logged, pass }) =>
      Effect.gen(function* () {
        yield* pass(2)
        yield* pass(1, { [machineCpu]: 1 })
        denied.add(machineCpu)
        yield* pass(300)
        assert.strictEqual(yield* capacity("cpu"), 5)
        assert.deepStrictEqual(
          logged.filter((line) => line.startsWith("Warn")).map((line) => line.slice(0, 85)),
          ["Warn @resource-manager/plugin-host: pressure cannot be read, the pools stay as they a"]
        )
        denied.delete(machineCpu)
        yield* pass(60)
        assert.strictEqual(yield* capacity("cpu"), 8)
      })
    )
  )
})

describe("Options of pressure", () => {
  const wrong: ReadonlyArray<readonly [string, PressureOptions]> = [
    ["interval", { interval: "1 millis" }],
    ["interval", { interval: Infinity }],
    ["cpu.some", { cpu: { some: 0 } }],
    ["cpu.some", { cpu: { some: 50 } }],
    ["memory.full", { memory: { full: 1 } }],
    ["io.some", { io: { some: Number.NaN } }],
    ["calm", { calm: 1 }],
    ["calm", { calm: -0.1 }],
    ["shrinkBy", { shrinkBy: 1 }],
    ["shrinkBy", { shrinkBy: 0 }],
    ["floor", { floor: 0 }],
    ["floor", { floor: 1.5 }],
    ["coolDown", { coolDown: Infinity }],
    ["recovery", { recovery: 0 }]
  ]
  it.effect.each(wrong)("refuses %s of %j", ([option, pressure]) =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(onMachine({}, { pressure }, () => Effect.void))
      assert.instanceOf(error, InvalidHostOption)
      assert.strictEqual(error.option, `pressure.${option}`)
    })
  )

  it.effect("refuses pressure that nothing can cause", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(onMachine({}, { pressure: { cpu: false, memory: false } }, () => Effect.void))
      assert.instanceOf(error, InvalidHostOption)
      assert.strictEqual(error.option, "pressure")
    })
  )

  it.effect("reads only what counts", () =>
    onMachine({}, { pressure: { cpu: false, memory: { full: 0.5 } } }, ({ capacity, pass }) =>
      Effect.gen(function* () {
        yield* pass(5, { [machineCpu]: 1, [machineMemory]: [1, 0.5] })
        assert.strictEqual(yield* capacity("cpu"), 8)
        const status = yield* (yield* HostPressure).status
        assert.deepStrictEqual(
          status?.readings.map(({ path }) => path),
          [machineMemory]
        )
        yield* pass(1, { [machineMemory]: [1, 0.51] })
        assert.strictEqual(yield* capacity("cpu"), 5)
      })
    )
  )
})
