/** What `serve` prints once it listens. */
import * as Schema from "effect/Schema"

export const ServeOutput = Schema.Struct({ pid: Schema.Number, addresses: Schema.Array(Schema.String) })
