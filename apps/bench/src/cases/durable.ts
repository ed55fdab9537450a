/** Leases that are in a journal before they are told, and how soon a journal is read back. */
import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { SqliteJournal } from "@resource-manager/plugin-sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { start } from "../daemon.ts"
import { ResourceManager, type ResourceManagerOptions } from "../core.ts"
import { type EffectGuard, together } from "../guards.ts"
import { assertEqual, type BenchCase, EffectMismatch, once, startWatch, type Timing } from "../harness.ts"
import { startWith } from "../manager.ts"

/** How many are under way at once, and so how many there are in a batch. */
const width = 64

/** A place for a file that is gone afterwards. */
const scratch = (): { readonly path: string; readonly remove: () => void } => {
  const made = mkdtempSync(join(tmpdir(), "resource-manager-bench-"))
  return { path: join(made, "journal.db"), remove: () => rmSync(made, { recursive: true, force: true }) }
}

const durable =
  (journal: SqliteJournal.SqliteJournalOptions) =>
  (options: ResourceManagerOptions): Layer.Layer<ResourceManager, unknown> =>
    ResourceManager.layer(options).pipe(Layer.provide(SqliteJournal.layer(journal)))

/** Rows of text, those of one turn of the event loop in one transaction: what a journal cannot do without. */
class BareInserts {
  private readonly database: DatabaseSync
  private readonly insert: ReturnType<DatabaseSync["prepare"]>
  private pending: Array<string> = []
  private waiting: Array<() => void> = []

  constructor(path: string) {
    this.database = new DatabaseSync(path)
    this.database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA locking_mode = EXCLUSIVE")
    this.database.exec("CREATE TABLE event (number INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT")
    this.insert = this.database.prepare("INSERT INTO event (body) VALUES (?)")
  }

  /** A row of the next transaction. */
  add(body: string): void {
    if (this.pending.push(body) === 1) setImmediate(this.commit)
  }

  /** Completes once everything added so far is committed. */
  readonly committed: Effect.Effect<void> = Effect.callback<void>((resume) => {
    if (this.pending.length === 0) resume(Effect.void)
    else this.waiting.push(() => resume(Effect.void))
  })

  get rows(): number {
    return Number(this.database.prepare("SELECT count(*) AS count FROM event").get()?.["count"])
  }

  close(): void {
    this.database.close()
  }

  private readonly commit = (): void => {
    const { pending, waiting } = this
    this.pending = []
    this.waiting = []
    this.database.exec("BEGIN")
    for (const body of pending) this.insert.run(body)
    this.database.exec("COMMIT")
    for (const go of waiting) go()
  }
}

/** What a grant and a return of our journal are, as text. */
const grantText = (id: number, agent: string) => JSON.stringify([2, id * 10, id, agent, { cpu: 1 }, id])
const returnText = (id: number) => JSON.stringify([5, id * 10, id, "released"])

export const durableLease: BenchCase = {
  name: "durable lease",
  measures:
    `${width} fibers take and return 1 of ${width} again and again; a grant is told once its event is in the SQLite ` +
    "journal (write-ahead, `synchronous = full`), and what is decided in one turn of the event loop is committed " +
    "together. Against two bare inserts a lease, with the same setting, as many at once and as many in a transaction.",
  prepare: async () => {
    const [own, bare] = [scratch(), scratch()]
    const { close, manager } = await startWith(durable({ path: own.path }), { cpu: width })
    const lease: EffectGuard = { name: "withLease", run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body) }
    const inserts = new BareInserts(bare.path)
    let next = 0
    const rows: EffectGuard = {
      name: "two bare inserts",
      run: (agent, body) =>
        Effect.suspend(() => {
          const id = ++next
          inserts.add(grantText(id, agent))
          return Effect.andThen(
            Effect.andThen(inserts.committed, body),
            // As of a lease, nobody waits for its return.
            Effect.sync(() => inserts.add(returnText(id)))
          )
        })
    }
    const insertAll = together(rows, width)
    const sample = async (operations: number): Promise<Timing> => {
      const before = inserts.rows
      const timing = await insertAll(operations)
      await Effect.runPromise(inserts.committed)
      assertEqual("rows of the bare inserts", inserts.rows - before, 2 * operations)
      return timing
    }
    return {
      ours: { name: lease.name, sample: together(lease, width) },
      peers: [{ name: rows.name, goal: 2, sample }],
      close: async () => {
        await close()
        inserts.close()
        own.remove()
        bare.remove()
      }
    }
  }
}

const events = 1_000_000
const secondsMax = 2

/** What a process leaves that was killed after so many events: as far after the last snapshot as it can be. */
const leave = async (path: string, count: number, snapshotEvery: number): Promise<void> => {
  const writer = await start("journalWriter.ts", [path, String(count / 2), String(snapshotEvery)])
  await writer.end("SIGKILL")
}

/** The time until a manager on a copy of a journal answers, and has counted every lease. */
const recoverOnce = async (path: string, leases: number): Promise<number> => {
  const copy = scratch()
  for (const suffix of ["", "-wal", "-head"]) copyFileSync(`${path}${suffix}`, `${copy.path}${suffix}`)
  const elapsed = startWatch()
  const { close, manager } = await startWith(durable({ path: copy.path, synchronous: "off" }), { cpu: width }, [])
  const { acquisitions } = await Effect.runPromise(manager.poolStatistics("cpu"))
  const nanos = elapsed()
  assertEqual("leases that the recovered manager counts", acquisitions, leases)
  await close()
  copy.remove()
  return nanos
}

/** The time to read the same rows, and to do nothing with them. */
const readOnce = async (path: string): Promise<number> => {
  const copy = scratch()
  for (const suffix of ["", "-wal"]) copyFileSync(`${path}${suffix}`, `${copy.path}${suffix}`)
  const elapsed = startWatch()
  const database = new DatabaseSync(copy.path)
  let length = 0
  for (const { body } of database.prepare("SELECT body FROM snapshot UNION ALL SELECT body FROM batch").iterate()) {
    length += String(body).length
  }
  const nanos = elapsed()
  database.close()
  copy.remove()
  if (length === 0) throw new EffectMismatch("nothing was read")
  return nanos
}

const recovery = (name: string, measures: string, snapshotEvery: number, goal: number | null): BenchCase => ({
  name,
  measures,
  onlyFull: true,
  prepare: async ({ shrink }) => {
    const left = scratch()
    const count = events / shrink
    await leave(left.path, count, snapshotEvery / shrink)
    const limit = secondsMax * 1e9
    return {
      ours: { name: "the manager", sample: (times) => once(times, () => recoverOnce(left.path, count / 2)) },
      peers: [
        { name: `${secondsMax} seconds`, goal, sample: (times) => once(times, () => Promise.resolve(limit)) },
        { name: "reading the rows", goal: null, sample: (times) => once(times, () => readOnce(left.path)) }
      ],
      close: async () => left.remove()
    }
  }
})

export const recoveryBySnapshot = recovery(
  "recovery after 1,000,000 events",
  "A manager starts on the journal of a process that was killed after a million events, with snapshots as they are " +
    "by default, at the latest moment before the next one. Against the time that it may take, and against reading the " +
    "same rows.",
  50_000,
  1
)

export const recoveryOfEvents = recovery(
  "recovery of 1,000,000 events",
  "The same without any snapshot: a million events are done again.",
  events * 2,
  null
)
