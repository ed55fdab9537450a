import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import { Plugin, ResourceType } from "../src/index.ts"
import * as PluginTest from "../src/PluginTest.ts"

const licences = ResourceType.make("licences", { unit: "seats" })
const requests = ResourceType.make("requests")

PluginTest.suite(
  "fixed and rated pools",
  Plugin.layer({
    name: "fixed and rated pools",
    pools: [
      { type: licences, capacity: 3 },
      { type: requests, capacity: Effect.succeed(10), rate: { limit: 5, burst: 4 }, measure: Effect.succeed(0) }
    ]
  }),
  {
    pools: {
      licences: { capacity: 3, measures: false, changes: "never" },
      requests: { capacity: 10, measures: true, changes: "never" }
    }
  }
)

/** What the plugin under test is told next: a queue of its own in each test. */
let announce: (capacity: number) => void = () => {}

const announced = Layer.unwrap(
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<number>()
    announce = (capacity) => {
      Queue.offerUnsafe(queue, capacity)
    }
    const changes = Stream.fromQueue(queue)
    return Plugin.layer({ name: "announced", pools: [{ type: licences, capacity: 5, changes }] })
  })
)

const becomes = (capacity: number) => Effect.sync(() => (announce(capacity), capacity))

for (const capacity of [7, 2, 0]) {
  describe(`a capacity that becomes ${capacity}`, () => {
    PluginTest.suite("announced", announced, {
      pools: { licences: { measures: false, changes: becomes(capacity) } }
    })
  })
}

describe("PluginTest", () => {
  it("refuses to pass by testing nothing", () => {
    const nothing = () => PluginTest.suite("none", Plugin.layer({ name: "none", pools: [] }), { pools: {} })
    assert.throws(nothing, /names no pool/)
  })
})
