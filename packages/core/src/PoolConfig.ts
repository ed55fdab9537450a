/** What a pool is made of, as a program or a plugin states it, and its check. */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Amount } from "./Amount.ts"
import type { InvalidCapacity, InvalidRate } from "./Errors.ts"
import { readDuration } from "./internal/claimOptions.ts"
import { invalidCapacity, invalidRate } from "./internal/refusal.ts"
import type { Rate } from "./ledger/Bucket.ts"
import { wholeNumber, isAmount } from "./ledger/Claim.ts"
import type { PoolOptions } from "./ledger/Pool.ts"
import type { ResourceType } from "./ResourceType.ts"

export interface RateConfig {
  /** Tokens that accrue in one interval. */
  readonly limit: number
  /** Default one second. */
  readonly interval?: Duration.Input
  /** The most tokens that can be saved up. The pool's capacity unless set. */
  readonly burst?: number
  /** What a token pays for: one `"unit"` of the amount (default), or one `"request"` of any amount. */
  readonly per?: "unit" | "request"
}

export interface PoolConfig {
  /** Units to hand out. */
  readonly capacity: Amount
  /** The least that scaling and `setCapacity` may set. Default 0. */
  readonly min?: Amount
  /** The most that scaling and `setCapacity` may set. Unless set, nothing scales the pool, and its capacity of the moment is the most that a claim may ask for. */
  readonly max?: Amount
  readonly rate?: RateConfig
  /** How amounts read. Unless given, that of the known type of this name, or `3 units`. */
  readonly type?: ResourceType
}

/** What a new capacity comes with. */
export interface CapacityOptions {
  /** What the pool may have again: claims up to it wait. Unless given, what the pool was defined with. */
  readonly max?: Amount | undefined
  /** Why it changes, for people: shown with the pool until the next change. */
  readonly note?: string | undefined
}

export const readCapacity = (
  resourceType: string,
  field: string,
  value: number,
  bounds: { readonly min: number; readonly max: number }
): Effect.Effect<number, InvalidCapacity> => {
  if (!isAmount(value)) return Effect.fail(invalidCapacity(resourceType, field, value, wholeNumber))
  return value >= bounds.min && value <= bounds.max
    ? Effect.succeed(value)
    : Effect.fail(invalidCapacity(resourceType, field, value, `${bounds.min} to ${bounds.max}, the pool's bounds`))
}

const positive = "a whole number from 1 to 9007199254740991"

export const readRate = (resourceType: string, config: RateConfig): Effect.Effect<Rate, InvalidRate> => {
  const bad = (field: string, value: unknown, allowed: string) =>
    Effect.fail(invalidRate(resourceType, `rate.${field}`, value, allowed))
  const isPositive = (value: number) => isAmount(value) && value > 0
  if (!isPositive(config.limit)) return bad("limit", config.limit, positive)
  if (config.burst !== undefined && !isPositive(config.burst)) return bad("burst", config.burst, positive)
  const per = config.per ?? "unit"
  if (per !== "unit" && per !== "request") return bad("per", per, '"unit" or "request"')
  const intervalMicros = readDuration("interval", config.interval ?? "1 second")
  if (typeof intervalMicros !== "number" || !isPositive(intervalMicros)) {
    return bad("interval", config.interval, 'a finite duration of at least a microsecond, such as "1 second"')
  }
  return Effect.succeed({ limit: config.limit, intervalMicros, burst: config.burst, per })
}

/** Checks a configuration. `scales`: whether anything can grow the pool; without, its maximum is its capacity. */
export const read = Effect.fnUntraced(function* (
  name: string,
  config: PoolConfig,
  scales: boolean
): Effect.fn.Return<PoolOptions, InvalidCapacity | InvalidRate> {
  const unbounded = { min: 0, max: Number.MAX_SAFE_INTEGER }
  const minCapacity = yield* readCapacity(name, "min", config.min ?? 0, unbounded)
  const max = yield* readCapacity(name, "max", config.max ?? unbounded.max, { ...unbounded, min: minCapacity })
  const capacity = yield* readCapacity(name, "capacity", config.capacity, { min: minCapacity, max })
  const rate = config.rate === undefined ? undefined : yield* readRate(name, config.rate)
  return { capacity, minCapacity, maxCapacity: config.max !== undefined && scales ? max : undefined, rate }
})
