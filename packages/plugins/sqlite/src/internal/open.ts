/** Opens a journal's file: takes the lock, looks at what it is, and makes it ready to be read. */
import * as Effect from "effect/Effect"
import { chmodSync, existsSync, mkdirSync } from "node:fs"
import { dirname, resolve } from "node:path"
import type { DatabaseSync } from "node:sqlite"
import {
  corrupt,
  failed,
  type Journal,
  JournalCorrupt,
  type JournalError,
  JournalFailed,
  JournalLocked,
  JournalTooNew
} from "@resource-manager/core/Journal"
import type { Synchronous } from "../SqliteJournal.ts"
import { FileJournal } from "./FileJournal.ts"
import { applicationId, create, formatVersion, migrate } from "./format.ts"
import { readHead } from "./Head.ts"
import { isBusy, isDamaged, openDatabase } from "./sqlite.ts"

export interface OpenOptions {
  readonly path: string
  readonly snapshotEvery: number
  readonly synchronous: Synchronous
  /** The most pages that the file may have: a full disk, for tests. */
  readonly pagesMax?: number
}

export interface Opened {
  readonly journal: Journal
  readonly close: () => void
}

const lockedBy = (path: string): JournalLocked => {
  const head = readHead(path)
  const holder = head === undefined || head === "unreadable" ? undefined : head
  const who =
    holder === undefined ? "another process" : `process ${holder.pid}, since ${new Date(holder.since).toISOString()}`
  return new JournalLocked({
    message: `the journal ${path} is in use by ${who}: end that one first, or name another file`,
    journal: path,
    ...(holder === undefined ? {} : { pid: holder.pid, since: holder.since })
  })
}

const tooNew = (path: string, found: number): JournalTooNew =>
  new JournalTooNew({
    message:
      `the journal ${path} has format ${found}, of a later version of this program; this one knows formats up to ` +
      `${formatVersion}. Use that version again, or move the journal aside and start without what it holds`,
    journal: path,
    found,
    supported: formatVersion
  })

const pragma = (database: DatabaseSync, name: string): unknown => database.prepare(`PRAGMA ${name}`).get()?.[name]

/** Takes the lock for as long as the file is open: in this mode, that of the first transaction is kept. */
const lock = (database: DatabaseSync, { pagesMax, path, synchronous }: OpenOptions): void => {
  database.exec("PRAGMA locking_mode = EXCLUSIVE")
  try {
    // Another process may be at its end: it closes the file within moments.
    database.exec("PRAGMA busy_timeout = 0")
    database.exec("PRAGMA journal_mode = WAL")
    database.exec("BEGIN IMMEDIATE; COMMIT")
  } catch (cause) {
    throw isBusy(cause) ? lockedBy(path) : cause
  }
  // The log is cut back after each checkpoint, so that one large snapshot does not keep it large.
  database.exec(`PRAGMA synchronous = ${synchronous}; PRAGMA journal_size_limit = 16777216`)
  if (pagesMax !== undefined) database.exec(`PRAGMA max_page_count = ${pagesMax}`)
}

const tablesOf = (database: DatabaseSync): number => {
  const row = database.prepare("SELECT count(*) AS tables FROM sqlite_schema").get()
  return Number(row?.["tables"])
}

/** Makes a new file a journal, or brings an old journal to this format. */
const prepare = (database: DatabaseSync, path: string): void => {
  const version = Number(pragma(database, "user_version"))
  if (pragma(database, "application_id") !== applicationId) {
    if (version !== 0 || tablesOf(database) !== 0) throw corrupt(path, "it is an SQLite database of something else")
    database.exec("BEGIN")
    create(database)
    database.exec("COMMIT")
    return
  }
  if (version > formatVersion) throw tooNew(path, version)
  if (version === formatVersion) return
  database.exec("BEGIN")
  try {
    migrate(database, version)
  } catch (cause) {
    database.exec("ROLLBACK")
    throw corrupt(path, `it has format ${version}, and ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  database.exec("COMMIT")
}

const openUnsafe = (options: OpenOptions): Opened => {
  const path = resolve(options.path)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const before = readHead(path)
  // Before SQLite opens it, which makes one.
  if (!existsSync(path) && before !== undefined) {
    throw corrupt(path, "the file is gone, while the one beside it says that there was one")
  }
  const database = openDatabase(path)
  try {
    chmodSync(path, 0o600)
    lock(database, { ...options, path })
    // Again, now that nobody else writes it.
    const head = readHead(path)
    prepare(database, path)
    const journal = new FileJournal(database, path, options.snapshotEvery, head)
    return {
      journal,
      close: () => {
        journal.close()
        database.close()
      }
    }
  } catch (cause) {
    database.close()
    throw cause
  }
}

const isJournalError = (cause: unknown): cause is JournalError =>
  cause instanceof JournalCorrupt ||
  cause instanceof JournalFailed ||
  cause instanceof JournalLocked ||
  cause instanceof JournalTooNew

export const open = (options: OpenOptions): Effect.Effect<Opened, JournalError> =>
  Effect.try({
    try: () => openUnsafe(options),
    catch: (cause) => {
      if (isJournalError(cause)) return cause
      return isDamaged(cause)
        ? corrupt(options.path, cause instanceof Error ? cause.message : String(cause))
        : failed(options.path, "opened", cause)
    }
  })
