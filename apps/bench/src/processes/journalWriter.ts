/**
 * A manager that writes a journal of so many leases: `node journalWriter.ts PATH LEASES
 * SNAPSHOT_EVERY`. Prints a line once all of it is in the file, and waits to be killed.
 */
import { SqliteJournal } from "@resource-manager/plugin-sqlite"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { ResourceManager } from "../core.ts"
import { together } from "../guards.ts"
import { startWith } from "../manager.ts"

const [path = "", leases = "", snapshotEvery = ""] = process.argv.slice(2)
const width = 64

// What it says is the same whether the disk was waited for.
const journal = SqliteJournal.layer({ path, snapshotEvery: Number(snapshotEvery), synchronous: "off" })
const { manager } = await startWith((options) => ResourceManager.layer(options).pipe(Layer.provide(journal)), {
  cpu: width
})
await together(
  { name: "withLease", run: (agent, body) => manager.withLease(agent, { cpu: 1 })(body) },
  width
)(Number(leases))
// An answer is given once what it rests on is in the journal.
await Effect.runPromise(manager.pools)
process.stdout.write("written\n")
setInterval(() => undefined, 60_000)
