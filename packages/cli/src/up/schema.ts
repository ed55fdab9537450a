/**
 * The file of `up`, as Schemas: what there is to share, as in the settings, and who
 * shares it. The descriptions are those of the published JSON Schema.
 */
import * as Schema from "effect/Schema"
import * as SchemaGetter from "effect/SchemaGetter"
import { AgentName, Amount, Count, Positive, ResourceName, TimeSpan } from "../config/fields.ts"
import {
  Groups,
  Manager,
  Plugins,
  Pools,
  Priorities,
  Priority,
  Quotas,
  Reservations,
  Weights,
  optional
} from "../config/schema.ts"

/** The most instances of all agents together: each is a process. */
export const instancesMax = 1_000

const nameAllowed = 'a name of 1 to 64 letters, digits, "_", "." and "-" that begins with a letter or a digit'

/** Shown in front of every line that an agent prints, so it is short. */
const Name = Schema.String.check(Schema.isPattern(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/u, { expected: nameAllowed }))

const noZero = Schema.isPattern(/^[^\0]*$/u, { expected: "text without the character NUL" })

const Word = Schema.String.check(noZero)

const commandAllowed = "a line for the shell, or a list of the program and its arguments"

const Command = Schema.Union([
  Schema.NonEmptyString.check(noZero),
  Schema.Array(Word).check(
    Schema.isMinLength(1, { expected: commandAllowed }),
    Schema.makeFilter((words) => words[0] !== "", { expected: "a list that begins with the program" })
  )
]).annotate({ expected: commandAllowed })

const when = Schema.Literals(["never", "on-failure", "always"])

const Factor = Schema.Finite.check(
  Schema.isBetween({ minimum: 1, maximum: 100 }, { expected: "a factor from 1 to 100" })
)

const Restart = Schema.Union([
  when,
  Schema.Struct({
    when: when.annotate({ description: "never, on-failure, or always: a service." }),
    max: optional(Count, "The most restarts in a row. Default 3 on failure, unlimited for a service."),
    delay: optional(TimeSpan, "Before the first restart. Default 1 second."),
    factor: optional(Factor, "How the delay grows from one restart in a row to the next. Default 2."),
    delayMax: optional(TimeSpan, "The longest delay. Default 1 minute."),
    reset: optional(TimeSpan, "A run of this length starts the row and the delay anew. Default 1 minute.")
  })
]).annotate({ expected: "never, on-failure, always, or { when, max, delay, factor, delayMax, reset }" })

const Claim = Schema.Record(ResourceName, Amount).check(
  Schema.isMinProperties(1, { expected: "at least one resource" })
)

const variableAllowed = "text, a number, true or false"

const Variable = Schema.Union([Word, Schema.Finite, Schema.Boolean])
  .annotate({ expected: variableAllowed })
  .pipe(Schema.decodeTo(Schema.String, { decode: SchemaGetter.transform(String), encode: SchemaGetter.passthrough() }))

const Environment = Schema.Record(
  Schema.String.check(Schema.isPattern(/^[A-Za-z_][A-Za-z0-9_]*$/u, { expected: 'a name of letters, digits and "_"' })),
  Variable
)

/** What agents may have in common. */
const shared = {
  claim: optional(Claim, "What it holds while it runs: resource to amount. Default { cpu: 1 }."),
  priority: optional(
    Priority,
    "A number or a class: higher goes first, where the order goes by priority. Default that of who is charged."
  ),
  expected: optional(TimeSpan, "How long a run is expected to take, for orders that plan ahead. Unknown unless given."),
  preemptible: optional(Schema.Boolean, "Whether its lease may be taken back for a higher priority. Default false."),
  onQuota: optional(
    Schema.Literals(["fail", "wait"]),
    "What it does where it is over a quota for now: fail, or wait for it. Default as its group says, else fail."
  ),
  restart: optional(Restart, "Whether it is started again. Default never."),
  timeout: optional(TimeSpan, "The longest a run may take; then it is ended, and has failed. Unlimited unless given."),
  wait: optional(TimeSpan, "The longest it may wait for what it claims. Unlimited unless given."),
  grace: optional(TimeSpan, "From being asked to end until being killed. Default 10 seconds."),
  env: optional(Environment, "Variables of its environment, beside those of `up` itself."),
  cwd: optional(Schema.NonEmptyString.check(noZero), "Its working folder, relative to that of this file. Default that.")
}

const After = Schema.Union([Name, Schema.Array(Name)]).annotate({ expected: "the name of an agent, or a list of them" })

export const Agent = Schema.Struct({
  command: Command.annotate({ description: "A line for the shell, or a list of the program and its arguments." }),
  agent: optional(AgentName, "Who is charged, as quotas name it. Default the name of the agent."),
  after: optional(After, "Starts once these have ended well."),
  count: optional(Positive, "How many of it run beside each other. Default 1."),
  ...shared
}).annotate({
  expected:
    "the fields of an agent: command, agent, after, count, claim, priority, expected, preemptible, onQuota, restart, timeout, wait, grace, env, cwd"
})
export type Agent = typeof Agent.Type

export const Defaults = Schema.Struct(shared).annotate({
  expected: "the fields claim, priority, expected, preemptible, onQuota, restart, timeout, wait, grace, env, cwd"
})
export type Defaults = typeof Defaults.Type

/** The whole file. */
export const UpFile = Schema.Struct({
  $schema: optional(Schema.String, "For editors; ignored."),
  title: optional(Schema.NonEmptyString, "What all of it is for. Default the name of the file."),
  onFailure: optional(
    Schema.Literals(["continue", "stop"]),
    "What the failure of an agent does to the others, beside those that come after it. Default continue."
  ),
  pools: optional(Pools, "Resource type to pool."),
  quotas: optional(Quotas, "What an agent may hold and wait for: agent to type to amount."),
  weights: optional(Weights, "What agents may have beside each other, as in the settings."),
  priorities: optional(Priorities, "The priority of claims that say none, as in the settings."),
  reservations: optional(Reservations, "What is kept for somebody at all times, as in the settings."),
  groups: optional(Groups, "Groups of agents, and what they may have together, as in the settings."),
  plugins: optional(Plugins, "Plugin to its options, as in the settings."),
  manager: optional(Manager, "How claims are decided, as in the settings."),
  defaults: optional(Defaults, "What holds for every agent that does not say otherwise."),
  agents: Schema.Record(Name, Agent)
    .check(Schema.isMinProperties(1, { expected: "at least one agent" }))
    .annotate({ description: "Name to agent." })
})
export type UpFile = typeof UpFile.Type
