/**
 * What the command line itself prints, and where: help that was asked for on
 * standard output, everything about a wrong invocation on standard error, so that
 * a program that reads `--json` never finds anything but JSON.
 */
import type * as CliError from "effect/cli/CliError"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Layer from "effect/Layer"
import { printable } from "../printable.ts"
import { programName } from "../program.ts"
import { styleOf, themes } from "../render/style.ts"

/** Whether this stream shows colours. */
const hasColors = (stream: NodeJS.WriteStream): boolean =>
  styleOf({ isTTY: stream.isTTY, env: process.env }).theme !== themes.none

const meant = (suggestions: ReadonlyArray<string>): string =>
  suggestions.length === 0 ? "" : `; did you mean ${suggestions.join(" or ")}?`

/** In one line, and in words of people. */
const wordsOf = (error: CliError.CliError): string => {
  switch (error._tag) {
    case "UnrecognizedOption": {
      const where = error.command === undefined ? "" : ` in command ${error.command.join(" ")}`
      return `Unrecognized flag: ${error.option}${where}${meant(error.suggestions)}`
    }
    case "UnknownSubcommand": {
      const where = error.parent === undefined ? "" : ` for ${error.parent.join(" ")}`
      return `Unknown subcommand: ${error.subcommand}${where}${meant(error.suggestions)}`
    }
    default:
      return error.message.replace("Expected a string representing a finite number", "Expected: a whole number")
  }
}

const lineOf = (error: CliError.CliError): string => printable(`${programName}: ${wordsOf(error)}`)

/** Errors that this program words itself, one line each, without the framework's heading. */
const formatter = (colors: boolean): CliOutput.Formatter => ({
  ...CliOutput.defaultFormatter({ colors }),
  formatError: lineOf
})

const presenter: CliOutput.Presenter = {
  present: (event) => {
    switch (event._tag) {
      case "InvalidInvocation": {
        const messages = event.errors.map(lineOf)
        return Console.error([...messages, `See \`${event.commandPath.join(" ")} --help\`.`].join("\n"))
      }
      case "Help":
        return event.reason === "Requested"
          ? CliOutput.defaultPresenter.present(event)
          : Console.error(formatter(hasColors(process.stderr)).formatHelpDoc(event.helpDoc))
      case "Version":
        return CliOutput.defaultPresenter.present(event)
    }
  }
}

export const layerPresentation = Layer.mergeAll(
  CliOutput.layer(formatter(hasColors(process.stdout))),
  CliOutput.layerPresenter(presenter),
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
)
