/**
 * What the file beside a journal says: who has it open, and the last batch that was
 * committed.
 *
 * The journal cannot tell by itself that its end is missing: where its write-ahead
 * log is damaged or gone, SQLite goes on with what came before, as if that had been
 * all. So the number of each batch is noted here *after* it was committed. The note
 * is not forced to the disk, and is never ahead of what is: a journal that ends
 * before it has lost something that was told.
 */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"

const Facts = Schema.Struct({
  pid: Schema.Int,
  /** Milliseconds since the epoch. */
  since: Schema.Finite,
  /** The last committed batch, and the chain there. */
  number: Schema.Int,
  chain: Schema.Int
})
export type Facts = typeof Facts.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(Facts))

/** As long as the longest note, so that a shorter one covers a longer one. */
const length = 128

export const headPath = (journal: string): string => `${journal}-head`

/** What it says; `undefined` where there is none, or it never reached the disk; `"unreadable"` where it is something else. */
export const readHead = (journal: string): Facts | "unreadable" | undefined => {
  let text: string
  try {
    text = readFileSync(headPath(journal), "utf8")
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined
    throw cause
  }
  // A file that lost its content with the power is empty, or full of NUL.
  if (text.replaceAll("\0", "").trim() === "") return undefined
  return Option.getOrElse(decode(text.trim()), () => "unreadable" as const)
}

export class Head {
  private readonly file: number
  private readonly who: Pick<Facts, "pid" | "since">

  constructor(journal: string, who: Pick<Facts, "pid" | "since">) {
    this.file = openSync(headPath(journal), "a+", 0o600)
    closeSync(this.file)
    // Not with "w": what it says must not be gone before the new note is there.
    this.file = openSync(headPath(journal), "r+")
    this.who = who
  }

  write(number: number, chain: number): void {
    const text = JSON.stringify({ ...this.who, number, chain })
    writeSync(this.file, text.padEnd(length - 1) + "\n", 0)
  }

  close(): void {
    closeSync(this.file)
  }
}
