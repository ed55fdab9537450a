import { assert, describe, it } from "@effect/vitest"
import { JournalCorrupt, JournalLocked, JournalTooNew } from "@resource-manager/core/Journal"
import * as Effect from "effect/Effect"
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { spawnSync } from "node:child_process"
import * as SqliteJournal from "../src/SqliteJournal.ts"
import { openDatabase } from "../src/internal/sqlite.ts"
import { contents, copyOf, folder, fresh, opened, write } from "./support/files.ts"

const edit = (path: string, sql: string): void => {
  const database = openDatabase(path)
  database.exec(sql)
  database.close()
}

/** Turns one bit of a file around. */
const flip = (path: string, offset: number): void => {
  const bytes = readFileSync(path)
  bytes[offset] = bytes[offset]! ^ 4
  writeFileSync(path, bytes)
}

const many = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `[${from + index},"${"x".repeat(50)}"]`)

const corruption = (path: string) =>
  Effect.map(Effect.flip(contents(path)), (error) => {
    assert.instanceOf(error, JournalCorrupt)
    return error
  })

describe("a journal in a file", () => {
  it.effect("gives back what it was given, in order, after each opening", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      assert.deepStrictEqual(yield* contents(path), { snapshot: undefined, batches: [] })
      yield* write(path, ["one", "two"])
      yield* write(path, ["three"])
      assert.deepStrictEqual(yield* contents(path), { snapshot: undefined, batches: ["one", "two", "three"] })
    })
  )

  it.effect("lets a snapshot take the place of the batches before it", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      yield* write(path, ["one", "two"])
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* opened(path)
          for (const _ of journal.read().batches);
          journal.snapshot("after two")
          journal.append("three")
        })
      )
      assert.deepStrictEqual(yield* contents(path), { snapshot: "after two", batches: ["three"] })
      yield* write(path, ["four"])
      assert.deepStrictEqual(yield* contents(path), { snapshot: "after two", batches: ["three", "four"] })
    })
  )

  it.effect("uses the space of what a snapshot replaced again", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      const sizes: Array<number> = []
      for (let round = 0; round < 5; round++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const journal = yield* opened(path)
            for (const _ of journal.read().batches);
            for (const batch of many(5_000)) journal.append(batch)
            journal.snapshot("s")
          })
        )
        sizes.push(statSync(path).size)
      }
      assert.isAtMost(sizes[4]!, sizes[0]! * 1.2)
    })
  )

  it.effect("is its owner's alone, and so is its folder", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "made", "here", "journal.db")
      yield* write(path, ["one"])
      for (const suffix of ["", "-head"]) assert.strictEqual(statSync(path + suffix).mode & 0o077, 0)
      assert.strictEqual(statSync(join(path, "..")).mode & 0o077, 0)
    })
  )

  it.effect("is open once, and says who has it", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* opened(path)
          const error = yield* Effect.flip(contents(path))
          assert.instanceOf(error, JournalLocked)
          if (!(error instanceof JournalLocked)) return
          assert.strictEqual(error.pid, process.pid)
          assert.isNumber(error.since)
          assert.include(error.message, String(process.pid))
          // Whoever was refused did no harm.
          for (const _ of journal.read().batches);
          journal.append("one")
        })
      )
      assert.deepStrictEqual((yield* contents(path)).batches, ["one"])
    })
  )

  it.effect("writes nothing before it was read", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const journal = yield* opened(yield* fresh)
        assert.throws(() => journal.append("one"), /was not read/)
        assert.throws(() => journal.snapshot("one"), /was not read/)
      })
    )
  )

  it.effect("tells of options that make no sense", () =>
    Effect.gen(function* () {
      const bad = [{ path: "" }, { path: "a", snapshotEvery: 0 }, { path: "a", snapshotEvery: Number.NaN }]
      for (const options of bad) {
        const error = yield* Effect.flip(Effect.scoped(SqliteJournal.make(options)))
        assert.strictEqual(error._tag, "InvalidJournalOption")
      }
    })
  )

  it.effect("tells of a path that cannot be opened", () =>
    Effect.gen(function* () {
      const path = join(yield* folder, "taken")
      mkdirSync(path)
      const error = yield* Effect.flip(contents(path))
      assert.propertyVal(error, "_tag", "JournalFailed")
      assert.include(String(error instanceof Error ? error.message : error), path)
    })
  )
})

