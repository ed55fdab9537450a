/**
 * Where a manager keeps what it decides, so that its state outlives the process.
 *
 * A journal is provided like a policy, and is used by one manager:
 *
 * ```ts
 * ResourceManager.layer(options).pipe(Layer.provide(SqliteJournal.layer({ path })))
 * ```
 *
 * What the manager promises with one:
 * 1. Nothing is told (no grant, no refusal, no figure) before what it rests on is in
 *    the journal. What is decided in one turn of the event loop is one batch.
 * 2. A journal that fails ends the manager: nothing further is told, waiters and new
 *    claims fail with `ManagerStopped`, everything else dies with `JournalFailed`.
 * 3. The next manager on the journal goes on where this one was, in time too.
 *
 * What a journal promises:
 * 1. When `append` or `snapshot` returns, what it was given survives the loss of the
 *    process, and where it says so the loss of power.
 * 2. `read` gives back every batch since the last snapshot, in order, or throws
 *    `JournalCorrupt`: it never leaves one out.
 * 3. One that is open is open once.
 *
 * Its functions are plain and synchronous; what they throw is what failed. Batches
 * and snapshots are text whose meaning is the manager's. `JournalTest.suite` has the
 * tests that every journal passes.
 */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

export interface JournalContents {
  /** The last snapshot, if one was written. */
  readonly snapshot: string | undefined
  /** The batches after it, oldest first. */
  readonly batches: Iterable<string>
}

export interface Journal {
  /** Where it is, as people are told: the path of a file. */
  readonly where: string
  /** How many entries there may be after a snapshot before the next one is written. */
  readonly snapshotEvery: number
  /** What it held when it was opened. Called once, before anything is appended. */
  readonly read: () => JournalContents
  /** Adds a batch. */
  readonly append: (batch: string) => void
  /** Puts a snapshot in the place of everything before it. */
  readonly snapshot: (snapshot: string) => void
}

/** The journal of the managers built with it. None unless provided. */
export const Journal = Context.Reference<Journal | undefined>("@resource-manager/core/Journal", {
  defaultValue: () => undefined
})

/** It holds something that no manager wrote there, or lacks something that one did: nothing is read from it. */
export class JournalCorrupt extends Schema.TaggedError<JournalCorrupt>()("JournalCorrupt", {
  message: Schema.String,
  journal: Schema.String,
  /** What is wrong with it. */
  reason: Schema.String
}) {}

/** It could not be written or opened. */
export class JournalFailed extends Schema.TaggedError<JournalFailed>()("JournalFailed", {
  message: Schema.String,
  journal: Schema.String,
  reason: Schema.String
}) {}

/** Somebody else has it open. */
export class JournalLocked extends Schema.TaggedError<JournalLocked>()("JournalLocked", {
  message: Schema.String,
  journal: Schema.String,
  /** Who, where that is known. */
  pid: Schema.optionalKey(Schema.Number),
  /** Since when, in milliseconds since the epoch. */
  since: Schema.optionalKey(Schema.Number)
}) {}

/** It was written by a version of this program that came later. */
export class JournalTooNew extends Schema.TaggedError<JournalTooNew>()("JournalTooNew", {
  message: Schema.String,
  journal: Schema.String,
  found: Schema.Number,
  supported: Schema.Number
}) {}

/** Why a journal cannot be used. */
export type JournalError = JournalCorrupt | JournalFailed | JournalLocked | JournalTooNew

/** How `JournalCorrupt` reads: what is wrong, and what to do. */
export const corrupt = (journal: string, reason: string): JournalCorrupt =>
  new JournalCorrupt({
    journal,
    reason,
    message:
      `the journal ${journal} cannot be trusted: ${reason}\n` +
      `Nothing was changed. Put a copy from before the damage in its place; or move ${journal} and the files beside it ` +
      "aside and start again: pools and rates come back from the configuration, but quotas, capacities that were set " +
      "live, statistics, the levels of rates and all leases that others still hold are lost then"
  })

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** How `JournalFailed` reads. */
export const failed = (journal: string, doing: string, cause: unknown): JournalFailed =>
  new JournalFailed({
    journal,
    reason: reasonOf(cause),
    message: `the journal ${journal} could not be ${doing}: ${reasonOf(cause)}`
  })

/** What a journal in memory leaves behind, for the next one to be opened on. */
export interface MemoryStore {
  snapshot: string | undefined
  batches: Array<string>
}

export const makeStore = (): MemoryStore => ({ snapshot: undefined, batches: [] })

export interface MemoryOptions {
  /** Default 10,000. */
  readonly snapshotEvery?: number
  /** Called before anything is written: throws where the write is to fail. */
  readonly onWrite?: (text: string) => void
}

/** The reference journal: keeps everything in a store that outlives it, and the process in no case. For tests. */
export const makeMemory = (store: MemoryStore, options: MemoryOptions = {}): Journal => ({
  where: "in memory",
  snapshotEvery: options.snapshotEvery ?? 10_000,
  read: () => ({ snapshot: store.snapshot, batches: [...store.batches] }),
  append: (batch) => {
    options.onWrite?.(batch)
    store.batches.push(batch)
  },
  snapshot: (snapshot) => {
    options.onWrite?.(snapshot)
    store.snapshot = snapshot
    store.batches = []
  }
})

/** A journal in memory as a layer: each build is another journal on the same store. */
export const layerMemory = (store: MemoryStore, options: MemoryOptions = {}): Layer.Layer<never> =>
  Layer.fresh(Layer.sync(Journal, () => makeMemory(store, options)))
