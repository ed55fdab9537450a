/**
 * Composes the command line: the root command, what it prints where, and what the
 * process ends with.
 *
 * Standard output carries results, and help that was asked for; everything about a
 * wrong invocation goes to standard error, so that a program that reads `--json`
 * never finds anything but JSON.
 */
import { readFileSync } from "node:fs"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import { simulate } from "./commands/simulate.ts"
import { exitCodes } from "./exitCodes.ts"
import { printable } from "./printable.ts"
import { describeWriteError } from "./replay/problems.ts"

const name = "resource-manager"

const root = Command.make(name).pipe(
  Command.withDescription("Pools, leases, quotas and rates for Effect programs and for whole machines"),
  Command.withSubcommands([simulate])
)

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

/** Beside `src` and `dist` alike. */
const readVersion = (): string =>
  Schema.decodeUnknownSync(Manifest)(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version

const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const messages = event.errors.map((error) => printable(`${name}: ${error.message}`))
    return Console.error([...messages, `See \`${event.commandPath.join(" ")} --help\`.`].join("\n"))
  }
}

/** Errors that this program words itself, one line each, without the framework's heading. */
const formatter: CliOutput.Formatter = {
  ...CliOutput.defaultFormatter({ colors: process.stdout.isTTY && !process.env["NO_COLOR"] }),
  formatError: (error) => printable(`${name}: ${error.message}`)
}

const outputs = Layer.mergeAll(
  CliOutput.layer(formatter),
  CliOutput.layerPresenter(presenter),
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions] })
)

const exitCodeOf = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return exitCodes.ok
  if (Cause.hasInterruptsOnly(exit.cause)) return exitCodes.interrupted
  const error = Cause.squash(exit.cause)
  if (CliError.isCliError(error)) {
    return error._tag === "ShowHelp" && error.errors.length === 0 ? exitCodes.ok : exitCodes.usage
  }
  return Runtime.getErrorExitCode(error)
}

/** What nobody has worded yet is a defect of this program: with its stack, for a bug report. */
const reportDefect = (cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Cause.hasInterruptsOnly(cause) || !Runtime.getErrorReported(Cause.squash(cause))
    ? Effect.void
    : Console.error(`${name}: this should not have happened\n${Cause.pretty(cause)}`)

export const main = (args: ReadonlyArray<string>): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`| head`) is no failure.
    if (error.code === "EPIPE") process.exit(exitCodes.ok)
    process.stderr.write(`${name}: standard output: ${describeWriteError(error)}\n`)
    process.exit(exitCodes.output)
  })
  // Nobody is left to be told: the exit code still says what happened.
  process.stderr.on("error", () => undefined)
  Command.runWith(root, { version: readVersion() })(args).pipe(
    Effect.provide(Layer.mergeAll(NodeServices.layer, outputs)),
    Effect.tapCause(reportDefect),
    // Its own reporting writes to standard output.
    NodeRuntime.runMain({ disableErrorReporting: true, teardown: (exit, onExit) => onExit(exitCodeOf(exit)) })
  )
}
