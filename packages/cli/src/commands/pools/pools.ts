/** `pools`: what there is to hand out. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { connect, yes } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const name = Argument.String("pool").pipe(
  Argument.withMetavar("POOL"),
  Argument.withDescription("Its resource type, as cpu or memory")
)

const list = Command.make("list", { connect }, ({ connect }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(connect)
  )
).pipe(
  Command.withDescription("List the pools: what is in use, who waits, and how fast units may be taken."),
  Command.withShortDescription("List the pools"),
  Command.withExamples([
    { command: "resource-manager pools list" },
    { command: "resource-manager pools list --json | jq '.[] | {resourceType, inUse, capacity}'" }
  ])
)

const show = Command.make("show", { name, connect }, ({ connect, name }) =>
  lazily(
    () => import("./show.ts"),
    ({ show }) => show(connect, name)
  )
).pipe(
  Command.withDescription("Show one pool: its figures, who holds it and who waits for it."),
  Command.withShortDescription("Show a pool, its holders and its waiters"),
  Command.withExamples([{ command: "resource-manager pools show memory" }])
)

const setCapacity = Command.make(
  "set-capacity",
  {
    name,
    capacity: Argument.String("amount").pipe(
      Argument.withMetavar("AMOUNT"),
      Argument.withDescription("Units to hand out: 8, or a size as 4GiB")
    ),
    note: Flag.String("note").pipe(
      Flag.withMetavar("TEXT"),
      Flag.optional,
      Flag.withDescription("Why, for whoever looks at the pool")
    ),
    yes,
    connect
  },
  (options) =>
    lazily(
      () => import("./setCapacity.ts"),
      ({ setCapacity }) => setCapacity(options)
    )
).pipe(
  Command.withDescription(
    "Change what a pool has. More serves waiters at once. Less takes nothing from anybody: it shows as leases return, " +
      "and claims for more than there can be fail; that is asked about."
  ),
  Command.withShortDescription("Change what a pool has"),
  Command.withExamples([
    { command: "resource-manager pools set-capacity cpu 12" },
    { command: "resource-manager pools set-capacity memory 4GiB --yes --note 'a build of the kernel'" }
  ])
)

const setRate = Command.make(
  "set-rate",
  {
    name,
    rate: Argument.String("rate").pipe(
      Argument.withMetavar("RATE|off"),
      Argument.withDescription("LIMIT/INTERVAL[:BURST], as 60/minute or 8000/s:20000, or off")
    ),
    per: Flag.Literals("per", ["unit", "request"]).pipe(
      Flag.withDefault("unit" as const),
      Flag.withDescription("What a token pays for: one unit of the amount, or one request of any amount (default unit)")
    ),
    connect
  },
  (options) =>
    lazily(
      () => import("./setRate.ts"),
      ({ setRate }) => setRate(options)
    )
).pipe(
  Command.withDescription("Change how fast units of a pool may be taken."),
  Command.withShortDescription("Change how fast units of a pool may be taken"),
  Command.withExamples([
    { command: "resource-manager pools set-rate requests 60/minute --per request" },
    { command: "resource-manager pools set-rate requests off", description: "As fast as there are units" }
  ])
)

export const pools = Command.make("pools").pipe(
  Command.withDescription("What there is to hand out"),
  Command.withExamples([
    { command: "resource-manager pools list" },
    { command: "resource-manager pools show memory" },
    { command: "resource-manager pools set-capacity cpu 12" }
  ]),
  Command.withSubcommands([list, show, setCapacity, setRate])
)
