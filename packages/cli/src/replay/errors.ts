/**
 * Why a replay did not happen, split by what its user does next: give another
 * flag, another file, or another place for the report.
 */
import * as CliError from "effect/cli/CliError"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { exitCodes } from "../exitCodes.ts"
import { printable } from "../printable.ts"

/** A flag whose value is well-formed for the parser, but makes no sense. */
export class InvalidOption extends Schema.TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  /** `undefined` where the option is missing, and has no default. */
  value: Schema.UndefinedOr(Schema.String),
  allowed: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = exitCodes.usage
  override get message() {
    const got = this.value === undefined ? "nothing is given" : `got ${JSON.stringify(this.value)}`
    return printable(`${this.option}: ${got}, allowed is ${this.allowed}`)
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

/** The workload cannot be read, or holds nothing to replay. */
export class WorkloadUnreadable extends Schema.TaggedError<WorkloadUnreadable>()("WorkloadUnreadable", {
  file: Schema.String,
  problem: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = exitCodes.input
  override get message() {
    return printable(`${this.file}: ${this.problem}`)
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

export class ReportUnwritable extends Schema.TaggedError<ReportUnwritable>()("ReportUnwritable", {
  file: Schema.String,
  problem: Schema.String
}) {
  override readonly [Runtime.errorExitCode] = exitCodes.output
  override get message() {
    return printable(`--out ${this.file}: ${this.problem}`)
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}

/** The independent check found decisions that the rules forbid. */
export class RulesBroken extends Schema.TaggedError<RulesBroken>()("RulesBroken", {
  violations: Schema.Int,
  examples: Schema.Array(Schema.String)
}) {
  override readonly [Runtime.errorExitCode] = exitCodes.violations
  override get message() {
    return `the replay broke the manager's rules ${this.violations} times, first:\n${this.examples.join("\n")}`
  }
  override get [CliError.userMessage]() {
    return this.message
  }
}
