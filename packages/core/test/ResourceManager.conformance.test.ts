import { assert, describe, it } from "@effect/vitest"
import * as Layer from "effect/Layer"
import { Journal, ResourceManager } from "../src/index.ts"
import * as ResourceManagerTest from "../src/ResourceManagerTest.ts"

ResourceManagerTest.suite("in process", ResourceManager.layer)
ResourceManagerTest.suite("in process, by the wall clock", ResourceManager.layer, { time: "live", only: ["time"] })

describe("ResourceManagerTest", () => {
  it("refuses to pass by testing nothing", () => {
    const none = () => ResourceManagerTest.suite("none", ResourceManager.layer, { only: [] })
    assert.throws(none, /names no part/)
    const unknown = () => ResourceManagerTest.suite("unknown", ResourceManager.layer, { only: ["deadlocks"] })
    assert.throws(unknown, /no part "deadlocks"/)
  })
})

// A journal that writes a snapshot after every few entries, so that both ways of writing are on the path.
ResourceManagerTest.suite("with a journal in memory", (options) =>
  ResourceManager.layer(options).pipe(Layer.provide(Journal.layerMemory(Journal.makeStore(), { snapshotEvery: 5 })))
)

ResourceManagerTest.suite("as a home with a journal in memory", (options) =>
  ResourceManager.layerHome(options).pipe(Layer.provide(Journal.layerMemory(Journal.makeStore())))
)
