/** `quota group`: groups of agents, and what they may have together. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { connect } from "../../../frame/flags.ts"
import { lazily } from "../../../frame/lazily.ts"

const group = Argument.String("group").pipe(
  Argument.withMetavar("GROUP"),
  Argument.withDescription("The name of the group")
)

const onQuota = Flag.Literals("on-quota", ["fail", "wait", "inherit"]).pipe(
  Flag.optional,
  Flag.withDescription("What a claim over a quota does: fail at once, wait for it, or as the group above says")
)

const set = Command.make(
  "set",
  {
    group,
    parent: Flag.String("parent").pipe(
      Flag.withMetavar("GROUP|none"),
      Flag.optional,
      Flag.withDescription("The group that it is in")
    ),
    limit: Flag.String("limit").pipe(
      Flag.withMetavar("TYPE.FIELD=VALUE"),
      Flag.atLeast(0),
      Flag.withDescription(
        "What it may have, such as cpu.nominal=4: nominal, borrowingLimit, lendingLimit, max, leases, rate; off removes " +
          "it; may be repeated"
      )
    ),
    onQuota,
    weight: Flag.Finite("weight").pipe(
      Flag.withMetavar("N"),
      Flag.optional,
      Flag.withDescription("What it may have beside its siblings, where shares are fair")
    ),
    connect
  },
  (options) =>
    lazily(
      () => import("./set.ts"),
      ({ set }) => set(options)
    )
).pipe(
  Command.withDescription(
    "Make a group of agents, or change what is named of it; the rest stays. After a cut no lease is taken back; the " +
      "youngest waiting claims over it fail, or wait for quota."
  ),
  Command.withShortDescription("Make or change a group"),
  Command.withExamples([
    { command: "resource-manager quota group set acme --limit cpu.max=16" },
    { command: "resource-manager quota group set ml --parent acme --limit cpu.nominal=8 --limit cpu.borrowingLimit=4" },
    { command: "resource-manager quota group set ml --limit memory.rate=600/min --on-quota wait" }
  ])
)

const remove = Command.make("remove", { group, connect }, ({ connect, group }) =>
  lazily(
    () => import("./remove.ts"),
    ({ remove }) => remove(connect, group)
  )
).pipe(
  Command.withDescription("Remove a group that no agent is in, and no group below."),
  Command.withShortDescription("Remove an empty group"),
  Command.withExamples([{ command: "resource-manager quota group remove ml" }])
)

const assign = Command.make(
  "assign",
  {
    agent: Argument.String("agent").pipe(Argument.withMetavar("AGENT"), Argument.withDescription("Who is charged")),
    group: Argument.String("group").pipe(
      Argument.withMetavar("GROUP|none"),
      Argument.withDescription("The group that it is in from now on; none takes it out")
    ),
    onQuota,
    connect
  },
  (options) =>
    lazily(
      () => import("./assign.ts"),
      ({ assign }) => assign(options)
    )
).pipe(
  Command.withDescription("Put an agent into a group. What it holds is counted there from then on."),
  Command.withShortDescription("Put an agent into a group"),
  Command.withExamples([
    { command: "resource-manager quota group assign trainer ml" },
    { command: "resource-manager quota group assign trainer none" }
  ])
)

export const groupCommand = Command.make("group").pipe(
  Command.withDescription("Groups of agents, and what they may have together"),
  Command.withSubcommands([set, remove, assign])
)
