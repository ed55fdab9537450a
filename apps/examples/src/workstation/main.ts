/**
 * The workstation: agents that hash and compress every file of a directory in
 * worker threads and register the digests, under quotas and pools, while one pool
 * scales and one deadlock is detected and retried.
 *
 * Standard output carries results, and help that was asked for; everything about a
 * wrong invocation goes to standard error.
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { fileURLToPath } from "node:url"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Argument from "effect/cli/Argument"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliError from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { modeOf } from "./display.ts"
import { InvalidDirectory } from "./errors.ts"
import { shown } from "./names.ts"
import { exitCodeOf, exitCodes, run } from "./run.ts"
import { formatSummary } from "./summary.ts"

const name = "workstation"

/** This repository's own tree. */
const repository = fileURLToPath(new URL("../../../../", import.meta.url))

const Manifest = Schema.fromJsonString(Schema.Struct({ version: Schema.String }))

const readVersion = (): string =>
  Schema.decodeUnknownSync(Manifest)(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version

const wholeNumber = (flag: string, least: number, most: number, otherwise: number, description: string) =>
  Flag.Int(flag).pipe(
    Flag.filter(
      (value) => value >= least && value <= most,
      () => `a whole number from ${least} to ${most}`
    ),
    Flag.withDefault(otherwise),
    Flag.withDescription(`${description} (${least} to ${most}, default ${otherwise})`)
  )

const parameters = {
  directory: Argument.String("dir").pipe(
    Argument.withMetavar("DIR"),
    Argument.withDefault(repository),
    Argument.withDescription("The directory (default: this repository). node_modules, .git and dist are left out")
  ),
  agents: wholeNumber("agents", 1, 256, 12, "Agents that share the machine"),
  level: wholeNumber("level", 1, 11, 11, "Effort of the compression"),
  rate: wholeNumber("rate", 1, 10_000, 100, "Requests a second that the registry allows"),
  seed: wholeNumber("seed", 0, 2 ** 32 - 1, 1, "The order in which files are taken"),
  manifest: Flag.String("manifest").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDefault(""),
    Flag.withDescription("Write the registered digests there, for `sha256sum --check`")
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("Print the summary as one JSON object, and nothing else, on standard output")
  )
}

const command = Command.make(
  name,
  parameters,
  Effect.fnUntraced(function* ({ directory, json, manifest, ...options }) {
    // It would resolve to the current directory: an unset variable of a script, not a wish.
    if (directory === "") {
      return yield* Effect.fail(
        new InvalidDirectory({ directory, message: "DIR is empty: name a directory, `.` for the current one" })
      )
    }
    const stream = json ? process.stderr : process.stdout
    const summary = yield* run({
      ...options,
      directory: resolve(directory),
      manifest: manifest === "" ? undefined : manifest,
      mode: modeOf(stream, json, process.env),
      stream
    })
    yield* Console.log(json ? JSON.stringify(summary, undefined, 2) : formatSummary(summary).join("\n"))
    if (summary.manifestProblem !== undefined) {
      yield* Console.error(`${name}: manifest not written: ${shown(summary.manifestProblem)}`)
    }
    process.exitCode = exitCodeOf(summary)
  })
).pipe(
  Command.withDescription(
    "Hash and compress every file of a directory with agents that share cpu, memory, file handles and a rate-limited " +
      "registry. Exit codes: 0 done, 1 a rule was broken, 2 wrong usage, 3 a file could not be read or the manifest not written, 130 interrupted."
  ),
  Command.withExamples([
    { command: "workstation ~/photos --agents 4", description: "Four agents on a directory" },
    { command: "workstation . --json --manifest SHA256SUMS", description: "Figures for a program, and the digests" }
  ])
)

const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const messages = event.errors.map((error) => `${name}: ${shown(error.message)}`)
    return Console.error([...messages, `See \`${event.commandPath.join(" ")} --help\`.`].join("\n"))
  }
}

const services = Layer.mergeAll(
  NodeServices.layer,
  CliOutput.layer(CliOutput.defaultFormatter({ colors: process.stdout.isTTY && !process.env["NO_COLOR"] })),
  CliOutput.layerPresenter(presenter),
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })
)

const told = (code: number) => (error: { readonly message: string }) =>
  Effect.andThen(
    Console.error(`${name}: ${shown(error.message)}`),
    Effect.sync(() => {
      process.exitCode = code
    })
  )

const exitCodeOfExit = (exit: Exit.Exit<unknown, unknown>): number => {
  if (Exit.isSuccess(exit)) return typeof process.exitCode === "number" ? process.exitCode : exitCodes.ok
  if (Cause.hasInterruptsOnly(exit.cause)) return exitCodes.interrupted
  const error = Cause.squash(exit.cause)
  if (!CliError.isCliError(error)) return exitCodes.violations
  return error._tag === "ShowHelp" && error.errors.length === 0 ? exitCodes.ok : exitCodes.usage
}

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(exitCodes.ok)
  throw error
})

const given = process.argv.slice(2)
// Some runners of scripts pass on the `--` that ends their own options.
const args = given[0] === "--" ? given.slice(1) : given

Command.runWith(command, { version: readVersion() })(args).pipe(
  Effect.catchTags({
    InvalidDirectory: told(exitCodes.usage),
    ManifestUnwritable: told(exitCodes.usage)
  }),
  Effect.provide(services),
  NodeRuntime.runMain({ teardown: (exit, onExit) => onExit(exitCodeOfExit(exit)) })
)
