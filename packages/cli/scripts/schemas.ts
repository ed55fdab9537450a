// Writes the published JSON Schemas into `schemas`: of the file of settings, of the file of `up`, and of what commands
// print. A test compares them with what the Schemas say now.
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { configJsonSchema } from "../src/config/jsonSchema.ts"
import { outputJsonSchema } from "../src/output/schemas.ts"
import { upJsonSchema } from "../src/up/jsonSchema.ts"

const folder = join(import.meta.dirname, "../schemas")
mkdirSync(folder, { recursive: true })
for (const [name, schema] of [
  ["config", configJsonSchema()],
  ["output", outputJsonSchema()],
  ["up", upJsonSchema()]
] as const) {
  writeFileSync(join(folder, `${name}.schema.json`), `${JSON.stringify(schema, undefined, 2)}\n`)
}
