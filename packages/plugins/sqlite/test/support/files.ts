/** Journals in a folder of their own, and ways to damage them. */
import { failed, JournalCorrupt } from "@resource-manager/core/Journal"
import * as Effect from "effect/Effect"
import { cpSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { open, type OpenOptions } from "../../src/internal/open.ts"

export const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "journal-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true }))
)

/** A path of a journal that is not there yet. */
export const fresh = Effect.map(folder, (path) => join(path, "journal.db"))

export const opened = (path: string, options: Partial<OpenOptions> = {}) =>
  Effect.map(
    Effect.acquireRelease(open({ path, snapshotEvery: 1_000, synchronous: "off", ...options }), ({ close }) =>
      Effect.sync(close)
    ),
    ({ journal }) => journal
  )

/** Everything that a journal holds: its snapshot, then its batches. */
export const contents = (path: string, options: Partial<OpenOptions> = {}) =>
  Effect.scoped(
    Effect.flatMap(opened(path, options), (journal) =>
      Effect.try({
        try: () => {
          const { batches, snapshot } = journal.read()
          return { snapshot, batches: [...batches] }
        },
        catch: (cause) => (cause instanceof JournalCorrupt ? cause : failed(path, "read", cause))
      })
    )
  )

/** Opens, reads what there is, and adds batches. */
export const write = (path: string, batches: ReadonlyArray<string>, options: Partial<OpenOptions> = {}) =>
  Effect.scoped(
    Effect.map(opened(path, options), (journal) => {
      for (const _ of journal.read().batches);
      for (const batch of batches) journal.append(batch)
    })
  )

/** The files as they are at this instant, as a crash would leave them. */
export const copyOf = (path: string, to: string): string => {
  const copy = join(to, "copy.db")
  for (const suffix of ["", "-wal", "-head"]) {
    rmSync(copy + suffix, { force: true })
    cpSync(path + suffix, copy + suffix, { force: true, errorOnExist: false })
  }
  return copy
}
