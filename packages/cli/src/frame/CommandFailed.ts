/** How a command says that it did not do what it was asked for: one line with what to do, and an exit code. */
import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { type exitCodes } from "../exitCodes.ts"
import { printable } from "../printable.ts"

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

export class CommandFailed extends Schema.TaggedError<CommandFailed>()("CommandFailed", {
  problem: Schema.String,
  code: Schema.Number
}) {
  override get [Runtime.errorExitCode]() {
    return this.code
  }
  override get message() {
    return printable(this.problem)
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

export const failed = (code: ExitCode, problem: string): CommandFailed => new CommandFailed({ code, problem })

/** The same, where what was printed says it all. */
export class Told extends Schema.TaggedError<Told>()("Told", { code: Schema.Number }) {
  override get [Runtime.errorExitCode]() {
    return this.code
  }
  override readonly [Runtime.errorReported] = false
}

export const told = (code: ExitCode): Told => new Told({ code })
