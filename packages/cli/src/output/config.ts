/** What `config` prints with --json. */
import * as Schema from "effect/Schema"
import { ConfigInvalid } from "../config/errors.ts"

export const ConfigCheckOutput = Schema.Struct({
  /** Absent where there is none. */
  file: Schema.optionalKey(Schema.String),
  valid: Schema.Boolean,
  /** In the order of the file. */
  problems: ConfigInvalid.fields.problems
})

export const ConfigShowOutput = Schema.Struct({
  file: Schema.optionalKey(Schema.String),
  /** A file of settings that says all of it. */
  config: Schema.Record(Schema.String, Schema.Unknown),
  origins: Schema.Array(
    Schema.Struct({
      path: Schema.String,
      /** `file:line:column`, or `default`. */
      from: Schema.String
    })
  )
})
