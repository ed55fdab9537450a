/**
 * One daemon for a state folder. The lock is the operating system's: an SQLite
 * file kept open in exclusive mode (Node has no `flock`), so it is free the moment
 * its holder is gone, however that died. `daemon.json` beside it says who holds it.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { createRequire } from "node:module"
import type { DatabaseSync } from "node:sqlite"
import { StateFolderHeld, type UnsafeFolder } from "./Errors.ts"
import { attempt, type Places } from "./Places.ts"

/** Who has a state folder. */
export const DaemonFacts = Schema.Struct({
  pid: Schema.Number,
  /** ISO date. */
  since: Schema.String,
  address: Schema.String,
  version: Schema.String,
  /** It is about to let go of the folder. */
  ending: Schema.optionalKey(Schema.Literal(true))
})
export type DaemonFacts = typeof DaemonFacts.Type

const decodeFacts = Schema.decodeUnknownOption(Schema.fromJsonString(DaemonFacts))

/** What the last holder of the folder told of itself: it may be gone. */
export const readFacts = (places: Pick<Places, "facts">): DaemonFacts | undefined => {
  try {
    return Option.getOrUndefined(decodeFacts(readFileSync(places.facts, "utf8")))
  } catch {
    return undefined
  }
}

const writeFacts = (places: Pick<Places, "facts">, facts: DaemonFacts): void => {
  // Whole or not at all: a reader must not see half of it.
  const next = `${places.facts}.${process.pid}`
  writeFileSync(next, `${JSON.stringify(facts)}\n`, { mode: 0o600 })
  renameSync(next, places.facts)
}

/** Loaded when it is needed: most clients never lock anything. */
const openDatabase = (path: string): DatabaseSync => {
  const sqlite: typeof import("node:sqlite") = createRequire(import.meta.url)("node:sqlite")
  return new sqlite.DatabaseSync(path)
}

const isBusy = (cause: unknown): boolean => cause instanceof Error && /locked|busy/i.test(cause.message)

const tryLock = (path: string): DatabaseSync | undefined => {
  const database = openDatabase(path)
  try {
    // In this mode the lock of the first transaction is kept until the file is closed. It
    // writes: of a file that can only be read many have the lock at once.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version = 1; COMMIT")
    return database
  } catch (cause) {
    database.close()
    if (isBusy(cause)) return undefined
    throw cause
  }
}

type LockPlaces = Pick<Places, "lock" | "facts" | "stateFolder">

const heldBy = (folder: string, holder: DaemonFacts | undefined): StateFolderHeld => {
  const who = holder === undefined ? "another daemon" : `the daemon with pid ${holder.pid}, since ${holder.since}`
  return new StateFolderHeld({
    message: `${folder} is in use by ${who}: stop it first, or name another folder with RESOURCE_MANAGER_STATE_DIR`,
    folder,
    pid: holder?.pid,
    since: holder?.since
  })
}

/** How long a daemon that says it ends may take for that: it writes its state. */
const endingMillisMax = 30_000
const endingPauseMillis = 25

/** The lock, once a daemon that ends has let go of it. */
const locked = Effect.fnUntraced(function* (
  places: LockPlaces
): Effect.fn.Return<DatabaseSync, StateFolderHeld | UnsafeFolder> {
  for (let waited = 0; ; waited += endingPauseMillis) {
    const held = yield* attempt(places.stateFolder, places.lock, () => tryLock(places.lock))
    if (held !== undefined) return held
    const holder = readFacts(places)
    if (holder?.ending !== true || waited >= endingMillisMax) return yield* heldBy(places.stateFolder, holder)
    yield* Effect.sleep(endingPauseMillis)
  }
})

export interface Held {
  /** Says that the folder is about to be let go of: who wants it waits for that. */
  readonly ending: Effect.Effect<void>
}

/** Has the state folder until the scope closes, or says who has it. */
export const acquire = (
  places: LockPlaces,
  facts: Omit<DaemonFacts, "pid" | "since" | "ending">
): Effect.Effect<Held, StateFolderHeld | UnsafeFolder, Scope.Scope> => {
  const told: DaemonFacts = { pid: process.pid, since: new Date().toISOString(), ...facts }
  return Effect.acquireRelease(
    Effect.flatMap(locked(places), (held) =>
      Effect.as(
        attempt(places.stateFolder, places.facts, () => writeFacts(places, told)),
        held
      )
    ),
    (held) =>
      Effect.sync(() => {
        rmSync(places.facts, { force: true })
        held.close()
      })
  ).pipe(
    Effect.as({
      // Where it cannot be written, the next one is told that the folder is in use.
      ending: Effect.ignore(
        attempt(places.stateFolder, places.facts, () => writeFacts(places, { ...told, ending: true }))
      )
    })
  )
}
