/** Node's SQLite, loaded when a journal is opened. */
import { createRequire } from "node:module"
import type { DatabaseSync } from "node:sqlite"

type Sqlite = typeof import("node:sqlite")

/** Before Node 24 it warns on standard error that it is new. Nobody who reads that could do anything about it. */
const quietly = <A>(load: () => A): A => {
  const { emitWarning } = process
  process.emitWarning = () => undefined
  try {
    return load()
  } finally {
    process.emitWarning = emitWarning
  }
}

export const openDatabase = (path: string): DatabaseSync => {
  const sqlite: Sqlite = quietly(() => createRequire(import.meta.url)("node:sqlite"))
  return new sqlite.DatabaseSync(path)
}

/** SQLite's own number for what went wrong; the low byte is its kind. */
const codeOf = (cause: unknown): number | undefined =>
  cause instanceof Error && "errcode" in cause && typeof cause.errcode === "number" ? cause.errcode & 0xff : undefined

const busy = 5
const locked = 6
const damaged = 11
const notADatabase = 26

export const isBusy = (cause: unknown): boolean => [busy, locked].includes(codeOf(cause) ?? 0)
export const isDamaged = (cause: unknown): boolean => [damaged, notADatabase].includes(codeOf(cause) ?? 0)
