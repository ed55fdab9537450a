/** `config show`: what counts, and where it came from. */
import * as Effect from "effect/Effect"
import { loadSettings } from "../../config/load.ts"
import { formatPath } from "../../config/problems.ts"
import { print } from "../../frame/output.ts"
import { ConfigShowOutput } from "../../output/config.ts"
import { type Column, table } from "../../render/table.ts"
import { span } from "../../render/text.ts"
import type { Origin } from "../../config/settings.ts"

const columns: ReadonlyArray<Column<Origin>> = [
  { header: "SETTING", cell: ({ path }) => formatPath(path), least: 20 },
  { header: "VALUE", cell: ({ value }) => (typeof value === "string" ? value : JSON.stringify(value)), least: 10 },
  { header: "FROM", cell: ({ from }) => (from === "default" ? span("dim", from) : from), least: 12 }
]

export const show = Effect.fnUntraced(function* (file: string | undefined) {
  const { file: found, origins, written } = yield* loadSettings(file)
  yield* print({
    schema: ConfigShowOutput,
    value: {
      ...(found === undefined ? {} : { file: found }),
      config: written,
      origins: origins.map(({ from, path }) => ({ path: formatPath(path), from }))
    },
    lines: (sheet) => table(origins, columns, sheet, "")
  })
})
