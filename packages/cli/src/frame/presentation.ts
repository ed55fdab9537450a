/**
 * What the command line itself prints, and where: help that was asked for on
 * standard output, everything about a wrong invocation on standard error, so that
 * a program that reads `--json` never finds anything but JSON.
 */
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

/** Errors that this program words itself, one line each, without the framework's heading. */
const formatter = (colors: boolean): CliOutput.Formatter => ({
  ...CliOutput.defaultFormatter({ colors }),
  formatError: (error) => printable(`${programName}: ${error.message}`)
})

const presenter: CliOutput.Presenter = {
  present: (event) => {
    switch (event._tag) {
      case "InvalidInvocation": {
        const messages = event.errors.map((error) => printable(`${programName}: ${error.message}`))
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
