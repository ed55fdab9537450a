/** The published JSON Schemas are those of the Schemas that decode and encode. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { configJsonSchema } from "../src/config/jsonSchema.ts"
import { outputJsonSchema } from "../src/output/schemas.ts"
import { upJsonSchema } from "../src/up/jsonSchema.ts"

describe("the published JSON Schemas", () => {
  for (const [name, schema] of [
    ["config", configJsonSchema()],
    ["output", outputJsonSchema()],
    ["up", upJsonSchema()]
  ] as const) {
    it(`${name}.schema.json is as \`pnpm --filter @resource-manager/cli schemas\` writes it`, () => {
      const file = join(import.meta.dirname, `../schemas/${name}.schema.json`)
      assert.deepStrictEqual(JSON.parse(readFileSync(file, "utf8")), JSON.parse(JSON.stringify(schema)))
    })
  }
})
