/**
 * Points in time as traces write them: seconds as a number, or ISO 8601 with a
 * blank or a `T`, any number of decimals, and a zone. Without a zone it is UTC:
 * only differences count, and no trace should depend on where it is replayed.
 */
import { readNumber } from "./reader.ts"

const pattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,18}))?)?\s*(Z|z|UTC|[+-]\d{2}:?\d{2})?)?$/

const zoneMinutes = (zone: string | undefined): number => {
  if (zone === undefined || !/^[+-]/.test(zone)) return 0
  const digits = zone.slice(1).replace(":", "")
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2))
  return zone.startsWith("-") ? -minutes : minutes
}

/** Whole microseconds since 1970, to the nearest; `undefined` where it is no time, or one that no calendar has. */
export const readTimestamp = (text: string): number | undefined => {
  const match = pattern.exec(text)
  if (match === null) {
    const seconds = readNumber(text)
    return seconds === undefined ? undefined : Math.round(seconds * 1e6)
  }
  const [, year, month, day, hour = "00", minute = "00", second = "00", fraction = "", zone] = match
  const [h, m, s] = [Number(hour), Number(minute), Number(second)]
  if (h > 23 || m > 59 || s > 60) return undefined
  const midnight = Date.UTC(Number(year), Number(month) - 1, Number(day))
  // Date.UTC lets the 31st of February roll over into March.
  const date = new Date(midnight)
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined
  const seconds = midnight / 1000 + h * 3600 + m * 60 + s - zoneMinutes(zone) * 60
  return seconds * 1e6 + Math.round(Number(`0.${fraction === "" ? "0" : fraction}`) * 1e6)
}
