/**
 * Which processes a command consists of. Pure: a reading of the machine's
 * processes in, members out.
 *
 * A process belongs to a command if any of these holds.
 *
 * 1. *Root*: it is the process that the command began as.
 * 2. *Group*: it is in the command's process group, and the group's number still
 *    means that group: its leader is there (a zombie counts) and is the root; or
 *    the leader is gone, and so few processes were started since that no number
 *    can have been given again.
 * 3. *Marker*: its environment carries the command's marker.
 * 4. *Known*: it was found before, by its identity.
 * 5. *Kin*: its parent belongs, or it is in a process group or session that
 *    belonging process leads. (The kernel gives no process a number that is in use
 *    as a group's or session's, so the number's bearer did make it.)
 *
 * What left its group and session, cleared its environment, and whose parents are
 * all gone, was never seen before: then nothing tells that it belongs.
 */
import { type CommandTarget, keyOf, type ProcessIdentity, sameProcess } from "./Identity.ts"

export type ProcessState = "running" | "sleeping" | "stuck" | "stopped" | "ended"

/** One process, as it was at the reading. */
export interface ProcessInfo {
  readonly identity: ProcessIdentity
  readonly name: string
  readonly parent: number
  readonly group: number
  /** 0 where the platform does not tell. */
  readonly session: number
  /** `stuck` cannot be interrupted, not even by SIGKILL; `ended` is a zombie. */
  readonly state: ProcessState
}

export interface Reading {
  readonly processes: ReadonlyArray<ProcessInfo>
  /** Whether the environment carries the target's marker. Asked only of processes that may. */
  readonly isMarked: (process: ProcessInfo) => boolean
  /** Whether numbers of processes that ended since the target began can have been given again. */
  readonly numbersReused: boolean
}

const groupIsOurs = (reading: Reading, target: CommandTarget): boolean => {
  const leader = reading.processes.find((process) => process.identity.pid === target.group)
  return leader === undefined ? !reading.numbersReused : sameProcess(leader.identity, target.root)
}

/** The living members, in the order of the reading. `self` is never one. */
export const membersOf = (
  reading: Reading,
  target: CommandTarget,
  known: ReadonlySet<string>,
  self: number
): ReadonlyArray<ProcessInfo> => {
  const group = target.group !== undefined && groupIsOurs(reading, target) ? target.group : undefined
  const candidates = reading.processes.filter(
    ({ identity, state }) => state !== "ended" && identity.pid !== self && identity.pid > 1
  )
  const found = new Set<ProcessInfo>()
  const numbers = new Set<number>()
  const add = (process: ProcessInfo): void => {
    found.add(process)
    numbers.add(process.identity.pid)
  }
  for (const process of candidates) {
    if (sameProcess(process.identity, target.root) || process.group === group || known.has(keyOf(process.identity))) {
      add(process)
    } else if (
      target.marker !== undefined &&
      // Nobody inherits an environment before it is there.
      process.identity.start >= target.root.start &&
      reading.isMarked(process)
    ) {
      add(process)
    }
  }
  // A parent may stand behind its child in the reading: again, until nothing is added.
  for (let before = -1; before !== found.size;) {
    before = found.size
    for (const process of candidates) {
      if (found.has(process)) continue
      if (numbers.has(process.parent) || numbers.has(process.group) || numbers.has(process.session)) add(process)
    }
  }
  return candidates.filter((process) => found.has(process))
}
