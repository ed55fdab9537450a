/** What every journal passes, and what every home of the manager passes, on a file. */
import * as Layer from "effect/Layer"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll } from "vitest"
import * as JournalTest from "@resource-manager/core/JournalTest"
import { ResourceManager } from "@resource-manager/core/ResourceManager"
import * as ResourceManagerTest from "@resource-manager/core/ResourceManagerTest"
import { SqliteJournal } from "../src/index.ts"

const folder = mkdtempSync(join(tmpdir(), "journals-"))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let files = 0
const fresh = () => join(folder, `${files++}.db`)

JournalTest.suite("in an SQLite file", (place) => SqliteJournal.layer({ path: join(folder, place) }))

// What is forced to the disk is no matter of these tests, and on a busy one a matter of minutes.
// A snapshot every few events, so that writing one is on the path of every test.
ResourceManagerTest.suite("on an SQLite journal", (options) =>
  ResourceManager.layer(options).pipe(
    Layer.provide(SqliteJournal.layer({ path: fresh(), snapshotEvery: 20, synchronous: "off" }))
  )
)

ResourceManagerTest.suite("as a home on an SQLite journal", (options) =>
  ResourceManager.layerHome(options).pipe(Layer.provide(SqliteJournal.layer({ path: fresh(), synchronous: "off" })))
)
