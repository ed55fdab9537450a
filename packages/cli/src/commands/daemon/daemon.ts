/** The commands about the daemon as a whole. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { configFile, connect, yes } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

export const status = Command.make("status", { connect }, ({ connect }) =>
  lazily(
    () => import("./status.ts"),
    ({ status }) => status(connect)
  )
).pipe(
  Command.withDescription("Show the daemon and its pools. Ends with 7 where no daemon answers."),
  Command.withShortDescription("Show the daemon and its pools"),
  Command.withExamples([
    { command: "resource-manager status" },
    { command: "resource-manager status --json | jq .status.leases", description: "How much is held, for a program" }
  ])
)

export const stop = Command.make("stop", { connect, yes }, ({ connect, yes }) =>
  lazily(
    () => import("./stop.ts"),
    ({ stop }) => stop(connect, yes)
  )
).pipe(
  Command.withDescription(
    "End the daemon. What it keeps in a journal is there again when the next one starts; without a journal all leases end."
  ),
  Command.withShortDescription("End the daemon"),
  Command.withExamples([{ command: "resource-manager stop --yes", description: "Without a question" }])
)

export const why = Command.make(
  "why",
  {
    target: Argument.String("waiter|agent").pipe(
      Argument.withMetavar("WAITER|AGENT"),
      Argument.withDescription("The number of a waiter, or the name of an agent")
    ),
    connect
  },
  ({ connect, target }) =>
    lazily(
      () => import("./why.ts"),
      ({ why }) => why(connect, target)
    )
).pipe(
  Command.withDescription(
    "Say why a claim waits: every reason at once, who holds what and since when, how many are ahead, the earliest time " +
      "where it is known, and last what would help."
  ),
  Command.withShortDescription("Say why a claim waits, and what would help"),
  Command.withExamples([
    { command: "resource-manager why 42", description: "One waiter, by its number in `waiters list`" },
    { command: "resource-manager why build", description: "All waits of an agent, or what was refused to it" }
  ])
)

const wholeNumber = Flag.filter(
  (value: number) => Number.isSafeInteger(value) && value >= 1,
  () => `a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`
)

export const top = Command.make(
  "top",
  {
    interval: Flag.String("interval").pipe(
      Flag.withMetavar("DURATION"),
      Flag.withDefault("1s"),
      Flag.withDescription("Time between two looks (default 1s)")
    ),
    times: Flag.Int("times").pipe(
      wholeNumber,
      Flag.optional,
      Flag.withDescription("Print lines for so many looks, and end")
    ),
    connect
  },
  (options) =>
    lazily(
      () => import("./top.ts"),
      ({ top }) => top(options)
    )
).pipe(
  Command.withDescription(
    "Watch pools, agents, waiters and rates live; h shows the keys. Where standard output is no terminal it prints lines, " +
      "with --json one JSON object a look."
  ),
  Command.withShortDescription("Watch pools, agents, waiters and rates live"),
  Command.withExamples([
    { command: "resource-manager top" },
    { command: "resource-manager top --times 1 | grep memory", description: "One look, as lines" }
  ])
)

export const deadlocks = Command.make(
  "deadlocks",
  {
    format: Flag.Literals("format", ["text", "mermaid", "svg"]).pipe(
      Flag.withDefault("text" as const),
      Flag.withDescription("How the graph is drawn (default text)")
    ),
    out: Flag.String("out").pipe(
      Flag.withMetavar("FILE"),
      Flag.optional,
      Flag.withDescription("Write it to a file instead of standard output")
    ),
    connect
  },
  (options) =>
    lazily(
      () => import("./deadlocks.ts"),
      ({ deadlocks }) => deadlocks(options)
    )
).pipe(
  Command.withDescription("Show who waits for whom, and the last deadlocks that claims failed with."),
  Command.withShortDescription("Show who waits for whom, and the last deadlocks"),
  Command.withExamples([
    { command: "resource-manager deadlocks" },
    { command: "resource-manager deadlocks --format mermaid", description: "For a page that draws it" },
    { command: "resource-manager deadlocks --format svg --out deadlocks.svg" }
  ])
)

export const events = Command.make(
  "events",
  {
    // What was before this program came is nowhere to be read, so that there is nothing else to do than to follow.
    follow: Flag.Boolean("follow").pipe(
      Flag.withAlias("f"),
      Flag.withoutNegation,
      Flag.withDefault(true),
      Flag.withDescription("Until it is interrupted (this is what it does anyway)")
    ),
    limit: Flag.Int("limit").pipe(wholeNumber, Flag.optional, Flag.withDescription("End after so many events")),
    connect
  },
  ({ connect, limit }) =>
    lazily(
      () => import("./events.ts"),
      ({ events }) => events(connect, limit)
    )
).pipe(
  Command.withDescription(
    "Print what the manager decides from now on, one event a line. With --json each line is one JSON object."
  ),
  Command.withShortDescription("Follow what the manager decides"),
  Command.withExamples([
    { command: "resource-manager events --follow" },
    {
      command: "resource-manager events --json --limit 100 > events.ndjson",
      description: "The next hundred, for a program"
    }
  ])
)

export const serve = Command.make(
  "serve",
  {
    config: configFile,
    listen: Flag.String("listen").pipe(
      Flag.withMetavar("ADDRESS"),
      Flag.atLeast(0),
      Flag.withDescription(
        "Where to listen, instead of what the settings say: PATH, unix:PATH or tcp:HOST:PORT; may be repeated"
      )
    ),
    background: Flag.Boolean("background").pipe(
      Flag.withoutNegation,
      Flag.withDefault(false),
      Flag.withDescription("Start it, end once it listens, and let it log to its file")
    )
  },
  (options) =>
    lazily(
      () => import("./serve.ts"),
      ({ serve }) => serve(options)
    )
).pipe(
  Command.withDescription(
    "Serve a manager to this machine: the settings' pools, quotas and plugins, to programs, to `run` and to these " +
      "commands. It logs to standard error and stays in the foreground until a signal, `stop`, or, where the settings " +
      "say so, until it has had nothing to keep for a while. `run` starts one by itself where none runs."
  ),
  Command.withShortDescription("Serve a manager to this machine"),
  Command.withExamples([
    { command: "resource-manager serve", description: "This machine's processors and memory, on your socket" },
    { command: "resource-manager serve --config team.yaml --listen tcp:127.0.0.1:7070" },
    { command: "resource-manager serve --background" }
  ])
)
