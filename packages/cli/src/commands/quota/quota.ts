/** `quota`: what agents may hold and wait for. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { connect, yes } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"
import { groupCommand } from "./group/group.ts"

const agent = Argument.String("agent").pipe(Argument.withMetavar("AGENT"), Argument.withDescription("Who is charged"))

const type = Argument.String("pool").pipe(
  Argument.withMetavar("POOL"),
  Argument.withDescription("The resource type, as cpu or memory")
)

const get = Command.make("get", { agent, type: Argument.optional(type), connect }, ({ agent, connect, type }) =>
  lazily(
    () => import("./get.ts"),
    ({ get }) => get(connect, agent, type)
  )
).pipe(
  Command.withDescription("Show the quotas of an agent, or that of one type."),
  Command.withShortDescription("Show the quotas of an agent"),
  Command.withExamples([
    { command: "resource-manager quota get build" },
    { command: "resource-manager quota get build memory" }
  ])
)

const set = Command.make(
  "set",
  {
    agent,
    type,
    quota: Argument.String("amount").pipe(
      Argument.withMetavar("AMOUNT|off"),
      Argument.withDescription("What it may hold and wait for at once: 4, a size as 2GiB, or off")
    ),
    yes,
    connect
  },
  (options) =>
    lazily(
      () => import("./set.ts"),
      ({ set }) => set(options)
    )
).pipe(
  Command.withDescription(
    "Set or remove what an agent may hold and wait for at once. A cut takes no lease back; the agent's youngest waiting " +
      "claims over it fail, and that is asked about."
  ),
  Command.withShortDescription("Set or remove a quota"),
  Command.withExamples([
    { command: "resource-manager quota set build cpu 4" },
    { command: "resource-manager quota set build memory 2GiB" },
    { command: "resource-manager quota set build cpu off" }
  ])
)

const list = Command.make("list", { connect }, ({ connect }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(connect)
  )
).pipe(
  Command.withDescription("List all quotas, with what is held and waited for."),
  Command.withShortDescription("List all quotas"),
  Command.withExamples([{ command: "resource-manager quota list --json" }])
)

const tree = Command.make("tree", { connect }, ({ connect }) =>
  lazily(
    () => import("./tree.ts"),
    ({ tree }) => tree(connect)
  )
).pipe(
  Command.withDescription("Show the groups of agents as a tree: what each may have, uses, borrows and lends."),
  Command.withShortDescription("Show the groups as a tree"),
  Command.withExamples([{ command: "resource-manager quota tree" }, { command: "resource-manager quota tree --json" }])
)

export const quota = Command.make("quota").pipe(
  Command.withDescription("What agents may hold and wait for"),
  Command.withExamples([
    { command: "resource-manager quota list" },
    { command: "resource-manager quota set build cpu 4" }
  ]),
  Command.withSubcommands([get, set, list, tree, groupCommand])
)
