/** `settle` and `overload`: what the holder of a lease reports; `limits`: what that did. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { connect } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const lease = Flag.Int("lease").pipe(
  Flag.withMetavar("N"),
  Flag.optional,
  Flag.withDescription("The lease, as `leases list` numbers them (default: the one around, $RESOURCE_MANAGER_LEASE)")
)

const tokens = (name: string, what: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("N"),
    Flag.optional,
    Flag.withDescription(`Tokens of the ${what} that it took`)
  )

export const settle = Command.make(
  "settle",
  {
    lease,
    inputTokens: tokens("input-tokens", "prompt"),
    outputTokens: tokens("output-tokens", "answer"),
    failed: Flag.Boolean("failed").pipe(
      Flag.withoutNegation,
      Flag.withDefault(false),
      Flag.withDescription("The call failed: what it paid in tokens and money comes back, but not the request")
    ),
    amounts: Argument.String("amount").pipe(
      Argument.withMetavar("POOL=N"),
      Argument.variadic({ min: 0 }),
      Argument.withDescription("Tokens of other pools with a rate, such as rows=812")
    ),
    connect
  },
  (options) =>
    lazily(
      () => import("./settle.ts"),
      ({ settle }) => settle(options)
    )
).pipe(
  Command.withDescription(
    "Say what the call of a lease took in the end, while the lease is held: what was estimated too much comes back to the " +
      "rates and budgets and serves who waits, what was too little is charged. May be said again as more becomes known. " +
      "Within `run` it is that lease's."
  ),
  Command.withShortDescription("Say what the call of a lease took in the end"),
  Command.withExamples([
    {
      command: "resource-manager settle --input-tokens 1874 --output-tokens 96",
      description: "Within run --llm: what the answer says that it took"
    },
    { command: "resource-manager settle --failed", description: "The call was refused, and cost nothing" },
    { command: "resource-manager settle --lease 42 rows=812" }
  ])
)

export const overload = Command.make(
  "overload",
  {
    limit: Argument.String("limit").pipe(
      Argument.withMetavar("LIMIT"),
      Argument.optional,
      Argument.withDescription("The limit, as `limits list` names it (default: those that the lease is under)")
    ),
    lease,
    retryAfter: Flag.String("retry-after").pipe(
      Flag.withMetavar("TIME"),
      Flag.optional,
      Flag.withDescription("The Retry-After of the answer, as it came (seconds or a date), or a duration such as 30s")
    ),
    connect
  },
  (options) =>
    lazily(
      () => import("./overload.ts"),
      ({ overload }) => overload(options)
    )
).pipe(
  Command.withDescription(
    "Report that a service said it has too much to do (429, 503): the rate of the limit backs off, and nothing more is " +
      "granted before --retry-after is over; how many at once falls where that is learnt. It recovers as calls go well. " +
      "Within `run` it is for the limits of that lease."
  ),
  Command.withShortDescription("Report that a service has too much to do"),
  Command.withExamples([
    { command: "resource-manager overload --retry-after 20", description: "Within run: the service said 429" },
    { command: "resource-manager overload search", description: "Of no lease: the limit of that name" }
  ])
)

const list = Command.make("list", { connect }, ({ connect }) =>
  lazily(
    () => import("./limits.ts"),
    ({ list }) => list(connect)
  )
).pipe(
  Command.withDescription(
    "List the limits that adapt: their rate and how many at once as they are now and why, and what is spent of budgets today."
  ),
  Command.withShortDescription("List the limits that adapt"),
  Command.withExamples([
    { command: "resource-manager limits list" },
    { command: "resource-manager limits list --json | jq '.[] | select(.rate.share < 1)'" }
  ])
)

export const limits = Command.make("limits").pipe(
  Command.withDescription("Limits that adapt, and budgets"),
  Command.withExamples([{ command: "resource-manager limits list" }]),
  Command.withSubcommands([list])
)
