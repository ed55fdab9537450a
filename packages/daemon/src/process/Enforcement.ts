/**
 * What holds a command to its lease, beyond counting: nothing, a control group by
 * systemd, or a lower priority and a watch. None of them needs root.
 *
 * 1. `systemd`: `systemd-run --user --scope` puts the command into a control group
 *    of its own and becomes it, so that process id, group, terminal and exit code
 *    are the command's. It is used only where a try showed that the kernel took
 *    the limits, and only those that it took count as enforced.
 * 2. `watch`: the command runs by `nice`; who started it samples what it uses (see
 *    `Watch`) and tells over-use. Nothing is held back.
 * 3. `auto` is `systemd` where that works, else `watch`.
 * 4. `describe` says in a sentence what is enforced and what is only accounted.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFile } from "node:child_process"
import { delimiter, join } from "node:path"
import { accessSync, constants } from "node:fs"

export const modes = ["auto", "none", "systemd", "watch"] as const
export type Mode = (typeof modes)[number]

/** What a command may use, of what can be enforced. */
export interface Limits {
  /** Processors, fractions allowed. */
  readonly cpus?: number | undefined
  readonly memoryBytes?: number | undefined
}

/** How scopes are made here. */
export interface Scope {
  readonly program: string
  readonly flags: ReadonlyArray<string>
}

export type Enforcement =
  | { readonly _tag: "None" }
  | { readonly _tag: "Systemd"; readonly scope: Scope; readonly cpu: boolean; readonly memory: boolean }
  | { readonly _tag: "Watch"; readonly niceness: number; readonly because: string | undefined }

/** What was asked for does not work on this machine. */
export class EnforcementUnavailable extends Schema.TaggedError<EnforcementUnavailable>()("EnforcementUnavailable", {
  message: Schema.String,
  mode: Schema.String,
  detail: Schema.String
}) {}

/** Enough for others to go first, and not so much that it stands still beside them. */
export const niceness = 5

const probeMillisMax = 2_000

const findProgram = (name: string, path: string | undefined): string | undefined =>
  (path ?? "")
    .split(delimiter)
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, name))
    .find((candidate) => {
      try {
        accessSync(candidate, constants.X_OK)
        return true
      } catch {
        return false
      }
    })

const properties = ({ cpus, memoryBytes }: Limits): ReadonlyArray<string> => [
  ...(memoryBytes === undefined ? [] : ["--property", `MemoryMax=${Math.max(1, Math.floor(memoryBytes))}`]),
  // In percent of one processor, and at least what the kernel can tell from none.
  ...(cpus === undefined ? [] : ["--property", `CPUQuota=${Math.max(1, Math.round(cpus * 100))}%`])
]

/** Since version 254 systemd-run may put the environment's values into arguments like `$HOME`, unless this is said. */
const literalArguments = ["--expand-environment=no"]

const scopeWith = ({ flags, program }: Scope, limits: Limits): ReadonlyArray<string> => [
  program,
  "--user",
  "--scope",
  "--quiet",
  "--collect",
  ...flags,
  ...properties(limits),
  "--"
]

/** Names the limits that its own control group really has. */
const probe = `directory=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
for file in cpu.max memory.max; do
  read -r limit rest < "$directory/$file" && [ "$limit" != max ] && echo "$file"
done
:`

