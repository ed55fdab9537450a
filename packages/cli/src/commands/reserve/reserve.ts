/** `reserve`: capacity that is promised. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { connect, yes } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const add = Command.make(
  "add",
  {
    agent: Flag.String("agent").pipe(
      Flag.withMetavar("NAME"),
      Flag.optional,
      Flag.withDescription("Promise it to this agent")
    ),
    group: Flag.String("group").pipe(
      Flag.withMetavar("NAME"),
      Flag.optional,
      Flag.withDescription("Promise it to all agents of this group, and of those below it")
    ),
    priority: Flag.String("priority").pipe(
      Flag.withMetavar("N|CLASS"),
      Flag.optional,
      Flag.withDescription("Promise it to every claim of at least this priority: a number, or the name of a class")
    ),
    startsIn: Flag.String("in").pipe(
      Flag.withMetavar("DURATION"),
      Flag.optional,
      Flag.withDescription("When it begins, from now, such as 90m (default: now)")
    ),
    at: Flag.String("at").pipe(
      Flag.withMetavar("TIME"),
      Flag.optional,
      Flag.withDescription(
        "When it begins: 14:30, the next one, or 2026-12-01T14:30; in local time unless it says otherwise"
      )
    ),
    lasting: Flag.String("lasting").pipe(
      Flag.withMetavar("DURATION"),
      Flag.optional,
      Flag.withDescription("How long it is, such as 2h (default: at all times, until it is cancelled)")
    ),
    note: Flag.String("note").pipe(
      Flag.withMetavar("TEXT"),
      Flag.optional,
      Flag.withDescription("What it is for, for people")
    ),
    connect,
    amounts: Argument.String("amounts").pipe(
      Argument.withMetavar("POOL=AMOUNT"),
      Argument.variadic({ min: 1 }),
      Argument.withDescription("What is promised, such as cpu=4 memory=8GiB")
    )
  },
  (options) =>
    lazily(
      () => import("./add.ts"),
      ({ add }) => add(options)
    )
).pipe(
  Command.withDescription(
    "Promise capacity to an agent, a group or a class of priority, for a window or at all times. Nobody else is granted it: " +
      "not now, and not where a claim would run into the window by the duration that it declares (run --expected). " +
      "Refused at once where it cannot be kept."
  ),
  Command.withShortDescription("Promise capacity"),
  Command.withExamples([
    { command: "resource-manager reserve add --agent demo --in 2h --lasting 30m cpu=4 memory=8GiB" },
    { command: "resource-manager reserve add --group release --at 18:00 --lasting 3h cpu=8" },
    {
      command: "resource-manager reserve add --priority 100 --note interactive cpu=2",
      description: "At all times, for whatever is of that priority or above"
    }
  ])
)

const list = Command.make("list", { connect }, ({ connect }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(connect)
  )
).pipe(
  Command.withDescription("List what is promised, to whom and when, and draw it over time."),
  Command.withShortDescription("List what is promised, and draw the plan"),
  Command.withExamples([
    { command: "resource-manager reserve list" },
    { command: "resource-manager reserve list --json" }
  ])
)

const cancel = Command.make(
  "cancel",
  {
    id: Argument.Int("reservation").pipe(
      Argument.withMetavar("RESERVATION"),
      Argument.withDescription("Its number, as `reserve list` shows it")
    ),
    yes,
    connect
  },
  (options) =>
    lazily(
      () => import("./cancel.ts"),
      ({ cancel }) => cancel(options)
    )
).pipe(
  Command.withDescription("End a promise early: what was kept for it is anybody's at once. Leases stay."),
  Command.withShortDescription("End a promise early"),
  Command.withExamples([{ command: "resource-manager reserve cancel 3 --yes" }])
)

export const reserve = Command.make("reserve").pipe(
  Command.withDescription("Capacity that is promised, for a window or at all times"),
  Command.withExamples([
    { command: "resource-manager reserve add --agent demo --in 2h --lasting 30m cpu=4" },
    { command: "resource-manager reserve list" }
  ]),
  Command.withSubcommands([add, list, cancel])
)
