/** Composes the command line: the tree of commands, what it prints where, and what the process ends with. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { agents } from "./commands/agents/agents.ts"
import { completions } from "./commands/completions.ts"
import { config } from "./commands/config/config.ts"
import { deadlocks, events, serve, status, stop, top, why } from "./commands/daemon/daemon.ts"
import { leases } from "./commands/leases/leases.ts"
import { plugins } from "./commands/plugins/plugins.ts"
import { pools } from "./commands/pools/pools.ts"
import { limits, overload, settle } from "./commands/reports/reports.ts"
import { quota } from "./commands/quota/quota.ts"
import { reserve } from "./commands/reserve/reserve.ts"
import { separateCommand } from "./commands/run/argv.ts"
import { run } from "./commands/run/run.ts"
import { simulate } from "./commands/simulate.ts"
import { up } from "./commands/up.ts"
import { waiters } from "./commands/waiters/waiters.ts"
import { exitCodes } from "./exitCodes.ts"
import { exitCodeOf, reportDefect } from "./frame/exits.ts"
import { Json } from "./frame/flags.ts"
import { layerPresentation } from "./frame/presentation.ts"
import { programName, readVersion } from "./program.ts"
import { describeWriteError } from "./replay/problems.ts"

export const root = Command.make(programName).pipe(
  Command.withDescription("Pools, leases, quotas and rates for Effect programs and for whole machines"),
  Command.withSubcommands([
    { group: "Look", commands: [status, top, why, deadlocks, events, pools, limits, agents, leases, waiters] },
    { group: "Run", commands: [run, up, settle, overload] },
    { group: "Steer", commands: [serve, quota, reserve, stop] },
    {
      group: "Settings and tools",
      commands: [config, plugins, simulate, completions((): Command.Command.Any => root)]
    }
  ]),
  Command.withExamples([
    {
      command: "resource-manager run --cpu 2 --memory 4GiB -- make -j2",
      description: "Waits its turn, says why, runs; starts the daemon where none runs"
    },
    { command: "resource-manager top", description: "Who has what and who waits, live" },
    { command: "resource-manager why build", description: "Why that agent waits, and what would help" }
  ]),
  Command.withGlobalFlags([Json])
)

export const main = (args: ReadonlyArray<string>): void => {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    // A reader that has seen enough (`| head`) is no failure.
    if (error.code === "EPIPE") process.exit(exitCodes.ok)
    process.stderr.write(`${programName}: standard output: ${describeWriteError(error)}\n`)
    process.exit(exitCodes.output)
  })
  // Nobody is left to be told: the exit code still says what happened.
  process.stderr.on("error", () => undefined)
  Command.runWith(root, { version: readVersion() })(separateCommand(args)).pipe(
    Effect.provide(Layer.mergeAll(NodeServices.layer, layerPresentation)),
    Effect.tapCause(reportDefect),
    // Its own reporting writes to standard output.
    NodeRuntime.runMain({ disableErrorReporting: true, teardown: (exit, onExit) => onExit(exitCodeOf(exit)) })
  )
}
