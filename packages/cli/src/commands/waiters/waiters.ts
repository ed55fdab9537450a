/** `waiters`: who waits. */
import * as Command from "effect/cli/Command"
import { connect } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const list = Command.make("list", { connect }, ({ connect }) =>
  lazily(
    () => import("./list.ts"),
    ({ list }) => list(connect)
  )
).pipe(
  Command.withDescription("List the claims that wait, in order, with the main reason of each."),
  Command.withShortDescription("List the claims that wait"),
  Command.withExamples([{ command: "resource-manager waiters list" }])
)

export const waiters = Command.make("waiters").pipe(
  Command.withDescription("Who waits"),
  Command.withExamples([{ command: "resource-manager waiters list" }]),
  Command.withSubcommands([list])
)
