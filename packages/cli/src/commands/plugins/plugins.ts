/** `plugins`: what brings pools besides the settings. */
import * as Command from "effect/cli/Command"
import * as Option from "effect/Option"
import { configFile } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const list = Command.make("list", { config: configFile }, ({ config }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(Option.getOrUndefined(config))
  )
).pipe(
  Command.withDescription(
    "Load the plugins that the settings name, and show the pools that they offer on this machine now. Needs no daemon."
  ),
  Command.withShortDescription("Show the pools that plugins offer"),
  Command.withExamples([
    { command: "resource-manager plugins list", description: "Of the settings that `serve` would read" },
    { command: "resource-manager plugins list --config team.yaml --json" }
  ])
)

export const plugins = Command.make("plugins").pipe(
  Command.withDescription("What brings pools besides the settings"),
  Command.withExamples([{ command: "resource-manager plugins list" }]),
  Command.withSubcommands([list])
)
