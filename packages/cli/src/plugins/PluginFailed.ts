/** Why a plugin is not there. */
import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { exitCodes } from "../exitCodes.ts"
import { printable } from "../printable.ts"

export class PluginFailed extends Schema.TaggedError<PluginFailed>()("PluginFailed", {
  plugin: Schema.String,
  problem: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = exitCodes.input
  override get message() {
    return printable(`plugin ${this.plugin}: ${this.problem}`)
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}
