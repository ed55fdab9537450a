/**
 * What there is of each resource on this machine, and what is used of it: the
 * files of `/proc` and of the process's cgroups, else the operating system.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type { HostUnreadable } from "./HostErrors.ts"
import { type HostFiles, unreadable } from "./HostFiles.ts"
import * as HostLimits from "./HostLimits.ts"
import { OperatingSystem } from "./OperatingSystem.ts"

/** Open files where the system sets no limit: what Linux allows a process at most unless told otherwise. */
export const openFilesUnlimited = 1_048_576

/** Open files where no limit can be read, on Windows: what its C runtime allows. */
export const openFilesUnknown = 8_192

export interface Source {
  /** Units that this process may use, before any is kept back. */
  readonly available: Effect.Effect<number, HostUnreadable>
  /** Units in use by everything that shares the limit. */
  readonly used: Effect.Effect<number, HostUnreadable> | undefined
  /** The directory of the group whose limit that is; `undefined` where it is the machine's own. */
  readonly group: Effect.Effect<string | undefined, HostUnreadable>
}

export interface Sources {
  readonly cpu: Source
  readonly memory: Source
  readonly fileHandles: Source
}

/** What the sources are of: files below a root. */
export const make = Effect.fnUntraced(function* ({ prefix, read, tightest }: HostFiles) {
  const files = yield* FileSystem.FileSystem
  const system = yield* OperatingSystem

  const cpuLimit = tightest((directory) => read(`${directory}/cpu.max`, HostLimits.parseCpuMax, Infinity))
  // Over `memory.high` the kernel slows a group down to take memory back, so what is handed out stays below.
  const memoryLimit = tightest((directory) =>
    Effect.zipWith(
      read(`${directory}/memory.max`, HostLimits.parseLimit, Infinity),
      read(`${directory}/memory.high`, HostLimits.parseLimit, Infinity),
      Math.min
    )
  )

  const memoryGroup = Effect.map(memoryLimit, ({ directory, limit }) =>
    limit >= system.totalMemory() ? undefined : directory
  )
  const cpuGroup = Effect.map(cpuLimit, ({ directory, limit }) =>
    limit >= system.processors() ? undefined : directory
  )

  const memoryUsed = Effect.gen(function* () {
    const directory = yield* memoryGroup
    if (directory === undefined) return system.usedMemory()
    return yield* read(`${directory}/memory.current`, HostLimits.parseCurrent, system.usedMemory())
  })

  const limitsPath = "/proc/self/limits"
  const openFiles = Effect.gen(function* () {
    const limit = yield* read(limitsPath, HostLimits.parseOpenFiles, undefined)
    const found = limit ?? system.openFilesLimit() ?? openFilesUnknown
    return found === Infinity ? openFilesUnlimited : found
  })

  /** A handle is an entry of the first of these that is there. The one that lists them counts as well. */
  const handleDirectories = ["/proc/self/fd", "/dev/fd"]
  const handles = yield* Effect.findFirst(handleDirectories, (path) =>
    Effect.mapError(files.exists(prefix + path), (error) => unreadable(prefix + path, "unreadable", error.message))
  )

  const sources: Sources = {
    cpu: {
      available: Effect.map(cpuLimit, ({ limit }) => HostLimits.wholeCores(Math.min(limit, system.processors()))),
      group: cpuGroup,
      used: yield* cpuUsed(cpuGroup, (directory) => read(`${directory}/cpu.stat`, HostLimits.parseCpuUsage, undefined))
    },
    memory: {
      available: Effect.map(memoryLimit, ({ limit }) => Math.min(limit, system.totalMemory())),
      group: memoryGroup,
      used: memoryUsed
    },
    fileHandles: {
      available: openFiles,
      group: Effect.undefined,
      used:
        handles._tag === "None"
          ? undefined
          : files.readDirectory(prefix + handles.value).pipe(
              Effect.map((entries) => entries.length),
              Effect.mapError((error) => unreadable(prefix + handles.value, "unreadable", error.message))
            )
    }
  }
  return sources
})

interface UsageReading {
  readonly directory: string
  readonly usageMicros: number
  readonly takenAt: bigint
  /** Processors in use up to here; unknown before a second reading. */
  readonly processors: number | undefined
}

/**
 * Processors in use. In a limited group: the time that it used since the last
 * reading, over the time that went by. Elsewhere, and before there are two
 * readings: the load average. None where the system counts no load.
 */
const cpuUsed = Effect.fnUntraced(function* (
  group: Effect.Effect<string | undefined, HostUnreadable>,
  usageOf: (directory: string) => Effect.Effect<number | undefined, HostUnreadable>
) {
  const system = yield* OperatingSystem
  const clock = yield* Clock.Clock
  let last: UsageReading | undefined

  const reading = Effect.gen(function* () {
    const directory = yield* group
    if (directory === undefined) return undefined
    const usageMicros = yield* usageOf(directory)
    if (usageMicros === undefined) return undefined
    const takenAt = clock.monotonicTimeNanosUnsafe()
    const before = last?.directory === directory && last.usageMicros <= usageMicros ? last : undefined
    const elapsedMicros = before === undefined ? 0 : Number(takenAt - before.takenAt) / 1_000
    // Too short a time says nothing: the reading before stays the one to measure from.
    if (before !== undefined && elapsedMicros < 1_000) return before
    const processors = before === undefined ? undefined : (usageMicros - before.usageMicros) / elapsedMicros
    last = { directory, usageMicros, takenAt, processors }
    return last
  })

  const load = system.loadAverage()
  if ((yield* reading) === undefined && load === undefined) return undefined
  return Effect.map(reading, (taken) => taken?.processors ?? system.loadAverage() ?? 0)
})
