/** What `plugins` prints with --json. */
import { RateStatistics } from "@resource-manager/core/Statistics"
import * as Schema from "effect/Schema"

export const PluginOutput = Schema.Struct({
  name: Schema.String,
  /** What may go wrong with it. Absent where nothing is known to. */
  warning: Schema.optionalKey(Schema.String),
  pools: Schema.Array(
    Schema.Struct({
      resourceType: Schema.String,
      capacity: Schema.Number,
      /** How fast units may be taken. Absent where that is unlimited. */
      rate: Schema.optionalKey(RateStatistics),
      /** What is really in use. Absent where the plugin cannot measure it. */
      measured: Schema.optionalKey(Schema.Number),
      note: Schema.optionalKey(Schema.String)
    })
  )
})
export interface PluginOutput extends Schema.Schema.Type<typeof PluginOutput> {}

export const PluginsListOutput = Schema.Array(PluginOutput)
