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

const agent = Argument.String("agent").pipe(Argument.withMetavar("AGENT"), Argument.withDescription("Its name"))

const setWeight = Command.make(
  "set-weight",
  {
    agent,
    weight: Argument.Finite("weight").pipe(
      Argument.withMetavar("WEIGHT"),
      Argument.withDescription(
        "What it may have beside others where shares are fair: 0.000001 to 1000000, 1 unless set"
      )
    ),
    connect
  },
  ({ agent, connect, weight }) =>
    lazily(
      () => import("./set.ts"),
      ({ set }) => set(connect, agent, { weight })
    )
).pipe(
  Command.withDescription("Set what an agent may have beside others, where the daemon's order goes by fair share."),
  Command.withShortDescription("Set the weight of an agent"),
  Command.withExamples([{ command: "resource-manager agents set-weight build 3" }])
)

const setPriority = Command.make(
  "set-priority",
  {
    agent,
    priority: Argument.String("priority").pipe(
      Argument.withMetavar("N|CLASS"),
      Argument.withDescription("The priority of its claims that say none: a whole number, or the name of a class")
    ),
    connect
  },
  ({ agent, connect, priority }) =>
    lazily(
      () => import("./set.ts"),
      ({ setPriority }) => setPriority(connect, agent, priority)
    )
).pipe(
  Command.withDescription(
    "Set the priority of an agent's claims that say none, where the daemon's order goes by priority."
  ),
  Command.withShortDescription("Set the priority of an agent"),
  Command.withExamples([
    { command: "resource-manager agents set-priority build 10" },
    { command: "resource-manager agents set-priority nightly batch" }
  ])
)

export const agents = Command.make("agents").pipe(
  Command.withDescription("Who is charged"),
  Command.withExamples([
    { command: "resource-manager agents list" },
    { command: "resource-manager agents show build" }
  ]),
  Command.withSubcommands([list, show, setWeight, setPriority])
)
