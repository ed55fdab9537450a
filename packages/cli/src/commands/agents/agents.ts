/** `agents`: who is charged. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { connect } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const list = Command.make("list", { connect }, ({ connect }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(connect)
  )
).pipe(
  Command.withDescription("List the agents: what they hold and wait for, and what was refused to them."),
  Command.withShortDescription("List the agents"),
  Command.withExamples([{ command: "resource-manager agents list" }])
)

const show = Command.make(
  "show",
  {
    agent: Argument.String("agent").pipe(Argument.withMetavar("AGENT"), Argument.withDescription("Its name")),
    connect
  },
  ({ agent, connect }) =>
    lazily(
      () => import("./show.ts"),
      ({ show }) => show(connect, agent)
    )
).pipe(
  Command.withDescription("Show one agent: its figures by type, its leases and its waits."),
  Command.withShortDescription("Show an agent, its leases and its waits"),
  Command.withExamples([{ command: "resource-manager agents show build --json" }])
)

export const agents = Command.make("agents").pipe(
  Command.withDescription("Who is charged"),
  Command.withExamples([
    { command: "resource-manager agents list" },
    { command: "resource-manager agents show build" }
  ]),
  Command.withSubcommands([list, show])
)