/** The limits that were taken, or why there is no scope at all. */
const tryScope = (scope: Scope): Effect.Effect<ReadonlySet<string>, string> =>
  Effect.callback((resume) => {
    const [command = "", ...args] = [...scopeWith(scope, { cpus: 1, memoryBytes: 2 ** 30 }), "/bin/sh", "-c", probe]
    const child = execFile(
      command,
      args,
      { timeout: probeMillisMax, killSignal: "SIGKILL" },
      (error, stdout, stderr) => {
        if (error === null) return resume(Effect.succeed(new Set(stdout.split("\n"))))
        const lines = stderr.trim().split("\n")
        const said = lines[lines.length - 1] ?? ""
        resume(
          Effect.fail(
            error.killed === true ? `no answer within ${probeMillisMax / 1000} seconds` : said || error.message
          )
        )
      }
    )
    child.stdin?.end()
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const detectSystemd = Effect.fnUntraced(function* (path: string | undefined) {
  const program = findProgram("systemd-run", path)
  if (program === undefined) return yield* Effect.fail("systemd-run is not on the path")
  const modern: Scope = { program, flags: literalArguments }
  const { scope, taken } = yield* Effect.map(tryScope(modern), (taken) => ({ scope: modern, taken })).pipe(
    Effect.catch((detail) => {
      const old: Scope = { program, flags: [] }
      return detail.includes("unrecognized option")
        ? Effect.map(tryScope(old), (taken) => ({ scope: old, taken }))
        : Effect.fail(detail)
    })
  )
  const [cpu, memory] = [taken.has("cpu.max"), taken.has("memory.max")]
  if (!cpu && !memory) return yield* Effect.fail("the user's systemd controls neither cpu nor memory")
  const enforcement: Enforcement = { _tag: "Systemd", scope, cpu, memory }
  return enforcement
})

const watch = (because?: string): Enforcement => ({ _tag: "Watch", niceness, because })

/**
 * What a mode means on this machine. Trying systemd takes some 50 ms; where there
 * is none, nothing.
 */
export const detect = (mode: Mode, path = process.env["PATH"]): Effect.Effect<Enforcement, EnforcementUnavailable> => {
  switch (mode) {
    case "none":
      return Effect.succeed({ _tag: "None" })
    case "watch":
      return Effect.succeed(watch())
    case "auto":
      return Effect.catch(detectSystemd(path), (detail) => Effect.succeed(watch(detail)))
    case "systemd":
      return Effect.mapError(
        detectSystemd(path),
        (detail) =>
          new EnforcementUnavailable({
            message: `systemd cannot hold the command to its lease: ${detail}; allowed otherwise: watch, none, auto`,
            mode,
            detail
          })
      )
  }
}

/** What to put before the command (`GatedCommand.wrapper`). It becomes the command by `exec`. */
export const wrapper = (enforcement: Enforcement, limits: Limits): ReadonlyArray<string> => {
  switch (enforcement._tag) {
    case "None":
      return []
    case "Watch":
      return ["nice", "-n", String(enforcement.niceness)]
    case "Systemd":
      // The shell, so that a command that cannot be executed is 127 or 126 as ever.
      return [
        ...scopeWith(enforcement.scope, enforced(enforcement, limits)),
        "/bin/sh",
        "-c",
        'exec "$@"',
        "resource-manager"
      ]
  }
}

/** The limits that the kernel keeps. */
export const enforced = (enforcement: Enforcement, limits: Limits): Limits =>
  enforcement._tag === "Systemd"
    ? {
        cpus: enforcement.cpu ? limits.cpus : undefined,
        memoryBytes: enforcement.memory ? limits.memoryBytes : undefined
      }
    : {}

const units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]

/** `4 GiB`, `1.5 MiB`: at most one digit after the point. */
export const showBytes = (bytes: number): string => {
  let [value, unit] = [bytes, 0]
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1]
  return `${Math.round(value * 10) / 10} ${units[unit] ?? ""}`
}

export const showCpus = (cpus: number): string => {
  const rounded = Math.round(cpus * 100) / 100
  return `${rounded} ${rounded === 1 ? "processor" : "processors"}`
}

const list = (parts: ReadonlyArray<string>): string =>
  parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts[parts.length - 1] ?? ""}`

/**
 * In a sentence: what is enforced, and what is only accounted. `others` are the
 * types of the claim that nothing enforces.
 */
export const describe = (enforcement: Enforcement, limits: Limits, others: ReadonlyArray<string> = []): string => {
  const held = enforced(enforcement, limits)
  const kept = [
    ...(held.cpus === undefined ? [] : [showCpus(held.cpus)]),
    ...(held.memoryBytes === undefined ? [] : [`${showBytes(held.memoryBytes)} of memory`])
  ]
  const counted = [
    ...(limits.cpus === undefined || held.cpus !== undefined ? [] : ["cpu"]),
    ...(limits.memoryBytes === undefined || held.memoryBytes !== undefined ? [] : ["memory"]),
    ...others
  ]
  const clauses = [
    ...(kept.length === 0 ? [] : [`a systemd scope holds the command to ${list(kept)}`]),
    ...(counted.length === 0
      ? []
      : [`${list(counted)} ${counted.length === 1 ? "is" : "are"} accounted, not enforced`]),
    ...(enforcement._tag === "Watch"
      ? [
          `the command runs with a lower priority (nice ${enforcement.niceness}), and using more than it leased is reported`
        ]
      : [])
  ]
  return clauses.length === 0 ? "nothing is leased" : clauses.join("; ")
}
