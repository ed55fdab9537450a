/**
 * The manager's journal in an SQLite file, by the `node:sqlite` that comes with Node.
 *
 * ```ts
 * ResourceManager.layer(options).pipe(Layer.provide(SqliteJournal.layer({ path: "manager.db" })))
 * ```
 *
 * 1. A batch is one transaction in write-ahead mode. With `synchronous: "full"`, the
 *    default, it has reached the disk before anything of it is told: it survives the
 *    loss of power. With `"normal"` it survives the loss of the process, and the loss
 *    of power takes back the last moments.
 * 2. The file is open once: a second opener fails with `JournalLocked`, which says
 *    who has it. The lock is the operating system's and dies with its holder.
 * 3. Nothing is left out unseen: batches are numbered and their checksums form a
 *    chain, and a file beside (`…-head`) names the last batch that was ever committed.
 *    What does not fit is `JournalCorrupt`, and the file is left as it was.
 * 4. A snapshot takes the place of the batches before it, whose space is used again.
 * 5. A file of an older format is brought to this one as it is opened, in one
 *    transaction; one of a later format is `JournalTooNew`.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { Journal, type JournalError } from "@resource-manager/core/Journal"
import { open } from "./internal/open.ts"

export type Synchronous = "full" | "normal" | "off"

export interface SqliteJournalOptions {
  /** The file. It and the folders to it are made where they are not there, for their owner alone. */
  readonly path: string
  /** Events after a snapshot before the next one is written: bounds the file and the time to start. Default 50,000. */
  readonly snapshotEvery?: number
  /** How far a batch has to get before it is told. Default `"full"`: to the disk. */
  readonly synchronous?: Synchronous
}

const snapshotEveryDefault = 50_000

/** An option that no journal can have. */
export class InvalidJournalOption extends Schema.TaggedError<InvalidJournalOption>()("InvalidJournalOption", {
  message: Schema.String,
  option: Schema.String,
  value: Schema.Unknown,
  allowed: Schema.String
}) {}

const levels: ReadonlyArray<string> = ["full", "normal", "off"] satisfies ReadonlyArray<Synchronous>

const invalid = (option: string, value: unknown, allowed: string) =>
  Effect.fail(
    new InvalidJournalOption({
      message: `the journal's ${option} is ${JSON.stringify(value) ?? String(value)}; allowed: ${allowed}`,
      option,
      value,
      allowed
    })
  )

/** Opens a journal until the scope closes. */
export const make = (
  options: SqliteJournalOptions
): Effect.Effect<Journal, JournalError | InvalidJournalOption, Scope.Scope> =>
  Effect.suspend((): Effect.Effect<Journal, JournalError | InvalidJournalOption, Scope.Scope> => {
    const { path, snapshotEvery = snapshotEveryDefault, synchronous = "full" } = options
    if (typeof path !== "string" || path === "" || path.includes("\0")) {
      return invalid("path", path, "the path of a file")
    }
    if (!Number.isSafeInteger(snapshotEvery) || snapshotEvery < 1) {
      return invalid("snapshotEvery", snapshotEvery, "a whole number from 1")
    }
    if (!levels.includes(synchronous)) return invalid("synchronous", synchronous, levels.join(", "))
    return Effect.map(
      Effect.acquireRelease(open({ path, snapshotEvery, synchronous }), (opened) =>
        Effect.sync(() => {
          opened.close()
        })
      ),
      ({ journal }) => journal
    )
  })

/** Provides the journal to the manager above. Each build opens the file anew. */
export const layer = (options: SqliteJournalOptions): Layer.Layer<never, JournalError | InvalidJournalOption> =>
  Layer.fresh(Layer.effect(Journal, make(options)))
