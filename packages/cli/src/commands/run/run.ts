/** `run`: a command under a lease. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { connect } from "../../frame/flags.ts"
import { lazily } from "../../frame/lazily.ts"

const flags = {
  agent: Flag.String("agent").pipe(
    Flag.withMetavar("NAME"),
    Flag.optional,
    Flag.withDescription("Who is charged (default: $RESOURCE_MANAGER_AGENT, else the user's name)")
  ),
  cpu: Flag.String("cpu").pipe(
    Flag.withMetavar("N"),
    Flag.optional,
    Flag.withDescription("Processors (default: 1, where nothing else is asked for)")
  ),
  memory: Flag.String("memory").pipe(
    Flag.withMetavar("SIZE"),
    Flag.optional,
    Flag.withDescription("Memory, such as 512MiB or 4GiB")
  ),
  resource: Flag.String("resource").pipe(
    Flag.withMetavar("TYPE=N"),
    Flag.atLeast(0),
    Flag.withDescription("Units of another type, such as gpu=1 or disk=10GiB; may be repeated")
  ),
  timeout: Flag.String("timeout").pipe(
    Flag.withMetavar("DURATION"),
    Flag.optional,
    Flag.withDescription(
      "Wait no longer than this, such as 90s or 10m, then end with 75 (default: what the daemon says)"
    )
  ),
  try: Flag.Boolean("try").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription("Never wait: where it is not granted at once, say why and end with 75")
  ),
  priority: Flag.String("priority").pipe(
    Flag.withMetavar("N|CLASS"),
    Flag.optional,
    Flag.withDescription(
      "Higher goes first, where the daemon's order goes by priority: a whole number, or the name of one of its classes " +
        "(default: that of the agent)"
    )
  ),
  expected: Flag.String("expected").pipe(
    Flag.withMetavar("DURATION"),
    Flag.optional,
    Flag.withDescription(
      "How long the command is expected to run, such as 10m, so that it may be fitted in before others; it is not ended then"
    )
  ),
  preemptible: Flag.Boolean("preemptible").pipe(
    Flag.withoutNegation,
    Flag.withDefault(false),
    Flag.withDescription(
      "The lease may be taken back for a claim of higher priority: the command is ended then, with 80"
    )
  ),
  onQuota: Flag.Literals("on-quota", ["fail", "wait"]).pipe(
    Flag.optional,
    Flag.withDescription(
      "Over a quota for now: fail at once, with 75, or wait for it (default: as the agent or its group says, else fail)"
    )
  ),
  llm: Flag.String("llm").pipe(
    Flag.withMetavar("NAME"),
    Flag.optional,
    Flag.withDescription(
      "A call of a language model under the limits of that name: all of them at once, with --input-tokens and --output-tokens"
    )
  ),
  inputTokens: Flag.String("input-tokens").pipe(
    Flag.withMetavar("N"),
    Flag.optional,
    Flag.withDescription("Tokens of the prompt, at most")
  ),
  outputTokens: Flag.String("output-tokens").pipe(
    Flag.withMetavar("N"),
    Flag.optional,
    Flag.withDescription("Tokens of the answer, at most")
  ),
  enforce: Flag.Literals("enforce", ["auto", "none", "systemd", "watch"]).pipe(
    Flag.optional,
    Flag.withDescription(
      "What holds the command to its lease (default: $RESOURCE_MANAGER_ENFORCE, else none). systemd: a scope of the " +
        "user's systemd holds it to its processors and memory; watch: it runs with a lower priority, and using more " +
        "than it leased is reported; none: everything is accounted only; auto: systemd where that works, else watch"
    )
  ),
  connect,
  command: Argument.String("command").pipe(
    Argument.withMetavar("COMMAND"),
    Argument.variadic({ min: 1 }),
    Argument.withDescription("The command and its arguments, after --")
  )
}

export const run = Command.make(
  "run",
  flags,
  ({ agent, command, connect, cpu, enforce, expected, memory, priority, resource, timeout, ...rest }) =>
    lazily(
      () => import("../../run/run.ts"),
      ({ run }) =>
        run(
          {
            agent: Option.getOrUndefined(agent),
            cpu: Option.getOrUndefined(cpu),
            memory: Option.getOrUndefined(memory),
            resource,
            timeout: Option.getOrUndefined(timeout),
            isTry: rest.try,
            priority: Option.getOrUndefined(priority),
            expected: Option.getOrUndefined(expected),
            isPreemptible: rest.preemptible,
            onQuota: Option.getOrUndefined(rest.onQuota),
            enforce: Option.getOrUndefined(enforce),
            llm: Option.getOrUndefined(rest.llm),
            inputTokens: Option.getOrUndefined(rest.inputTokens),
            outputTokens: Option.getOrUndefined(rest.outputTokens),
            command
          },
          Option.getOrUndefined(connect)
        )
    )
).pipe(
  Command.withDescription(
    "Run a command under a lease: wait for it, telling why and how long on standard error; run the command with its " +
      "signals, terminal, input and output; give the lease back when it has ended, and end as it ended. What the command " +
      "leaves behind is ended too. Within a command that runs so already, the lease is inside of that one's. " +
      "Where no daemon runs, one is started. " +
      "Ends with 69 where no daemon can be reached or started, 75 where the lease is not granted now or in time, 77 where " +
      "the token is refused, 78 where it can never be granted, 79 where waiting would be a deadlock, 80 where the lease " +
      "was taken away while the command ran, and 126 or 127 where the command cannot be executed or found."
  ),
  Command.withShortDescription("Run a command under a lease"),
  Command.withExamples([
    { command: "resource-manager run -- make -j4", description: "One processor, charged to you" },
    { command: "resource-manager run --agent build --cpu 4 --memory 4GiB -- make -j4" },
    { command: "resource-manager run --try --resource gpu=1 -- python train.py", description: "Now or not at all" },
    {
      command: "resource-manager run --llm acme --input-tokens 2000 --output-tokens 500 -- ./ask.sh",
      description: "Within it: settle --input-tokens 1874 --output-tokens 96"
    },
    { command: "resource-manager run --enforce auto --memory 2GiB -- npm test" }
  ])
)
