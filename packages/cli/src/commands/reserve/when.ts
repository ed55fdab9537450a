/** When a window begins, as people say it. */
import * as Result from "effect/Result"

export const instantAllowed = "a time such as 14:30, or an instant such as 2026-12-01T14:30"

/** Milliseconds from now to a time of the clock, the next one, or to an instant in the future. */
export const readInstant = (text: string, nowMillis: number): Result.Result<number, string> => {
  const clock = /^\s*([01]?\d|2[0-3]):([0-5]\d)\s*$/.exec(text)
  if (clock !== null) {
    const date = new Date(nowMillis)
    date.setHours(Number(clock[1]), Number(clock[2]), 0, 0)
    if (date.getTime() <= nowMillis) date.setDate(date.getDate() + 1)
    return Result.succeed(date.getTime() - nowMillis)
  }
  const instant = /^\s*\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}/.test(text)
    ? Date.parse(text.trim().replace(" ", "T"))
    : Number.NaN
  if (Number.isNaN(instant)) return Result.fail(instantAllowed)
  return instant > nowMillis
    ? Result.succeed(instant - nowMillis)
    : Result.fail(`${instantAllowed}, that is still to come`)
}
