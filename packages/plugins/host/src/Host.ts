/**
 * The machine that the process runs on, as pools: `cpu` in whole cores, `memory` in
 * bytes, `fileHandles` of this process.
 *
 * 1. Capacities are what the process may really use: the smallest limit of its
 *    cgroups (v2), else what the operating system has, less what is kept back.
 * 2. They are read again at every interval and change with the machine. Shrinking
 *    takes nothing from anybody: it shows as leases return.
 * 3. At the start, a file that cannot be read or understood fails the layer with
 *    `HostUnreadable`. Later it is logged once, and the capacity stays as it was
 *    until the file can be read again.
 * 4. Under pressure, if that is asked for, `cpu` and `memory` hand out a fraction of
 *    it. Claims up to the whole wait for that to pass.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { Plugin, type RateConfig, ResourceType } from "@resource-manager/core"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { type HostUnreadable, invalid, type InvalidHostOption } from "./HostErrors.ts"
import * as HostFiles from "./HostFiles.ts"
import { capacityOf, type Portion } from "./HostLimits.ts"
import { HostPressure, make as makePressure, off } from "./HostPressure.ts"
import * as HostSource from "./HostSource.ts"
import { pressedChanges } from "./PressedCapacity.ts"
import * as PressureOptions from "./PressureOptions.ts"

/** The plugin, as errors name it. */
export const name = "@resource-manager/plugin-host"

export interface HostPoolOptions {
  /** The fraction of what there is that the pool hands out, over 0 up to 1. Default 1. */
  readonly share?: number
  /** Units kept back for the rest of the machine, after the share was taken. Default 0. */
  readonly reserve?: number
  /** The least capacity, however little there is. Default 1 core, else 0. */
  readonly min?: number
  /** The most capacity, however much there is. No bound unless given. */
  readonly max?: number
  /** How fast units may be taken. Unlimited unless given. */
  readonly rate?: RateConfig
}

export type HostPool = "cpu" | "memory" | "fileHandles"

export interface HostOptions {
  /** The pools to offer, with options of each. All three unless given. */
  readonly pools?: { readonly [Name in HostPool]?: HostPoolOptions }
  /** Time between readings. Default 5 seconds. */
  readonly interval?: Duration.Input
  /**
   * Whether `cpu` and `memory` shrink while the kernel reports pressure. `"auto"`: where
   * it reports any; `true` and options fail the layer where it does not. Default `false`.
   */
  readonly pressure?: boolean | "auto" | PressureOptions.PressureOptions
  /** The directory that holds `proc` and `sys`. Default `/`. */
  readonly root?: string
}

const order: ReadonlyArray<HostPool> = ["cpu", "memory", "fileHandles"]

const types = { cpu: ResourceType.cpu, memory: ResourceType.memory, fileHandles: ResourceType.fileHandles }

const amount = "a whole number from 0 to 9007199254740991"

const readPortion = Effect.fnUntraced(function* (
  pool: HostPool,
  options: HostPoolOptions
): Effect.fn.Return<Portion, InvalidHostOption> {
  const { max = Number.MAX_SAFE_INTEGER, min = pool === "cpu" ? 1 : 0, reserve = 0, share = 1 } = options
  if (!(share > 0 && share <= 1)) return yield* invalid(`${pool}.share`, share, "a fraction over 0 up to 1")
  for (const [field, value] of Object.entries({ reserve, min, max })) {
    if (!Number.isSafeInteger(value) || value < 0) return yield* invalid(`${pool}.${field}`, value, amount)
  }
  if (max < min) return yield* invalid(`${pool}.max`, max, `at least the minimum, ${min}`)
  return { share, reserve, min, max }
})

const readInterval = (input: Duration.Input) => {
  const interval = Option.getOrUndefined(Duration.fromInput(input))
  return interval !== undefined && Duration.isFinite(interval) && Duration.toMillis(interval) >= 1
    ? Effect.succeed(interval)
    : Effect.fail(invalid("interval", input, 'a finite duration of at least a millisecond, such as "5 seconds"'))
}

