import { assert, describe, it } from "@effect/vitest"
import { ResourceManager } from "../src/index.ts"
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
