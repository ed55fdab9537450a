/** When pressure shrinks the pools, and how: the options, their defaults and their check. */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { invalid, type InvalidHostOption } from "./HostErrors.ts"
import type { Limit, Policy } from "./Pressure.ts"
import type { Extent, Kind } from "./Psi.ts"

/** The shares of time lost, over 0 up to below 1, above which there is pressure. One that is not given does not count. */
export interface PressureThresholds {
  /** At least one task was stalled. */
  readonly some?: number
  /** All tasks that were not idle were stalled. */
  readonly full?: number
}

/** The pools that pressure can shrink. */
export type PressedPool = "cpu" | "memory"

export interface PressureOptions {
  /** Time between readings. Default 1 second. */
  readonly interval?: Duration.Input
  /**
   * Whether the layer fails where the kernel reports no pressure. Default `true`: it
   * was asked for. Otherwise that is logged, and the pools do without.
   */
  readonly required?: boolean
  /** Default `{ some: 0.5 }`. `false`: does not count. */
  readonly cpu?: PressureThresholds | false
  /** Default `{ some: 0.1, full: 0.02 }`. `false`: does not count. */
  readonly memory?: PressureThresholds | false
  /** Default `false`: does not count. */
  readonly io?: PressureThresholds | false
  /** What shrinks which pool. Default `{ cpu: ["cpu", "memory", "io"], memory: ["memory"] }`. */
  readonly pools?: { readonly [Pool in PressedPool]?: ReadonlyArray<Kind> }
  /** A reading is calm up to this fraction of its threshold, from 0 to below 1. Default 0.5. */
  readonly calm?: number
  /** What one reading over a threshold leaves of the capacity, over 0 and below 1. Default 0.7. */
  readonly shrinkBy?: number
  /** The fraction of the capacity that is always handed out, over 0 up to 1. Default 0.25. */
  readonly floor?: number
  /** How long no reading must be over before it grows again. Default 10 seconds. */
  readonly coolDown?: Duration.Input
  /** How long growing from nothing to all takes. Default 1 minute. */
  readonly recovery?: Duration.Input
}

/** The options, checked. */
export interface PressureConfig {
  readonly interval: Duration.Duration
  readonly required: boolean
  readonly policies: Readonly<Record<PressedPool, Policy>>
  /** What has to be read. */
  readonly kinds: ReadonlyArray<Kind>
}

const kinds: ReadonlyArray<Kind> = ["cpu", "memory", "io"]
const extents: ReadonlyArray<Extent> = ["some", "full"]
const pressedPools: ReadonlyArray<PressedPool> = ["cpu", "memory"]

const defaultThresholds = { cpu: { some: 0.5 }, memory: { some: 0.1, full: 0.02 }, io: false } as const
const defaultPools = { cpu: kinds, memory: ["memory"] } as const

const between = (option: string, value: number, within: (value: number) => boolean, allowed: string) =>
  within(value) ? Effect.succeed(value) : Effect.fail(invalid(`pressure.${option}`, value, allowed))

const fraction = (option: string, value: number) =>
  between(option, value, (share) => share > 0 && share < 1, "a fraction over 0 and below 1")

const duration = (option: string, input: Duration.Input, min: number) => {
  const found = Option.getOrUndefined(Duration.fromInput(input))
  return found !== undefined && Duration.isFinite(found) && Duration.toMillis(found) >= min
    ? Effect.succeed(found)
    : Effect.fail(invalid(`pressure.${option}`, input, `a finite duration of at least ${min} ms, such as "10 seconds"`))
}

/** The shortest time between readings: below it, looking would itself be a load. */
export const intervalMillisMin = 50

const readLimits = Effect.fnUntraced(function* (options: PressureOptions, calm: number) {
  const limits: Array<Limit> = []
  for (const kind of kinds) {
    const thresholds = options[kind] ?? defaultThresholds[kind]
    if (thresholds === false) continue
    for (const extent of extents) {
      const given: PressureThresholds = thresholds
      const share = given[extent]
      if (share === undefined) continue
      const over = yield* fraction(`${kind}.${extent}`, share)
      limits.push({ kind, extent, over, calm: over * calm })
    }
  }
  return limits
})

export const read = Effect.fnUntraced(function* (
  options: PressureOptions
): Effect.fn.Return<PressureConfig, InvalidHostOption> {
  const calm = yield* between("calm", options.calm ?? 0.5, (share) => share >= 0 && share < 1, "0 to below 1")
  const limits = yield* readLimits(options, calm)
  const shared = {
    shrinkBy: yield* fraction("shrinkBy", options.shrinkBy ?? 0.7),
    floor: yield* between("floor", options.floor ?? 0.25, (share) => share > 0 && share <= 1, "over 0 up to 1"),
    coolDownMicros: Duration.toMicros(yield* duration("coolDown", options.coolDown ?? "10 seconds", 0)),
    growthPerSecond: 1 / Duration.toSeconds(yield* duration("recovery", options.recovery ?? "1 minute", 1))
  }
  const policy = (pool: PressedPool): Policy => {
    const acting: ReadonlyArray<Kind> = options.pools?.[pool] ?? defaultPools[pool]
    return { ...shared, limits: limits.filter(({ kind }) => acting.includes(kind)) }
  }
  for (const [pool, named] of Object.entries(options.pools ?? {})) {
    if (!pressedPools.some((known) => known === pool)) {
      return yield* invalid("pressure.pools", pool, pressedPools.join(", "))
    }
    const unknown = named.find((kind) => !kinds.includes(kind))
    if (unknown !== undefined) return yield* invalid(`pressure.pools.${pool}`, unknown, kinds.join(", "))
  }
  if (limits.length === 0) {
    return yield* invalid("pressure", "without a threshold", `a threshold of at least one of ${kinds.join(", ")}`)
  }
  const policies = { cpu: policy("cpu"), memory: policy("memory") }
  const acting = [...policies.cpu.limits, ...policies.memory.limits]
  return {
    interval: yield* duration("interval", options.interval ?? "1 second", intervalMillisMin),
    required: options.required ?? true,
    policies,
    kinds: kinds.filter((kind) => acting.some((limit) => limit.kind === kind))
  }
})
