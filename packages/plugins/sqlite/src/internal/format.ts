/**
 * The file's format, and how one of an older format becomes one of this.
 *
 * | version | what it has |
 * |---|---|
 * | 1 | batches and a snapshot, as text |
 * | 2 | the number of the batch that a snapshot stands for, and checksums in a chain |
 *
 * `user_version` holds the version, `application_id` says that it is a journal at all.
 */
import { crc32 } from "node:zlib"
import type { DatabaseSync } from "node:sqlite"

export const formatVersion = 2

/** "RMJL" */
export const applicationId = 0x52_4d_4a_4c

/** The chain's next link: the checksum of a text, begun from the one before it. */
export const link = (previous: number, text: string): number => crc32(text, previous)

const version2 = `
  CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    -- The last batch that it stands for.
    number INTEGER NOT NULL,
    -- The chain up to here; batches go on from it.
    chain INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
  CREATE TABLE batch (
    number INTEGER PRIMARY KEY,
    chain INTEGER NOT NULL,
    body TEXT NOT NULL
  ) STRICT;
`

export const create = (database: DatabaseSync): void => {
  database.exec(version2)
  database.exec(`PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}`)
}

const text = (value: unknown): string => {
  if (typeof value !== "string") throw new Error("a batch or snapshot is no text")
  return value
}

const number = (value: unknown): number => {
  if (typeof value !== "number") throw new Error("a batch has no number")
  return value
}

/** What version 1 kept has no checksums: they are made of what is there. */
const from1 = (database: DatabaseSync): void => {
  database.exec("ALTER TABLE snapshot RENAME TO snapshot1; ALTER TABLE batch RENAME TO batch1")
  database.exec(version2)
  const batches = database.prepare("SELECT seq, body FROM batch1 ORDER BY seq").all()
  const snapshot = database.prepare("SELECT body FROM snapshot1").get()
  const first = batches[0]
  let at = first === undefined ? 0 : number(first["seq"]) - 1
  let chain = 0
  if (snapshot !== undefined) {
    const body = text(snapshot["body"])
    database.prepare("INSERT INTO snapshot VALUES (1, ?, ?, ?, ?)").run(at, chain, link(0, body), body)
  }
  const insert = database.prepare("INSERT INTO batch VALUES (?, ?, ?)")
  for (const row of batches) {
    if (number(row["seq"]) !== at + 1) throw new Error(`batch ${at + 1} is missing`)
    at++
    const body = text(row["body"])
    chain = link(chain, body)
    insert.run(at, chain, body)
  }
  database.exec("DROP TABLE snapshot1; DROP TABLE batch1; PRAGMA user_version = 2")
}

/** By the version that each begins with. */
const steps: ReadonlyMap<number, (database: DatabaseSync) => void> = new Map([[1, from1]])

/** Brings an older file to this format. The caller has begun a transaction. Throws where it holds what it should not. */
export const migrate = (database: DatabaseSync, from: number): void => {
  for (let version = from; version < formatVersion; version++) {
    const step = steps.get(version)
    if (step === undefined) throw new Error(`nothing is known of format ${version}`)
    step(database)
  }
}
