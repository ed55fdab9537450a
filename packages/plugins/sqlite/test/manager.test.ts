/** A manager whose journal is a file: what it tells of a full disk, of a second one, and of a damaged file. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { readFileSync, writeFileSync } from "node:fs"
import { Journal } from "@resource-manager/core/Journal"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import { open } from "../src/internal/open.ts"
import { SqliteJournal } from "../src/index.ts"
import { fresh } from "./support/files.ts"

type Manager = ResourceManager["Service"]

const start = <A, E, E2>(journal: Layer.Layer<never, E2>, use: (manager: Manager) => Effect.Effect<A, E>) =>
  Effect.flatMap(ResourceManager, use).pipe(
    Effect.provide(
      Layer.fresh(
        ResourceManager.layer({ gracePeriod: 0, pools: { cpu: { capacity: 10 } } }).pipe(Layer.provide(journal))
      )
    )
  )

const onFile = (path: string) => SqliteJournal.layer({ path, synchronous: "off" })

/** A disk that is full after so many pages. */
const onFullDisk = (path: string, pagesMax: number) =>
  Layer.effect(
    Journal,
    Effect.map(
      Effect.acquireRelease(open({ path, pagesMax, snapshotEvery: 1_000_000, synchronous: "off" }), ({ close }) =>
        Effect.sync(close)
      ),
      ({ journal }) => journal
    )
  )

describe("a manager on a file", () => {
  it.live("stops where the disk is full, and has lost nothing of what it told", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      const told = yield* start(onFullDisk(path, 30), (manager) =>
        Effect.gen(function* () {
          yield* manager.acquire("holder", { cpu: 10 })
          const waiter = yield* Effect.forkChild(Effect.flip(manager.acquire("waiter", { cpu: 1 })))
          let last = 0
          for (let value = 1; ; value++) {
            const exit = yield* Effect.exit(manager.setQuota(`agent-${"x".repeat(value % 200)}`, "cpu", value))
            if (Exit.isFailure(exit)) break
            last = value
          }
          const error = yield* Effect.flip(manager.acquire("late", { cpu: 1 }))
          assert.strictEqual(error._tag, "ManagerStopped")
          assert.include(error.message, "disk is full")
          assert.strictEqual((yield* Fiber.join(waiter))._tag, "ManagerStopped")
          return last
        })
      )
      assert.isAbove(told, 100)
      const found = yield* start(onFile(path), (manager) =>
        Effect.forEach([told, told - 1, told - 2], (value) => manager.quota(`agent-${"x".repeat(value % 200)}`, "cpu"))
      )
      assert.deepStrictEqual(found, [Option.some(told), Option.some(told - 1), Option.some(told - 2)])
    })
  )

  it.live("refuses to be the second, with who is the first", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      yield* start(onFile(path), (manager) =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(start(onFile(path), () => Effect.void))
          assert.deepInclude({ ...error }, { _tag: "JournalLocked", pid: process.pid })
          yield* manager.setQuota("a", "cpu", 3)
        })
      )
    })
  )

  it.live("is refused on a file that cannot be trusted, which stays as it was", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      yield* start(onFile(path), (manager) => manager.setQuota("some agent", "cpu", 3))
      const bytes = readFileSync(path)
      bytes[bytes.indexOf("some agent")]! ^= 1
      writeFileSync(path, bytes)
      const error = yield* Effect.flip(start(onFile(path), () => Effect.void))
      assert.strictEqual(error._tag, "JournalCorrupt")
      assert.include(error.message, "cannot be trusted")
      assert.include(error.message, "move")
      assert.deepStrictEqual(readFileSync(path), bytes)
    })
  )

  it.live("starts with the statistics of all its lives", () =>
    Effect.gen(function* () {
      const path = yield* fresh
      for (let life = 0; life < 3; life++) {
        yield* start(onFile(path), (manager) =>
          Effect.gen(function* () {
            assert.strictEqual((yield* manager.poolStatistics("cpu")).acquisitions, life * 100)
            yield* Effect.forEach(Array.from({ length: 100 }), () => manager.withLease("a", { cpu: 1 })(Effect.void), {
              concurrency: 7
            })
          })
        )
      }
    })
  )
})
