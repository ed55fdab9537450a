/**
 * The process table from `/proc`. All of it is synchronous: the files are made by
 * the kernel in memory, and a reading that nothing interrupts is the closest to a
 * snapshot that there is.
 */
import * as Effect from "effect/Effect"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { type ProcessIdentity, markerVariable, sameProcess } from "../Identity.ts"
import { membersOf, type ProcessInfo, type ProcessState } from "../members.ts"
import {
  environmentHas,
  hasEnded,
  parseForks,
  parseNumber,
  parseProportional,
  parseResident,
  parseStat,
  type Stat
} from "../procfs.ts"
import { ProcessesUnreadable, type Service, type SignalResult } from "./service.ts"

/** Ticks a second in `/proc`: what the kernel shows programs, whatever it counts in. */
const ticksPerSecond = 100

/** The kernel keeps the first ids for itself when it starts over, and threads take ids as well as processes. */
const idsKeptBack = 1_000

const unreadable = (source: string, detail: string) =>
  new ProcessesUnreadable({ message: `${source} cannot be read: ${detail}`, source, detail })

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : String(error)

/** The text of a file, or `undefined` where its process is gone. Latin-1: any bytes, and each its own character. */
const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "latin1")
  } catch (error) {
    const code = codeOf(error)
    if (code === "ENOENT" || code === "ESRCH") return undefined
    throw unreadable(path, code)
  }
}

/** Of another user, or not a process that has an environment: says nothing. */
const readIfAllowed = (path: string): string => {
  try {
    return readFileSync(path, "latin1")
  } catch (error) {
    const code = codeOf(error)
    if (["ENOENT", "ESRCH", "EACCES", "EPERM", "EIO"].includes(code)) return ""
    throw unreadable(path, code)
  }
}

const states: Readonly<Record<string, ProcessState>> = { R: "running", D: "stuck", T: "stopped", t: "stopped" }

const statOf = (pid: number): Stat | undefined => {
  const path = `/proc/${pid}/stat`
  const text = read(path)
  if (text === undefined) return undefined
  const stat = parseStat(text)
  if (stat === undefined) throw unreadable(path, "it is not what the kernel writes")
  return stat
}

const infoOf = (stat: Stat, place: string): ProcessInfo => ({
  identity: { pid: stat.pid, start: stat.startTicks, place },
  name: stat.name,
  parent: stat.parent,
  group: stat.group,
  session: stat.session,
  state: hasEnded(stat) ? "ended" : (states[stat.state] ?? "sleeping")
})

const infoOfPid = (pid: number, place: string): ProcessInfo | undefined => {
  const stat = statOf(pid)
  return stat === undefined ? undefined : infoOf(stat, place)
}

const readForks = (): number | undefined => parseForks(read("/proc/stat") ?? "")

const readAll = (place: string): ReadonlyArray<ProcessInfo> => {
  let entries: ReadonlyArray<string>
  try {
    entries = readdirSync("/proc")
  } catch (error) {
    throw unreadable("/proc", codeOf(error))
  }
  return entries.flatMap((entry) => (/^[1-9]\d*$/.test(entry) ? (infoOfPid(Number(entry), place) ?? []) : []))
}

const numbersReused = (forksThen: number | undefined): boolean => {
  const now = readForks()
  const most = parseNumber(read("/proc/sys/kernel/pid_max") ?? "")
  if (forksThen === undefined || now === undefined || most === undefined) return true
  return now - forksThen >= most - idsKeptBack
}

const send = (identity: ProcessIdentity, signal: NodeJS.Signals): SignalResult => {
  const info = infoOfPid(identity.pid, identity.place)
  if (info === undefined || info.state === "ended" || !sameProcess(info.identity, identity)) return "gone"
  try {
    process.kill(identity.pid, signal)
    return "sent"
  } catch (error) {
    const code = codeOf(error)
    if (code === "ESRCH") return "gone"
    if (code === "EPERM") return "denied"
    throw error
  }
}

/** Synchronous reading in an effect: what cannot be read is its failure, anything else a defect. */
const attempt = <A>(read: () => A): Effect.Effect<A, ProcessesUnreadable> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(read())
    } catch (error) {
      return error instanceof ProcessesUnreadable ? Effect.fail(error) : Effect.die(error)
    }
  })

const memoryOf = (pid: number, memory: "resident" | "exact"): number =>
  (memory === "exact" ? parseProportional(readIfAllowed(`/proc/${pid}/smaps_rollup`)) : undefined) ??
  parseResident(read(`/proc/${pid}/status`) ?? "") ??
  0

export const make: Effect.Effect<Service, ProcessesUnreadable> = attempt(() => {
  const boot = (read("/proc/sys/kernel/random/boot_id") ?? "").trim()
  if (boot === "" || statOf(process.pid) === undefined) throw unreadable("/proc", "it is not mounted")
  const place = `${boot} ${readlinkSync("/proc/self/ns/pid")}`
  const here = (identity: ProcessIdentity): boolean => identity.place === place

  const alive = (identity: ProcessIdentity): boolean => {
    if (!here(identity)) return false
    const info = infoOfPid(identity.pid, place)
    return info !== undefined && info.state !== "ended" && sameProcess(info.identity, identity)
  }

  const bears = (pid: number, marker: string): boolean =>
    environmentHas(readIfAllowed(`/proc/${pid}/environ`), markerVariable, marker)

  return {
    abilities: { identity: "ticks", marker: true, limits: [] },
    place,
    inspect: (pid) => attempt(() => infoOfPid(pid, place)),
    isAlive: (identity) => attempt(() => alive(identity)),
    find: (target, known = new Set()) =>
      attempt(() => {
        if (!here(target.root)) return []
        const processes = readAll(place)
        const { marker } = target
        return membersOf(
          {
            processes,
            isMarked: ({ identity }) => marker !== undefined && bears(identity.pid, marker),
            numbersReused: numbersReused(target.forks)
          },
          target,
          known,
          process.pid
        )
      }),
    isMarked: (identity, marker) => attempt(() => alive(identity) && bears(identity.pid, marker)),
    forks: attempt(readForks),
    signal: (identity, signal) => attempt(() => (here(identity) ? send(identity, signal) : "gone")),
    usage: (identity, memory) =>
      attempt(() => {
        if (!here(identity)) return undefined
        const stat = statOf(identity.pid)
        if (stat === undefined || hasEnded(stat) || stat.startTicks !== identity.start) return undefined
        return { cpuMillis: (stat.cpuTicks * 1000) / ticksPerSecond, memoryBytes: memoryOf(identity.pid, memory) }
      })
  }
})
