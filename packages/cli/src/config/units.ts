/**
 * Amounts, durations and rates as people write them, in files and flags alike.
 * Pure: a value, or what is wrong with the text and what is allowed.
 */
import * as ByteSize from "effect/ByteSize"
import * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Result from "effect/Result"

/** A value, or what would have been allowed. */
export type Read<A> = Result.Result<A, string>

const most = Number.MAX_SAFE_INTEGER

export const unitsAllowed = `a whole number from 0 to ${most}`

export const amountAllowed = `${unitsAllowed}, or a size such as "4GiB" (B, kB, KiB, MB, MiB, GB, GiB, TB, TiB)`

const amountPattern = /^\d+$/
const sizePattern = /^(\d+(?:\.\d+)?) ?(B|kB|KiB|MB|MiB|GB|GiB|TB|TiB|PB|PiB)$/

/** Whether an amount is written in bytes. */
export const isSize = (input: unknown): boolean => typeof input === "string" && sizePattern.test(input.trim())

/** `2`, `"2"`, `"512 MiB"`, `"1.5GiB"`: units of a resource. */
export const readAmount = (input: number | string): Read<number> => {
  if (typeof input === "number") {
    return Number.isSafeInteger(input) && input >= 0 ? Result.succeed(input) : Result.fail(amountAllowed)
  }
  const text = input.trim()
  const value = amountPattern.test(text)
    ? Number(text)
    : sizePattern.test(text)
      ? Option.getOrUndefined(Option.flatMap(ByteSize.fromString(text), ByteSize.toNumber))
      : undefined
  return value !== undefined && Number.isSafeInteger(value) ? Result.succeed(value) : Result.fail(amountAllowed)
}

export const durationAllowed = 'a duration such as "10s", "5 minutes" or "1h 30m" (ms, s, m, h, d)'

const unitMillis = new Map([
  ["ms", 1],
  ["milli", 1],
  ["millis", 1],
  ["millisecond", 1],
  ["milliseconds", 1],
  ["s", 1_000],
  ["sec", 1_000],
  ["second", 1_000],
  ["seconds", 1_000],
  ["m", 60_000],
  ["min", 60_000],
  ["minute", 60_000],
  ["minutes", 60_000],
  ["h", 3_600_000],
  ["hour", 3_600_000],
  ["hours", 3_600_000],
  ["d", 86_400_000],
  ["day", 86_400_000],
  ["days", 86_400_000]
])

const durationPattern = /^(?:\d+(?:\.\d+)? ?[a-z]+(?: (?=\d)|(?=\d)|$))+$/
const durationPart = /(\d+(?:\.\d+)?) ?([a-z]+)/g

const readMillis = (text: string): number | undefined => {
  if (!durationPattern.test(text)) return undefined
  let sum = 0
  for (const [, count, unit = ""] of text.matchAll(durationPart)) sum += Number(count) * (unitMillis.get(unit) ?? NaN)
  return Number.isFinite(sum) ? sum : undefined
}

/** `"5 seconds"`, `"10s"`, `"1h 30m"`. A bare number would leave the unit to guessing, so it is none. */
export const readDuration = (input: string): Read<Duration.Duration> => {
  const millis = readMillis(input.trim())
  return millis === undefined ? Result.fail(durationAllowed) : Result.succeed(Duration.millis(millis))
}

export const priorityAllowed = "a whole number such as 10 or -5, or the name of a class of the order; higher goes first"

/** `10`, `-5`, or the name of a class of priority: whoever has the order knows which there are. */
export const readPriority = (input: string): Read<number | string> => {
  const text = input.trim()
  if (/^[+-]?\d{1,10}$/.test(text)) return Result.succeed(Number(text))
  // A class is not named like a number.
  return text !== "" && Number.isNaN(Number(text)) ? Result.succeed(text) : Result.fail(priorityAllowed)
}

export interface Rate {
  readonly limit: number
  readonly interval: Duration.Duration
  readonly burst?: number
  readonly per?: "unit" | "request"
}

export const rateAllowed = 'LIMIT/INTERVAL[:BURST], such as "60/minute", "100/10s" or "8000/s:20000"'

const ratePattern = /^(\d+) ?\/ ?(\d*(?:\.\d+)?) ?([a-z]+)(?: ?: ?(\d+))?$/

/** `"60/minute"`, `"100/10s"`, `"8000/s:20000"` (with what may be saved up). */
export const readRate = (input: string): Read<Rate> => {
  const [, limitText = "", count = "", unit = "", burstText] = ratePattern.exec(input.trim()) ?? []
  const limit = Number(limitText)
  const burst = burstText === undefined ? undefined : Number(burstText)
  const millis = readMillis(`${count === "" ? "1" : count}${unit}`)
  const isPositive = (value: number) => Number.isSafeInteger(value) && value >= 1
  if (!isPositive(limit) || (burst !== undefined && !isPositive(burst)) || millis === undefined || millis <= 0) {
    return Result.fail(rateAllowed)
  }
  return Result.succeed({ limit, interval: Duration.millis(millis), ...(burst === undefined ? {} : { burst }) })
}

export const tokensAllowed = "a whole number of tokens from 0"

/** Tokens of a language model. */
export const readTokenCount = (text: string): Read<number> => {
  const value = /^\s*\d+\s*$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(value) ? Result.succeed(value) : Result.fail(tokensAllowed)
}
