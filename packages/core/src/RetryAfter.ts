/**
 * The value of a `Retry-After` header (RFC 9110, 10.2.3): seconds, or a date in any of
 * the three forms that a recipient has to read (5.6.7). Nothing else is read as one:
 * `Date.parse` takes many strings for dates that are none.
 */

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const dayNames = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
const longDayNames = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
const month = `(?<month>${months.join("|")})`
const time = "(?<hour>\\d\\d):(?<minute>\\d\\d):(?<second>\\d\\d)"

const forms = [
  // Sun, 06 Nov 1994 08:49:37 GMT
  new RegExp(`^${dayNames}, (?<day>\\d\\d) ${month} (?<year>\\d{4}) ${time} GMT$`),
  // Sunday, 06-Nov-94 08:49:37 GMT
  new RegExp(`^${longDayNames}, (?<day>\\d\\d)-${month}-(?<year>\\d\\d) ${time} GMT$`),
  // Sun Nov  6 08:49:37 1994
  new RegExp(`^${dayNames} ${month} (?<day>[ \\d]\\d) ${time} (?<year>\\d{4})$`)
]

/** Milliseconds since the epoch of an HTTP date, or `undefined` where it is none. */
const dateOf = (value: string, nowMillis: number): number | undefined => {
  const parts = forms.map((form) => form.exec(value)?.groups).find((groups) => groups !== undefined)
  if (parts === undefined) return undefined
  const number = (name: string) => Number(parts[name])
  const [day, hour, minute, second] = [number("day"), number("hour"), number("minute"), number("second")]
  const monthAt = months.indexOf(parts["month"] ?? "")
  let year = number("year")
  if ((parts["year"] ?? "").length === 2) {
    // A year that would be more than 50 years ahead is one of the century before.
    const thisYear = new Date(nowMillis).getUTCFullYear()
    year += Math.floor(thisYear / 100) * 100
    if (year > thisYear + 50) year -= 100
  }
  const millis = Date.UTC(year, monthAt, day, hour, minute, second)
  const isReal = hour < 24 && minute < 60 && second < 61 && new Date(Date.UTC(year, monthAt, day)).getUTCDate() === day
  return isReal ? millis : undefined
}

/**
 * How long to wait, in milliseconds: 0 for a date that has passed, `undefined` for a
 * value that is no `Retry-After`. `nowMillis` is the wall clock, since the epoch.
 */
export const parse = (value: string, nowMillis: number): number | undefined => {
  const text = value.trim()
  if (/^\d+$/.test(text)) {
    const millis = Number(text) * 1_000
    return Number.isFinite(millis) ? millis : undefined
  }
  const date = dateOf(text, nowMillis)
  return date === undefined ? undefined : Math.max(0, date - nowMillis)
}
