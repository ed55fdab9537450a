/**
 * What a journal held, as books to go on with: the last snapshot, and every event
 * since done again. It consults no policy and no clock.
 */
import * as Schema from "effect/Schema"
import { corrupt, type Journal, JournalCorrupt } from "../../Journal.ts"
import type { RecoveredHome } from "../../LeaseTable.ts"
import type { Books } from "../../ledger/Books.ts"
import { Replay } from "../../ledger/replay.ts"
import { restore } from "../../ledger/restore.ts"
import { decodeEvent } from "./eventCodec.ts"
import { decodeState } from "./stateSchema.ts"

/** Of what batches and snapshots mean. A manager reads its own and older ones. */
export const formatVersion = 1

const Snapshot = Schema.Struct({
  format: Schema.Int,
  /** Milliseconds since the epoch. */
  wall: Schema.Finite,
  /** The Ledger's time, in microseconds. */
  at: Schema.Finite,
  ledger: Schema.Unknown,
  /** What the home keeps. */
  home: Schema.optionalKey(Schema.Unknown)
})

const Entry = Schema.NonEmptyArray(Schema.Unknown)

/** The wall's time, the Ledger's time, and the entries. */
const Batch = Schema.TupleWithRest(Schema.Tuple([Schema.Finite, Schema.Finite]), [Entry])

const decodeSnapshot = Schema.decodeUnknownSync(Snapshot)
const decodeBatch = Schema.decodeUnknownSync(Batch)

/** Entries that are no events begin with a word; events with a letter. */
export const noteEntry = "note"
/** A manager began here: what it decides from here on, it decides as one that is not stopped. */
export const startEntry = "start"

export interface Recovered {
  readonly books: Books
  /** The Ledger's time and the wall's at the last batch. */
  readonly at: number
  readonly wall: number
  readonly home: RecoveredHome
  /** Entries since the last snapshot. */
  readonly entries: number
}

class Recovery {
  private readonly replay: Replay
  private at = 0
  private wall = 0
  private entries = 0
  private empty = true
  private state: unknown = undefined
  private readonly notes: Array<unknown> = []

  constructor(snapshot: string | undefined) {
    if (snapshot === undefined) {
      this.replay = new Replay()
      return
    }
    const { at, format, home, ledger, wall } = decodeSnapshot(JSON.parse(snapshot))
    checkFormat(format)
    this.replay = new Replay(restore(decodeState(ledger)))
    this.state = home
    this.at = at
    this.wall = wall
    this.empty = false
  }

  batch(text: string): void {
    const [wall, at, ...entries] = decodeBatch(JSON.parse(text))
    if (at < this.at) throw new Error(`the time goes back from ${this.at} to ${at}`)
    this.empty = false
    this.at = at
    this.wall = wall
    for (const entry of entries) this.entry(entry)
  }

  private entry(entry: ReadonlyArray<unknown>): void {
    this.entries++
    switch (entry[0]) {
      case noteEntry:
        this.notes.push(entry[1])
        break
      case startEntry:
        checkFormat(entry[1])
        this.replay.books.stopped = false
        break
      default:
        this.replay.apply(decodeEvent(entry))
    }
  }

  finish(): Recovered | undefined {
    if (this.empty) return undefined
    const { at, entries, notes, state, wall } = this
    const books = this.replay.finish(at)
    books.restart()
    return { books, at, wall, home: { state, notes }, entries }
  }
}

const checkFormat = (format: unknown): void => {
  if (typeof format !== "number" || format < 1) throw new Error(`its format is ${JSON.stringify(format)}`)
  if (format > formatVersion) {
    throw new Error(
      `its format is ${format}, of a later version of this program; this one reads up to ${formatVersion}`
    )
  }
}

/** Reads a journal; `undefined` where it is a fresh one. Throws `JournalCorrupt`, or what the journal throws. */
export const recover = (journal: Journal): Recovered | undefined => {
  const { batches, snapshot } = journal.read()
  let read = 0
  try {
    const recovery = new Recovery(snapshot)
    for (const batch of batches) {
      recovery.batch(batch)
      read++
    }
    return recovery.finish()
  } catch (cause) {
    if (cause instanceof JournalCorrupt) throw cause
    const place =
      snapshot === undefined ? `after ${read} of its batches` : `after its snapshot and ${read} of its batches`
    throw corrupt(journal.where, `${place}, ${cause instanceof Error ? cause.message : String(cause)}`)
  }
}
