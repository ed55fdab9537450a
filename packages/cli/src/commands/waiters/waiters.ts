/** `waiters`: who waits. */
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { connect } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const limit = Flag.Int("limit").pipe(
  Flag.filter(
    (value: number) => Number.isSafeInteger(value) && value >= 1,
    () => `a whole number from 1 to ${Number.MAX_SAFE_INTEGER}`
  ),
  Flag.optional,
  Flag.withDescription("At most so many, the first in order (default: 100 on a terminal, elsewhere all)")
)

const list = Command.make("list", { limit, connect }, ({ connect, limit }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(connect, limit)
  )
).pipe(
  Command.withDescription("List the claims that wait, in order, with the main reason of each."),
  Command.withShortDescription("List the claims that wait"),
  Command.withExamples([
    { command: "resource-manager waiters list" },
    { command: "resource-manager waiters list --json --limit 10", description: "Who is first, for a program" }
  ])
)

export const waiters = Command.make("waiters").pipe(
  Command.withDescription("Who waits"),
  Command.withExamples([{ command: "resource-manager waiters list" }]),
  Command.withSubcommands([list])
)
