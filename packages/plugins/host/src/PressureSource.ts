/**
 * Where pressure is read: by those who share the capacity.
 *
 * - Where a group around the process limits the resource, the groups from the
 *   process's own up to that one. A group's file counts the stalls of its own tasks,
 *   whatever the cause, so a busy neighbour on the same machine counts exactly as far
 *   as it is felt.
 * - Where none does, or none of them has such a file, all groups around the process and the machine's own file: the
 *   commands that hold leases may run in any group.
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { HostUnreadable } from "./HostErrors.ts"
import { type HostFiles, unreadable } from "./HostFiles.ts"
import type { Sources } from "./HostSource.ts"
import type { Reading } from "./Pressure.ts"
import { elapsedMicrosMin, type Kind, parsePressure, sharesBetween, type Stalls } from "./Psi.ts"

export interface PressureSource {
  /** The shares of time lost since the last reading: none of a file that is read for the first time. */
  readonly read: Effect.Effect<ReadonlyArray<Reading>, HostUnreadable>
}

interface Taken {
  readonly stalls: Stalls
  readonly takenAt: bigint
}

interface Watched {
  readonly kind: Kind
  /** Files of the groups that share the capacity, innermost first. */
  readonly groups: ReadonlyArray<string>
  /** Whether one of them limits it. */
  readonly limited: boolean
}

const machineFile = (kind: Kind) => `/proc/pressure/${kind}`

const missing =
  "the kernel reports no pressure; it does from Linux 4.20 on, built with CONFIG_PSI and booted with psi=1"

/**
 * Reads once, and fails where one of `kinds` cannot be read at all. Which groups are
 * around the process is looked up again every `lookUpEvery`: it seldom changes, and is
 * most of the work.
 */
export const make = Effect.fnUntraced(function* (
  { directories, prefix, read }: HostFiles,
  sources: Sources,
  kinds: ReadonlyArray<Kind>,
  lookUpEvery: Duration.Duration
) {
  const clock = yield* Clock.Clock
  let taken: ReadonlyMap<string, Taken> = new Map()
  let watched: ReadonlyArray<Watched> = []
  let watchedUntil = 0n

  const lookUp = Effect.gen(function* () {
    const around = yield* directories
    const found: Array<Watched> = []
    for (const kind of kinds) {
      // The kernel limits no group's input and output as a whole.
      const limiting = kind === "io" ? undefined : yield* sources[kind].group
      const sharing = limiting === undefined ? around : around.slice(0, around.indexOf(limiting) + 1)
      const groups = sharing.map((directory) => `${directory}/${kind}.pressure`)
      found.push({ kind, groups, limited: limiting !== undefined })
    }
    watched = found
    watchedUntil = clock.monotonicTimeNanosUnsafe() + Duration.toNanosUnsafe(lookUpEvery)
  })

  const readAll = Effect.gen(function* () {
    if (clock.monotonicTimeNanosUnsafe() >= watchedUntil) yield* lookUp
    const next = new Map<string, Taken>()
    const readings: Array<Reading> = []
    /** Whether there is such a file. */
    const readOne = Effect.fnUntraced(function* (kind: Kind, path: string) {
      const stalls = yield* read(path, parsePressure, undefined)
      if (stalls === undefined) return false
      const takenAt = clock.monotonicTimeNanosUnsafe()
      const before = taken.get(path)
      const elapsedMicros = before === undefined ? Infinity : Number(takenAt - before.takenAt) / 1_000
      // Too short a time says nothing: the reading before stays the one to measure from.
      next.set(path, before !== undefined && elapsedMicros < elapsedMicrosMin ? before : { stalls, takenAt })
      const shares = before === undefined ? undefined : sharesBetween(before.stalls, stalls, elapsedMicros)
      if (shares !== undefined) readings.push({ kind, path, ...shares })
      return true
    })
    for (const { groups, kind, limited } of watched) {
      let found = false
      for (const path of groups) found = (yield* readOne(kind, path)) || found
      // Groups may be without: it can be turned off for each.
      if (!limited || !found) yield* readOne(kind, machineFile(kind))
    }
    taken = next
    return readings
  })

  yield* readAll
  for (const { groups, kind } of watched) {
    const machine = machineFile(kind)
    if ([...groups, machine].some((path) => taken.has(path))) continue
    return yield* unreadable(prefix + machine, "missing", missing)
  }
  const source: PressureSource = { read: readAll }
  return source
})
