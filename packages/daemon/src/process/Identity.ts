/**
 * Which process is meant. A process id alone says little: the kernel gives it to
 * somebody else once its process is gone.
 *
 * 1. An identity is a process id, the instant at which its process started, and
 *    the place (boot and process id namespace) in which both mean something. Two
 *    processes never share one where the start is in clock ticks (Linux). Where it
 *    is in seconds (elsewhere), they share one only if the id was given again
 *    within a second.
 * 2. Identities and targets are plain data: they cross a wire and a journal.
 */
import * as Schema from "effect/Schema"

const Pid = Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 2 ** 31 - 1 }))
const Count = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }))

export const ProcessIdentity = Schema.Struct({
  pid: Pid,
  /** When it started: clock ticks since the boot on Linux, seconds since 1970 elsewhere. */
  start: Count,
  /** The boot and, on Linux, the process id namespace: an identity of another place is nobody here. */
  place: Schema.String.check(Schema.isMaxLength(200))
})
export type ProcessIdentity = typeof ProcessIdentity.Type

export const sameProcess = (left: ProcessIdentity, right: ProcessIdentity): boolean =>
  left.pid === right.pid && left.start === right.start && left.place === right.place

/** An identity as a key of maps and sets. */
export const keyOf = (identity: ProcessIdentity): string => `${identity.pid}@${identity.start}@${identity.place}`

/** The environment variable that marks the processes of a lease. */
export const markerVariable = "RESOURCE_MANAGER_LEASE"

/** What is known of a command, from which all its processes are found. */
export const CommandTarget = Schema.Struct({
  /** The process that the command began as. */
  root: ProcessIdentity,
  /** The process group that it leads, where it has one of its own. */
  group: Schema.optionalKey(Pid),
  /** The value of `RESOURCE_MANAGER_LEASE` in its environment. */
  marker: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(500))),
  /** How many processes the machine had ever started when the root had: tells whether ids can have been given again since. */
  forks: Schema.optionalKey(Count)
})
export type CommandTarget = typeof CommandTarget.Type