describe("a full disk", () => {
  it.effect("fails the write and loses nothing that was committed", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      const committed: Array<string> = []
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* opened(path, { pagesMax: 30 })
          for (const _ of journal.read().batches);
          assert.throws(() => {
            for (const batch of many(10_000)) {
              journal.append(batch)
              committed.push(batch)
            }
          }, /full/)
          assert.throws(() => journal.snapshot("s".repeat(1_000_000)), /full/)
        })
      )
      assert.isAtLeast(committed.length, 100)
      assert.deepStrictEqual(yield* contents(path), { snapshot: undefined, batches: committed })
      // With room again it goes on.
      yield* write(path, ["more"])
      assert.deepStrictEqual((yield* contents(path)).batches, [...committed, "more"])
    })
  )
})

describe("a journal that cannot be trusted", () => {
  it.effect("is refused where a batch was changed, and left as it was", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      yield* write(path, many(10))
      edit(path, "UPDATE batch SET body = replace(body, 'x', 'y') WHERE number = 4")
      const before = readFileSync(path)
      const error = yield* corruption(path)
      assert.include(error.reason, "batch 4 does not have its checksum")
      assert.include(error.message, "aside")
      assert.deepStrictEqual(readFileSync(path), before)
    })
  )

  it.effect("is refused where a batch is missing: at the beginning, inside, at the end", () =>
    Effect.gen(function* () {
      for (const [sql, reason] of [
        ["DELETE FROM batch WHERE number = 1", "batch 1 is missing"],
        ["DELETE FROM batch WHERE number = 5", "batch 5 is missing"],
        ["DELETE FROM batch WHERE number = 10", "ends with batch 9, while batch 10 was committed"],
        ["DELETE FROM batch", "ends with batch 0, while batch 10 was committed"],
        ["UPDATE batch SET number = 11 WHERE number = 10", "batch 10 is missing"]
      ] as const) {
        const path = yield* fresh
        yield* write(path, many(10))
        edit(path, sql)
        assert.include((yield* corruption(path)).reason, reason)
      }
    })
  )

  it.effect("is refused where its snapshot was changed or is gone", () =>
    Effect.gen(function* () {
      for (const sql of [
        "UPDATE snapshot SET body = 'other'",
        "DELETE FROM snapshot",
        "UPDATE snapshot SET number = 1"
      ]) {
        const path = yield* fresh
        yield* write(path, ["one", "two"])
        yield* Effect.scoped(
          Effect.map(opened(path), (journal) => {
            for (const _ of journal.read().batches);
            journal.snapshot("both")
            journal.append("three")
          })
        )
        edit(path, sql)
        yield* corruption(path)
      }
    })
  )

  it.effect("is refused where it is no database, or one of something else", () =>
    Effect.gen(function* () {
      const garbage = yield* fresh
      writeFileSync(garbage, "this is no database, and long enough to be seen as none ".repeat(100))
      yield* corruption(garbage)
      const other = yield* fresh
      edit(other, "CREATE TABLE things (a)")
      assert.include((yield* corruption(other)).reason, "something else")
    })
  )

  it.effect("is refused where its file is gone, is an older copy, or belongs to another journal", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      yield* write(path, ["one"])
      const older = readFileSync(path)
      yield* write(path, ["two"])
      writeFileSync(path, older)
      assert.include((yield* corruption(path)).reason, "older copy")
      rmSync(path)
      assert.include((yield* corruption(path)).reason, "gone")
      assert.isFalse(existsSync(path))
      const another = yield* fresh
      yield* write(another, ["uno", "due"])
      writeFileSync(path, readFileSync(another))
      assert.include((yield* corruption(path)).reason, "another journal")
      // Without the file beside it is taken as it is.
      rmSync(`${path}-head`)
      assert.deepStrictEqual((yield* contents(path)).batches, ["uno", "due"])
    })
  )

  it.effect("is never read with less than was committed, whichever bit of its files is turned", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      const batches = many(40)
      const scratch = yield* folder
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* opened(path)
          for (const _ of journal.read().batches);
          for (const batch of batches) journal.append(batch)
          // As SIGKILL leaves it: everything is in the write-ahead log.
          let refused = 0
          for (const suffix of ["", "-wal"]) {
            const size = statSync(path + suffix).size
            for (let offset = 3; offset < size; offset += Math.ceil(size / 150)) {
              const copy = copyOf(path, scratch)
              flip(copy + suffix, offset)
              const read = yield* Effect.exit(contents(copy))
              if (read._tag === "Success") assert.deepStrictEqual(read.value.batches, batches, `${suffix} at ${offset}`)
              else refused++
            }
          }
          // Most of the log is what was overwritten since, but its end is not.
          assert.isAtLeast(refused, 20)
        })
      )
    })
  )

  it.effect("is never read with less than was committed, wherever its log ends", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      const batches = many(20)
      const scratch = yield* folder
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* opened(path)
          for (const _ of journal.read().batches);
          for (const batch of batches) journal.append(batch)
          const { size } = statSync(`${path}-wal`)
          for (let length = 0; length < size; length += Math.ceil(size / 100)) {
            const copy = copyOf(path, scratch)
            truncateSync(`${copy}-wal`, length)
            const read = yield* Effect.exit(contents(copy))
            if (read._tag === "Success") assert.deepStrictEqual(read.value.batches, batches, `at ${length}`)
          }
        })
      )
    })
  )

  it.effect("is read to its last commit where the last write was torn before it was committed", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      const scratch = yield* folder
      yield* Effect.scoped(
        Effect.gen(function* () {
          const journal = yield* opened(path)
          for (const _ of journal.read().batches);
          for (const batch of ["one", "two"]) journal.append(batch)
          const copy = copyOf(path, scratch)
          // A frame of which only a part was written.
          writeFileSync(`${copy}-wal`, Buffer.concat([readFileSync(`${copy}-wal`), Buffer.alloc(1_000, 7)]))
          assert.deepStrictEqual((yield* contents(copy)).batches, ["one", "two"])
        })
      )
    })
  )
})

