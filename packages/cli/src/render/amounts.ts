/** Amounts, claims, rates and counts for people. */
import type { Claim } from "@resource-manager/core/Claim"
import type { RateStatistics } from "@resource-manager/core/Statistics"
import { known, make, type ResourceType } from "@resource-manager/core/ResourceType"
import { formatMicros } from "@resource-manager/plugin-llm/Usage"
import { duration } from "./time.ts"

/** How amounts of each type read. */
export type Types = ReadonlyMap<string, ResourceType>

/** The types that a manager tells, on top of those that everybody knows. */
export const typesOf = (types: Iterable<ResourceType>): Types =>
  new Map([...known, ...types].map((type) => [type.name, type]))

/** A type as it crosses a wire. */
export interface TypeFacts {
  readonly name: string
  readonly unit: string
  readonly unitOne: string
}

/** A daemon tells units and no functions: how money reads is known here. */
const formatOf = (unit: string) => (unit === "microdollars" ? { format: formatMicros } : {})

/** The same from a daemon. */
export const typesFrom = (facts: Iterable<TypeFacts>): Types =>
  typesOf(Array.from(facts, ({ name, unit, unitOne }) => make(name, { unit, unitOne, ...formatOf(unit) })))

const typeOf = (types: Types, name: string): ResourceType => types.get(name) ?? make(name)

/** As many units as numbers are exact: what only its rate limits. */
export const isUnlimited = (value: number): boolean => value === Number.MAX_SAFE_INTEGER

/** `2 cores`, `1.5 GiB`. */
export const amount = (types: Types, name: string, value: number): string =>
  isUnlimited(value) ? "unlimited" : typeOf(types, name).format(value)

/** What a claim has of a type. A type may be called as what every object has. */
export const amountIn = (claim: Claim, name: string): number => (Object.hasOwn(claim, name) ? (claim[name] ?? 0) : 0)

const afterLastBlank = (text: string): readonly [string, string] => {
  const at = text.lastIndexOf(" ")
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)]
}

/** `6 / 8 cores`, `512 MiB / 4 GiB`: the unit once where it is the same. */
export const amountOf = (types: Types, name: string, value: number, total: number): string => {
  const part = amount(types, name, value)
  const whole = amount(types, name, total)
  const [figure, unit] = afterLastBlank(part)
  const [, wholeUnit] = afterLastBlank(whole)
  // `1 core / 8 cores`, `0 holders / 1 holder`: the one is the beginning of the many.
  const isPlural = (value === 1 && wholeUnit.startsWith(unit)) || (total === 1 && unit.startsWith(wholeUnit))
  const same = unit !== "" && wholeUnit !== "" && (wholeUnit === unit || isPlural)
  return `${same ? figure : part} / ${whole}`
}

/** `cpu 2, memory 4 GiB`: what is counted by ones without its unit. */
export const claimShort = (types: Types, claim: Claim): string =>
  Object.entries(claim)
    .map(([name, value]) => {
      const text = amount(types, name, value)
      const counted = typeOf(types, name).unit !== "bytes" && text.startsWith(`${value} `)
      return `${name} ${counted ? value : text}`
    })
    .join(", ")

/** `2 cores of cpu and 4 GiB of memory`, for sentences. */
export const claimLong = (types: Types, claim: Claim): string => {
  const parts = Object.entries(claim).map(([name, value]) => `${amount(types, name, value)} of ${name}`)
  return parts.length === 0 ? "nothing" : parts.join(", ").replace(/, ([^,]*)$/, " and $1")
}

const byteUnits = [
  [1024 ** 4, "TiB"],
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"]
] as const

/** An amount as a command takes it: exact, `4GiB` where bytes come out even. */
export const amountArgument = (types: Types, name: string, value: number): string => {
  if (typeOf(types, name).unit !== "bytes") return String(value)
  const even = byteUnits.find(([size]) => value >= size && value % size === 0)
  return even === undefined ? String(value) : `${value / even[0]}${even[1]}`
}

/** `1,234,567` */
export const count = (value: number): string =>
  Number.isSafeInteger(value) ? String(value).replace(/\B(?=(\d{3})+$)/g, ",") : String(value)

/** `1 lease`, `2 leases`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

/** A frequency: `0`, `0.4`, `12`, `1,234`. */
export const frequency = (value: number): string => {
  if (!Number.isFinite(value)) return "?"
  const tenths = Math.round(value * 10) / 10
  return tenths < 10 ? String(tenths) : count(Math.round(value))
}

export const percent = (value: number): string => (Number.isFinite(value) ? `${Math.round(value)} %` : "?")

const intervals: Readonly<Record<number, string>> = {
  1_000: "s",
  60_000: "min",
  3_600_000: "h",
  86_400_000: "d"
}

/** Longer than anybody writes: a share of a rate, in thousandths, has an interval a thousand times as long. */
const shareIntervalMillis = 600_000

/** The same in a shorter time, where that comes out even. */
const shortened = (rate: Pick<RateStatistics, "intervalMillis" | "limit">) => {
  const { intervalMillis, limit } = rate
  if (intervalMillis < shareIntervalMillis || intervals[intervalMillis] !== undefined) return rate
  const even = Object.keys(intervals)
    .map(Number)
    .find((interval) => Number.isSafeInteger(limit * interval) && (limit * interval) % intervalMillis === 0)
  return even === undefined ? rate : { intervalMillis: even, limit: (limit * even) / intervalMillis }
}

/** `50/s`, `20/min`, `3 per 2.5 s`. */
export const rateText = (rate: Pick<RateStatistics, "intervalMillis" | "limit">): string => {
  const { intervalMillis, limit } = shortened(rate)
  const unit = intervals[intervalMillis]
  return unit === undefined ? `${count(limit)} per ${duration(intervalMillis)}` : `${count(limit)}/${unit}`
}
