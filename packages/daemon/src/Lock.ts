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
import { StateFolderHeld } from "./Errors.ts"
import type { Places } from "./Places.ts"

/** Who has a state folder. */
export const DaemonFacts = Schema.Struct({
  pid: Schema.Number,
  /** ISO date. */
  since: Schema.String,
  address: Schema.String,
  version: Schema.String
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
    // In this mode the lock of the first transaction is kept until the file is closed.
    database.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT")
    return database
  } catch (cause) {
    database.close()
    if (isBusy(cause)) return undefined
    throw cause
  }
}

/** Has the state folder until the scope closes, or says who has it. */
export const acquire = (
  places: Pick<Places, "lock" | "facts" | "stateFolder">,
  facts: Omit<DaemonFacts, "pid" | "since">
): Effect.Effect<void, StateFolderHeld, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.suspend(() => {
      const held = tryLock(places.lock)
      if (held === undefined) {
        const holder = readFacts(places)
        const who = holder === undefined ? "another daemon" : `the daemon with pid ${holder.pid}, since ${holder.since}`
        return Effect.fail(
          new StateFolderHeld({
            message: `${places.stateFolder} is in use by ${who}: stop it first, or name another folder with RESOURCE_MANAGER_STATE_DIR`,
            folder: places.stateFolder,
            pid: holder?.pid,
            since: holder?.since
          })
        )
      }
      writeFacts(places, { pid: process.pid, since: new Date().toISOString(), ...facts })
      return Effect.succeed(held)
    }),
    (held) =>
      Effect.sync(() => {
        rmSync(places.facts, { force: true })
        held.close()
      })
  ).pipe(Effect.asVoid)
