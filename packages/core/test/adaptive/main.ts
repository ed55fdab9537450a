/** Draws the pictures of docs/adaptive-limits.md anew: `node packages/core/test/adaptive/main.ts`. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { pictures } from "./pictures.ts"

const folder = join(import.meta.dirname, "../../../../docs/images")

for (const [name, svg] of await Effect.runPromise(pictures)) {
  writeFileSync(join(folder, name), svg)
  process.stdout.write(`docs/images/${name}\n`)
}
