/** What a daemon logs: a line for each, on standard error, which is its log file where it runs in the background. */
import * as Cause from "effect/Cause"
import * as Logger from "effect/Logger"
import { printableLine } from "../printable.ts"

const textOf = (message: unknown): string => {
  const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
  return parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ")
}

const lineLogger = Logger.make(({ cause, date, logLevel, message }): void => {
  const said = printableLine(textOf(message))
  const why = cause.reasons.length === 0 ? "" : `\n${Cause.pretty(cause)}`
  process.stderr.write(`${date.toISOString()} ${logLevel.toLowerCase().padEnd(5)} ${said}${why}\n`)
})

export const layerLog = Logger.layer([lineLogger])
