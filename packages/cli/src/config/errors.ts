/** Why settings were not taken. */
import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { exitCodes } from "../exitCodes.ts"
import { printable } from "../printable.ts"

/** The file cannot be read at all. */
export class ConfigUnreadable extends Schema.TaggedError<ConfigUnreadable>()("ConfigUnreadable", {
  file: Schema.String,
  reason: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = exitCodes.input
  override get message() {
    return printable(`${this.file}: ${this.reason}`)
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

/** What the file says makes no sense: everything that is wrong with it, in the order of the file. */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  file: Schema.String,
  problems: Schema.Array(
    Schema.Struct({
      /** Of the field, as `pools.cpu.capacity`; empty where it is the whole file. */
      path: Schema.String,
      line: Schema.optionalKey(Schema.Number),
      column: Schema.optionalKey(Schema.Number),
      message: Schema.String
    })
  )
}) {
  override readonly [Runtime.errorExitCode] = exitCodes.input
  override get message() {
    const lines = this.problems.map(({ column, line, message, path }) => {
      const place = line === undefined ? this.file : `${this.file}:${line}:${column ?? 1}`
      return path === "" ? `${place}: ${message}` : `${place}: ${path}: ${message}`
    })
    return printable(lines.join("\n"))
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}
