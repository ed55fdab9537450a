/** Flags that several commands share. */
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

/** Every command has it: `yield* Json`. */
export const Json = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("Print JSON, and nothing else, on standard output")
  )
})

/** Where the daemon is. */
export const connect = Flag.String("connect").pipe(
  Flag.withMetavar("ADDRESS"),
  Flag.optional,
  Flag.withDescription("The daemon: PATH, unix:PATH or tcp:HOST:PORT (default: $RESOURCE_MANAGER_CONNECT, else yours)")
)

/** Does what would be asked about. */
export const yes = Flag.Boolean("yes").pipe(
  Flag.withAlias("y"),
  Flag.withoutNegation,
  Flag.withDefault(false),
  Flag.withDescription("Do not ask")
)

/** A file of settings, where a command is given one. */
export const configFile = Flag.String("config").pipe(
  Flag.withMetavar("FILE"),
  Flag.optional,
  Flag.withDescription("The file of settings (default: $RESOURCE_MANAGER_CONFIG, else the one in your folder for them)")
)

export const configArgument = Argument.String("file").pipe(
  Argument.withMetavar("FILE"),
  Argument.optional,
  Argument.withDescription("The file of settings (default: the one that `serve` would read)")
)
