/** `leases`: what is held. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { connect, yes } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const list = Command.make("list", { connect }, ({ connect }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(connect)
  )
).pipe(
  Command.withDescription(
    "List the leases, oldest first: who holds what, for how long, and which processes work under it."
  ),
  Command.withShortDescription("List the leases"),
  Command.withExamples([{ command: "resource-manager leases list" }])
)

const revoke = Command.make(
  "revoke",
  {
    leases: Argument.Int("lease").pipe(
      Argument.withMetavar("LEASE"),
      Argument.atLeast(1),
      Argument.withDescription("Their numbers, as `leases list` shows them")
    ),
    yes,
    connect
  },
  ({ connect, leases, yes }) =>
    lazily(
      () => import("./revoke.ts"),
      ({ revoke }) => revoke(connect, leases, yes)
    )
).pipe(
  Command.withDescription(
    "Take leases from who holds them. Programs are told, the commands of `run` are ended, and what was held goes to who waits. Asks first."
  ),
  Command.withShortDescription("Take leases from who holds them"),
  Command.withExamples([
    { command: "resource-manager leases revoke 42" },
    { command: "resource-manager leases revoke 42 43 --yes" }
  ])
)

export const leases = Command.make("leases").pipe(
  Command.withDescription("What is held"),
  Command.withExamples([{ command: "resource-manager leases list" }, { command: "resource-manager leases revoke 42" }]),
  Command.withSubcommands([list, revoke])
)
