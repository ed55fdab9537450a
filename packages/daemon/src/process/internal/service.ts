/** What a process table offers, apart from who makes one. */
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { CommandTarget, ProcessIdentity } from "../Identity.ts"
import type { ProcessInfo } from "../members.ts"

/** The processes of this machine cannot be read now. */
export class ProcessesUnreadable extends Schema.TaggedError<ProcessesUnreadable>()("ProcessesUnreadable", {
  message: Schema.String,
  /** The file or program that was asked. */
  source: Schema.String,
  detail: Schema.String
}) {}

/** Where the answer to a signal is `denied`, the process is another user's. */
export type SignalResult = "sent" | "gone" | "denied"

/** What a process has used, and holds. */
export interface ProcessUsage {
  /** Processor time, on Linux with that of its ended and collected children. */
  readonly cpuMillis: number
  readonly memoryBytes: number
}

/** What this platform can tell. */
export interface Abilities {
  /** `ticks`: ids and starts are never shared. `seconds`: an id given again within a second goes unnoticed. */
  readonly identity: "ticks" | "seconds"
  /** Whether processes are found by their environment, when they have left their group and parents. */
  readonly marker: boolean
  /** Sentences for people: what cannot be seen here. Empty where all can. */
  readonly limits: ReadonlyArray<string>
}

export interface Service {
  readonly abilities: Abilities
  /** Where identities of this table mean something. */
  readonly place: string
  /** Who bears this id now, zombies included; `undefined` where nobody does. */
  readonly inspect: (pid: number) => Effect.Effect<ProcessInfo | undefined, ProcessesUnreadable>
  /** Whether it lives, here: false for an identity of another place. */
  readonly isAlive: (identity: ProcessIdentity) => Effect.Effect<boolean, ProcessesUnreadable>
  /** All living processes of a command (see `members`): `known` are keys of identities that were found before. */
  readonly find: (
    target: CommandTarget,
    known?: ReadonlySet<string>
  ) => Effect.Effect<ReadonlyArray<ProcessInfo>, ProcessesUnreadable>
  /** Whether it lives, here, and carries the marker in its environment. Never where the platform does not tell. */
  readonly isMarked: (identity: ProcessIdentity, marker: string) => Effect.Effect<boolean, ProcessesUnreadable>
  /** How many processes the machine ever started, for `CommandTarget.forks`. */
  readonly forks: Effect.Effect<number | undefined, ProcessesUnreadable>
  readonly signal: (
    identity: ProcessIdentity,
    signal: NodeJS.Signals
  ) => Effect.Effect<SignalResult, ProcessesUnreadable>
  /**
   * `undefined` where it is gone. `exact` counts shared memory once over all who
   * share it, where the platform tells; it takes the kernel longer.
   */
  readonly usage: (
    identity: ProcessIdentity,
    memory: "resident" | "exact"
  ) => Effect.Effect<ProcessUsage | undefined, ProcessesUnreadable>
}
