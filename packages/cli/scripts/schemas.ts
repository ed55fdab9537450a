// Writes the published JSON Schemas: `schemas/config.schema.json` and `schemas/output.schema.json`. A test compares them
// with what the Schemas say now.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { configJsonSchema } from "../src/config/jsonSchema.ts"
import { outputJsonSchema } from "../src/output/schemas.ts"

const folder = join(import.meta.dirname, "../schemas")
mkdirSync(folder, { recursive: true })
for (const [name, schema] of [
  ["config", configJsonSchema()],
  ["output", outputJsonSchema()]
] as const) {
  writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, undefined, 2)}\n`)
}
