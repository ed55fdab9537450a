/** A journal over an open file that is locked and of this format. */
import type { DatabaseSync, StatementSync } from "node:sqlite"
import { corrupt, failed, type Journal, type JournalContents } from "@resource-manager/core/Journal"
import { type Facts, Head } from "./Head.ts"
import { link } from "./format.ts"
import { isDamaged } from "./sqlite.ts"

export class FileJournal implements Journal {
  readonly where: string
  readonly snapshotEvery: number
  private readonly database: DatabaseSync
  private readonly former: Facts | "unreadable" | undefined
  private readonly insert: StatementSync
  private readonly keep: StatementSync
  private readonly drop: StatementSync
  /** The file beside, from the first write on. */
  private head: Head | undefined = undefined
  /** The last batch, and the chain up to it. Known once everything was read. */
  private number = 0
  private chain = 0
  private known = false

  constructor(database: DatabaseSync, path: string, snapshotEvery: number, former: Facts | "unreadable" | undefined) {
    this.database = database
    this.where = path
    this.snapshotEvery = snapshotEvery
    this.former = former
    this.insert = database.prepare("INSERT INTO batch VALUES (?, ?, ?)")
    this.keep = database.prepare("INSERT OR REPLACE INTO snapshot VALUES (1, ?, ?, ?, ?)")
    this.drop = database.prepare("DELETE FROM batch WHERE number <= ?")
    // Whoever finds the file locked is told by whom, before anything was written too.
    if (former === undefined) this.note()
  }

  readonly read = (): JournalContents => {
    if (this.former === "unreadable") throw corrupt(this.where, `the file beside it, ${this.where}-head, is damaged`)
    const snapshot = this.readSnapshot()
    return { snapshot, batches: this.batches() }
  }

  readonly append = (batch: string): void => {
    this.mustBeKnown()
    const chain = link(this.chain, batch)
    this.insert.run(this.number + 1, chain, batch)
    this.number++
    this.chain = chain
    this.note()
  }

  readonly snapshot = (snapshot: string): void => {
    this.mustBeKnown()
    const checksum = link(0, snapshot)
    this.database.exec("BEGIN")
    try {
      this.keep.run(this.number, this.chain, checksum, snapshot)
      this.drop.run(this.number)
      this.database.exec("COMMIT")
    } catch (cause) {
      // A full disk ends the transaction by itself.
      if (this.database.isTransaction) this.database.exec("ROLLBACK")
      throw cause
    }
  }

  close(): void {
    this.head?.close()
  }

  private readSnapshot(): string | undefined {
    const row = this.row(() => this.database.prepare("SELECT number, chain, checksum, body FROM snapshot").get())
    if (row === undefined) return undefined
    const { body, chain, checksum, number } = row
    if (typeof body !== "string" || typeof number !== "number" || typeof chain !== "number") {
      throw corrupt(this.where, "its snapshot is incomplete")
    }
    if (link(0, body) !== checksum) throw corrupt(this.where, "its snapshot does not have its checksum")
    this.number = number
    this.chain = chain
    return body
  }

  private *batches(): Generator<string, void> {
    const rows = this.database.prepare("SELECT number, chain, body FROM batch ORDER BY number").iterate()
    this.compareWithHead()
    for (;;) {
      const next = this.row(() => rows.next())
      if (next.done === true) break
      const { body, chain, number } = next.value
      if (typeof body !== "string") throw corrupt(this.where, `batch ${String(number)} is no text`)
      if (number !== this.number + 1) {
        throw corrupt(this.where, `batch ${this.number + 1} is missing: the next one is ${String(number)}`)
      }
      if (link(this.chain, body) !== chain) throw corrupt(this.where, `batch ${number} does not have its checksum`)
      this.number++
      this.chain = chain
      this.compareWithHead()
      yield body
    }
    const former = this.former
    if (typeof former === "object" && former.number > this.number) {
      throw corrupt(
        this.where,
        `it ends with batch ${this.number}, while batch ${former.number} was committed: its end is lost, or it is an ` +
          `older copy (delete ${this.where}-head to go on with an older copy, and with what it does not know lost)`
      )
    }
    this.known = true
    this.note()
  }

  /** Where the file beside stands, the chain has to be the one that it knows. */
  private compareWithHead(): void {
    const former = this.former
    if (typeof former === "object" && former.number === this.number && former.chain !== this.chain) {
      throw corrupt(this.where, `batch ${this.number} is another one than was committed: it is another journal's file`)
    }
  }

  private note(): void {
    this.head ??= new Head(this.where, { pid: process.pid, since: Date.now() })
    this.head.write(this.number, this.chain)
  }

  private mustBeKnown(): void {
    // A defect of the manager: it would number its batches from anywhere.
    if (!this.known) throw failed(this.where, "written", new Error("it was not read to its end before"))
  }

  private row<A>(read: () => A): A {
    try {
      return read()
    } catch (cause) {
      throw isDamaged(cause) ? corrupt(this.where, cause instanceof Error ? cause.message : String(cause)) : cause
    }
  }
}
