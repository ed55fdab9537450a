/** A lock is a pool: one that one agent has alone, and one that readers share. */
import { strict as assert } from "node:assert"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { ResourceManager, ResourceType } from "@resource-manager/core"
import { Console, Effect } from "effect"

// #region program
const deploy = ResourceType.exclusive("deploy")
const catalog = ResourceType.shared("catalog")

const layer = ResourceManager.layer({ pools: { [deploy.name]: deploy.pool, [catalog.name]: catalog.pool } })

const release = (agent: string, log: Array<string>) =>
  Effect.gen(function* () {
    const manager = yield* ResourceManager
    yield* manager.withLease(
      agent,
      deploy.hold
    )(
      Effect.gen(function* () {
        log.push(`${agent} begins`)
        yield* Effect.sleep("5 millis")
        log.push(`${agent} ends`)
      })
    )
  })
// #endregion program

const readersAndWriter = Effect.gen(function* () {
  const manager = yield* ResourceManager
  let prices = 1
  let reading = 0
  let readingMax = 0
  const read = (agent: string) =>
    manager.withLease(
      agent,
      catalog.read
    )(
      Effect.gen(function* () {
        readingMax = Math.max(readingMax, ++reading)
        const before = prices
        yield* Effect.sleep("5 millis")
        // Nothing changed while it read.
        assert.equal(prices, before)
        reading--
        return before
      })
    )
  const write = manager.withLease(
    "editor",
    catalog.write
  )(
    Effect.gen(function* () {
      assert.equal(reading, 0)
      yield* Effect.sleep("5 millis")
      prices = 2
    })
  )
  // Two read together; the writer comes next; who comes after it does not pass it.
  const [first, second, , third] = yield* Effect.all([read("a"), read("b"), write, read("c")], {
    concurrency: "unbounded"
  })
  return { readingMax, read: [first, second, third] }
})

const program = Effect.gen(function* () {
  const log: Array<string> = []
  yield* Effect.all([release("blue", log), release("green", log)], { concurrency: "unbounded" })
  yield* Console.log(log.join(", "))
  assert.deepEqual(log, ["blue begins", "blue ends", "green begins", "green ends"])

  const { read, readingMax } = yield* readersAndWriter
  yield* Console.log(`readers saw prices ${read.join(", ")}; ${readingMax} read at once`)
  assert.deepEqual(read, [1, 1, 2])
  assert.equal(readingMax, 2)
})

NodeRuntime.runMain(Effect.provide(program, layer))
