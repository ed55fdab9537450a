/**
 * A budget of calls that outlives the process which spends it: the process is
 * killed, and the next one finds what was told, in one SQLite file.
 *
 * The program starts itself a second time to have something to kill.
 */
import { strict as assert } from "node:assert"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ResourceManager } from "@resource-manager/core"
import { SqliteJournal } from "@resource-manager/plugin-sqlite"
import { Effect, Layer, Option } from "effect"

// #region layer
const durable = (path: string) =>
  ResourceManager.layer({
    pools: {
      cpu: { capacity: 4 },
      // A hundred calls an hour, whoever is restarted in between.
      calls: { capacity: 100, rate: { limit: 100, interval: "1 hour" } }
    }
  }).pipe(Layer.provide(SqliteJournal.layer({ path })))
// #endregion layer

/** Spends most of the budget, and dies with a lease in its hands. */
const spend = Effect.gen(function* () {
  const manager = yield* ResourceManager
  yield* manager.setQuota("crawler", "cpu", 2)
  yield* manager.withLease("crawler", { calls: 70 })(Effect.void)
  yield* manager.lease("crawler", { cpu: 2 })
  const { tokens } = yield* manager.poolStatistics("calls")
  console.log(`${tokens} calls left`)
  yield* Effect.sleep("1 minute")
}).pipe(Effect.scoped)

// #region found
const find = Effect.gen(function* () {
  const manager = yield* ResourceManager
  const quota = yield* manager.quota("crawler", "cpu")
  const calls = yield* manager.poolStatistics("calls")
  // What the dead process held is back; what it was told is true.
  const cpu = yield* manager.poolStatistics("cpu")
  const token = yield* Effect.scoped(Effect.map(manager.lease("crawler", { cpu: 1 }), (lease) => lease.token))
  return { quota, callsLeft: calls.tokens, cpuInUse: cpu.inUse, grants: cpu.acquisitions, token }
})
// #endregion found

const [role, place] = process.argv.slice(2)
if (role === "spend" && place !== undefined) await Effect.runPromise(Effect.provide(spend, durable(place)))
else {
  const folder = mkdtempSync(join(tmpdir(), "durable-"))
  const path = join(folder, "manager.db")
  const child = spawn(process.execPath, [import.meta.filename, "spend", path], { stdio: ["ignore", "pipe", "inherit"] })
  const [told] = await once(child.stdout.setEncoding("utf8"), "data")
  child.kill("SIGKILL")
  await once(child, "close")
  const found = await Effect.runPromise(Effect.provide(find, durable(path)))
  console.log(`the one before said ${JSON.stringify(told)}, the next one finds`, found)
  assert.equal(String(told).trim(), "30 calls left")
  assert.deepEqual(found.quota, Option.some(2))
  assert.ok(found.callsLeft === 30 || found.callsLeft === 31, "one call comes back every 36 seconds")
  assert.deepEqual([found.cpuInUse, found.grants], [0, 1])
  assert.ok(found.token > 2, "fencing tokens only grow")
  rmSync(folder, { recursive: true })
}