describe("formats", () => {
  /** A file as version 1 wrote it. */
  const version1 = (path: string, extra = ""): void =>
    edit(
      path,
      `PRAGMA application_id = ${0x52_4d_4a_4c}; PRAGMA user_version = 1;
       CREATE TABLE snapshot (id INTEGER PRIMARY KEY CHECK (id = 1), body TEXT NOT NULL);
       CREATE TABLE batch (seq INTEGER PRIMARY KEY, body TEXT NOT NULL);
       INSERT INTO snapshot VALUES (1, 'so far');
       INSERT INTO batch VALUES (8, 'eight'), (9, 'nine'); ${extra}`
    )

  it.effect("brings an older file to this one", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      version1(path)
      assert.deepStrictEqual(yield* contents(path), { snapshot: "so far", batches: ["eight", "nine"] })
      yield* write(path, ["ten"])
      assert.deepStrictEqual(yield* contents(path), { snapshot: "so far", batches: ["eight", "nine", "ten"] })
      edit(path, "UPDATE batch SET body = 'other' WHERE number = 9")
      yield* corruption(path)
    })
  )

  it.effect("leaves an older file that is damaged as it was", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      version1(path, "DELETE FROM batch; INSERT INTO batch VALUES (8, 'eight'), (10, 'ten')")
      assert.include((yield* corruption(path)).reason, "batch 9 is missing")
      const database = openDatabase(path)
      assert.strictEqual(database.prepare("SELECT count(*) AS n FROM batch").get()?.["n"], 2)
      assert.strictEqual(database.prepare("PRAGMA user_version").get()?.["user_version"], 1)
      database.close()
    })
  )

  it.effect("refuses a later one, and says what to do", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      yield* write(path, ["one"])
      edit(path, "PRAGMA user_version = 3")
      const error = yield* Effect.flip(contents(path))
      assert.instanceOf(error, JournalTooNew)
      if (error instanceof JournalTooNew) assert.deepInclude({ ...error }, { found: 3, supported: 2 })
    })
  )
})

describe("node:sqlite", () => {
  it("is loaded without a warning", () => {
    const path = new URL("../src/internal/sqlite.ts", import.meta.url)
    const script = `import(${JSON.stringify(path.href)}).then(({ openDatabase }) => openDatabase(":memory:").close())`
    const { stderr, status } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" })
    assert.deepStrictEqual({ stderr, status }, { stderr: "", status: 0 })
  })
})
