/** Durations and instants for people. */

const second = 1_000
const minute = 60 * second
const hour = 60 * minute
const day = 24 * hour

const two = (large: number, largeUnit: string, small: number, smallUnit: string): string =>
  small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`

/**
 * A duration in at most two units: `340 ms`, `3.2 s`, `45 s`, `2 min 5 s`,
 * `3 h 12 min`, `4 d 2 h`. Rounded before the unit is chosen, so never `60 s`.
 */
export const duration = (millis: number): string => {
  if (Number.isNaN(millis)) return "?"
  if (millis === Infinity) return "for ever"
  const whole = Math.max(0, Math.round(millis))
  if (whole < second) return `${whole} ms`
  const tenths = Math.round(whole / 100)
  if (tenths < 100) return `${tenths / 10} s`
  const seconds = Math.round(whole / second)
  if (seconds < 60) return `${seconds} s`
  if (seconds < hour / second) return two(Math.floor(seconds / 60), "min", seconds % 60, "s")
  const minutes = Math.round(whole / minute)
  if (minutes < day / minute) return two(Math.floor(minutes / 60), "h", minutes % 60, "min")
  const hours = Math.round(whole / hour)
  return two(Math.floor(hours / 24), "d", hours % 24, "h")
}

/** Whose clock instants are read by. */
export type Zone = "local" | "utc"

const digits = (value: number, count: number): string => String(value).padStart(count, "0")

const shifted = (epochMillis: number, zone: Zone): Date => {
  const date = new Date(epochMillis)
  return zone === "utc" ? date : new Date(epochMillis - date.getTimezoneOffset() * minute)
}

const isInstant = (epochMillis: number): boolean => Math.abs(epochMillis) <= 8.64e15 - day

/** `2026-11-23 14:03:12.345` */
export const wallTime = (epochMillis: number, zone: Zone): string => {
  if (!isInstant(epochMillis)) return "?"
  const date = shifted(epochMillis, zone)
  const calendar = `${digits(date.getUTCFullYear(), 4)}-${digits(date.getUTCMonth() + 1, 2)}-${digits(date.getUTCDate(), 2)}`
  return `${calendar} ${clockTime(epochMillis, zone)}.${digits(date.getUTCMilliseconds(), 3)}`
}

/** `14:03:12` */
export const clockTime = (epochMillis: number, zone: Zone): string => {
  if (!isInstant(epochMillis)) return "?"
  const date = shifted(epochMillis, zone)
  return [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map((part) => digits(part, 2)).join(":")
}
