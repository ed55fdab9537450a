import { assert, describe, it } from "vitest"
import * as Metrics from "../src/Metrics.ts"
import { readPage, table } from "./metricsPage.ts"

describe("docs/metrics.md", () => {
  it("has the table of all metrics as they are", () => {
    assert.strictEqual(readPage().told, table)
    for (const { name } of Metrics.all) assert.include(table, `\`${name}\``)
  })
})
