/**
 * Which pools the workload is replayed through: `--capacity 256`, or
 * `--pool slots=34 --pool tokens=unlimited --rate tokens=8000/s:20000`.
 */
import * as Result from "effect/Result"
import { InvalidOption } from "./errors.ts"
import { poolsMax } from "./limits.ts"

export interface RateSpec {
  readonly limit: number
  readonly intervalMicros: number
  readonly burst: number
  /** As it was written. */
  readonly text: string
}

export interface PoolSpec {
  readonly name: string
  /** `Number.MAX_SAFE_INTEGER` where unlimited. */
  readonly capacity: number
  readonly rate: RateSpec | undefined
}

/** The pool of `--capacity`, and of every SWF file. */
export const defaultPoolName = "processors"

export const unlimited = Number.MAX_SAFE_INTEGER

/** What a mapping of CSV columns uses for itself. */
export const reservedNames: ReadonlyArray<string> = ["submit", "run", "estimate", "agent", "priority", "amount"]

const nameOf = /^[A-Za-z][\w.-]{0,63}$/
const ratePattern = /^(\d+)\/(\d*)(us|ms|s|m|h|d)(?::(\d+))?$/
const micros = new Map([
  ["us", 1],
  ["ms", 1_000],
  ["s", 1_000_000],
  ["m", 60_000_000],
  ["h", 3_600_000_000],
  ["d", 86_400_000_000]
])

const wholeNumber = (text: string): number | undefined => {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) && value >= 1 ? value : undefined
}

const capacityAllowed = "NAME=CAPACITY, with a capacity from 1 to 9007199254740991 or `unlimited`"

const readPool = (text: string): Result.Result<readonly [string, number], InvalidOption> => {
  const fail = (allowed: string) => Result.fail(new InvalidOption({ option: "--pool", value: text, allowed }))
  const at = text.indexOf("=")
  const name = text.slice(0, Math.max(at, 0))
  const amount = text.slice(at + 1)
  if (at < 0) return fail(capacityAllowed)
  if (!nameOf.test(name) || reservedNames.includes(name)) {
    return fail(`a name of letters, digits, ".", "_" and "-" that is none of ${reservedNames.join(", ")}`)
  }
  const capacity = amount === "unlimited" ? unlimited : wholeNumber(amount)
  return capacity === undefined ? fail(capacityAllowed) : Result.succeed([name, capacity])
}

const rateAllowed = "NAME=LIMIT/INTERVAL[:BURST], for example tokens=8000/s:20000 (intervals: us, ms, s, m, h, d)"

const readRate = (
  text: string,
  capacities: ReadonlyMap<string, number>
): Result.Result<readonly [string, RateSpec], InvalidOption> => {
  const fail = (allowed: string) => Result.fail(new InvalidOption({ option: "--rate", value: text, allowed }))
  const at = text.indexOf("=")
  const name = text.slice(0, Math.max(at, 0))
  const [, limitText = "", countText = "", unit = "", burstText] = ratePattern.exec(text.slice(at + 1)) ?? []
  const limit = wholeNumber(limitText)
  const intervalMicros = wholeNumber(countText === "" ? "1" : countText)
  const unitMicros = micros.get(unit)
  if (at < 0 || limit === undefined || intervalMicros === undefined || unitMicros === undefined)
    return fail(rateAllowed)
  const capacity = capacities.get(name)
  if (capacity === undefined) {
    const named = [...capacities.keys()].join(", ")
    return fail(`a pool named by --pool or --capacity (${named === "" ? "there is none" : named})`)
  }
  const burst = burstText === undefined ? capacity : wholeNumber(burstText)
  if (burst === undefined) return fail(rateAllowed)
  // A bucket as large as an unlimited pool never runs dry: the rate would not be one.
  if (burst === unlimited) return fail(`a rate with a burst where the pool is unlimited: ${text}:BURST`)
  if (!Number.isSafeInteger(intervalMicros * unitMicros)) return fail("an interval below 285 years")
  return Result.succeed([name, { limit, intervalMicros: intervalMicros * unitMicros, burst, text: text.slice(at + 1) }])
}

export interface PoolFlags {
  readonly capacity: number | undefined
  readonly pools: ReadonlyArray<string>
  readonly rates: ReadonlyArray<string>
}

/** `undefined` where no flag says: then the workload itself may. */
export const readPools = (flags: PoolFlags): Result.Result<ReadonlyArray<PoolSpec> | undefined, InvalidOption> => {
  const capacities = new Map<string, number>()
  const rates = new Map<string, RateSpec>()
  if (flags.capacity !== undefined) capacities.set(defaultPoolName, flags.capacity)
  for (const text of flags.pools) {
    const pool = readPool(text)
    if (Result.isFailure(pool)) return Result.fail(pool.failure)
    const [name, capacity] = pool.success
    if (capacities.has(name)) {
      const allowed = `each pool once (--capacity N is --pool ${defaultPoolName}=N)`
      return Result.fail(new InvalidOption({ option: "--pool", value: text, allowed }))
    }
    capacities.set(name, capacity)
  }
  if (capacities.size > poolsMax) {
    const value = String(capacities.size)
    return Result.fail(new InvalidOption({ option: "--pool", value, allowed: `at most ${poolsMax} pools` }))
  }
  for (const text of flags.rates) {
    const rate = readRate(text, capacities)
    if (Result.isFailure(rate)) return Result.fail(rate.failure)
    rates.set(...rate.success)
  }
  if (capacities.size === 0) return Result.succeed(undefined)
  return Result.succeed([...capacities].map(([name, capacity]) => ({ name, capacity, rate: rates.get(name) })))
}
