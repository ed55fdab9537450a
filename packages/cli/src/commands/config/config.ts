/** `config`: the settings that a daemon would start with. */
import * as Command from "effect/cli/Command"
import * as Option from "effect/Option"
import { configArgument } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const check = Command.make("check", { file: configArgument }, ({ file }) =>
  lazily(
    () => import("./check.ts"),
    ({ check }) => check(Option.getOrUndefined(file))
  )
).pipe(
  Command.withDescription(
    "Check a file of settings: all that is wrong with it at once, each with file, line and column, the value, and " +
      "what is allowed. Ends with 3 where anything is."
  ),
  Command.withShortDescription("Check a file of settings"),
  Command.withExamples([
    { command: "resource-manager config check", description: "The file that `serve` would read" },
    { command: "resource-manager config check ./team.yaml --json", description: "Another one, for a program" }
  ])
)

const show = Command.make("show", { file: configArgument }, ({ file }) =>
  lazily(
    () => import("./show.ts"),
    ({ show }) => show(Option.getOrUndefined(file))
  )
).pipe(
  Command.withDescription("Show the settings that count, those that are built in too, and where each came from."),
  Command.withShortDescription("Show the settings that count, and where each came from"),
  Command.withExamples([
    { command: "resource-manager config show", description: "Every setting with its file and line" },
    {
      command: "resource-manager config show --json | jq .config > config.json",
      description: "A file of settings to begin with"
    }
  ])
)

const schema = Command.make("schema", {}, () =>
  lazily(
    () => import("./schema.ts"),
    ({ schema }) => schema
  )
).pipe(
  Command.withDescription("Print the JSON Schema of the file of settings, for editors and other checkers."),
  Command.withShortDescription("Print the JSON Schema of the file of settings"),
  Command.withExamples([{ command: "resource-manager config schema > config.schema.json" }])
)

export const config = Command.make("config").pipe(
  Command.withDescription("The settings that a daemon starts with"),
  Command.withExamples([{ command: "resource-manager config check" }, { command: "resource-manager config show" }]),
  Command.withSubcommands([check, show, schema])
)
