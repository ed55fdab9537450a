/**
 * The process table from `ps`, where there is no `/proc` (macOS, the BSDs). A start
 * is known to the second. Environments are seen on macOS only, and there not of
 * the system's own protected programs.
 */
import * as Effect from "effect/Effect"
import { execFile } from "node:child_process"
import { type ProcessIdentity, markerVariable, sameProcess } from "../Identity.ts"
import { membersOf, type ProcessInfo, type ProcessState } from "../members.ts"
import { ProcessesUnreadable, type Abilities, type Service, type SignalResult } from "./service.ts"
import { columns, parseMarked, parseRows, type PsRow } from "../ps.ts"

/** The exit code with which `ps` says that it found nobody. */
const nobody = 1

const run = (program: string, args: ReadonlyArray<string>): Effect.Effect<string, ProcessesUnreadable> =>
  Effect.callback((resume) => {
    const options = { env: { ...process.env, LC_ALL: "C" }, maxBuffer: 64 * 1024 * 1024 }
    const child = execFile(program, args, options, (error, stdout) => {
      if (error === null || (error.code === nobody && stdout.trim() === "")) return resume(Effect.succeed(stdout))
      const source = [program, ...args].join(" ")
      resume(
        Effect.fail(
          new ProcessesUnreadable({ message: `${source} failed: ${error.message}`, source, detail: error.message })
        )
      )
    })
    return Effect.sync(() => child.kill("SIGKILL"))
  })

const states: Readonly<Record<string, ProcessState>> = {
  R: "running",
  D: "stuck",
  U: "stuck",
  T: "stopped",
  t: "stopped",
  Z: "ended"
}

const infoOf = (row: PsRow, place: string): ProcessInfo => ({
  identity: { pid: row.pid, start: row.startSeconds, place },
  name: row.name,
  parent: row.parent,
  group: row.group,
  session: 0,
  state: states[row.state] ?? "sleeping"
})

const abilitiesOf = (marker: boolean): Abilities => ({
  identity: "seconds",
  marker,
  limits: [
    "when a process started is known to the second only",
    "a process group whose leader is gone is taken for the command's, though its number may have been given again",
    marker
      ? "environments of the system's protected programs cannot be seen"
      : "environments cannot be seen, so a process that left its group and whose parents are gone is not found"
  ]
})

const send = (pid: number, signal: NodeJS.Signals): SignalResult => {
  try {
    process.kill(pid, signal)
    return "sent"
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined
    if (code === "ESRCH") return "gone"
    if (code === "EPERM") return "denied"
    throw error
  }
}

export const make: Effect.Effect<Service, ProcessesUnreadable> = Effect.gen(function* () {
  const marker = process.platform === "darwin"
  // Where the system does not tell when it booted, identities of an earlier boot differ by their start alone.
  const boot = yield* Effect.orElseSucceed(run("sysctl", ["-n", "kern.boottime"]), () => "")
  const place = `ps ${/sec = (\d+)/.exec(boot)?.[1] ?? ""}`.trim()

  const rowOf = (pid: number): Effect.Effect<PsRow | undefined, ProcessesUnreadable> =>
    Effect.map(run("ps", ["-p", String(pid), "-o", columns]), (text) => parseRows(text)[0])

  const living = (identity: ProcessIdentity): Effect.Effect<PsRow | undefined, ProcessesUnreadable> =>
    identity.place !== place
      ? Effect.undefined
      : Effect.map(rowOf(identity.pid), (row) => {
          if (row === undefined) return undefined
          const info = infoOf(row, place)
          return info.state !== "ended" && sameProcess(info.identity, identity) ? row : undefined
        })

  const bearers = (mark: string | undefined): Effect.Effect<ReadonlySet<number>, ProcessesUnreadable> =>
    marker && mark !== undefined
      ? Effect.map(run("ps", ["-axwwE", "-o", "pid=,command="]), (text) => parseMarked(text, markerVariable, mark))
      : Effect.succeed(new Set())

  return {
    abilities: abilitiesOf(marker),
    place,
    inspect: (pid) => Effect.map(rowOf(pid), (row) => (row === undefined ? undefined : infoOf(row, place))),
    isAlive: (identity) => Effect.map(living(identity), (row) => row !== undefined),
    find: Effect.fnUntraced(function* (target, known = new Set()) {
      if (target.root.place !== place) return []
      const processes = parseRows(yield* run("ps", ["-axo", columns])).map((row) => infoOf(row, place))
      const marked = yield* bearers(target.marker)
      return membersOf(
        { processes, isMarked: ({ identity }) => marked.has(identity.pid), numbersReused: false },
        target,
        known,
        process.pid
      )
    }),
    isMarked: Effect.fnUntraced(function* (identity, mark) {
      const marked = yield* bearers(mark)
      return (yield* living(identity)) !== undefined && marked.has(identity.pid)
    }),
    forks: Effect.undefined,
    signal: (identity, signal) =>
      Effect.map(living(identity), (row) => (row === undefined ? "gone" : send(identity.pid, signal))),
    usage: (identity) =>
      Effect.map(living(identity), (row) =>
        row === undefined ? undefined : { cpuMillis: row.cpuSeconds * 1000, memoryBytes: row.residentBytes }
      )
  }
})
