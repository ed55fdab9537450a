/** `up`: agents from a file, under a manager of their own. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { lazily } from "../frame/lazily.ts"

export const up = Command.make(
  "up",
  {
    file: Argument.String("file").pipe(
      Argument.withMetavar("FILE"),
      Argument.withDescription("Pools, quotas, and agents with their commands, in YAML or JSON")
    ),
    output: Flag.Literals("output", ["failed", "all", "none"]).pipe(
      Flag.withDefault("failed" as const),
      Flag.withDescription(
        "What is shown of what commands print. failed: the last lines of one that failed (default); all: every line, as it comes; none"
      )
    )
  },
  ({ file, output }) =>
    lazily(
      () => import("../up/up.ts"),
      ({ up }) => up({ file, output })
    )
).pipe(
  Command.withDescription(
    "Run the agents of a file under a manager of their own: each waits for what it claims, runs, and is started again by " +
      "its policy. Shows all of them while they work, and sums up in the end. Commands find the manager as a daemon " +
      "(RESOURCE_MANAGER_CONNECT), so run, status and top work within. Ends with 0 only if every agent ended well, with " +
      "13 otherwise, and with 130 where a signal ended it."
  ),
  Command.withShortDescription("Run the agents of a file"),
  Command.withExamples([
    { command: "resource-manager up workstation.yaml" },
    { command: "resource-manager up workstation.yaml --output all", description: "With all that the commands print" },
    { command: "resource-manager up workstation.yaml --json | jq '.agents[] | select(.verdict != \"done\")'" }
  ])
)