/** The capacities after `initial`, one at every interval in which it changed. */
const changesOf = (
  pool: HostPool,
  initial: number,
  interval: Duration.Duration,
  capacity: Effect.Effect<number, HostUnreadable>
) => {
  let readable = true
  const reading = Effect.matchEffect(Effect.delay(capacity, interval), {
    onSuccess: (units) => {
      readable = true
      return Effect.succeed<number | undefined>(units)
    },
    onFailure: (error) => {
      if (!readable) return Effect.undefined
      readable = false
      return Effect.as(Effect.logWarning(`${name}: ${pool} keeps its capacity: ${error.message}`), undefined)
    }
  })
  return Stream.unfold(initial, (last) =>
    Effect.gen(function* () {
      while (true) {
        const units = yield* reading
        if (units !== undefined && units !== last) return [units, units] as const
      }
    })
  )
}

const pluginPool = Effect.fnUntraced(function* (
  pool: HostPool,
  options: HostPoolOptions,
  source: HostSource.Source,
  interval: Duration.Duration,
  pressure: HostPressure["Service"]
) {
  const portion = yield* readPortion(pool, options)
  const capacity = Effect.map(source.available, (available) => capacityOf(available, portion))
  const initial = yield* capacity
  const measured = changesOf(pool, initial, interval, capacity)
  const described: Plugin.PluginPool = {
    type: types[pool],
    capacity: initial,
    changes:
      pool === "fileHandles"
        ? measured
        : pressedChanges(name, { pool, type: types[pool], initial, min: portion.min }, measured, pressure.changes),
    // What could be read at the start and cannot any more is no figure: a defect, with the file in it.
    ...(source.used === undefined ? {} : { measure: Effect.orDie(source.used) }),
    ...(options.rate === undefined ? {} : { rate: options.rate })
  }
  return described
})

const readPressure = Effect.fnUntraced(function* (
  option: NonNullable<HostOptions["pressure"]>,
  files: HostFiles.HostFiles,
  sources: HostSource.Sources,
  interval: Duration.Duration
) {
  if (option === false) return off
  const options = option === true ? {} : option === "auto" ? { required: false } : option
  const config = yield* PressureOptions.read(options)
  const made = makePressure(name, config, files, sources, interval)
  if (config.required) return yield* made
  return yield* Effect.catchTag(made, "HostUnreadable", (error) =>
    Effect.as(Effect.logInfo(`${name}: the pools do not follow pressure: ${error.message}`), off)
  )
})

/** The same over any file system: for tests, and for another platform's. */
export const layerNoDeps = (options: HostOptions = {}) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const interval = yield* readInterval(options.interval ?? "5 seconds")
      const chosen = options.pools ?? { cpu: {}, memory: {}, fileHandles: {} }
      const unknown = Object.keys(chosen).find((key) => !order.some((pool) => pool === key))
      if (unknown !== undefined) return yield* invalid("pools", unknown, order.join(", "))
      const named = order.filter((pool) => chosen[pool] !== undefined)
      if (named.length === 0) return yield* invalid("pools", "empty", `at least one of ${order.join(", ")}`)
      const files = yield* HostFiles.make(options.root ?? "/")
      const sources = yield* HostSource.make(files)
      const pressure = yield* readPressure(options.pressure ?? false, files, sources, interval)
      const pools = yield* Effect.forEach(named, (pool) =>
        pluginPool(pool, chosen[pool] ?? {}, sources[pool], interval, pressure)
      )
      return Layer.merge(Plugin.layer({ name, pools }), Layer.succeed(HostPressure, pressure))
    })
  )

/** Offers this machine to the manager that it is provided to, and tells of the pressure on it. */
export const layer = (options: HostOptions = {}) => Layer.provide(layerNoDeps(options), NodeFileSystem.layer)
