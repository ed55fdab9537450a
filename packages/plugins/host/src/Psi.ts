/**
 * Reads the kernel's pressure stall information: how much of the time tasks could
 * not go on because a resource was short. Pure: text in, numbers out.
 *
 * Only `total` counts, the microseconds stalled so far. The difference of two
 * readings over the time between them is exactly the share of that time that was
 * lost: it forgets at once what is over, and misses nothing in between. The
 * `avg10` beside it is an average that decays over ten seconds and is brought up to
 * date every two, so it would shrink the pools late and keep them small for long.
 */
import * as Result from "effect/Result"
import type { Parsed } from "./HostLimits.ts"

/** What the kernel measures the pressure of. */
export type Kind = "cpu" | "memory" | "io"

/** `some`: at least one task was stalled. `full`: all that were not idle were, so nothing got done. */
export type Extent = "some" | "full"

/** Time stalled up to now, in microseconds. */
export interface Stalls {
  readonly someMicros: number
  /** None for `cpu` before Linux 5.13. */
  readonly fullMicros: number | undefined
}

/** The share of the time between two readings that was lost, from 0 to 1. */
export interface Shares {
  readonly some: number
  readonly full: number | undefined
}

const totalOf = (text: string, extent: Extent): number | undefined => {
  const digits = new RegExp(`^${extent} (?:avg\\d+=\\d+\\.\\d+ )+total=(\\d+)$`, "m").exec(text)?.[1]
  const micros = digits === undefined ? undefined : Number(digits)
  // Past the safe integers are 285 years of stalls: no machine's.
  return micros === undefined || Number.isSafeInteger(micros) ? micros : undefined
}

/** A file of pressure: `/proc/pressure/memory`, or a group's `memory.pressure`. */
export const parsePressure = (text: string): Parsed<Stalls> => {
  const someMicros = totalOf(text, "some")
  const fullMicros = totalOf(text, "full")
  if (someMicros === undefined || (fullMicros === undefined && /^full/m.test(text))) {
    const found = JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
    return Result.fail(`expected lines "some" and "full" with averages and a total, found ${found}`)
  }
  return Result.succeed({ someMicros, fullMicros })
}

/** The shortest time between two readings that says something. */
export const elapsedMicrosMin = 1_000

const share = (before: number, after: number, elapsedMicros: number): number =>
  // Stalls that are still going on are counted up to the reading, the clock is read after: never much over 1.
  Math.min(1, (after - before) / elapsedMicros)

/** None where too little time went by, or where a counter went back: then it is of another group by the same name. */
export const sharesBetween = (before: Stalls, after: Stalls, elapsedMicros: number): Shares | undefined => {
  if (elapsedMicros < elapsedMicrosMin || after.someMicros < before.someMicros) return undefined
  const some = share(before.someMicros, after.someMicros, elapsedMicros)
  if (before.fullMicros === undefined || after.fullMicros === undefined) return { some, full: undefined }
  if (after.fullMicros < before.fullMicros) return undefined
  return { some, full: share(before.fullMicros, after.fullMicros, elapsedMicros) }
}
