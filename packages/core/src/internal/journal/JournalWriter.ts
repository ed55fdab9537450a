/** Puts what is decided into a journal, a batch a turn, and a snapshot now and then. */
import { failed, type Journal, JournalFailed } from "../../Journal.ts"
import type { RecoveredHome } from "../../LeaseTable.ts"
import type { Books } from "../../ledger/Books.ts"
import { capture } from "../../ledger/capture.ts"
import type { LedgerEvent } from "../../ledger/Event.ts"
import { encodeEvent } from "./eventCodec.ts"
import { formatVersion, noteEntry, type Recovered, startEntry } from "./recovery.ts"

export class JournalWriter {
  readonly where: string
  private readonly journal: Journal
  private readonly wallMillis: () => number
  private events: Array<LedgerEvent | string> = []
  /** Entries after the last snapshot. */
  private entries: number
  /** Whether notes are in the journal that only the home can make a state of. */
  private noted = false
  private homeState: (() => unknown) | undefined = undefined

  constructor(journal: Journal, wallMillis: () => number, former: Recovered | undefined) {
    this.journal = journal
    this.where = journal.where
    this.wallMillis = wallMillis
    this.entries = former?.entries ?? 0
    this.events.push(JSON.stringify([startEntry, formatVersion]))
  }

  /** Whether something is decided that is not in the journal yet. */
  get pending(): boolean {
    return this.events.length > 0
  }

  add(event: LedgerEvent): void {
    this.events.push(event)
  }

  /** Throws at once where it is no JSON, for a batch must not fail for that. */
  note(note: unknown): void {
    const text = JSON.stringify([noteEntry, note])
    if (note === undefined) throw new TypeError("a note is JSON, not undefined")
    this.noted = true
    this.events.push(text)
  }

  /** A home has what there is of it in the journal; any other manager drops that. */
  inherit(home: RecoveredHome): void {
    this.noted = home.state !== undefined || home.notes.length > 0
  }

  keeps(state: () => unknown): void {
    this.homeState = state
  }

  /** Puts everything that is pending into the journal. Throws `JournalFailed`. */
  commit(books: Books): void {
    const events = this.events
    this.events = []
    const parts = events.map((event) => (typeof event === "string" ? event : JSON.stringify(encodeEvent(event))))
    this.write(() => this.journal.append(`[${this.wallMillis()},${books.now},${parts.join(",")}]`))
    this.entries += events.length
    // A state is worth about as much writing as it has parts: a large one is written less often.
    const enough = Math.max(this.journal.snapshotEvery, 2 * ((books.index?.size ?? 0) + books.agents.size))
    if (this.entries >= enough) this.snapshot(books)
  }

  /** Ends with a snapshot, so that the next start has nothing to do again. */
  finish(books: Books): void {
    if (this.pending) this.commit(books)
    if (this.entries > 0) this.snapshot(books)
  }

  private write(write: () => void): void {
    try {
      write()
    } catch (cause) {
      throw cause instanceof JournalFailed ? cause : failed(this.where, "written", cause)
    }
  }

  private snapshot(books: Books): void {
    // Before the home has said what it keeps, its notes are all that there is of it.
    if (this.noted && this.homeState === undefined) return
    const home = this.homeState?.()
    const state = { format: formatVersion, wall: this.wallMillis(), at: books.now, ledger: capture(books), home }
    const text = JSON.stringify(state)
    this.write(() => this.journal.snapshot(text))
    this.entries = 0
    this.noted = home !== undefined
  }
}
