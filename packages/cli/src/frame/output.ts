/**
 * How results reach standard output: as JSON by a Schema, or as lines for people.
 * Handlers say what to print and never how.
 */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { Types } from "../render/amounts.ts"
import { styleOf } from "../render/style.ts"
import type { Sheet } from "../render/views.ts"
import { Json } from "./flags.ts"

/** Where lines are drawn now: a terminal resizes. */
export const sheetFor = (types: Types): Sheet => {
  const { columns, isTTY } = process.stdout
  return {
    style: styleOf({ isTTY, env: process.env }),
    // Whoever reads a pipe looks for a word in a line: nothing is cut there.
    width: isTTY && columns > 0 ? columns : Infinity,
    zone: "local",
    types
  }
}

const noTypes: Types = new Map()

export interface Printed<A, I> {
  readonly schema: Schema.Codec<A, I>
  readonly value: A
  /** How the amounts of each type read. */
  readonly types?: Types
  readonly lines: (sheet: Sheet) => ReadonlyArray<string>
}

/** One result. */
export const print = Effect.fnUntraced(function* <A, I>({ lines, schema, types, value }: Printed<A, I>) {
  if (!(yield* Json)) return yield* Console.log(lines(sheetFor(types ?? noTypes)).join("\n"))
  const encoded = yield* Effect.orDie(Schema.encodeEffect(Schema.toCodecJson(schema))(value))
  return yield* Console.log(JSON.stringify(encoded, undefined, 2))
})

/** One of many: with `--json` a line of its own. */
export const printOne = Effect.fnUntraced(function* <A, I>({ lines, schema, types, value }: Printed<A, I>) {
  if (!(yield* Json)) {
    const drawn = lines(sheetFor(types ?? noTypes))
    return drawn.length === 0 ? undefined : yield* Console.log(drawn.join("\n"))
  }
  const encoded = yield* Effect.orDie(Schema.encodeEffect(Schema.toCodecJson(schema))(value))
  return yield* Console.log(JSON.stringify(encoded))
})
